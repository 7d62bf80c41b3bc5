//! What Redis knows of all programs together, as metrics: the same from each of them.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use tokio::time::timeout;

use crate::{Queue, QueueError, redis::scripts, shared::outage::OutageKind};

/// However many ask, Redis is asked this often at most.
const FRESH: Duration = Duration::from_secs(1);

/// Prometheus gives up after ten seconds; without Redis the rest is still true.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Behind the help of what Redis knows.
const SHARED: &str = "; the same from every program: take the max";

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Overview {
    now_ms: u64,
    batches: Batches,
    bytes: u64,
    oldest_queued_ms: Option<u64>,
    /// Since when some batches can be delivered.
    deliverable_ms: Option<u64>,
    last_settled_ms: Option<u64>,
    rejects_pending_bytes: u64,
    /// Those of them whose run has ended.
    rejects_left_bytes: u64,
    consumers: u64,
    servers: u64,
    calls: Option<Used>,
    bulk_batches: Option<Used>,
    limits_seen_ms: Option<u64>,
    outages: Vec<OutageKind>,
    is_sign_in_refused: bool,
    runs_ended: [(&'static str, u64); 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batches {
    waiting: u64,
    delayed: u64,
    leased: u64,
    parked: u64,
}

/// How much of what the org has for a day is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Used {
    used: u64,
    max: u64,
}

/// As Redis answers, see `overview.lua`.
type Answer = (
    u64,
    (u64, u64, u64, u64),
    u64,
    (String, String),
    String,
    (u64, u64),
    (u64, u64),
    [Option<u64>; 3],
    [Option<u64>; 5],
    Vec<String>,
    bool,
    [Option<u64>; 3],
);

impl Queue {
    async fn overview(&self) -> Result<Overview, QueueError> {
        let mut script = self.keys.script(&scripts::OVERVIEW);
        for kind in OutageKind::ALL {
            script.arg(kind.word());
        }
        let answer: Answer = self.invoke("show what is queued", &script).await?;
        Ok(Overview::of(answer))
    }
}

impl Overview {
    fn of(answer: Answer) -> Self {
        let (
            now_ms,
            batches,
            bytes,
            (oldest, deliverable),
            settled,
            (pending, left),
            (consumers, servers),
            usage,
            limits,
            outages,
            is_sign_in_refused,
            ended,
        ) = answer;
        let (waiting, delayed, leased, parked) = batches;
        let [used, max, usage_seen] = usage;
        let [calls_max, calls_left, bulk_max, bulk_left, limits_seen] = limits;
        let used_of = |max: Option<u64>, left: Option<u64>| {
            let (max, left) = max.zip(left)?;
            Some(Used { used: max.saturating_sub(left), max })
        };
        // Each answer of Salesforce says how many calls were made; its limits are asked for seldom.
        let by_answers = used.zip(max).map(|(used, max)| Used { used, max });
        Self {
            now_ms,
            batches: Batches { waiting, delayed, leased, parked },
            bytes,
            oldest_queued_ms: oldest.parse().ok(),
            deliverable_ms: deliverable.parse().ok(),
            last_settled_ms: settled.parse().ok(),
            rejects_pending_bytes: pending,
            rejects_left_bytes: left,
            consumers,
            servers,
            calls: by_answers.or_else(|| used_of(calls_max, calls_left)),
            bulk_batches: used_of(bulk_max, bulk_left),
            limits_seen_ms: usage_seen.max(limits_seen),
            outages: outages.iter().filter_map(|word| OutageKind::read(word)).collect(),
            is_sign_in_refused,
            runs_ended: {
                let [completed, failed, cancelled] = ended.map(Option::unwrap_or_default);
                [("completed", completed), ("failed", failed), ("cancelled", cancelled)]
            },
        }
    }

    /// For how long batches could be delivered, and none was settled.
    fn standstill_ms(&self) -> u64 {
        let begin = self.deliverable_ms.max(self.deliverable_ms.and(self.last_settled_ms));
        self.now_ms.saturating_sub(begin.unwrap_or(self.now_ms))
    }

    fn encode(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let Batches { waiting, delayed, leased, parked } = self.batches;
        out.family(
            "queue_batches",
            "Batches without an outcome: waiting, delayed, leased by a consumer, or parked since their run \
             is paused, held, failed or without a load",
            "state",
            ConstGauge::new,
            [("waiting", waiting), ("delayed", delayed), ("leased", leased), ("parked", parked)],
        )?;
        out.gauge("queue_bytes", "Bytes of the batches without an outcome", self.bytes)?;
        let oldest = self.oldest_queued_ms.unwrap_or(self.now_ms);
        out.gauge(
            "queue_oldest_batch_age_seconds",
            "Time since the oldest batch of the runs that are delivered was queued; 0 when there is none",
            seconds(self.now_ms.saturating_sub(oldest)),
        )?;
        out.gauge(
            "queue_standstill_seconds",
            "Time for which batches could be delivered and none was settled: since the last one was, or the \
             oldest batch was queued, or its run was resumed; 0 when there is none",
            seconds(self.standstill_ms()),
        )?;
        if let Some(at_ms) = self.last_settled_ms {
            let help = "When a batch was settled last, in Unix time by Redis' clock";
            out.gauge("last_settled_timestamp_seconds", help, seconds(at_ms))?;
        }
        let help = "Bytes of rejected rows that are in no rejects file yet";
        out.gauge("rejects_pending_bytes", help, self.rejects_pending_bytes)?;
        let help =
            "Bytes of rejected rows that are in no rejects file yet, though their run has ended";
        out.gauge("rejects_left_bytes", help, self.rejects_left_bytes)?;
        let help = "Runs that have ended, by how, whichever program ended them; a failed run that is \
                    resumed ends again";
        out.family("runs_ended", help, "state", ConstCounter::new, self.runs_ended)?;
        out.gauge("consumers", "Consumers that are alive", self.consumers)?;
        out.gauge("servers", "Servers that are alive", self.servers)?;
        out.family(
            "deliveries_paused",
            "1 while consumers say that they deliver nothing, by the reason: trouble with Salesforce, used \
             up daily calls or Bulk batches, no token; or while none is alive since its sign-in was refused",
            "reason",
            ConstGauge::new,
            OutageKind::ALL.map(|kind| (kind.word(), u64::from(self.outages.contains(&kind)))),
        )?;
        let help = "1 for ten minutes after Salesforce refused to sign in a consumer, unless it signs in \
                    one meanwhile; others may deliver";
        out.gauge("sign_in_refused", help, u64::from(self.is_sign_in_refused))?;
        if let Some(Used { used, max }) = self.calls {
            let help = "API calls of the org's last 24 hours, of all its clients";
            out.gauge("salesforce_api_calls_used", help, used)?;
            out.gauge("salesforce_api_calls_limit", "API calls that the org has in 24 hours", max)?;
        }
        if let Some(Used { used, max }) = self.bulk_batches {
            let help = "Bulk batches of the org's last 24 hours, of all its clients";
            out.gauge("salesforce_bulk_batches_used", help, used)?;
            let help = "Bulk batches that the org has in 24 hours";
            out.gauge("salesforce_bulk_batches_limit", help, max)?;
        }
        if let Some(at_ms) = self.limits_seen_ms {
            let help = "When Salesforce last said how much of its limits is used, in Unix time";
            out.gauge("salesforce_limits_seen_timestamp_seconds", help, seconds(at_ms))?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "Unix time in milliseconds is far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// Writes metrics.
struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        figure: impl EncodeGaugeValue + Clone,
    ) -> fmt::Result {
        let help = format!("{help}{SHARED}.");
        let metric = self.0.encode_descriptor(name, &help, None, MetricType::Gauge)?;
        ConstGauge::new(figure).encode(metric)
    }

    /// One figure for each value of a label.
    fn family<M: EncodeMetric, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        metric: impl Fn(u64) -> M,
        figures: [(&'static str, u64); N],
    ) -> fmt::Result {
        let help = format!("{help}{SHARED}.");
        let metrics = figures.map(|(value, figure)| (value, metric(figure)));
        let [(_, first), ..] = metrics.as_slice() else { return Ok(()) };
        let mut family = self.0.encode_descriptor(name, &help, None, first.metric_type())?;
        for (value, metric) in metrics {
            metric.encode(family.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }
}

/// What Redis knows of all programs, for the metrics of this one. Clones share their looks.
#[derive(Clone, Debug)]
pub struct SharedMetrics {
    queue: Queue,
    /// When Redis was asked last; held while it is asked.
    asked: Arc<tokio::sync::Mutex<Option<Instant>>>,
    /// What it answered; nothing, when it did not.
    known: Arc<Mutex<Option<Overview>>>,
}

impl SharedMetrics {
    /// For a program that uses this queue.
    #[must_use]
    pub fn new(queue: &Queue) -> Self {
        Self { queue: queue.clone(), asked: Arc::default(), known: Arc::default() }
    }

    /// Adds them. They say what the last [`look`](Self::look) found; without an answer only that
    /// Redis is away.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// Asks Redis, unless it was asked within a second. Gives up after three.
    pub async fn look(&self) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        // Boxed, for it is rare.
        let answer = timeout(TIMEOUT, Box::pin(self.queue.overview())).await;
        *self.known() = answer.ok().and_then(Result::ok);
        *asked = Some(Instant::now());
    }

    fn known(&self) -> MutexGuard<'_, Option<Overview>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for SharedMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let known = self.known().clone();
        let help = "1 when Redis answered this process a moment ago, else 0.";
        let metric = encoder.encode_descriptor("redis_up", help, None, MetricType::Gauge)?;
        ConstGauge::new(u64::from(known.is_some())).encode(metric)?;
        known.map_or(Ok(()), |known| known.encode(&mut Out(&mut encoder)))
    }
}
