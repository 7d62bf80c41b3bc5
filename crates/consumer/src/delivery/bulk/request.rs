//! Makes one request about an ingest job until it is decided what it comes to.

use std::time::Duration;

use job_queue::{OutageKind, QueueError};
use load::Load;
use salesforce::Refusal;
use tokio::time::timeout;

use super::{access::Reservation, step::Bulk};
use crate::{
    delivery::{
        batch::Delivery,
        batch_state::BatchState,
        sender::{CallError, Interruption, Refused, Retries},
    },
    retry::{Again, CallVerdict, JobProblem, classify_job_call, for_operation, may_be_for_rows},
};

/// Why nothing is delivered, where Bulk is the only API that may be used.
const BULK_IS_SPENT: &str = "the day's Bulk batches are used up but for what is kept for others";

/// The same, where another API could go on.
const BULK_ALONE_IS_SPENT: &str = "the day's Bulk batches are used up but for what is kept for others; runs that are started \
     with --api auto go on with Collections";

/// How often that is published.
const BETWEEN_OUTAGE_NOTES: Duration = Duration::from_secs(10);

/// What a request is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Job,
    /// Rows go with it: they may be what it is refused for, and whether half of them came cannot be
    /// known. So it is made once.
    Rows,
}

impl Bulk {
    /// Makes a request, and retries it during an outage. The inner error is not retryable.
    pub(super) async fn ask<T, F>(
        &self,
        delivery: &Delivery<'_>,
        state: &mut BatchState,
        about: About,
        request: impl Fn() -> F,
    ) -> Result<Result<T, Refusal>, Interruption>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let tries_max = if about == About::Rows { 1 } else { u32::MAX };
        let count = |_again: Option<Again>| {
            state.api_calls += 1;
            self.sender.counters.called();
        };
        let retries = Retries::AtMost(tries_max);
        let called = self.sender.call(delivery, classify_job_call, retries, count, request).await;
        let Refused { verdict, refusal, started, is_at_fault } = match called {
            Ok((started, answer)) => {
                self.sender.throttle.succeeded(started);
                return Ok(Ok(answer));
            }
            Err(CallError::Interrupted(interruption)) => {
                state.api_calls += u64::from(interruption == Interruption::Forced);
                return Err(interruption);
            }
            Err(CallError::Refused(refused)) => refused,
        };
        match verdict {
            CallVerdict::Job(JobProblem::NoBatchesLeft) => {
                self.access.is_spent();
                Err(Interruption::Stopped)
            }
            // It is one of the rows that may be refused: they go by calls, which show for which.
            CallVerdict::Hold(_) if about == About::Rows && may_be_for_rows(&refusal) => {
                Ok(Err(refusal))
            }
            CallVerdict::Hold(blocker) if !is_at_fault => {
                let blocker = for_operation(blocker, delivery.load().operation);
                self.planner.hold_run(delivery, started.at, &refusal, blocker).await;
                Err(Interruption::Stopped)
            }
            _ => Ok(Err(refusal)),
        }
    }

    /// Reserves one of the org's Bulk batches; a wait for one is published.
    pub(super) async fn reserve(&self, load: &Load) -> Result<Reservation, QueueError> {
        let (choice, is_by_bulk_only) = (load.api, load.operation.is_by_bulk_only());
        let reason = if is_by_bulk_only { BULK_IS_SPENT } else { BULK_ALONE_IS_SPENT };
        let mut has_waited = false;
        let reservation = loop {
            let at_most = BETWEEN_OUTAGE_NOTES * u32::from(has_waited);
            if let Ok(reservation) = timeout(at_most, self.access.reserve(choice)).await {
                break reservation;
            }
            has_waited = true;
            self.queue.publish_outage(OutageKind::BulkBatches, reason, None).await?;
        };
        if has_waited {
            self.queue.clear_outage(OutageKind::BulkBatches).await?;
        }
        Ok(reservation)
    }
}
