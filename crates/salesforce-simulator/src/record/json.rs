//! The body of a collections call, split into names and raw values: numbers
//! keep their digits, and nothing is copied that need not be.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::problem::Refusal;

/// `{"allOrNone": …, "records": […]}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CollectionBody<'a> {
    #[serde(default)]
    pub(crate) all_or_none: bool,
    #[serde(borrow)]
    pub(crate) records: Vec<JsonRecord<'a>>,
}

/// The members of one JSON object, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct JsonRecord<'a> {
    pub(crate) members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonRecord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = JsonRecord<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            members.push((name, value));
        }
        Ok(JsonRecord { members })
    }
}

/// Parses a body, or says where it stops being what it should be.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Refusal> {
    if body.trim_ascii().is_empty() {
        return Err(Refusal::parser(
            "The HTTP entity body is required, but this request has no entity body.",
        ));
    }
    serde_json::from_str(body).map_err(|error| {
        let problem = match error.classify() {
            serde_json::error::Category::Eof => "Unexpected end-of-input",
            serde_json::error::Category::Data => "Unexpected value",
            _ => "Unexpected character",
        };
        let (line, column) = (error.line(), error.column());
        Refusal::parser(format!("{problem} at [line:{line}, column:{column}]"))
    })
}

/// The characters of a JSON string; `None` when the value is none, or has an
/// escape that stands for no character.
pub(crate) fn text<'a>(value: &'a RawValue) -> Option<Cow<'a, str>> {
    serde_json::from_str::<Text<'a>>(value.get()).ok().map(|Text(text)| text)
}

/// Line and column of a value that was parsed out of `body`, both from 1.
pub(crate) fn place(body: &str, value: &RawValue) -> (usize, usize) {
    let offset = value.get().as_ptr().addr().saturating_sub(body.as_ptr().addr());
    let before = &body.as_bytes()[..offset.min(body.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line, column)
}
