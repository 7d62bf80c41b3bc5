//! Makes one request about an ingest job until it is decided what it comes to.

use std::time::Duration;

use job_queue::QueueError;
use tokio::time::{sleep, timeout};

use super::{
    Taking,
    judging::{Refused, judge_refusal, may_be_for_rows},
};
use crate::{
    delivery::{Deliverer, Delivery, End},
    progress::Progress,
    salesforce::Refusal,
    verdict::Trouble,
};

/// Why nothing is delivered, where Bulk is the only API that may be used.
const BULK_IS_SPENT: &str = "the day's Bulk batches are used up but for what is kept for others; SALESFORCE_API=auto would \
     go on with Collections";

/// How often that is told.
const BETWEEN_PAUSE_NOTES: Duration = Duration::from_secs(10);

/// What a request is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Job,
    /// Rows go with it: they may be what it is refused for, and whether half of them came cannot be
    /// known. So it is made once.
    Rows,
}

/// What a request came to.
pub(super) enum Asked<T> {
    Done(T),
    /// It is of no use to repeat it.
    Refused(Refusal),
    End(End),
}

impl Deliverer {
    /// Makes a request, and repeats it while Salesforce is in trouble. One that is answered by
    /// nothing that tells anything is repeated some times.
    pub(super) async fn ask<T, F>(
        &self,
        delivery: &Delivery<'_>,
        progress: &mut Progress,
        about: About,
        request: impl Fn() -> F,
    ) -> Asked<T>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let (mut failures, mut waits) = (0, 0);
        loop {
            let (leave, slot) = match self.leave(delivery).await {
                Ok(leave) => leave,
                Err(end) => return Asked::End(end),
            };
            let Some(answer) = self.stopping.give_up.run_until_cancelled(request()).await else {
                progress.api_calls += 1;
                return Asked::End(End::Interrupted);
            };
            drop(slot);
            let refusal = match answer {
                Ok(answer) => {
                    self.count_call(progress);
                    self.gate.answered(leave.pass);
                    self.window.answered();
                    return Asked::Done(answer);
                }
                Err(refusal) => refusal,
            };
            if !matches!(refusal, Refusal::NotSent { .. } | Refusal::Login(_)) {
                self.count_call(progress);
            }
            match judge_refusal(&refusal) {
                Refused::Wait(trouble) => self.wait(delivery, leave, trouble, &refusal).await,
                Refused::WaitForRoom => {
                    waits += 1;
                    let backoff = self.gate.backoff(Trouble::Throttled);
                    let pause = sleep(backoff.delay(waits, fastrand::f64()));
                    delivery.stop().run_until_cancelled(delivery.wait_for(pause)).await;
                }
                Refused::BulkIsSpent => {
                    self.bulk.is_spent();
                    return Asked::End(End::Interrupted);
                }
                Refused::Repeat { tries } => {
                    failures += 1;
                    self.wait(delivery, leave, Trouble::NoAnswer, &refusal).await;
                    if failures >= tries || about == About::Rows {
                        return Asked::Refused(refusal);
                    }
                }
                Refused::NoSuchJob | Refused::OtherState => return Asked::Refused(refusal),
                Refused::Hold(_) if about == About::Rows && may_be_for_rows(&refusal) => {
                    return Asked::Refused(refusal);
                }
                Refused::Hold(blocker) => {
                    self.hold_for_what_is_gone(delivery, leave.at, &refusal).await;
                    delivery.hold_run(blocker);
                    return Asked::End(End::Interrupted);
                }
                Refused::Stop(blocker) => {
                    self.stopping.stop_because(blocker);
                    return Asked::End(End::Interrupted);
                }
            }
        }
    }

    /// Takes one of the org's Bulk batches; where it has to wait for one, everybody is told.
    pub(super) async fn room_for_a_job(&self) -> Result<Taking, QueueError> {
        let mut has_waited = false;
        let taking = loop {
            let at_most = BETWEEN_PAUSE_NOTES * u32::from(has_waited);
            if let Ok(taking) = timeout(at_most, self.bulk.take_one()).await {
                break taking;
            }
            has_waited = true;
            self.queue.publish_outage(BULK_IS_SPENT, None).await?;
        };
        if has_waited {
            self.queue.clear_outage().await?;
        }
        Ok(taking)
    }

    fn count_call(&self, progress: &mut Progress) {
        progress.api_calls += 1;
        self.totals.called(0);
    }
}
