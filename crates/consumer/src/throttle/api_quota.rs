//! The daily quota of API calls. When only the reserve for the org's other clients is left, no call
//! starts until calls are available again.

use std::time::Duration;

use job_queue::{ApiUsage, OutageKind, Queue, QueueError};
use salesforce::{Client, Usage};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::{
    circuit_breaker::{CircuitBreaker, Outage},
    outage::OutagePublisher,
};
use crate::config::ApiReserve;

/// How often usage and outages are published at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// At most this often Salesforce is asked since another consumer has learned that calls are available.
const BETWEEN_HINTS: Duration = Duration::from_secs(5);

/// What is left of the day's calls for this product.
#[derive(Debug)]
pub(crate) struct Quota {
    reserve: ApiReserve,
    usage: watch::Receiver<Option<Usage>>,
}

impl Quota {
    pub(crate) fn new(reserve: ApiReserve, client: &Client) -> Self {
        Self { reserve, usage: client.usage() }
    }

    /// Waits for as long as only the reserve is left.
    pub(crate) async fn available(&self) {
        let mut usage = self.usage.clone();
        let is_free = |usage: &Option<Usage>| usage.is_none_or(|u| !self.reserve.is_reached(u));
        // The sender lives as long as the client, and that longer than this.
        let _said = usage.wait_for(is_free).await;
    }

    /// What Salesforce said last.
    pub(crate) fn usage(&self) -> Option<Usage> {
        *self.usage.borrow()
    }

    /// The same, when only the reserve is left.
    pub(crate) fn exhausted(&self) -> Option<Usage> {
        self.usage().filter(|usage| self.reserve.is_reached(*usage))
    }
}

/// Publishes through Redis what Salesforce says of the day's calls, and why no call starts, be it for the
/// quota or for an outage. While the quota is exhausted, asks Salesforce every `check`, and when another
/// consumer has published that calls are available: else this one would wait on while that one delivers.
pub(crate) async fn track_usage(
    quota: &Quota,
    breaker: &CircuitBreaker,
    client: &Client,
    queue: &Queue,
    check: Duration,
) -> Result<(), QueueError> {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut published = None;
    let mut exhausted: Option<Exhausted> = None;
    let mut publisher = OutagePublisher::default();
    loop {
        ticks.tick().await;
        let usage = quota.usage();
        if let Some(Usage { used, max }) = usage.filter(|_| usage != published) {
            queue.publish_api_usage(used, max).await?;
            published = usage;
        }
        exhausted = match (quota.exhausted(), exhausted) {
            (None, None) => None,
            (None, Some(_)) => {
                info!("daily api calls are available again; deliveries go on");
                None
            }
            (Some(usage), before) => {
                let mut exhausted =
                    before.unwrap_or_else(|| Exhausted::start(quota.reserve, usage, check));
                let of_all = queue.api_usage().await?;
                let of_all = of_all.map(|ApiUsage { used, max, .. }| Usage { used, max });
                let is_hinted = of_all.is_some_and(|usage| !quota.reserve.is_reached(usage));
                exhausted.ask(client, check, is_hinted).await;
                Some(exhausted)
            }
        };
        let of_quota = quota.exhausted().zip(exhausted.as_ref());
        let of_quota = of_quota.map(|(usage, since)| since.outage(quota.reserve, usage));
        let outage = only_known(of_quota, breaker.outage());
        publisher.publish(queue, outage.as_slice()).await?;
    }
}

/// While the quota is used up no call asks whether an outage of before is over: nothing is known of that.
fn only_known(of_quota: Option<Outage>, of_breaker: Option<Outage>) -> Option<Outage> {
    of_quota.or(of_breaker)
}

/// Only the reserve is left.
struct Exhausted {
    ask_at: Instant,
    /// Even if another consumer knows better, not before that.
    hinted_at: Instant,
}

impl Exhausted {
    fn start(reserve: ApiReserve, usage: Usage, check: Duration) -> Self {
        warn!(
            check_s = check.as_secs(),
            "{}; deliveries wait until calls are available, nothing is lost",
            in_words(reserve, usage)
        );
        let now = Instant::now();
        Self { ask_at: now + check, hinted_at: now + BETWEEN_HINTS }
    }

    fn outage(&self, reserve: ApiReserve, usage: Usage) -> Outage {
        let retry_in = self.ask_at.saturating_duration_since(Instant::now());
        Outage { kind: OutageKind::DailyCalls, reason: in_words(reserve, usage), retry_in }
    }

    /// Every answer has the figures in a header; its body does not matter here.
    async fn ask(&mut self, client: &Client, check: Duration, is_hinted: bool) {
        if self.is_due(Instant::now(), is_hinted) {
            let _answer = client.limits().await;
            let now = Instant::now();
            *self = Self { ask_at: now + check, hinted_at: now + BETWEEN_HINTS };
        }
    }

    fn is_due(&self, now: Instant, is_hinted: bool) -> bool {
        now >= self.ask_at || is_hinted && now >= self.hinted_at
    }
}

fn in_words(reserve: ApiReserve, usage: Usage) -> String {
    let Usage { used, max } = usage;
    format!("{used} of the day's {max} api calls are used, and {reserve} are kept for others")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_before_is_not_told_while_nobody_asks_whether_it_is_over() {
        let outage = |kind| Some(Outage { kind, reason: String::new(), retry_in: Duration::ZERO });
        let told = |of_quota, of_breaker| only_known(of_quota, of_breaker).map(|told| told.kind);

        let (quota, trouble) = (OutageKind::DailyCalls, OutageKind::Trouble);
        assert_eq!(told(outage(quota), outage(trouble)), Some(quota));
        assert_eq!(told(None, outage(trouble)), Some(trouble));
        assert_eq!(told(None, None), None);
    }
}
