//! `POST /api/sync/{run}/pause`, `…/resume`, `…/cancel`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use ingest_core::RunId;
use job_queue::{Control, QueueError, RunState};
use serde::Serialize;

use super::{Api, input::RunOf, problem::Problem};

/// The wish is granted, or on its way to be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Granted {
    message: &'static str,
    run_id: RunId,
}

type Answer = Result<(StatusCode, Json<Granted>), Problem>;

/// Batches that are being delivered are seen through.
pub(super) async fn pause(State(api): State<Arc<Api>>, RunOf(run): RunOf) -> Answer {
    match api.start.queue.pause_run(&run).await? {
        Control::Done => granted("Paused", run),
        Control::Already => granted("It was paused before", run),
        Control::Refused(state) => refused("paused", state, run),
        Control::Unknown => Err(Problem::no_such_run()),
    }
}

/// Also for a run that nobody feeds any more: some server takes it.
pub(super) async fn resume(State(api): State<Arc<Api>>, RunOf(run): RunOf) -> Answer {
    let queue = &api.start.queue;
    let message = match queue.resume_run(&run).await? {
        Control::Done => "Resumed",
        Control::Already => "It goes on",
        // Nobody was there at its end to write its rejects file.
        Control::Refused(_) if has_unwritten_rejects(&api, &run).await? => {
            "Its rejected rows are written to their file"
        }
        Control::Refused(state) => return refused("resumed", state, run),
        Control::Unknown => return Err(Problem::no_such_run()),
    };
    // If this is lost, the next resume does it.
    queue.push_import(&run).await?;
    granted(message, run)
}

/// What is queued is counted as cancelled; what was delivered stays delivered.
pub(super) async fn cancel(State(api): State<Arc<Api>>, RunOf(run): RunOf) -> Answer {
    match api.start.queue.cancel_run(&run).await? {
        Control::Done => granted("Cancelled", run),
        Control::Already => granted("It was cancelled before", run),
        Control::Refused(state) => refused("cancelled", state, run),
        Control::Unknown => Err(Problem::no_such_run()),
    }
}

async fn has_unwritten_rejects(api: &Api, run: &RunId) -> Result<bool, QueueError> {
    Ok(!api.start.queue.pending_rejects(run, 1).await?.lines.is_empty())
}

fn granted(message: &'static str, run_id: RunId) -> Answer {
    Ok((StatusCode::ACCEPTED, Json(Granted { message, run_id })))
}

fn refused(what: &str, state: RunState, run: RunId) -> Answer {
    let state = match state {
        RunState::Feeding => "being read",
        RunState::Draining => "being delivered",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelling => "being cancelled",
        RunState::Cancelled => "cancelled",
    };
    Err(Problem::conflict(format!("the run cannot be {what}: it is {state}"), Some(run)))
}
