//! `GET /metrics`: figures for Prometheus.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::server::state::Api;

pub(crate) async fn show(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    api.metrics.answer(&headers, api.streams.number(), api.readiness.blobs.soon()).await
}
