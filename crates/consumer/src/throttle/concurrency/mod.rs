//! How many calls are made at the same time: one limit for the whole org, shared by all consumers
//! through Redis, that adapts to what Salesforce takes.
//!
//! Every consumer says some times a second what it wants and what it has seen, and hears how many
//! calls it may make. Between these words nothing is asked: a call costs no round trip more.

mod policy;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use job_queue::{Queue, QueueError};
use tokio::sync::Notify;
use tracing::{debug, info, warn};

pub(crate) use self::policy::Bounds;
use self::policy::{Seen, Shared};

/// What this consumer knows of the org's limit, and the calls it makes under it.
#[derive(Debug)]
pub(crate) struct Window {
    member: String,
    bounds: Bounds,
    state: Mutex<Local>,
    /// A call ended, or the share changed.
    room: Notify,
    /// Something has to be said at once.
    urgent: Notify,
}

#[derive(Debug, Default)]
struct Local {
    share: u32,
    limit: u32,
    generation: u64,
    in_flight: u32,
    waiting: u32,
    /// Most calls in flight and waiting since the last word.
    peak: u32,
    /// What the last word asked for.
    asked_for: u32,
    seen: Seen,
}

/// Leave for one call at a time; ends with this value.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    window: &'a Window,
    generation: u64,
}

/// Between two words, while calls are made and while none are.
const BETWEEN_WORDS: Duration = Duration::from_millis(250);
const BETWEEN_WORDS_IDLE: Duration = Duration::from_secs(1);

/// Words that are urgent come so fast at most.
const BETWEEN_URGENT: Duration = Duration::from_millis(25);

impl Window {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            member: format!("{:016x}", fastrand::u64(..)),
            bounds,
            state: Mutex::default(),
            room: Notify::new(),
            urgent: Notify::new(),
        }
    }

    /// Waits until one more call may be made.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        let _waiting = Waiting::start(self);
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            {
                let mut state = self.state();
                if state.in_flight < state.share {
                    state.in_flight += 1;
                    return Slot { window: self, generation: state.generation };
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
        self.state().seen.answers += 1;
    }

    /// Salesforce said that a call was one too many. To be said before its slot is given back: until
    /// it is heard what holds now, nobody else takes that, only to be refused as well.
    pub(crate) fn refused(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.share = state.share.saturating_sub(1).max(1);
        }
        state.seen.refused = state.seen.refused.max(Some(generation));
        drop(state);
        self.urgent.notify_one();
    }

    /// A call met so many locked rows that there may be too many writers.
    pub(crate) fn locked(&self, generation: u64) {
        let mut state = self.state();
        state.seen.locked = state.seen.locked.max(Some(generation));
        drop(state);
        self.urgent.notify_one();
    }

    /// Calls that may be made at the same time: by the whole org, and by this consumer.
    pub(crate) fn limit_and_share(&self) -> (u32, u32) {
        let state = self.state();
        (state.limit, state.share)
    }

    /// Calls under way.
    pub(crate) fn in_flight(&self) -> u32 {
        self.state().in_flight
    }

    /// Says what was seen and hears what may be done, for as long as this future lives.
    pub(crate) async fn keep_in_step(&self, queue: &Queue) -> Result<(), QueueError> {
        loop {
            self.say(queue).await?;
            let is_idle = self.state().asked_for == 0;
            let pause = if is_idle { BETWEEN_WORDS_IDLE } else { BETWEEN_WORDS };
            tokio::select! {
                () = tokio::time::sleep(pause) => (),
                () = self.urgent.notified() => tokio::time::sleep(BETWEEN_URGENT).await,
            }
        }
    }

    /// Says once what was seen.
    pub(crate) async fn say(&self, queue: &Queue) -> Result<(), QueueError> {
        let seen = self.take_seen();
        let heard = queue.change_shared(|value, now_ms| {
            let mut shared = self.read(value.as_deref());
            shared.hear(&self.member, seen, self.bounds, now_ms);
            encode(&shared)
        });
        self.take_in(&self.read(Some(&heard.await?)));
        Ok(())
    }

    /// Gives the share back to the others.
    pub(crate) async fn leave(&self, queue: &Queue) -> Result<(), QueueError> {
        let left = queue.change_shared(|value, _| {
            let mut shared = self.read(value.as_deref());
            shared.forget(&self.member);
            encode(&shared)
        });
        left.await.map(drop)
    }

    fn take_seen(&self) -> Seen {
        let mut state = self.state();
        let demand = state.peak.max(state.in_flight + state.waiting);
        state.peak = state.in_flight + state.waiting;
        state.asked_for = demand;
        let in_flight = state.in_flight;
        Seen { demand, in_flight, ..std::mem::take(&mut state.seen) }
    }

    fn take_in(&self, shared: &Shared) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.limit, shared.limit);
        let is_down = shared.generation != state.generation && before > 0;
        state.generation = shared.generation;
        state.share = shared.share_of(&self.member);
        drop(state);
        self.room.notify_waiters();
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
        self.state.lock().expect("nothing panics while it holds the window")
    }
}

fn encode(shared: &Shared) -> Vec<u8> {
    serde_json::to_vec(shared).expect("numbers and names become JSON")
}

impl Slot<'_> {
    /// Which of the org's limits it was given under.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.window.state().in_flight -= 1;
        self.window.room.notify_one();
    }
}

/// Somebody who wants to make a call; also one who is cancelled stops waiting.
struct Waiting<'a>(&'a Window);

impl<'a> Waiting<'a> {
    fn start(window: &'a Window) -> Self {
        let mut state = window.state();
        state.waiting += 1;
        state.peak = state.peak.max(state.in_flight + state.waiting);
        drop(state);
        Self(window)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

/// Keeps a window in step until it is dropped. A Redis that refuses leaves the share as it is.
pub(crate) async fn keep_in_step(window: Arc<Window>, queue: Queue) {
    if let Err(error) = window.keep_in_step(&queue).await {
        warn!(error = %error, "calls at once are no longer shared between consumers");
    }
}
