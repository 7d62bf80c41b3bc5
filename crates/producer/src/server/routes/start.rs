//! `POST /api/sync/start` and `POST /api/sync/{run}/replay`: a new run, taken by
//! any server.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use ingest_core::RunId;
use job_queue::Ledger;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    import::{
        confirmation::Confirmed,
        error::SyncError,
        replay::{Replay, ReplayError},
        run_request::RunRequest,
    },
    server::{
        error::ApiError,
        extract::RunOf,
        load_body::{LoadOf, WithLoad, wish},
        middleware::audit::Begun,
        state::{Api, STARTS_MAX},
    },
};

/// Most characters in an `Idempotency-Key`.
const KEY_CHARS_MAX: usize = 255;

/// Timeout of a start: less than the caller's, so that it hears why. A file may have hours of empty
/// lines before its header.
const START_TIMEOUT: Duration = Duration::from_secs(24);

/// A file to load.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct FileOf {
    file_name: String,
    load: Option<LoadOf>,
    /// That what cannot be undone is meant.
    #[serde(default)]
    confirm: bool,
}

/// Which rejected rows to load again: all without a code, and those of the rejects file that the run
/// left without the name of a corrected one.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowsOf {
    code: Option<String>,
    file: Option<String>,
    load: Option<LoadOf>,
    #[serde(default)]
    confirm: bool,
}

/// The run is opened, and a server will take it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    message: &'static str,
    file: String,
    run_id: RunId,
}

type Answer = Result<(StatusCode, Extension<Begun>, Json<Started>), ApiError>;

pub(crate) async fn start(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    WithLoad(body): WithLoad<FileOf>,
) -> Answer {
    let FileOf { file_name, load, confirm } = body;
    let said = api.loads.said_of_file(&file_name, &wish(load)?).map_err(SyncError::from)?;
    let request = RunRequest::new(file_name, api.settings.clone(), said);
    let (start_key, confirmed) = (start_key(&headers)?, confirmed(confirm));
    begin(api, RunRequest { start_key, confirmed, ..request }).await
}

pub(crate) async fn replay(
    State(api): State<Arc<Api>>,
    RunOf(of): RunOf,
    headers: HeaderMap,
    body: Option<WithLoad<RowsOf>>,
) -> Answer {
    let start_key = start_key(&headers)?;
    let RowsOf { code, file, load, confirm } = body.map(|WithLoad(rows)| rows).unwrap_or_default();
    let codes = code.into_iter().collect();
    let settings = api.settings.clone();
    let (load, says_encoding) = (wish(load)?, false);
    let replay = Replay { of, codes, edited: file, run: None, settings, says_encoding, load };
    let request = replay.request(&api.runs, &api.loads).await.map_err(|error| match error {
        ReplayError::Sync(error) => error.into(),
        error => ApiError::conflict(error.to_string(), None),
    })?;
    let confirmed = confirmed(confirm);
    begin(api, RunRequest { start_key, confirmed, ..request.request }).await
}

fn confirmed(confirm: bool) -> Confirmed {
    if confirm { Confirmed::All } else { Confirmed::Nothing }
}

/// Runs to its end even if the caller disconnects: a run in the ledger must get its job.
async fn begin(api: Arc<Api>, request: RunRequest) -> Answer {
    let Ok(place) = Arc::clone(&api.starts).try_acquire_owned() else {
        return Err(ApiError::unavailable(format!("{STARTS_MAX} starts are under way already")));
    };
    let beginning = tokio::spawn(async move {
        let _place = place;
        let opening = Box::pin(api.runs.open(&request));
        let opened = timeout(START_TIMEOUT, opening).await.map_err(|_elapsed| given_up())?;
        let ledger = opened?.ledger;
        if !ledger.has_ended() {
            api.runs.queue.push_import(&ledger.run).await?;
        }
        Ok::<_, ApiError>(ledger)
    });
    let Ledger { file, run, .. } = match beginning.await {
        Ok(opened) => opened?,
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    };
    let begun = Extension(Begun(run.clone()));
    let started = Started { message: "Batch sync started", file, run_id: run };
    Ok((StatusCode::ACCEPTED, begun, Json(started)))
}

fn given_up() -> ApiError {
    ApiError::unavailable(format!(
        "the start took longer than {} s and is given up: redis or the blob storage does not answer, or \
         the file begins with very much that is no header; try again, with an Idempotency-Key if the \
         run may have begun",
        START_TIMEOUT.as_secs()
    ))
}

/// Requests with the same key are idempotent: they get the same run.
fn start_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    let is_fine = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !is_fine {
        return Err(ApiError::bad_request(format!(
            "the Idempotency-Key must be 1 to {KEY_CHARS_MAX} characters of ASCII"
        )));
    }
    Ok(Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_short_word_of_ascii() {
        let cases = [
            (Some("nightly 7"), Ok(Some("nightly 7".to_owned()))),
            (None, Ok(None)),
            (Some(""), Err(400)),
            (Some("ä"), Err(400)),
        ];

        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("idempotency-key", value.as_bytes().try_into().unwrap());
            }
            let key = start_key(&headers).map_err(|problem| problem.status.as_u16());
            assert_eq!(key, expected, "{value:?}");
        }
    }
}
