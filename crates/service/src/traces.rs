//! Traces, by OTLP over HTTP: what one run, one push or one batch went through.
//!
//! Nothing is traced unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Then a run is, and of its pushes and
//! batches those that are chosen by chance, or for what became of them. Nobody makes a span for others,
//! so they cost nothing.
//!
//! The crates of OpenTelemetry move together and change their names often: this file alone knows them.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Link, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
        TraceId, TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

use crate::environment::variables;

/// Where spans are sent to: the URL of a collector, without `/v1/traces`.
pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What this program is called in traces.
pub(crate) const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// The part of pushes and batches that is traced, from 0 to 1.
pub(crate) const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// One batch in a hundred shows what all go through.
const USUAL_RATIO: f64 = 0.01;

/// For what is not sent yet when the program ends.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// A span, or nothing when nothing is traced. Clones are the same span. It ends when the last one is
/// dropped.
#[derive(Clone, Debug, Default)]
pub struct TraceSpan(Option<Context>);

/// What part a span has in the way of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanRole {
    /// Work of this process.
    Internal,
    /// Puts something on a queue.
    Producer,
    /// Does what was on a queue.
    Consumer,
    /// Asks another system, and waits for its answer.
    Client,
}

/// The exporter, and what it exports.
struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    ratio: f64,
}

tokio::task_local! {
    static CURRENT: TraceSpan;
}

impl TraceSpan {
    /// Begins a trace; nothing, unless traces are wanted at all.
    #[must_use]
    pub fn root(name: &'static str, role: SpanRole) -> Self {
        let builder = SpanBuilder::from_name(name).with_kind(role.into());
        Self::start(builder, &Context::new())
    }

    /// Begins a trace that links to the span with this `traceparent`. `since` is when its work began.
    #[must_use]
    pub fn linked(
        name: &'static str,
        role: SpanRole,
        traceparent: Option<&str>,
        since: SystemTime,
    ) -> Self {
        let links = traceparent.and_then(span_context).map(Link::with_context);
        let builder = SpanBuilder::from_name(name)
            .with_kind(role.into())
            .with_start_time(since)
            .with_links(links.into_iter().collect());
        Self::start(builder, &Context::new())
    }

    /// Begins a part of the span in whose [`scope`](Self::scope) this is; nothing outside of one.
    #[must_use]
    pub fn child(name: &'static str, role: SpanRole) -> Self {
        let parent = CURRENT.try_with(|span| span.0.clone()).ok().flatten();
        let Some(parent) = parent else { return Self::default() };
        Self::start(SpanBuilder::from_name(name).with_kind(role.into()), &parent)
    }

    fn start(builder: SpanBuilder, parent: &Context) -> Self {
        let Some(tracing) = tracing() else { return Self::default() };
        let span = tracing.tracer.build_with_context(builder, parent);
        Self(Some(parent.with_span(span)))
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.0.is_some()
    }

    /// Work whose parts are children of this span.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        match self.0 {
            None => work.await,
            Some(_) => Box::pin(CURRENT.scope(self, work)).await,
        }
    }

    /// Says something of it: never a cell, never a secret.
    pub fn set_text(&self, key: &'static str, value: &str) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value.to_owned()));
        }
    }

    /// Says something of it that can be counted.
    pub fn set_number(&self, key: &'static str, value: u64) {
        if let Some(context) = &self.0 {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// It did not bring what it was for.
    pub fn set_failed(&self, why: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(why));
        }
    }

    /// What tells another process of it, as W3C Trace Context writes it.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        Some(format!("00-{}-{}-01", context.trace_id(), context.span_id()))
    }
}

impl From<SpanRole> for SpanKind {
    fn from(role: SpanRole) -> Self {
        match role {
            SpanRole::Internal => Self::Internal,
            SpanRole::Producer => Self::Producer,
            SpanRole::Consumer => Self::Consumer,
            SpanRole::Client => Self::Client,
        }
    }
}

/// Whether traces are wanted at all.
#[must_use]
pub fn traces_are_on() -> bool {
    tracing().is_some()
}

/// Whether one that is no more interesting than others is traced.
#[must_use]
pub fn is_chosen_for_trace() -> bool {
    tracing().is_some_and(|tracing| fastrand::f64() < tracing.ratio)
}

/// Sends what is not sent yet, before the program ends.
pub(crate) fn flush_traces() {
    if let Some(Some(tracing)) = TRACING.get() {
        // Without a collector there is nobody to tell.
        let _unsent = tracing.provider.shutdown_with_timeout(FLUSH_MAX);
    }
}

static TRACING: OnceLock<Option<Tracing>> = OnceLock::new();

/// Starts when something is to be traced for the first time: most commands never do.
fn tracing() -> Option<&'static Tracing> {
    TRACING.get_or_init(start).as_ref()
}

fn start() -> Option<Tracing> {
    let said = variables();
    let said = |name: &str| Some(said(name)?.to_string_lossy().into_owned());
    let endpoint = said(ENDPOINT)?;
    // Clients of HTTP write hosts with what is before them into their own logs.
    if endpoint.contains(['@', '?', '#']) {
        tracing::warn!(
            "nothing is traced: {ENDPOINT} has a password or a query; write keys into \
             OTEL_EXPORTER_OTLP_HEADERS"
        );
        return None;
    }
    tls::provide();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build();
    let exporter = match exporter {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::warn!(error = %error, "nothing is traced: {ENDPOINT} cannot be used");
            return None;
        }
    };
    let name = said(SERVICE_NAME).unwrap_or_else(usual_name);
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        // Only what was chosen becomes a span.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(Resource::builder().with_service_name(name).build())
        .build();
    let ratio = said(SAMPLER_ARG).map_or(Some(USUAL_RATIO), |said| ratio(&said));
    let ratio = ratio.unwrap_or_else(|| {
        tracing::warn!(
            "{SAMPLER_ARG} is no number from 0 to 1; {USUAL_RATIO} of the pushes are traced"
        );
        USUAL_RATIO
    });
    let tracer = provider.tracer("batch-sync");
    Some(Tracing { provider, tracer, ratio })
}

/// A part of all; nothing, when it is none.
fn ratio(said: &str) -> Option<f64> {
    said.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
}

/// The program's own name, behind that of the product.
fn usual_name() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    format!("batch-sync-{program}")
}

/// The span that a `traceparent` is of; nothing, when it is none.
fn span_context(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let is_ours = version == "00" && trace.len() == 32 && span.len() == 16;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
    Some(context).filter(|context| is_ours && context.is_valid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_the_queue_is_read_back_and_nothing_else() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        let context = span_context(text).unwrap();

        let written = (context.trace_id().to_string(), context.span_id().to_string());
        let expected = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        assert_eq!((written.0.as_str(), written.1.as_str()), expected);
        for other in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47xx-00f067aa0ba902b7-01",
            "00-4bf9-00f0-01",
        ] {
            assert!(span_context(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_part_of_the_pushes_is_from_nothing_to_all() {
        for (said, part) in [
            ("0", Some(0.0)),
            ("0.25", Some(0.25)),
            (" 1 ", Some(1.0)),
            ("1.01", None),
            ("-0.1", None),
            ("NaN", None),
            ("50%", None),
            ("all", None),
        ] {
            assert_eq!(ratio(said), part, "{said}");
        }
    }

    #[test]
    fn nothing_is_traced_outside_of_a_trace() {
        let child = TraceSpan::child("call", SpanRole::Client);

        assert!(!child.is_traced());
        assert_eq!(child.traceparent(), None);
    }
}
