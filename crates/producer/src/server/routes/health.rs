//! `GET /livez` and `GET /readyz`, for orchestrators.

use std::sync::Arc;

use axum::{Json, extract::State};
use job_queue::IS_FULL;
use serde::Serialize;

use crate::server::{
    blob_health::BlobState,
    error::ApiError,
    readiness::{Answering, RedisState},
    state::Api,
};

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ready {
    status: &'static str,
    redis: &'static str,
    blob_storage: String,
}

/// The program runs.
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// The program can do its work, and is not about to stop. Without the blob storage, and with a full Redis, it
/// still shows and steers runs, whose batches are delivered; and if all servers were not ready, none would.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Ready>, ApiError> {
    if api.stop.is_cancelled() {
        return Err(ApiError::unavailable("this server is stopping"));
    }
    let Answering { redis, blobs } = api.readiness.check().await;
    let redis = match redis {
        RedisState::Answers => "answers",
        RedisState::IsFull => IS_FULL,
        RedisState::DoesNotAnswer => return Err(ApiError::unavailable("redis does not answer")),
    };
    let blob_storage = match blobs {
        BlobState::Answers => "answers".to_owned(),
        BlobState::Outage(words) => words.to_string(),
    };
    Ok(Json(Ready { status: "ready", redis, blob_storage }))
}
