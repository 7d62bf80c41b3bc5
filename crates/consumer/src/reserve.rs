//! The part of the day's calls that is kept for the org's other clients. When only that is left,
//! all deliveries stand still until calls are free again.

use std::{str::FromStr, time::Duration};

use job_queue::{Queue, QueueError};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{info, warn};

use crate::{
    gate::Gate,
    salesforce::{Client, Usage},
    standstill::{Standstill, Told},
};

/// How much is kept for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiReserve {
    /// So many percent of the day's calls.
    Percent(u8),
    /// So many calls.
    Calls(u64),
}

/// Nobody needs to know it more often.
const BETWEEN_NOTES: Duration = Duration::from_secs(1);

impl ApiReserve {
    /// Whether only the reserve is left.
    pub(crate) fn is_reached(self, usage: Usage) -> bool {
        let kept = match self {
            Self::Percent(percent) => usage.max.saturating_mul(u64::from(percent)).div_ceil(100),
            Self::Calls(calls) => calls,
        };
        usage.used >= usage.max.saturating_sub(kept)
    }

    /// How much is kept of something else that the org has `max` of a day: as large a part of it as
    /// of its calls.
    pub(crate) fn share_of(self, max: u64, calls_max: u64) -> u64 {
        let (part, of) = match self {
            Self::Percent(percent) => (u64::from(percent), 100),
            Self::Calls(calls) => (calls.min(calls_max), calls_max.max(1)),
        };
        max.saturating_mul(part).div_ceil(of)
    }
}

impl FromStr for ApiReserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || "write a share such as 10%, or a number of calls".to_owned();
        match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| *percent < 100)
                .map(Self::Percent)
                .ok_or_else(problem),
            None => text.trim().parse().map(Self::Calls).map_err(|_| problem()),
        }
    }
}

impl std::fmt::Display for ApiReserve {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent}%"),
            Self::Calls(calls) => write!(formatter, "{calls}"),
        }
    }
}

/// What calls wait for when only the reserve is left.
#[derive(Debug)]
pub(crate) struct Budget {
    reserve: ApiReserve,
    usage: watch::Receiver<Option<Usage>>,
}

impl Budget {
    pub(crate) fn new(reserve: ApiReserve, client: &Client) -> Self {
        Self { reserve, usage: client.usage() }
    }

    /// Waits for as long as only the reserve is left.
    pub(crate) async fn free(&self) {
        let mut usage = self.usage.clone();
        let is_free = |usage: &Option<Usage>| usage.is_none_or(|u| !self.reserve.is_reached(u));
        // The client, which says it, lives longer than its calls.
        let _said = usage.wait_for(is_free).await;
    }

    /// What Salesforce said last.
    pub(crate) fn usage(&self) -> Option<Usage> {
        *self.usage.borrow()
    }

    /// What it said, when only the reserve is left.
    pub(crate) fn spent(&self) -> Option<Usage> {
        self.usage().filter(|usage| self.reserve.is_reached(*usage))
    }
}

/// Tells everybody through Redis what Salesforce says of the day's calls, at most once a second, and
/// why deliveries stand still, be it for that or for trouble. Asks for more calls every `check`
/// while they stand still for the reserve.
pub(crate) async fn keep_books(
    budget: &Budget,
    gate: &Gate,
    client: &Client,
    queue: &Queue,
    check: Duration,
) -> Result<(), QueueError> {
    let mut ticks = interval(BETWEEN_NOTES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = None;
    let mut pause: Option<Pause> = None;
    let mut told = Told::default();
    loop {
        ticks.tick().await;
        let usage = budget.usage();
        if let Some(Usage { used, max }) = usage.filter(|_| usage != noted) {
            queue.publish_api_usage(used, max).await?;
            noted = usage;
        }
        pause = match (budget.spent(), pause) {
            (None, None) => None,
            (None, Some(_)) => {
                info!("calls of the day are free again; deliveries go on");
                None
            }
            (Some(usage), pause) => {
                let mut pause = pause.unwrap_or_else(|| Pause::start(budget.reserve, usage, check));
                pause.look(client, check).await;
                Some(pause)
            }
        };
        let for_calls = budget.spent().zip(pause.as_ref());
        let for_calls = for_calls.map(|(usage, pause)| pause.standstill(budget.reserve, usage));
        told.tell(queue, for_calls.or_else(|| gate.standstill())).await?;
    }
}

/// A standstill.
struct Pause {
    look_at: Instant,
}

impl Pause {
    fn start(reserve: ApiReserve, usage: Usage, check: Duration) -> Self {
        warn!(
            check_s = check.as_secs(),
            "{}; deliveries stand still until calls are free, nothing is lost",
            in_words(reserve, usage)
        );
        Self { look_at: Instant::now() + check }
    }

    fn standstill(&self, reserve: ApiReserve, usage: Usage) -> Standstill {
        let retry_in = self.look_at.saturating_duration_since(Instant::now());
        Standstill { reason: in_words(reserve, usage), retry_in }
    }

    /// The answer brings the figures; what it says beside them does not matter here.
    async fn look(&mut self, client: &Client, check: Duration) {
        if Instant::now() >= self.look_at {
            let _figures = client.daily_requests().await;
            self.look_at = Instant::now() + check;
        }
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
    fn the_reserve_is_a_share_or_a_number() {
        for (text, used, expected) in [
            ("10%", 899, false),
            ("10%", 900, true),
            ("10%", 1_200, true),
            ("0%", 999, false),
            ("0%", 1_000, true),
            ("50", 949, false),
            ("50", 950, true),
            ("5000", 0, true),
        ] {
            let reserve: ApiReserve = text.parse().unwrap();
            assert_eq!(reserve.is_reached(Usage { used, max: 1_000 }), expected, "{text} {used}");
            assert_eq!(reserve.to_string(), text);
        }
        for (text, kept) in [("10%", 1_500), ("0", 0), ("5000", 750), ("100000", 15_000), ("1", 1)]
        {
            let reserve: ApiReserve = text.parse().unwrap();
            assert_eq!(reserve.share_of(15_000, 100_000), kept, "{text} of 15,000 batches");
        }
        for text in ["", "100%", "-1", "ten", "%"] {
            assert!(text.parse::<ApiReserve>().is_err(), "{text}");
        }
    }
}
