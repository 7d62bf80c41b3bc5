//! A batch on its way, as far as the queue and the other batches of its run are concerned.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ingest_core::BatchJob;
use job_queue::{Claimed, Settled};
use load::{Load, Plan};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::holds::RunHold;
use crate::{plan::RunPlans, retry::Blocker};

/// The queue is not told of a wait that is shorter.
const UNNOTED_WAIT: Duration = Duration::from_secs(1);

/// A batch on its way.
pub(crate) struct Delivery<'a> {
    pub(crate) claimed: &'a Claimed,
    pub(in crate::delivery) hold: Arc<RunHold>,
    stop: CancellationToken,
    pub(crate) run_plans: Arc<RunPlans>,
    /// By which its rows are written.
    plan: Mutex<Option<(u64, Arc<Plan>)>>,
    /// The queue knows that nothing of it is being sent.
    is_noted: AtomicBool,
}

impl<'a> Delivery<'a> {
    pub(in crate::delivery) fn new(
        claimed: &'a Claimed,
        hold: Arc<RunHold>,
        run_plans: Arc<RunPlans>,
    ) -> Self {
        let stop = hold.stop().child_token();
        let (plan, is_noted) = (Mutex::default(), AtomicBool::new(false));
        Self { claimed, hold, stop, run_plans, plan, is_noted }
    }

    /// Which of the run's plans its rows are written by; 0 before there is one.
    pub(in crate::delivery) fn generation(&self) -> u64 {
        self.kept_plan().as_ref().map_or(0, |(generation, _)| *generation)
    }

    /// The plan by which its rows are written.
    ///
    /// # Panics
    ///
    /// When there is none yet: nothing is sent before there is one.
    pub(in crate::delivery) fn plan(&self) -> Arc<Plan> {
        let plan = self.kept_plan().as_ref().map(|(_, plan)| Arc::clone(plan));
        plan.expect("rows are written by a plan before they are sent")
    }

    pub(in crate::delivery) fn set_plan(&self, generation: u64, plan: &Arc<Plan>) {
        *self.kept_plan() = Some((generation, Arc::clone(plan)));
    }

    fn kept_plan(&self) -> MutexGuard<'_, Option<(u64, Arc<Plan>)>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its run does with its file.
    pub(crate) fn load(&self) -> &Load {
        &self.run_plans.load
    }

    pub(crate) fn job(&self) -> &'a BatchJob {
        self.claimed.job()
    }

    /// Cancelled when no more calls may start for it: the consumer stops, or its run is held or cancelled.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// No consumer can deliver its run for now.
    pub(crate) fn hold_run(&self, blocker: Blocker) {
        self.hold.begin(blocker);
    }

    /// The same, where its rows may be at fault.
    pub(crate) fn hold_run_in_doubt(&self, blocker: Blocker) {
        self.hold.begin_in_doubt(blocker);
    }

    /// Waits for something before anything else is sent. When that takes longer than a moment the
    /// queue is told: a consumer that dies while a batch waits has not died of the batch.
    pub(crate) async fn wait_for<T>(&self, something: impl Future<Output = T>) -> T {
        let mut something = pin!(something);
        if let Ok(there) = timeout(UNNOTED_WAIT, &mut something).await {
            return there;
        }
        if !self.is_noted.swap(true, Ordering::Relaxed) {
            self.note_waiting(true).await;
        }
        something.await
    }

    /// Before something is sent. Gives whether the batch is still ours.
    pub(in crate::delivery) async fn goes_on(&self) -> bool {
        let is_ours =
            !self.is_noted.swap(false, Ordering::Relaxed) || self.note_waiting(false).await;
        is_ours && !self.claimed.is_lost()
    }

    /// Gives whether the batch is still ours. Without the note a death counts, and no more: it is
    /// no reason to drop what is done of the batch.
    async fn note_waiting(&self, waits: bool) -> bool {
        // Boxed, for it is rare, and each wait has room for it.
        match Box::pin(self.claimed.set_waiting(waits)).await {
            Ok(noted) => noted != Settled::LeaseLost,
            Err(error) => {
                warn!(error = %error, "could not note whether a batch waits");
                true
            }
        }
    }
}
