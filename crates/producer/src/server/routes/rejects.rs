//! `GET /api/sync/{run}/rejects`: the rejects file as it is in the container, or as a copy for
//! spreadsheets.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;

use crate::{
    import::rejects_file::{Download, with_last_rows},
    server::{
        client::Client,
        error::ApiError,
        extract::{QueryOf, RunOf},
        state::Api,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormOf {
    r#for: Option<Reader>,
}

/// The program that will open the download.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reader {
    Spreadsheet,
}

pub(crate) async fn download(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    RunOf(run): RunOf,
    QueryOf(FormOf { r#for: reader }): QueryOf<FormOf>,
) -> Result<Response, ApiError> {
    let (ledger, is_whole) = with_last_rows(&api.runs.queue, &run).await?;
    if ledger.has_ended() && !is_whole {
        return Err(ApiError::unavailable("the last rejected rows are not in the file yet"));
    }
    let place = api.downloads.take(&client).map_err(|under_way| {
        ApiError::unavailable(format!("{under_way} downloads are under way already"))
    })?;
    let Some(download) = Download::of(&api.runs.store, &ledger).await? else {
        return Err(ApiError::not_found("the run has no rejects file (yet)"));
    };
    let (download, name) = match reader {
        None => (download, format!("rejects-{run}.csv")),
        Some(Reader::Spreadsheet) => {
            (download.for_spreadsheets(&ledger)?, format!("rejects-{run}-for-spreadsheets.csv"))
        }
    };
    let bytes = download.bytes();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        // A run's id has no character that would need quoting.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    let chunks = stream::unfold((download, place), |(mut download, place)| async {
        download.next().await.map(|chunk| (chunk, (download, place)))
    });
    let mut response = (headers, Body::from_stream(chunks)).into_response();
    if let Some(bytes) = bytes {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    Ok(response)
}
