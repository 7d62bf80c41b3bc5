//! `METRICS_LISTEN`: `/livez`, `/readyz` and `/metrics` of this consumer.
//!
//! Names end in their unit, and sums in `_total`. No label grows with use: no run id, no file name.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};
use serde_json::json;
use service::{HttpLimits, HttpServer};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{delivery::Deliverer, error::ConsumerError};
use salesforce::Usage;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long Redis may take to answer before this consumer counts as not ready.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);

/// However many ask, Redis is asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// How long answers in flight may take after the stop.
const GRACE: Duration = Duration::from_secs(1);

/// Name and help of a gauge.
const WAITS: (&str, &str) = ("waits", "1 while no call starts: an outage, or the daily quota");

/// The deliverer, once the preflight is done.
type Observed = Arc<OnceLock<Arc<Deliverer>>>;

/// What the server answers from.
#[derive(Clone, Default)]
struct Shown {
    observed: Observed,
    /// Whether Redis answered, when it was asked last.
    redis: Arc<Mutex<Option<(Instant, bool)>>>,
}

/// Takes the address, so that one that is taken is an error of the start.
pub(crate) fn listen(address: SocketAddr) -> Result<HttpServer, ConsumerError> {
    HttpServer::bind(address, HttpLimits::of_metrics())
        .map_err(|source| ConsumerError::MetricsListen { address, source })
}

/// Answers until it is dropped, or stopped.
pub(crate) async fn serve(server: HttpServer, observed: Observed, stop: CancellationToken) {
    if let Ok(address) = server.address() {
        info!("health and metrics at http://{address}/metrics");
    }
    let router = Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Shown { observed, ..Shown::default() });
    server.serve(router, &stop, GRACE).await;
}

/// The program runs.
async fn live() -> Response {
    Json(json!({"status": "live"})).into_response()
}

/// The program can take batches, and is not about to stop.
async fn ready(State(Shown { observed, redis }): State<Shown>) -> Response {
    let unready =
        |why: &str| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": why}))).into_response();
    let Some(deliverer) = observed.get() else {
        return unready("this consumer waits for salesforce, to read the object first");
    };
    if deliverer.sender.shutdown.stop.is_cancelled() {
        return unready("this consumer is stopping");
    }
    let mut seen = redis.lock().await;
    if seen.is_none_or(|(at, _)| at.elapsed() >= FRESH) {
        let answers =
            matches!(timeout(REDIS_TIMEOUT, deliverer.planner.queue.depth()).await, Ok(Ok(_)));
        *seen = Some((Instant::now(), answers));
    }
    match seen.is_some_and(|(_, answers)| answers) {
        true => Json(json!({"status": "ready"})).into_response(),
        false => unready("redis does not answer"),
    }
}

async fn metrics(State(Shown { observed, .. }): State<Shown>) -> Response {
    let text = text(observed.get().map(AsRef::as_ref)).expect("a String takes everything");
    ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response()
}

fn text(deliverer: Option<&Deliverer>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("batch_sync_consumer_build", "The running program", version);
    if let Some(deliverer) = deliverer {
        add_sums(&mut registry, deliverer);
        add_gauges(&mut registry, deliverer);
    } else {
        register(&mut registry, WAITS, 1);
    }
    if let Some(bytes) = service::resident_bytes() {
        let gauge = ConstGauge::new(whole(bytes));
        let help = "Memory of this process";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, gauge);
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn add_sums(registry: &mut Registry, deliverer: &Deliverer) {
    let sums = deliverer.sender.counters.snapshot();
    for (name, help, sum) in [
        ("batches_settled", "Batches whose outcome is recorded", sums.batches_settled),
        ("rows_delivered", "Rows that Salesforce has stored", sums.rows_delivered),
        ("rows_rejected", "Rows that were rejected", sums.rows_rejected),
        ("rows_retried", "Rows that were sent again", sums.rows_sent_again),
        ("salesforce_calls", "Calls that reached Salesforce", sums.calls),
    ] {
        let help = format!("{help}, since this consumer started");
        registry.register(format!("batch_sync_consumer_{name}"), help, ConstCounter::new(sum));
    }
}

fn add_gauges(registry: &mut Registry, deliverer: &Deliverer) {
    let throttle = &deliverer.sender.throttle;
    let (limit, share) = throttle.concurrency.limit_and_share();
    let waits = throttle.is_waiting();
    let mut gauges = vec![
        ("calls_in_flight", "Calls in flight", u64::from(throttle.concurrency.in_flight())),
        ("calls_share", "Calls at once that this consumer may make", u64::from(share)),
        ("calls_limit", "Calls at once that all consumers may make together", u64::from(limit)),
        (WAITS.0, WAITS.1, u64::from(waits)),
    ];
    if let Some(Usage { used, max }) = throttle.quota.usage() {
        gauges.push(("salesforce_api_calls_used", "Calls of the org's day", used));
        gauges.push(("salesforce_api_calls_max", "Calls that the org has a day", max));
    }
    for (name, help, figure) in gauges {
        register(registry, (name, help), figure);
    }
}

fn register(registry: &mut Registry, (name, help): (&str, &str), figure: u64) {
    let gauge = ConstGauge::new(whole(figure));
    registry.register(format!("batch_sync_consumer_{name}"), help, gauge);
}

fn whole(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}
