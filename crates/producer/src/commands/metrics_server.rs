//! `METRICS_LISTEN` of a command that loads a run: `/livez` and `/metrics`, for as long as it runs.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};
use job_queue::SharedMetrics;
use serde_json::json;
use service::{Component, HttpLimits, HttpServer, Metrics};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::import::run_store::RunStore;

struct Shown {
    metrics: Metrics,
    shared: SharedMetrics,
}

/// Serves until the handle is dropped. An address that is taken, as where a consumer has the same setting,
/// keeps no file from being loaded.
pub(super) fn serve_metrics(address: SocketAddr, runs: &RunStore) -> Option<AbortOnDropHandle<()>> {
    let server = match HttpServer::bind(address, HttpLimits::of_metrics()) {
        Ok(server) => server,
        Err(error) => {
            tracing::warn!(
                error = %error,
                "could not listen on {address} for metrics (METRICS_LISTEN); going on without"
            );
            return None;
        }
    };
    if let Ok(address) = server.address() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    let shared = SharedMetrics::new(&runs.queue);
    let metrics = Metrics::new(Component::Sync);
    metrics.register(|registry| {
        shared.register(registry);
        runs.queue.metrics().register(registry);
        runs.store.metrics().register(registry);
        runs.metrics.register(registry);
    });
    let router = Router::new()
        .route("/livez", get(live))
        .route("/metrics", get(show))
        .with_state(Arc::new(Shown { metrics, shared }));
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        server.serve(router, &CancellationToken::new(), Duration::ZERO).await;
    })))
}

async fn live() -> Response {
    Json(json!({"status": "live"})).into_response()
}

async fn show(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    shown.shared.look().await;
    shown.metrics.answer(&headers)
}
