//! `GET /livez` and `GET /readyz`, for orchestrators.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;

use crate::server::{error::ApiError, state::Api};

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
}

/// The program runs.
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// The program can do its work, and is not about to stop.
pub(crate) async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Health>, ApiError> {
    if api.stop.is_cancelled() {
        return Err(ApiError::unavailable("this server is stopping"));
    }
    api.readiness.check().await.map_err(ApiError::unavailable)?;
    Ok(Json(Health { status: "ready" }))
}
