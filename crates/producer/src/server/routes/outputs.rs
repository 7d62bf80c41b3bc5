//! `GET /api/sync/{run}/rejects` and `…/ids`: a file that the run wrote, as it is in the container;
//! the rejects file also as a copy for spreadsheets.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use ingest_core::RunId;
use job_queue::{Ledger, Output};
use serde::Deserialize;

use crate::{
    import::output_file::{Download, with_last_rows},
    report::output_names::{rows, yet},
    server::{
        client::Client,
        error::ApiError,
        extract::{QueryOf, RunOf},
        shares::Share,
        state::Api,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormOf {
    r#for: Option<Reader>,
}

/// A file that has no other form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsItIs {}

/// The program that will open the download.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reader {
    Spreadsheet,
}

pub(crate) async fn rejects(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    RunOf(run): RunOf,
    QueryOf(FormOf { r#for: reader }): QueryOf<FormOf>,
) -> Result<Response, ApiError> {
    let Found { ledger, download, place } = find(&api, &client, &run, Output::Rejects).await?;
    let (download, name) = match reader {
        None => (download, format!("rejects-{run}.csv")),
        Some(Reader::Spreadsheet) => {
            (download.for_spreadsheets(&ledger)?, format!("rejects-{run}-for-spreadsheets.csv"))
        }
    };
    Ok(send(download, place, &name))
}

pub(crate) async fn ids(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    RunOf(run): RunOf,
    QueryOf(AsItIs {}): QueryOf<AsItIs>,
) -> Result<Response, ApiError> {
    let Found { download, place, .. } = find(&api, &client, &run, Output::Ids).await?;
    Ok(send(download, place, &format!("ids-{run}.csv")))
}

struct Found {
    ledger: Ledger,
    download: Download,
    place: Share,
}

async fn find(api: &Api, client: &Client, run: &RunId, output: Output) -> Result<Found, ApiError> {
    let (ledger, is_whole) = with_last_rows(&api.runs.queue, run, output).await?;
    if ledger.has_ended() && !is_whole {
        let rows = rows(output);
        return Err(ApiError::unavailable(format!("the last {rows} are not in the file yet")));
    }
    let place = api.downloads.take(client).map_err(|under_way| {
        ApiError::unavailable(format!("{under_way} downloads are under way already"))
    })?;
    let Some(download) = Download::of(&api.runs.store, &ledger, output).await? else {
        let (name, yet) = (output.name(), yet(&ledger));
        return Err(ApiError::not_found(format!("the run has no {name} file{yet}")));
    };
    Ok(Found { ledger, download, place })
}

fn send(download: Download, place: Share, name: &str) -> Response {
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
    response
}
