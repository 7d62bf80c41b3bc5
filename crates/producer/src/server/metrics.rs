//! What a server measures, beside the runs that it reads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use job_queue::SharedMetrics;
use prometheus_client::metrics::{family::Family, gauge::Gauge, histogram::Histogram};
use service::{Component, Metrics};

use crate::{
    import::{backpressure::Watermarks, run_store::RunStore},
    report::run_status::RunStatus,
    server::{blob_health::BlobState, live::run_counts::RunCounts},
};

/// Of HTTP requests, in seconds.
const REQUEST_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Labels with their values.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A label whose value is a path template: as many as there are routes.
type RequestLabels = [(&'static str, String); 3];

/// What is served at `/metrics`.
#[derive(Debug)]
pub(crate) struct ServerMetrics {
    all: Metrics,
    shared: SharedMetrics,
    run_counts: RunCounts,
    runs: Family<Labels<1>, Gauge>,
    event_streams: Gauge,
    blob_up: Gauge,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

impl ServerMetrics {
    pub(crate) fn new(runs: &RunStore, watermarks: Watermarks) -> Self {
        let requests: fn() -> Histogram = || Histogram::new(REQUEST_BUCKETS);
        let metrics = Self {
            all: Metrics::new(Component::Server),
            shared: SharedMetrics::new(&runs.queue),
            run_counts: RunCounts::new(runs.queue.clone()),
            runs: Family::default(),
            event_streams: Gauge::default(),
            blob_up: Gauge::default(),
            requests: Family::new_with_constructor(requests),
        };
        metrics.all.register(|registry| {
            metrics.shared.register(registry);
            runs.queue.metrics().register(registry);
            runs.store.metrics().register(registry);
            runs.metrics.register(registry);
            registry.register(
                "runs",
                "Runs that have not ended, by state; the same from every server: take the max",
                metrics.runs.clone(),
            );
            registry.register(
                "http_request_duration_seconds",
                "Time from a request to the beginning of its answer, by method, route and status",
                metrics.requests.clone(),
            );
            for (name, help, gauge) in metrics.gauges(watermarks) {
                registry.register(name, help, gauge);
            }
        });
        metrics
    }

    /// What has one figure: its name, what it says, and where it is kept.
    fn gauges(&self, watermarks: Watermarks) -> [(&'static str, &'static str, Gauge); 6] {
        let (high, low) = (watermarks.high(), watermarks.low());
        [
            ("event_streams", "Event streams of pages that are open", self.event_streams.clone()),
            (
                "blob_up",
                "1 when the blob storage answered this server a moment ago, else 0",
                self.blob_up.clone(),
            ),
            (
                "queue_batches_high",
                "Batches of a run at which its reading stops; the same from every server with these \
                 settings: take the max",
                fixed(high.jobs),
            ),
            (
                "queue_batches_low",
                "Batches of a run at which its reading goes on; the same from every server with these \
                 settings: take the max",
                fixed(low.jobs),
            ),
            (
                "queue_high_bytes",
                "Bytes of batches at which reading stops; the same from every server with these \
                 settings: take the max",
                fixed(high.bytes),
            ),
            (
                "queue_low_bytes",
                "Bytes of batches at which reading goes on; the same from every server with these \
                 settings: take the max",
                fixed(low.bytes),
            ),
        ]
    }

    /// Answers with what is known now; asks Redis at most once a second.
    pub(crate) async fn answer(
        &self,
        headers: &HeaderMap,
        event_streams: usize,
        blobs: impl Future<Output = BlobState>,
    ) -> Response {
        // Side by side: what does not answer is waited for once.
        let ((), counts, blobs) = tokio::join!(self.shared.look(), self.run_counts.get(), blobs);
        self.show_runs(counts);
        self.event_streams.set(i64::try_from(event_streams).unwrap_or(i64::MAX));
        self.blob_up.set((blobs == BlobState::Answers).into());
        self.all.answer(headers)
    }

    /// Nothing is said of runs while Redis does not answer.
    fn show_runs(&self, counts: Option<Arc<BTreeMap<RunStatus, i64>>>) {
        let Some(counts) = counts else { return self.runs.clear() };
        for status in RunStatus::ALL.into_iter().filter(|status| status.is_open()) {
            let number = counts.get(&status).copied().unwrap_or_default();
            self.runs.get_or_create(&[("state", status.word())]).set(number);
        }
    }

    /// A request was answered. One of no route has none.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let labels = [
            ("method", known(method).to_owned()),
            ("route", route.unwrap_or("none").to_owned()),
            ("status", class(status).to_owned()),
        ];
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// A figure of the settings.
fn fixed(figure: u64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(figure).unwrap_or(i64::MAX));
    gauge
}

/// A client may send any word as its method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
