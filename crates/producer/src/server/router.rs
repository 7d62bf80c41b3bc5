//! The HTTP API and the page.
//!
//! ```text
//! connection ──▶ security headers ──▶ audit, auth ──▶ time limit ──▶ route
//! ```
//!
//! All routes are in [`router`]; `openapi.json` describes them for callers.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post, put},
};

use crate::server::{
    error::ApiError,
    extract::BODY_BYTES_MAX,
    middleware::{
        admission::{admitted, answered_in_time},
        headers::with_security_headers,
    },
    routes::{
        control, events, files, health, loads, metrics, openapi, page, queue, rejects, runs, start,
        uploads,
    },
    state::Api,
};

/// Health and metrics alone, for a listener of their own without a token.
pub(crate) fn metrics_router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .layer(from_fn(with_security_headers))
        .with_state(api)
}

/// Every path of the server.
pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", get(page::redirect))
        .route("/batch-sync", get(page::index))
        .route("/batch-sync/", get(page::redirect))
        .route("/batch-sync/{name}", get(page::file))
        .route("/api/sync", get(runs::list))
        .route("/api/sync/start", post(start::start))
        .route("/api/sync/{run}", get(runs::show))
        .route("/api/sync/{run}/events", get(events::stream))
        .route("/api/sync/{run}/series", get(runs::series))
        .route("/api/sync/{run}/pause", post(control::pause))
        .route("/api/sync/{run}/resume", post(control::resume))
        .route("/api/sync/{run}/cancel", post(control::cancel))
        .route("/api/sync/{run}/replay", post(start::replay))
        .route("/api/sync/{run}/rejects", get(rejects::download))
        .route("/api/files", get(files::list))
        .route("/api/loads", get(loads::list))
        .route("/api/queue", get(queue::show))
        .route("/api/openapi.json", get(openapi::show))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(answered_in_time))
        .merge(uploads())
        .layer(from_fn_with_state(Arc::clone(&api), admitted))
        .layer(from_fn(with_security_headers))
        .with_state(api)
}

/// A file may take hours to come, so it has time limits of its own.
fn uploads() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/files/{*name}", put(uploads::put))
        .method_not_allowed_fallback(wrong_method)
}

async fn no_such_path() -> ApiError {
    ApiError::not_found(
        "there is nothing here; the page is at /batch-sync, the API at /api/openapi.json",
    )
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method; the header Allow names those it takes",
    )
}
