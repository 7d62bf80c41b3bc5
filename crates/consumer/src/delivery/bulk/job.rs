//! One ingest job, from its making to its end.

use job_queue::{Claimed, QueueError, Settled};
use salesforce::{IngestJob, IngestState};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{
    access::Reservation,
    checkpoint::Checkpoint,
    job_settings::order,
    request::About,
    step::{Bulk, Load, StepEnd},
    upload::Upload,
};
use crate::{
    counters::JobEnd,
    delivery::{batch::Delivery, batch_state::BatchState, sender::Interruption},
    retry::{BETWEEN_POLLS, CallVerdict, JobProblem, classify_job_call, may_be_for_rows},
};

impl Bulk {
    /// Makes a job, keeps its id with the batch, uploads the rows, and closes it.
    pub(super) async fn start(
        &self,
        load: &Load<'_>,
        upload: Upload,
        state: &mut BatchState,
    ) -> Result<Checkpoint, StepEnd> {
        let (delivery, client) = (load.delivery, &self.sender.client);
        let packed = client.pack_ingest_rows(upload.csv);
        let reserved = delivery
            .stop()
            .run_until_cancelled(delivery.wait_for(self.reserve(delivery.load())))
            .await;
        if reserved.transpose()? != Some(Reservation::Reserved) {
            // The next consumer of the batch, perhaps this one, looks again by which API it goes.
            return Err(Interruption::Stopped.into());
        }
        let order = order(delivery.load(), &load.plan);
        let create = || client.create_ingest_job(&order);
        let job = match self.ask(delivery, state, About::Job, create).await? {
            Ok(job) => job.id,
            Err(refusal) => {
                debug!(error = %refusal, "no ingest job was made");
                return Err(StepEnd::Void);
            }
        };
        job_queue::failpoint!("ingest-created");
        let purpose = self.planner.purpose(delivery.claimed);
        let mut checkpoint =
            Checkpoint { api_calls: state.api_calls, ..Checkpoint::new(&job, &purpose) };
        let kept = self.keep(delivery.claimed, Some(&checkpoint)).await;
        if matches!(kept, Err(StepEnd::Interrupted(Interruption::LeaseLost))) {
            self.abandon(delivery, &job).await;
        }
        kept?;
        job_queue::failpoint!("ingest-noted");
        let put = || client.upload_ingest_rows(&job, &packed);
        match self.ask(delivery, state, About::Rows, put).await {
            Ok(Ok(())) => (),
            Ok(Err(refusal)) if may_be_for_rows(&refusal) => {
                warn!(
                    error = %refusal,
                    "the upload to ingest job {job} was refused; its rows go by calls, which show for \
                     which of them"
                );
                // In this order: one that is kept and gone may have loaded rows.
                self.keep(delivery.claimed, None).await?;
                self.abandon(delivery, &job).await;
                return Err(StepEnd::ByCalls);
            }
            Ok(Err(refusal)) => {
                // Whether it came whole cannot be known. It is not closed, so nothing is loaded.
                warn!(error = %refusal, "the upload to ingest job {job} broke off; making a new one");
                self.abandon(delivery, &job).await;
                return Err(StepEnd::Void);
            }
            Err(interruption) => {
                return Err(self.leave_open(load, &checkpoint, state, interruption).await);
            }
        }
        job_queue::failpoint!("ingest-uploaded");
        let tries = &delivery.job().rows;
        state.sent_again +=
            load.rows.indexes.iter().filter(|row| tries.tries(**row) > 0).count() as u64;
        if !delivery.load().operation.is_idempotent() {
            checkpoint.closing = true;
            self.keep(delivery.claimed, Some(&checkpoint)).await?;
        }
        self.close(load, &checkpoint, state).await?;
        job_queue::failpoint!("ingest-closed");
        Ok(checkpoint)
    }

    /// Closes a job. When that is refused, its state says what it came to.
    async fn close(
        &self,
        load: &Load<'_>,
        checkpoint: &Checkpoint,
        state: &mut BatchState,
    ) -> Result<(), StepEnd> {
        let close = || self.sender.client.close_ingest_job(&checkpoint.job);
        match self.ask(load.delivery, state, About::Job, close).await {
            Ok(_) => Ok(()),
            Err(interruption) => Err(self.leave_open(load, checkpoint, state, interruption).await),
        }
    }

    /// Polls a job until it has ended; that of a run that was cancelled is ended here.
    pub(super) async fn wait_for_end(
        &self,
        load: &Load<'_>,
        checkpoint: &Checkpoint,
        is_ours: bool,
        state: &mut BatchState,
    ) -> Result<IngestJob, StepEnd> {
        let (delivery, client, job) = (load.delivery, &self.sender.client, &checkpoint.job);
        let (mut polls, mut is_aborted) = (0, false);
        loop {
            if !is_aborted && self.is_cancelled(delivery.claimed).await? {
                is_aborted = true;
                let abort = || client.abort_ingest_job(job);
                // When it was refused, it has ended by itself.
                if let Err(interruption) = self.ask(delivery, state, About::Job, abort).await {
                    return Err(self.leave_open(load, checkpoint, state, interruption).await);
                }
            }
            let poll = || client.ingest_job(job);
            let job_state = match self.ask(delivery, state, About::Job, poll).await {
                Ok(Ok(job)) if job.has_ended() => {
                    job_queue::failpoint!("ingest-ended");
                    return Ok(job);
                }
                Ok(Ok(job)) => job.state,
                Ok(Err(refusal)) if is_gone(&classify_job_call(&refusal)) => {
                    return Err(self.lost(load, checkpoint, state));
                }
                // It did not answer for a while: later it may.
                Ok(Err(_)) => IngestState::Unknown,
                Err(interruption) => {
                    return Err(self.leave_open(load, checkpoint, state, interruption).await);
                }
            };
            match job_state {
                // What was uploaded is whole, and only the close got lost.
                IngestState::Open if is_ours => self.close(load, checkpoint, state).await?,
                IngestState::Open => {
                    // In this order: one that is kept and gone may have loaded rows.
                    self.keep(delivery.claimed, None).await?;
                    self.abandon(delivery, job).await;
                    return Err(StepEnd::Void);
                }
                _ => (),
            }
            polls += 1;
            let delay = sleep(BETWEEN_POLLS.delay(polls, fastrand::f64()));
            if delivery.stop().run_until_cancelled(delay).await.is_none() {
                let stopped = Interruption::Stopped;
                return Err(self.leave_open(load, checkpoint, state, stopped).await);
            }
        }
    }

    /// Whether an ingest job loads the rows of a batch, or has loaded them: then its results count,
    /// however many consumers it outlived. One that does not answer now may do so later.
    pub(crate) async fn has_closed_job(&self, claimed: &Claimed) -> bool {
        let Some(checkpoint) = self.checkpoint(claimed) else { return false };
        match self.sender.client.ingest_job(&checkpoint.job).await {
            Ok(job) => job.state != IngestState::Open,
            Err(refusal) => !is_gone(&classify_job_call(&refusal)),
        }
    }

    /// Whether the next consumer of a batch continues with an ingest job.
    pub(crate) fn has_job(&self, claimed: &Claimed) -> bool {
        self.checkpoint(claimed).is_some()
    }

    /// Forgets a job that was made in another org, before the queue was taken over for this one, or for
    /// another load. What it may have stored counts for nothing here: all of its rows are to come to
    /// this org.
    pub(crate) async fn drop_job_for_others(
        &self,
        delivery: &Delivery<'_>,
    ) -> Result<Settled, QueueError> {
        let claimed = delivery.claimed;
        let Some(checkpoint) = claimed.external_job().and_then(Checkpoint::read) else {
            return Ok(Settled::Recorded);
        };
        if checkpoint.is_for(&self.planner.purpose(claimed)) {
            return Ok(Settled::Recorded);
        }
        warn!(
            run.id = %claimed.job().run,
            "ingest job {} was made for another org or another load; it is ended where it can be, and its \
             rows are sent again", checkpoint.job
        );
        // In this order: the next consumer follows one that is kept.
        let kept = claimed.set_external_job(None).await?;
        if kept == Settled::Recorded {
            self.abandon(delivery, &checkpoint.job).await;
        }
        Ok(kept)
    }

    /// A job that is gone. Rows that must not be sent twice may be stored.
    fn lost(&self, load: &Load<'_>, checkpoint: &Checkpoint, state: &mut BatchState) -> StepEnd {
        let job = &checkpoint.job;
        warn!(run.id = %load.delivery.job().run, "ingest job {job} is gone from salesforce");
        self.sender.counters.job_ended(JobEnd::Lost, None);
        if !checkpoint.closing || load.delivery.load().operation.is_idempotent() {
            return StepEnd::Void;
        }
        state.reject_unknown(load.rows.indexes.iter().copied(), "its ingest job is gone");
        StepEnd::Done
    }
}

fn is_gone(verdict: &CallVerdict) -> bool {
    *verdict == CallVerdict::Job(JobProblem::NotFound)
}
