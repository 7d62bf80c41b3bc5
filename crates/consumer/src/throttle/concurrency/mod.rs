//! How many calls are made at the same time: one adaptive limit for the whole org (slow start, then
//! AIMD), shared by all consumers through Redis.
//!
//! Every consumer publishes some times a second its demand and its results, and receives its share of
//! the limit. A call needs no round trip for that.

mod policy;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use job_queue::{Queue, QueueError};
use tokio::sync::{Notify, futures::Notified};
use tracing::{debug, info, warn};

pub(crate) use self::policy::Bounds;
use self::policy::{Observations, Shared};

/// What this consumer knows of the org's limit, and the calls it makes under it.
#[derive(Debug)]
pub(crate) struct Concurrency {
    member: String,
    bounds: Bounds,
    state: Mutex<Local>,
    /// A call ended, or the share changed.
    room: Notify,
    /// The share changed.
    share_changed: Notify,
    /// Something has to be published at once.
    urgent: Notify,
}

#[derive(Debug, Default)]
struct Local {
    share: u32,
    limit: u32,
    generation: u64,
    /// Whether the limit still doubles.
    doubles: bool,
    in_flight: u32,
    waiting: u32,
    /// Most calls in flight and waiting since the last update.
    peak: u32,
    /// The demand of the last update.
    asked_for: u32,
    observed: Observations,
}

/// Permits one call at a time; it ends with this value.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    concurrency: &'a Concurrency,
    generation: u64,
}

/// Between two updates, while calls are made and while none are.
const INTERVAL: Duration = Duration::from_millis(250);
const INTERVAL_IDLE: Duration = Duration::from_secs(1);

/// The same while each update may double the limit.
const INTERVAL_DOUBLING: Duration = Duration::from_millis(100);

/// Between two updates that are urgent.
const INTERVAL_URGENT: Duration = Duration::from_millis(25);

impl Concurrency {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            member: format!("{:016x}", fastrand::u64(..)),
            bounds,
            state: Mutex::default(),
            room: Notify::new(),
            share_changed: Notify::new(),
            urgent: Notify::new(),
        }
    }

    /// Waits until one more call may be made.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        let _waiting = Waiting::start(self);
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            {
                let mut state = self.state();
                if state.in_flight < state.share {
                    state.in_flight += 1;
                    return Permit { concurrency: self, generation: state.generation };
                }
                if state.asked_for < state.in_flight + state.waiting {
                    self.urgent.notify_one();
                }
            }
            room.await;
        }
    }

    /// Whether a refused call may mean that there are too many at once: a lone one was not.
    pub(crate) fn can_shrink(&self) -> bool {
        self.state().limit > 1
    }

    /// A call was answered with row results.
    pub(crate) fn answered(&self) {
        self.state().observed.answers += 1;
    }

    /// Salesforce refused a call as one too many. To be called before its permit is dropped: until the
    /// new limit is here, nobody else takes its place, only to be refused as well.
    pub(crate) fn refused(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.share = state.share.saturating_sub(1).max(1);
        }
        state.observed.refused = state.observed.refused.max(Some(generation));
        drop(state);
        self.urgent.notify_one();
    }

    /// A call met so many locked rows that there may be too many writers.
    pub(crate) fn locked(&self, generation: u64) {
        let mut state = self.state();
        state.observed.locked = state.observed.locked.max(Some(generation));
        drop(state);
        self.urgent.notify_one();
    }

    /// Calls that may be made at the same time: by the whole org, and by this consumer.
    pub(crate) fn limit_and_share(&self) -> (u32, u32) {
        let state = self.state();
        (state.limit, state.share)
    }

    /// Until the share of this consumer changes, for one who waits for that.
    pub(super) fn share_changed(&self) -> Notified<'_> {
        self.share_changed.notified()
    }

    /// Calls in flight.
    pub(crate) fn in_flight(&self) -> u32 {
        self.state().in_flight
    }

    /// Publishes and receives, for as long as this future lives.
    pub(crate) async fn keep_in_sync(&self, queue: &Queue) -> Result<(), QueueError> {
        loop {
            self.publish(queue).await?;
            tokio::select! {
                () = tokio::time::sleep(self.interval()) => (),
                () = self.urgent.notified() => tokio::time::sleep(INTERVAL_URGENT).await,
            }
        }
    }

    /// Until the next update.
    fn interval(&self) -> Duration {
        let state = self.state();
        match state.asked_for {
            0 => INTERVAL_IDLE,
            calls if state.doubles && calls > state.limit => INTERVAL_DOUBLING,
            _ => INTERVAL,
        }
    }

    /// Publishes demand and results once, and receives the share.
    pub(crate) async fn publish(&self, queue: &Queue) -> Result<(), QueueError> {
        let observed = self.take_observations();
        let changed = queue.change_shared(|value, now_ms| {
            let mut shared = self.read(value.as_deref());
            shared.update(&self.member, observed, self.bounds, now_ms);
            encode(&shared)
        });
        self.apply(&self.read(Some(&changed.await?)));
        Ok(())
    }

    /// Leaves the share to the others.
    pub(crate) async fn deregister(&self, queue: &Queue) -> Result<(), QueueError> {
        let left = queue.change_shared(|value, _| {
            let mut shared = self.read(value.as_deref());
            shared.forget(&self.member);
            encode(&shared)
        });
        left.await.map(drop)
    }

    fn take_observations(&self) -> Observations {
        let mut state = self.state();
        let demand = state.peak.max(state.in_flight + state.waiting);
        state.peak = state.in_flight + state.waiting;
        state.asked_for = demand;
        let in_flight = state.in_flight;
        Observations { demand, in_flight, ..std::mem::take(&mut state.observed) }
    }

    fn apply(&self, shared: &Shared) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.limit, shared.limit);
        let is_down = shared.generation != state.generation && before > 0;
        state.generation = shared.generation;
        state.doubles = shared.doubles() && shared.limit < self.bounds.max;
        state.share = shared.share_of(&self.member);
        drop(state);
        self.room.notify_waiters();
        self.share_changed.notify_one();
        if is_down && shared.limit + 1 < before {
            warn!(
                limit = shared.limit,
                before, "too many calls at once for the org; all consumers together make fewer now"
            );
        } else if before != shared.limit && before > 0 {
            debug!(limit = shared.limit, before, "calls at once in the whole org");
        } else if before == 0 {
            info!(limit = shared.limit, max = self.bounds.max, "calls at once in the whole org");
        }
    }

    /// What is shared; something unreadable, as of an older version, starts anew.
    fn read(&self, value: Option<&[u8]>) -> Shared {
        value
            .and_then(|value| serde_json::from_slice(value).ok())
            .unwrap_or_else(|| Shared::new(self.bounds))
    }

    fn state(&self) -> MutexGuard<'_, Local> {
        self.state.lock().expect("nothing panics while it holds the concurrency")
    }
}

fn encode(shared: &Shared) -> Vec<u8> {
    serde_json::to_vec(shared).expect("numbers and names become JSON")
}

impl Permit<'_> {
    /// Which of the org's limits it was given under.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.concurrency.state().in_flight -= 1;
        self.concurrency.room.notify_one();
    }
}

/// A call that waits for its permit; one that is cancelled stops waiting.
struct Waiting<'a>(&'a Concurrency);

impl<'a> Waiting<'a> {
    fn start(concurrency: &'a Concurrency) -> Self {
        let mut state = concurrency.state();
        state.waiting += 1;
        state.peak = state.peak.max(state.in_flight + state.waiting);
        drop(state);
        Self(concurrency)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// Keeps the limit in sync until it is dropped. A Redis that refuses leaves the share as it is.
pub(crate) async fn keep_in_sync(concurrency: Arc<Concurrency>, queue: Queue) {
    if let Err(error) = concurrency.keep_in_sync(&queue).await {
        warn!(error = %error, "the limit of calls at once is no longer shared between consumers");
    }
}
