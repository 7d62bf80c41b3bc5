//! `POST /api/sync/{run}/pause`, `…/resume`, `…/cancel`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use ingest_core::RunId;
use serde::{Deserialize, Serialize};

use crate::{
    import::control::{ControlError, Outcome, RunCommand},
    server::{
        error::ApiError,
        extract::{JsonOf, RejectLimitOf, RunOf},
        state::Api,
    },
};

/// The command is granted, or on its way to be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Granted {
    message: &'static str,
    run_id: RunId,
}

/// What is another way from now on.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Changed {
    max_rejects: Option<RejectLimitOf>,
}

type Answer = Result<(StatusCode, Json<Granted>), ApiError>;

/// Batches that are being delivered are finished.
pub(crate) async fn pause(State(api): State<Arc<Api>>, RunOf(run): RunOf) -> Answer {
    grant(RunCommand::Pause, &api, run).await
}

/// Also for a run without a producer: a server takes it.
pub(crate) async fn resume(
    State(api): State<Arc<Api>>,
    RunOf(run): RunOf,
    body: Option<JsonOf<Changed>>,
) -> Answer {
    let Changed { max_rejects } = body.map(|JsonOf(body)| body).unwrap_or_default();
    let limit = max_rejects.map(|limit| limit.read()).transpose()?;
    api.runs.change_guard(&run, limit).await?;
    grant(RunCommand::Resume, &api, run).await
}

/// What is queued is counted as cancelled; what was delivered stays delivered.
pub(crate) async fn cancel(State(api): State<Arc<Api>>, RunOf(run): RunOf) -> Answer {
    grant(RunCommand::Cancel, &api, run).await
}

async fn grant(command: RunCommand, api: &Api, run_id: RunId) -> Answer {
    let queue = &api.runs.queue;
    let outcome = command.execute(queue, &run_id).await?;
    if outcome == Outcome::NobodyFeeds {
        // This server takes it, as soon as its heartbeat is in Redis.
        queue.push_import(&run_id).await?;
    }
    let message = in_short(command, outcome);
    Ok((StatusCode::ACCEPTED, Json(Granted { message, run_id })))
}

fn in_short(command: RunCommand, outcome: Outcome) -> &'static str {
    match (command, outcome) {
        (RunCommand::Pause, Outcome::Already) => "It was paused before",
        (RunCommand::Pause, _) => "Paused",
        (RunCommand::Resume, Outcome::Already) => "It goes on",
        (RunCommand::Resume, Outcome::LinesLeft) => "Its last lines are written to its files",
        (RunCommand::Resume, _) => "Resumed",
        (RunCommand::Cancel, Outcome::Already) => "It was cancelled before",
        (RunCommand::Cancel, _) => "Cancelled",
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Sync(error) => error.into(),
            ControlError::Refused { ref run, .. } => {
                Self::conflict(error.to_string(), Some(run.clone()))
            }
            ControlError::NotHandedOver { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
        }
    }
}
