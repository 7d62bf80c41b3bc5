//! `GET /metrics`: figures for Prometheus, in its text format.
//!
//! Names end in their unit, and sums in `_total`. There is no label whose values
//! grow with use: no run id, no file name.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::{
    report::{run_status::RunStatus, totals::Sums},
    server::{
        live::{queue_state::QueueState, shared_figures::Shared},
        state::Api,
    },
};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All figures of one answer.
struct Figures {
    shared: Option<Arc<Shared>>,
    sums: Sums,
    open_streams: usize,
    memory_bytes: Option<u64>,
}

pub(crate) async fn show(State(api): State<Arc<Api>>) -> Response {
    let figures = Figures {
        shared: api.shared_figures.get().await,
        sums: api.totals.now(),
        open_streams: api.streams.number(),
        memory_bytes: service::resident_bytes(),
    };
    let text = figures.text().expect("a String takes everything");
    ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response()
}

impl Figures {
    fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register(
            "batch_sync_build",
            "The running program",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        if let Some(shared) = self.shared.as_deref() {
            add_queue(&mut registry, &shared.queue);
            add_runs(&mut registry, &shared.runs);
        }
        self.add_sums(&mut registry);
        let streams = i64::try_from(self.open_streams).unwrap_or(i64::MAX);
        add_gauge(
            &mut registry,
            "batch_sync_event_streams",
            "Event streams that are open",
            streams,
        );
        if let Some(bytes) = self.memory_bytes {
            add_bytes(&mut registry, "process_resident_memory", "Memory of this process", bytes);
        }
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn add_sums(&self, registry: &mut Registry) {
        let sums = &self.sums;
        for (name, help, sum) in [
            ("rows_read", "Rows read", sums.rows_read),
            ("rows_delivered", "Rows that Salesforce has stored", sums.rows_delivered),
            ("rows_rejected", "Rows that were rejected", sums.rows_rejected),
            ("rows_retried", "Rows that were sent again", sums.rows_retried),
            ("batches_settled", "Batches whose outcome is recorded", sums.batches_settled),
        ] {
            let help = format!("{help}, of runs while this server had them");
            registry.register(format!("batch_sync_{name}"), help, ConstCounter::new(sum));
        }
        registry.register_with_unit(
            "batch_sync_paused",
            "Time that reading waited for room on the queue",
            Unit::Seconds,
            ConstCounter::new(Duration::from_millis(sums.backpressure_ms).as_secs_f64()),
        );
        let ended =
            Family::<Vec<(&str, &str)>, prometheus_client::metrics::counter::Counter>::default();
        for status in RunStatus::ALL.into_iter().filter(|status| !status.is_open()) {
            let runs = sums.runs_ended.get(status.word()).copied().unwrap_or_default();
            ended.get_or_create(&vec![("state", status.word())]).inc_by(runs);
        }
        registry.register("batch_sync_runs_ended", "Runs that ended on this server", ended);
    }
}

fn add_queue(registry: &mut Registry, queue: &QueueState) {
    for (name, help, figure) in [
        ("queue_jobs", "Batches that are not settled", queue.jobs),
        ("queue_jobs_high", "Batches at which reading stops", queue.jobs_high),
        ("queue_jobs_low", "Batches at which reading goes on", queue.jobs_low),
        ("consumers", "Consumers that are alive", queue.consumers),
        ("servers", "Servers that are alive", queue.servers),
    ] {
        add_gauge(registry, &format!("batch_sync_{name}"), help, whole(figure));
    }
    add_bytes(
        registry,
        "batch_sync_queue",
        "Payloads of batches that are not settled",
        queue.bytes,
    );
    add_bytes(
        registry,
        "batch_sync_queue_high",
        "Payloads at which reading stops",
        queue.bytes_high,
    );
    add_bytes(
        registry,
        "batch_sync_queue_low",
        "Payloads at which reading goes on",
        queue.bytes_low,
    );
    if let Some(usage) = &queue.api_usage {
        let (used, most) = (whole(usage.used), whole(usage.max));
        let help = "Calls of the org's day, as Salesforce said last";
        add_gauge(registry, "batch_sync_salesforce_api_calls_used", help, used);
        add_gauge(
            registry,
            "batch_sync_salesforce_api_calls_max",
            "Calls that the org has a day",
            most,
        );
    }
}

fn add_runs(registry: &mut Registry, runs: &BTreeMap<RunStatus, i64>) {
    let family = Family::<Vec<(&str, String)>, Gauge>::default();
    for status in RunStatus::ALL.into_iter().filter(|status| status.is_open()) {
        let number = runs.get(&status).copied().unwrap_or_default();
        family.get_or_create(&vec![("status", status.to_string())]).set(number);
    }
    registry.register("batch_sync_runs", "Runs that have not ended", family);
}

fn add_gauge(registry: &mut Registry, name: &str, help: &str, figure: i64) {
    registry.register(name, help, ConstGauge::new(figure));
}

fn add_bytes(registry: &mut Registry, name: &str, help: &str, bytes: u64) {
    registry.register_with_unit(name, help, Unit::Bytes, ConstGauge::new(whole(bytes)));
}

fn whole(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}
