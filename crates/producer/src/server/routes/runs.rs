//! `GET /api/sync`, `GET /api/sync/{run}` and `GET /api/sync/{run}/series`.

use std::{num::NonZero, sync::Arc};

use axum::{Extension, Json, extract::State, response::Response};
use ingest_core::RunId;
use job_queue::Series;
use serde::{Deserialize, Serialize};

use crate::{
    report::run_report::Report,
    server::{
        client::Client,
        error::ApiError,
        extract::{QueryOf, RunOf},
        state::Api,
    },
};

const RUNS_A_PAGE: NonZero<u16> = NonZero::new(50).expect("not zero");
const RUNS_A_PAGE_MAX: u16 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageOf {
    limit: Option<u32>,
    before: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Runs {
    runs: Vec<Report>,
    next: Option<String>,
}

/// Newest first.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(client): Extension<Client>,
    QueryOf(page): QueryOf<PageOf>,
) -> Result<Response, ApiError> {
    let limit = limit(page.limit, RUNS_A_PAGE, RUNS_A_PAGE_MAX)?;
    if page.before.as_deref().is_some_and(|before| !is_cursor(before)) {
        return Err(ApiError::bad_request("before is not what `next` of an earlier answer said"));
    }
    let turn = api.lists.turn(&client).await?;
    let page = api.runs.queue.runs_page(page.before.as_deref(), limit.get().into()).await?;
    let queue = api.queue_watch.state().await?;
    let (live, pause) = (queue.live(), queue.outage.as_ref());
    let reports = page.runs.into_iter().map(|run| Report::of(run).among(&live, pause));
    Ok(turn.answer(&Runs { runs: reports.collect(), next: page.next }))
}

/// When the run began, and its id.
fn is_cursor(text: &str) -> bool {
    text.split_once('-')
        .is_some_and(|(began, run)| began.parse::<u64>().is_ok() && run.parse::<RunId>().is_ok())
}

pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    RunOf(run): RunOf,
) -> Result<Json<Report>, ApiError> {
    let ledger = api.runs.queue.ledger(&run).await?.ok_or_else(ApiError::no_such_run)?;
    let queue = api.queue_watch.state().await?;
    Ok(Json(Report::of(ledger).among(&queue.live(), queue.outage.as_ref())))
}

/// What happened in a run over time, for a chart.
pub(crate) async fn series(
    State(api): State<Arc<Api>>,
    RunOf(run): RunOf,
) -> Result<Json<Series>, ApiError> {
    let queue = &api.runs.queue;
    queue.ledger(&run).await?.ok_or_else(ApiError::no_such_run)?;
    Ok(Json(queue.series(&run).await?))
}

/// How many to list.
pub(crate) fn limit(
    asked: Option<u32>,
    usual: NonZero<u16>,
    most: u16,
) -> Result<NonZero<u16>, ApiError> {
    let Some(asked) = asked else { return Ok(usual) };
    let limit = u16::try_from(asked).ok().filter(|limit| *limit <= most).and_then(NonZero::new);
    limit.ok_or_else(|| ApiError::bad_request(format!("limit must be 1 to {most}")))
}
