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
    http::{Uri, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};

use crate::server::{
    error::ApiError,
    extract::BODY_BYTES_MAX,
    middleware::{
        admission::{admitted, answered_in_time},
        headers::with_security_headers,
        measured::measured,
    },
    routes::{
        checks, control, events, files, health, loads, mappings, metrics, openapi, outputs, page,
        preview, queue, runs, salesforce, start, uploads,
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
    let metrics = match api.has_metrics_apart {
        true => Router::new(),
        false => Router::new().route("/metrics", get(metrics::show)),
    };
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
        .route("/api/sync/{run}/rejects", get(outputs::rejects))
        .route("/api/sync/{run}/ids", get(outputs::ids))
        .route("/api/files", get(files::list))
        .route("/api/loads", get(loads::list))
        .route("/api/mappings", post(mappings::read))
        .route("/api/salesforce/objects", get(salesforce::list))
        .route("/api/salesforce/objects/{name}", get(salesforce::show))
        .route("/api/checks", post(checks::begin))
        .route("/api/checks/{id}", get(checks::show).delete(checks::stop))
        .route("/api/queue", get(queue::show))
        .route("/api/openapi.json", get(openapi::show))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(metrics)
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(answered_in_time))
        .merge(files_by_name())
        .layer(from_fn_with_state(Arc::clone(&api), admitted))
        .layer(from_fn_with_state(Arc::clone(&api), measured))
        .layer(from_fn(with_security_headers))
        .with_state(api)
}

/// A file may take hours to come, so it has time limits of its own. A name may have slashes, and may
/// end as the path of a preview does, so one route is for both.
fn files_by_name() -> Router<Arc<Api>> {
    let preview = get(preview::show).layer(from_fn(answered_in_time));
    Router::new()
        .route("/api/files/{*name}", put(uploads::put).merge(preview))
        .method_not_allowed_fallback(wrong_method_of_file)
}

/// A file itself is not sent.
async fn wrong_method_of_file(uri: Uri) -> Response {
    let allowed = if preview::is_path(uri.path()) { "GET,HEAD,PUT" } else { "PUT" };
    ([(header::ALLOW, allowed)], ApiError::wrong_method()).into_response()
}

async fn no_such_path() -> ApiError {
    ApiError::not_found(
        "there is nothing here; the page is at /batch-sync, the API at /api/openapi.json",
    )
}

async fn wrong_method() -> ApiError {
    ApiError::wrong_method()
}
