//! `POST /api/mappings`: a mapping file as the columns and constants of a load.

use std::{collections::HashSet, path::Path};

use axum::{Json, http::StatusCode};
use load::{Sdl, SdlError};
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::server::{error::ApiError, load_body::WithLoad};

/// The text of a `.sdl` file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    sdl: String,
}

/// The same as a load says it.
pub(crate) struct Mapping(Sdl);

/// Reads a mapping file; nothing is kept.
pub(crate) async fn read(
    WithLoad(Text { sdl }): WithLoad<Text>,
) -> Result<Json<Mapping>, ApiError> {
    // Nobody said what the file is called, and the messages that name it are not shown.
    match Sdl::parse(Path::new(""), &sdl) {
        Ok(sdl) => match filled_twice(&sdl) {
            None => Ok(Json(Mapping(sdl))),
            Some(field) => {
                Err(refused(&format!("two values for all rows fill the field {field}"), None))
            }
        },
        Err(SdlError::Line { line, problem, .. }) => {
            Err(refused(&format!("line {line}: {problem}"), Some(line)))
        }
        Err(_) => Err(refused("it maps no column; write lines like `Email=Email`", None)),
    }
}

/// An object cannot say a name twice.
fn filled_twice(sdl: &Sdl) -> Option<String> {
    let mut fields = HashSet::new();
    let mut constants = sdl.constants().map(|(field, _)| field);
    let field = constants.find(|field| !fields.insert(field.to_ascii_lowercase()))?;
    Some(service::shown(field, service::SENTENCE_MAX))
}

fn refused(why: &str, line: Option<usize>) -> ApiError {
    let words = format!("the mapping cannot be used: {why}");
    ApiError { line, ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, words) }
}

impl Serialize for Mapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("columns", &Columns(&self.0))?;
        map.serialize_entry("constants", &Constants(&self.0))?;
        map.end()
    }
}

struct Columns<'a>(&'a Sdl);

/// One name as itself, several as a list: so a load has them.
struct Fields<'a>(&'a [String]);

struct Constants<'a>(&'a Sdl);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A load does not name a column that is not sent.
        let sent = self.0.columns().filter(|(_, fields)| !fields.is_empty());
        serializer.collect_map(sent.map(|(name, fields)| (name, Fields(fields))))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [only] => serializer.serialize_str(only),
            several => {
                let mut list = serializer.serialize_seq(Some(several.len()))?;
                several.iter().try_for_each(|field| list.serialize_element(field))?;
                list.end()
            }
        }
    }
}

impl Serialize for Constants<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.constants())
    }
}
