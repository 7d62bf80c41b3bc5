//! What a person does to a run: pause, resume, cancel.

use std::time::Duration;

use ingest_core::RunId;
use redis::ScriptInvocation;

use crate::{
    Claimed, Queue, QueueError, RunState, queue::Claims, reason, redis::keys::RunKeys,
    redis::scripts,
};

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is so now.
    Done,
    /// It was so before.
    Already,
    /// Not in the state that the run is in.
    Refused(RunState),
    /// It has failed, and this other run reads its file meanwhile.
    UnderWay(RunId),
    /// There is no such run.
    Unknown,
}

impl Queue {
    /// Stops a run until it is resumed: no more of it is read, and no batch of it is
    /// handed out. What is being delivered is seen through.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pause_run(&self, run: &RunId) -> Result<Control, QueueError> {
        self.control("pause a run", scripts::call(&scripts::PAUSE_RUN), run).await
    }

    /// Ends a pause. Somebody must feed the run, see
    /// [`push_import`](Self::push_import); a run that was not paused is
    /// [`Control::Already`] running, or waits for that.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn resume_run(&self, run: &RunId) -> Result<Control, QueueError> {
        self.control("resume a run", scripts::call(&scripts::RESUME_RUN), run).await
    }

    /// Ends a run for good: what is queued of it is removed and counts as cancelled;
    /// what is being delivered is seen through, and counts as what becomes of it.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn cancel_run(&self, run: &RunId) -> Result<Control, QueueError> {
        let script = scripts::call(&scripts::CANCEL_RUN);
        let control = self.control("cancel a run", script, run).await?;
        if matches!(control, Control::Done | Control::Already) {
            // So that it ends without a consumer.
            Claims::of_nobody(self).leave_out_all::<Claimed>(run).await?;
            self.do_without_lost_batches(run).await?;
        }
        Ok(control)
    }

    async fn do_without_lost_batches(&self, run: &RunId) -> Result<(), QueueError> {
        let ledger = self.ledger(run).await?;
        if let Some(ledger) = ledger.filter(|ledger| ledger.state == RunState::Cancelling) {
            let lost = self.count_lost_batches(&ledger).await?;
            self.requeue_run(run, lost).await?;
        }
        Ok(())
    }

    async fn control(
        &self,
        action: &'static str,
        mut script: ScriptInvocation<'_>,
        run: &RunId,
    ) -> Result<Control, QueueError> {
        let answer: String = self.invoke(action, script.arg(run.as_ref())).await?;
        if let Some(other) = answer.strip_prefix("under_way ").and_then(|run| run.parse().ok()) {
            return Ok(Control::UnderWay(other));
        }
        Ok(match answer.as_str() {
            "done" => Control::Done,
            "already" => Control::Already,
            state => RunState::of(state).map_or(Control::Unknown, Control::Refused),
        })
    }

    /// Takes a run out of the round: nobody can deliver it until a person resumes it, or until
    /// `retry_in` has passed. Gives how often it was held since a row of it was delivered; 0 when
    /// it is not under way.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn hold_run(
        &self,
        run: &RunId,
        reason: &str,
        retry_in: Option<Duration>,
    ) -> Result<u32, QueueError> {
        let mut script = scripts::call(&scripts::HOLD_RUN);
        script.arg(run.as_ref()).arg(&*reason::kept(reason));
        script.arg(retry_in.map(|delay| delay.as_millis().to_string()).unwrap_or_default());
        self.invoke("hold a run", &script).await
    }

    /// How often a run was held since a row of it was delivered, be it held now or not.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn times_held(&self, run: &RunId) -> Result<u32, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.hget(RunKeys::of(run).entry(), "holds");
        let (times,): (Option<u32>,) =
            self.query("tell how often a run was held", &pipeline).await?;
        Ok(times.unwrap_or_default())
    }
}
