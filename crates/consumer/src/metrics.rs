//! `METRICS_LISTEN`: `/livez`, `/readyz` and `/metrics` of this consumer.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use job_queue::{IS_FULL, Queue, SharedMetrics};
use serde_json::json;
use service::{Component, HttpLimits, HttpServer, Metrics};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{delivery::Deliverer, error::ConsumerError};

/// How long Redis may take to answer before this consumer counts as not ready. `health` waits for four seconds:
/// also on a machine that is busy, the reason should come before.
const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// However many ask, Redis is asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// How long answers in flight may take after the stop.
const GRACE: Duration = Duration::from_secs(1);

/// What the server answers from.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) metrics: Metrics,
    /// What Redis knows, once there is a connection.
    shared: OnceLock<SharedMetrics>,
    /// The deliverer, once the preflight is done.
    deliverer: OnceLock<Arc<Deliverer>>,
    /// What Redis answered, when it was asked last.
    redis: Mutex<Option<(Instant, Answer)>>,
}

/// What Redis answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Nothing,
    IsFull,
    HasRoom,
}

impl Answer {
    async fn of(queue: &Queue) -> Self {
        let asking = async { tokio::join!(queue.depth(), queue.has_room()) };
        match timeout(REDIS_TIMEOUT, asking).await {
            Ok((Ok(_), Ok(false))) => Self::IsFull,
            Ok((Ok(_), _room_or_unknown)) => Self::HasRoom,
            _late => Self::Nothing,
        }
    }
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            metrics: Metrics::new(Component::Consumer),
            shared: OnceLock::new(),
            deliverer: OnceLock::new(),
            redis: Mutex::default(),
        }
    }
}

impl Observed {
    /// There is a connection to Redis.
    pub(crate) fn connected(&self, queue: &Queue) {
        let shared = SharedMetrics::new(queue);
        self.metrics.register(|registry| {
            shared.register(registry);
            queue.metrics().register(registry);
            queue.metrics().register_deliveries(registry);
        });
        let _once = self.shared.set(shared);
    }

    /// The preflight is done.
    pub(crate) fn ready(&self, deliverer: &Arc<Deliverer>) {
        let _once = self.deliverer.set(Arc::clone(deliverer));
    }
}

/// Takes the address, so that one that is taken is an error of the start.
pub(crate) fn listen(address: SocketAddr) -> Result<HttpServer, ConsumerError> {
    HttpServer::bind(address, HttpLimits::of_metrics())
        .map_err(|source| ConsumerError::MetricsListen { address, source })
}

/// Answers until it is dropped, or stopped.
pub(crate) async fn serve(server: HttpServer, observed: Arc<Observed>, stop: CancellationToken) {
    if let Ok(address) = server.address() {
        info!("health and metrics at http://{address}/metrics");
    }
    let router = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(observed);
    server.serve(router, &stop, GRACE).await;
}

/// The program runs.
async fn live() -> Response {
    Json(json!({"status": "live"})).into_response()
}

/// The program can take batches, and is not about to stop. When Redis is full it can: it makes room.
async fn ready(State(observed): State<Arc<Observed>>) -> Response {
    let unready =
        |why: &str| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": why}))).into_response();
    let Some(deliverer) = observed.deliverer.get() else {
        return unready("this consumer waits for salesforce, to read the object first");
    };
    if deliverer.sender.shutdown.stop.is_cancelled() {
        return unready("this consumer is stopping");
    }
    let mut seen = observed.redis.lock().await;
    if seen.is_none_or(|(at, _)| at.elapsed() >= FRESH) {
        *seen = Some((Instant::now(), Answer::of(&deliverer.planner.queue).await));
    }
    let redis = match *seen {
        None | Some((_, Answer::Nothing)) => return unready("redis does not answer"),
        Some((_, Answer::IsFull)) => IS_FULL,
        Some((_, Answer::HasRoom)) => "answers",
    };
    Json(json!({"status": "ready", "redis": redis})).into_response()
}

async fn metrics(State(observed): State<Arc<Observed>>, headers: HeaderMap) -> Response {
    if let Some(shared) = observed.shared.get() {
        shared.look().await;
    }
    observed.metrics.answer(&headers)
}
