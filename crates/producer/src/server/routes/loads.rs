//! `GET /api/loads`: what a start may name, and which of them a file gets without one.

use std::sync::Arc;

use axum::{Extension, extract::State, response::Response};
use job_queue::LoadSummary;
use serde::{Deserialize, Serialize};

use crate::{
    import::load_choice::{LoadError, LoadWish, SaidBy, SaidLoad},
    report::shown_load::ShownLoad,
    server::{
        client::Client,
        error::{ApiError, Kind},
        extract::QueryOf,
        state::Api,
    },
};

/// A blob's name has as many characters at most.
const FILE_CHARS_MAX: usize = 1_024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListOf {
    /// A file that somebody may start.
    file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Loads<'a> {
    loads: Vec<ShownLoad<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_file: Option<OfFile>,
}

/// What a start of the file would get that says nothing of a load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfFile {
    by: Option<Says>,
    load: Option<LoadSummary>,
    /// Why the start would be refused.
    refused: Option<String>,
    /// The same for programs.
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
enum Says {
    Pattern,
    Environment,
    Consumers,
}

/// As the server read them when it started.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    QueryOf(ListOf { file }): QueryOf<ListOf>,
) -> Result<Response, ApiError> {
    if file.as_ref().is_some_and(|file| file.chars().count() > FILE_CHARS_MAX) {
        return Err(ApiError::bad_request("file is longer than the name of a blob can be"));
    }
    let turn = api.lists.turn(&client).await?;
    let of_file = match file {
        Some(file) => Some(of_file(&api, &file).await?),
        None => None,
    };
    Ok(turn.answer(&Loads { loads: api.loads.iter().map(ShownLoad::of).collect(), of_file }))
}

/// As a start chooses it. What the start would refuse is an answer here.
async fn of_file(api: &Api, file: &str) -> Result<OfFile, ApiError> {
    let said = match api.loads.said_of_file(file, &LoadWish::nothing()) {
        Ok(said) => said,
        Err(error) => return Ok(OfFile::refused(None, error)),
    };
    let by = Some(who_says(&said));
    let live = api.runs.queue.live_loads().await?;
    Ok(match said.choose(&live) {
        Ok(chosen) => {
            OfFile { by, load: chosen.map(|chosen| chosen.load.summary), refused: None, kind: None }
        }
        Err(error) => OfFile::refused(by, error),
    })
}

/// A person says nothing here.
fn who_says(said: &SaidLoad) -> Says {
    match said {
        SaidLoad::This { by: SaidBy::Environment, .. } => Says::Environment,
        SaidLoad::This { .. } => Says::Pattern,
        SaidLoad::OfConsumers { .. } => Says::Consumers,
    }
}

impl OfFile {
    fn refused(by: Option<Says>, error: LoadError) -> Self {
        let ApiError { error, kind, .. } = error.into();
        Self { by, load: None, refused: Some(error), kind }
    }
}
