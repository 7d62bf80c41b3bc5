//! Runs that no consumer can deliver until a person or time has changed something: the queue takes them
//! out of the round, and here no more calls of them start. Other runs continue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use ingest_core::RunId;
use job_queue::{Queue, QueueError};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::retry::{BETWEEN_DOUBTS, BETWEEN_HOLDS, Blocker};

/// The runs that are being delivered.
#[derive(Debug)]
pub(crate) struct Holds {
    /// Of the whole consumer.
    stop: CancellationToken,
    runs: Mutex<HashMap<RunId, Weak<RunHold>>>,
}

/// What the deliveries of a run share that began since it was held last.
#[derive(Debug)]
pub(crate) struct RunHold {
    run: RunId,
    stop: CancellationToken,
    begun: OnceLock<Begun>,
    /// For how long batches are to be released, once the queue holds the run.
    placed: OnceCell<Duration>,
}

/// Why a run is held.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    blocker: Blocker,
    /// Whether its rows may be at fault.
    in_doubt: bool,
}

impl Begun {
    /// For how long the run is held this time.
    fn delay(&self, times_before: u32, random: f64) -> Duration {
        let between = if self.in_doubt { BETWEEN_DOUBTS } else { BETWEEN_HOLDS };
        between.delay(times_before.saturating_add(1), random)
    }
}

impl Holds {
    pub(crate) fn new(stop: &CancellationToken) -> Self {
        Self { stop: stop.clone(), runs: Mutex::default() }
    }

    /// For a batch that was claimed just now: the queue did not hold its run then. As long as it does not do so
    /// yet, a hold that has begun stops this batch too: it would be sent as those were that the run is held
    /// for.
    pub(in crate::delivery) fn join(&self, run: &RunId) -> Arc<RunHold> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = runs.get(run).and_then(Weak::upgrade)
            && !hold.is_placed()
        {
            return hold;
        }
        runs.retain(|_, hold| hold.strong_count() > 0);
        let hold = Arc::new(RunHold {
            run: run.clone(),
            stop: self.stop.child_token(),
            begun: OnceLock::new(),
            placed: OnceCell::new(),
        });
        runs.insert(run.clone(), Arc::downgrade(&hold));
        hold
    }
}

impl RunHold {
    pub(in crate::delivery) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// No more calls of the run start; the first reason counts.
    pub(in crate::delivery) fn begin(&self, blocker: Blocker) {
        self.set(Begun { blocker, in_doubt: false });
    }

    /// The same, where the rows may be at fault.
    pub(in crate::delivery) fn begin_in_doubt(&self, blocker: Blocker) {
        self.set(Begun { blocker, in_doubt: true });
    }

    fn set(&self, begun: Begun) {
        let _first = self.begun.set(begun);
        self.stop.cancel();
    }

    /// Whether no more calls of the run start, since its rows may be at fault.
    pub(in crate::delivery) fn is_in_doubt(&self) -> bool {
        self.begun.get().is_some_and(|begun| begun.in_doubt)
    }

    /// Whether no more calls of the run start.
    pub(in crate::delivery) fn has_begun(&self) -> bool {
        self.begun.get().is_some()
    }

    /// Whether the queue holds the run.
    fn is_placed(&self) -> bool {
        self.placed.initialized()
    }

    /// Sees to it that the queue holds the run before a batch of it is released, if it is to be
    /// held. The answer is how long that batch has to wait for itself: a run that is being
    /// cancelled is not held, and neither is any when Redis refuses.
    pub(in crate::delivery) async fn place(&self, queue: &Queue) -> Duration {
        let Some(begun) = self.begun.get() else { return Duration::ZERO };
        let placed = self.placed.get_or_try_init(|| self.hold(queue, begun)).await;
        placed.copied().unwrap_or_else(|error| {
            error!(run = %self.run, error = %error, "could not hold run {}", self.run);
            BETWEEN_HOLDS.floor
        })
    }

    async fn hold(&self, queue: &Queue, begun: &Begun) -> Result<Duration, QueueError> {
        let blocker = &begun.blocker;
        let ledger = queue.ledger(&self.run).await?;
        if ledger.is_some_and(|ledger| ledger.held.is_some()) {
            // Another consumer met the same: held once, and counted once.
            return Ok(Duration::ZERO);
        }
        let before = queue.times_held(&self.run).await?;
        let delay = begun.delay(before, fastrand::f64());
        let by_itself = (!blocker.is_only_for_people()).then_some(delay);
        let times = queue.hold_run(&self.run, &blocker.to_string(), by_itself).await?;
        if times == 0 {
            warn!(run = %self.run, error = %blocker, "run {} waits", self.run);
            return Ok(delay);
        }
        if by_itself.is_none() {
            warn!(run = %self.run, error = %blocker, "run {} is held until it is resumed", self.run);
            return Ok(Duration::ZERO);
        }
        warn!(
            run = %self.run,
            retry_s = delay.as_secs(),
            times,
            error = %blocker,
            "run {} is held; it is tried again by itself, or at once when it is resumed",
            self.run
        );
        Ok(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocker(what: &str) -> Blocker {
        Blocker { what: what.to_owned(), advice: "" }
    }

    #[test]
    fn a_hold_stops_the_deliveries_of_its_run_until_it_is_placed_and_no_later_ones() {
        let holds = Holds::new(&CancellationToken::new());
        let (a, b): (RunId, RunId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let (first, second, other) = (holds.join(&a), holds.join(&a), holds.join(&b));

        first.begin(blocker("full"));
        second.begin(blocker("disabled"));
        let meanwhile = holds.join(&a);
        first.placed.set(Duration::ZERO).unwrap();
        let after = holds.join(&a);

        let are_stopped = [&first, &second, &meanwhile, &other, &after];
        let are_stopped = are_stopped.map(|hold| hold.stop().is_cancelled());
        assert_eq!(are_stopped, [true, true, true, false, false]);
        assert_eq!(second.begun.get().map(|begun| &begun.blocker), Some(&blocker("full")));
    }

    #[test]
    fn rows_that_may_be_at_fault_hold_their_run_for_minutes_however_often_it_was_held() {
        let doubt = Begun { blocker: blocker("refused"), in_doubt: true };
        let other = Begun { blocker: blocker("full"), in_doubt: false };

        for before in [0, 9] {
            let three = |random| (before..before + 3).map(|times| doubt.delay(times, random)).sum();
            let (shortest, longest): (Duration, Duration) = (three(0.0), three(1.0));
            let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
            assert_eq!((shortest, longest), (minutes(2), minutes(4)), "held {before} times before");
        }
        assert_eq!(other.delay(9, 1.0), Duration::from_secs(1_800));
    }

    #[test]
    fn a_stop_of_the_consumer_stops_all_and_holds_none() {
        let stop = CancellationToken::new();
        let holds = Holds::new(&stop);
        let hold = holds.join(&"a".parse().unwrap());

        stop.cancel();

        assert!(hold.stop().is_cancelled() && !hold.has_begun());
    }

    #[test]
    fn runs_that_are_no_longer_delivered_are_forgotten() {
        let holds = Holds::new(&CancellationToken::new());
        for number in 0..1_000 {
            drop(holds.join(&format!("run-{number}").parse().unwrap()));
        }

        assert_eq!(holds.runs.lock().unwrap().len(), 1);
    }
}
