//! The metrics of a process: one registry, which each part of the program adds its own to, and the
//! two text formats in which it is answered.
//!
//! * Names begin with `batch_sync_` and end in their unit; sums end in `_total`.
//! * No label has values that grow with use: no run, file, code or host.
//! * Metrics of the process add up over all processes. What Redis knows is the same from every
//!   process; its help says "take the max".

use std::sync::{PoisonError, RwLock};

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{prometheus_text, text},
    metrics::info::Info,
    registry::Registry,
};

use crate::process::ProcessMetrics;

const PREFIX: &str = "batch_sync";

const OPENMETRICS: &str = "application/openmetrics-text";

const OPENMETRICS_1: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What each Prometheus understands.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The commit that this program was built from, where the build says it.
const REVISION: &str = match option_env!("BUILD_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// `producer serve`.
    Server,
    /// `consumer`.
    Consumer,
    /// A command that loads one run, such as `producer sync`.
    Sync,
}

impl Component {
    fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Consumer => "consumer",
            Self::Sync => "sync",
        }
    }
}

/// All that this process measures.
#[derive(Debug)]
pub struct Metrics {
    registry: RwLock<Registry>,
}

impl Metrics {
    /// With what each process measures.
    #[must_use]
    pub fn new(component: Component) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessMetrics));
        let metrics = Self { registry: RwLock::new(registry) };
        let build = [
            ("component", component.word()),
            ("version", env!("CARGO_PKG_VERSION")),
            ("revision", REVISION),
        ];
        metrics.register(|registry| {
            registry.register("build", "What runs here: 1 for each process", Info::new(build));
        });
        metrics
    }

    /// Adds the metrics of a part of the program. Their names get the prefix `batch_sync_`.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        add(registry.sub_registry_with_prefix(PREFIX));
    }

    /// Answers `GET /metrics`, in the format that the request's headers ask for.
    ///
    /// # Panics
    ///
    /// When a metric cannot be written as text, which is a fault of the program.
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        let (written, content_type) = match asks_for_openmetrics(headers) {
            true => (text::encode(&mut answer, &registry), OPENMETRICS_1),
            false => (prometheus_text::encode(&mut answer, &registry), TEXT),
        };
        written.expect("a String takes everything");
        ([(header::CONTENT_TYPE, content_type)], answer).into_response()
    }
}

/// Whether it is wanted, and plain text is not wanted more. A weight of 0 says "not that".
fn asks_for_openmetrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let accepted = accepted.flat_map(|value| value.split(',')).map(weighted);
    let (mut openmetrics, mut text) = (0.0_f32, 0.0_f32);
    for (name, weight) in accepted {
        match name.as_str() {
            OPENMETRICS => openmetrics = openmetrics.max(weight),
            "text/plain" => text = text.max(weight),
            _ => {}
        }
    }
    openmetrics > 0.0 && openmetrics >= text
}

/// A format of an `Accept` header, and its weight.
fn weighted(accepted: &str) -> (String, f32) {
    let mut parts = accepted.split(';').map(|part| part.trim().to_ascii_lowercase());
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").map(str::parse::<f32>));
    (name, weight.map_or(1.0, Result::unwrap_or_default))
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::HeaderValue};
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    async fn answer(accept: Option<&str>) -> (String, String) {
        let metrics = Metrics::new(Component::Sync);
        let rows: Counter = Counter::default();
        rows.inc_by(7);
        metrics.register(|registry| registry.register("rows_read", "Rows", rows.clone()));
        let headers = accept.map(|accept| (header::ACCEPT, accept.parse().unwrap()));
        let answer = metrics.answer(&headers.into_iter().collect());
        let content_type: HeaderValue = answer.headers()[header::CONTENT_TYPE].clone();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (content_type.to_str().unwrap().to_owned(), String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn figures_come_in_the_format_that_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3";

        for accept in [
            None,
            Some("*/*"),
            Some("text/plain;version=0.0.4"),
            Some("application/openmetrics-text;q=0"),
            Some("application/openmetrics-text; Q=0.000, */*"),
            Some("text/plain, application/openmetrics-text;version=1.0.0;q=0.5"),
            Some("application/openmetrics-text-of-others"),
        ] {
            let (content_type, text) = answer(accept).await;
            assert_eq!(content_type, TEXT, "{accept:?}");
            assert!(text.contains("# TYPE batch_sync_rows_read_total counter\n"), "{text}");
            assert!(text.contains("\nbatch_sync_rows_read_total 7\n"), "{text}");
            assert!(!text.contains("# EOF"), "{text}");
        }
        for accept in [prometheus, "text/plain;q=0.3 ,Application/OpenMetrics-Text"] {
            let (content_type, text) = answer(Some(accept)).await;
            assert_eq!(content_type, OPENMETRICS_1, "{accept}");
            assert!(text.contains("# TYPE batch_sync_rows_read counter\n"), "{text}");
            assert!(text.ends_with("# EOF\n"), "{text}");
        }
    }

    #[tokio::test]
    async fn each_process_says_what_it_is_and_what_it_takes() {
        let (_, text) = answer(None).await;

        for name in [
            "batch_sync_build_info{component=\"sync\",version=\"",
            "process_cpu_seconds_total ",
            "process_resident_memory_bytes ",
            "process_open_fds ",
            "process_max_fds ",
            "process_threads ",
            "process_start_time_seconds ",
        ] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in {text}");
        }
    }
}
