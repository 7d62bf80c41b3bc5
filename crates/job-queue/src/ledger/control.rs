//! What a person does to a run: pause and resume. Cancelling is in `queue/cancel.rs`, for it empties
//! the queue. And what a run does by itself: it is held.

use std::time::Duration;

use ingest_core::RunId;
use redis::ScriptInvocation;

use crate::{Queue, QueueError, ledger::run_state::RunState, reason, redis::scripts};

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// It was executed.
    Done,
    /// The run was in that state already.
    Already,
    /// Not allowed in the state that the run is in.
    Refused(RunState),
    /// The run has failed, and this other run reads its file now.
    UnderWay(RunId),
    /// There is no such run.
    Unknown,
}

impl Queue {
    /// Stops a run until it is resumed: no more of it is read, and no batch of it is
    /// handed out. Batches that are being delivered are finished.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pause_run(&self, run: &RunId) -> Result<Control, QueueError> {
        self.control("pause a run", self.keys.script(&scripts::PAUSE_RUN), run).await
    }

    /// Ends a pause. Somebody must feed the run, see
    /// [`push_import`](Self::push_import); a run that was not paused is
    /// [`Control::Already`] running, or waits for that.
    ///
    /// # Errors
    ///
    /// As [`pause_run`](Self::pause_run).
    pub async fn resume_run(&self, run: &RunId) -> Result<Control, QueueError> {
        self.control("resume a run", self.keys.script(&scripts::RESUME_RUN), run).await
    }

    pub(crate) async fn control(
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

    /// Takes a run out of its round: nobody can deliver it until a person resumes it, or until
    /// `retry_in` has passed. Gives how often it was held since a row of it was delivered; 0 when
    /// it has ended.
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
        let mut script = self.keys.script(&scripts::HOLD_RUN);
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
        pipeline.hget(self.keys.run(run).entry(), "holds");
        let (times,): (Option<u32>,) =
            self.query("show how often a run was held", &pipeline).await?;
        Ok(times.unwrap_or_default())
    }
}
