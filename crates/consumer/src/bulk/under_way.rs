//! One ingest job, from its making to its end.

use bytes::Bytes;
use job_queue::{Claimed, QueueError, RunState, Settled};
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{
    Load, Step, Taking,
    asking::{About, Asked},
    cargo::Cargo,
    judging::{Refused, judge_refusal, may_be_for_rows},
    note::Note,
};
use crate::{
    delivery::{Deliverer, End, reject_unknown},
    progress::Progress,
    salesforce::{IngestJob, IngestState},
    verdict::BETWEEN_POLLS,
};

impl Deliverer {
    /// Makes a job, keeps its id with the batch, uploads the rows, and closes it.
    pub(super) async fn start(
        &self,
        load: &Load<'_>,
        cargo: Cargo,
        progress: &mut Progress,
    ) -> Result<Step<Note>, QueueError> {
        let taking = load
            .delivery
            .stop()
            .run_until_cancelled(load.delivery.wait_for(self.room_for_a_job()))
            .await;
        if taking.transpose()? != Some(Taking::Taken) {
            // Whoever gets the batch next, perhaps we, looks again by which API it goes.
            return Ok(Step::End(End::Interrupted));
        }
        let create = || self.client.create_ingest_job(&self.order);
        let job = match self.ask(load.delivery, progress, About::Job, create).await {
            Asked::Done(job) => job.id,
            Asked::Refused(refusal) => {
                debug!(error = %refusal, "no ingest job was made");
                return Ok(Step::Void);
            }
            Asked::End(end) => return Ok(Step::End(end)),
        };
        job_queue::failpoint!("ingest-created");
        let mut note =
            Note { api_calls: progress.api_calls, ..Note::new(&job, &self.plans.target) };
        if load.delivery.claimed.set_external_job(Some(&note.write())).await? == Settled::LeaseLost
        {
            self.abandon(&job).await;
            return Ok(Step::End(End::LeaseLost));
        }
        job_queue::failpoint!("ingest-noted");
        let csv = Bytes::from(cargo.csv);
        let upload = || self.client.upload_ingest_rows(&job, &csv);
        match self.ask(load.delivery, progress, About::Rows, upload).await {
            Asked::Done(()) => (),
            Asked::Refused(refusal) if may_be_for_rows(&refusal) => {
                warn!(
                    error = %refusal,
                    "the upload to ingest job {job} was refused; its rows go by calls, which show for \
                     which of them"
                );
                // In this order: one that is noted and gone may have loaded rows.
                if load.delivery.claimed.set_external_job(None).await? == Settled::LeaseLost {
                    return Ok(Step::End(End::LeaseLost));
                }
                self.abandon(&job).await;
                return Ok(Step::ByCalls);
            }
            Asked::Refused(refusal) => {
                // Whether it came whole cannot be known. It is not closed, so nothing is loaded.
                warn!(error = %refusal, "the upload to ingest job {job} broke off; making a new one");
                self.abandon(&job).await;
                return Ok(Step::Void);
            }
            Asked::End(end) => return self.leave_under_way(load, &note, progress, end).await,
        }
        job_queue::failpoint!("ingest-uploaded");
        self.count_sent_again(load, progress);
        if !self.limits.operation.is_idempotent() {
            note.closing = true;
            let noted = load.delivery.claimed.set_external_job(Some(&note.write())).await?;
            if noted == Settled::LeaseLost {
                return Ok(Step::End(End::LeaseLost));
            }
        }
        let close = || self.client.close_ingest_job(&job);
        match self.ask(load.delivery, progress, About::Job, close).await {
            // When it was refused, its state says what it came to.
            Asked::Done(_) | Asked::Refused(_) => (),
            Asked::End(end) => return self.leave_under_way(load, &note, progress, end).await,
        }
        job_queue::failpoint!("ingest-closed");
        Ok(Step::Next(note))
    }

    /// Looks at a job until it has ended; that of a run that was cancelled is ended here.
    pub(super) async fn wait_for_end(
        &self,
        load: &Load<'_>,
        note: &Note,
        is_ours: bool,
        progress: &mut Progress,
    ) -> Result<Step<IngestJob>, QueueError> {
        let (mut polls, mut is_aborted) = (0, false);
        loop {
            if !is_aborted && self.is_cancelled(load.delivery.claimed).await? {
                is_aborted = true;
                let abort = || self.client.abort_ingest_job(&note.job);
                // When it was refused, it has ended by itself.
                if let Asked::End(end) = self.ask(load.delivery, progress, About::Job, abort).await
                {
                    return self.leave_under_way(load, note, progress, end).await;
                }
            }
            let look = || self.client.ingest_job(&note.job);
            let state = match self.ask(load.delivery, progress, About::Job, look).await {
                Asked::Done(job) if job.has_ended() => {
                    job_queue::failpoint!("ingest-ended");
                    return Ok(Step::Next(job));
                }
                Asked::Done(job) => job.state,
                Asked::Refused(refusal) => match judge_refusal(&refusal) {
                    Refused::NoSuchJob => return Ok(self.lost(load, note, progress)),
                    // It did not answer for a while: later it may.
                    _ => IngestState::Unknown,
                },
                Asked::End(end) => return self.leave_under_way(load, note, progress, end).await,
            };
            match state {
                // What was uploaded is whole, and only the close got lost.
                IngestState::Open if is_ours => {
                    let close = || self.client.close_ingest_job(&note.job);
                    if let Asked::End(end) =
                        self.ask(load.delivery, progress, About::Job, close).await
                    {
                        return self.leave_under_way(load, note, progress, end).await;
                    }
                }
                IngestState::Open => {
                    // In this order: one that is noted and gone may have loaded rows.
                    if load.delivery.claimed.set_external_job(None).await? == Settled::LeaseLost {
                        return Ok(Step::End(End::LeaseLost));
                    }
                    self.abandon(&note.job).await;
                    return Ok(Step::Void);
                }
                _ => (),
            }
            polls += 1;
            let pause = sleep(BETWEEN_POLLS.delay(polls, fastrand::f64()));
            if load.delivery.stop().run_until_cancelled(pause).await.is_none() {
                return self.leave_under_way(load, note, progress, End::Interrupted).await;
            }
        }
    }

    /// Whether an ingest job loads the rows of a batch, or has loaded them: then its results count,
    /// however many consumers it outlived. One that does not answer now may do so later.
    pub(crate) async fn is_in_salesforces_hands(&self, claimed: &Claimed) -> bool {
        let Some(note) = self.job_under_way(claimed) else { return false };
        match self.client.ingest_job(&note.job).await {
            Ok(job) => job.state != IngestState::Open,
            Err(refusal) => judge_refusal(&refusal) != Refused::NoSuchJob,
        }
    }

    /// The ingest job that carries the rows of a batch for our target, if there is one.
    pub(super) fn job_under_way(&self, claimed: &Claimed) -> Option<Note> {
        let note = claimed.external_job().and_then(Note::read)?;
        note.is_for(&self.plans.target).then_some(note)
    }

    /// Whether whoever gets a batch next goes on with an ingest job.
    pub(crate) fn goes_on_with_a_job(&self, claimed: &Claimed) -> bool {
        self.job_under_way(claimed).is_some()
    }

    /// Forgets and ends a job that was made for another target, before its run was resumed with ours.
    /// What it may have stored there counts for nothing here: all of its rows are to come to ours.
    pub(crate) async fn leave_job_of_another_target(
        &self,
        claimed: &Claimed,
    ) -> Result<Settled, QueueError> {
        let Some(note) = claimed.external_job().and_then(Note::read) else {
            return Ok(Settled::Recorded);
        };
        if note.is_for(&self.plans.target) {
            return Ok(Settled::Recorded);
        }
        warn!(
            run.id = %claimed.job().run,
            "ingest job {} was made for the target that the run had before; it is ended where it can be, \
             and its rows go to the new one", note.job
        );
        // In this order: one that is noted is followed.
        let noted = claimed.set_external_job(None).await?;
        if noted == Settled::Recorded {
            self.abandon(&note.job).await;
        }
        Ok(noted)
    }

    /// A job that is gone. Rows that must not be sent twice may be stored.
    fn lost(&self, load: &Load<'_>, note: &Note, progress: &mut Progress) -> Step<IngestJob> {
        warn!(run.id = %load.delivery.job().run, "ingest job {} is gone from salesforce", note.job);
        if !note.closing || self.limits.operation.is_idempotent() {
            return Step::Void;
        }
        reject_unknown(load.rows.iter().copied(), "its ingest job is gone", progress);
        Step::End(End::AllSent)
    }

    /// Leaves the job to whoever gets the batch next.
    pub(super) async fn leave_under_way<T>(
        &self,
        load: &Load<'_>,
        note: &Note,
        progress: &Progress,
        end: End,
    ) -> Result<Step<T>, QueueError> {
        if end == End::LeaseLost {
            return Ok(Step::End(end));
        }
        let note = Note { api_calls: progress.api_calls, ..note.clone() };
        Ok(Step::End(match load.delivery.claimed.set_external_job(Some(&note.write())).await? {
            Settled::LeaseLost => End::LeaseLost,
            _ => End::UnderWay,
        }))
    }

    /// Whether new jobs may be made for the run of a batch.
    pub(super) async fn may_start(&self, claimed: &Claimed) -> Result<bool, QueueError> {
        let ledger = self.queue.ledger(&claimed.job().run).await?;
        Ok(ledger.is_some_and(|ledger| {
            let stands_still = ledger.paused || ledger.held.is_some();
            !stands_still && matches!(ledger.state, RunState::Feeding | RunState::Draining)
        }))
    }

    async fn is_cancelled(&self, claimed: &Claimed) -> Result<bool, QueueError> {
        let ledger = self.queue.ledger(&claimed.job().run).await?;
        let is_over = |state| matches!(state, RunState::Cancelling | RunState::Cancelled);
        Ok(ledger.is_some_and(|ledger| is_over(ledger.state)))
    }

    /// Ends and removes a job of which nothing is loaded, as well as that can be done.
    async fn abandon(&self, job: &str) {
        let abort = self.client.abort_ingest_job(job).await;
        if let Err(refusal) = abort {
            debug!(error = %refusal, "ingest job {job} could not be aborted; it ends by itself");
        }
        self.delete_ingest_job(job).await;
    }

    /// Removes a job that has ended; what is left is removed by Salesforce after a week.
    pub(crate) async fn delete_ingest_job(&self, job: &str) {
        if let Err(refusal) = self.client.delete_ingest_job(job).await {
            debug!(error = %refusal, "ingest job {job} could not be deleted; salesforce does it later");
        }
    }

    fn count_sent_again(&self, load: &Load<'_>, progress: &mut Progress) {
        let tries = &load.delivery.job().rows;
        progress.sent_again += load.rows.iter().filter(|row| tries.tries(**row) > 0).count() as u64;
    }
}
