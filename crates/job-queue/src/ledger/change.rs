//! What changes in a run's entry besides its counts: how it fails, and what is noted of it.

use ingest_core::RunId;

use crate::{Queue, QueueError, reason, redis::scripts};

impl Queue {
    /// Ends an open run as failed. Its queue stays as it is: a feeder that acquires the run again goes
    /// on there.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn fail_run(&self, run: &RunId, reason: &str) -> Result<(), QueueError> {
        self.end_with(run, reason, "").await
    }

    /// The same for good: the version of the file that the run reads is gone or cannot be read to its
    /// end, and [`resume_run`](Self::resume_run) refuses.
    ///
    /// # Errors
    ///
    /// As [`fail_run`](Self::fail_run).
    pub async fn fail_run_of_replaced_file(
        &self,
        run: &RunId,
        reason: &str,
    ) -> Result<(), QueueError> {
        self.end_with(run, reason, "replaced").await
    }

    /// The same for a run whose load does not fit the org or the file. A load that a consumer gave it goes
    /// again, unless rows were delivered by it: resumed, the run may get another one.
    ///
    /// # Errors
    ///
    /// As [`fail_run`](Self::fail_run).
    pub async fn fail_run_of_misfit(&self, run: &RunId, reason: &str) -> Result<(), QueueError> {
        self.end_with(run, reason, "misfit").await
    }

    async fn end_with(&self, run: &RunId, reason: &str, why: &str) -> Result<(), QueueError> {
        let mut script = self.keys.script(&scripts::FAIL_RUN);
        script.arg(run.as_ref()).arg(&*reason::kept(reason)).arg(why);
        self.invoke::<u8>("fail a run", &script).await.map(drop)
    }

    /// Changes how a run is read, see [`NewRun::settings`](crate::NewRun::settings). Nothing happens when
    /// there is no such run.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn keep_settings(&self, run: &RunId, settings: &str) -> Result<(), QueueError> {
        self.set_field(run, "settings", settings, "").await
    }

    /// Notes that nobody said the load that a run was started with: it is that of the consumers, and goes
    /// again when it does not fit, as one that a consumer gave it.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn note_assumed_load(&self, run: &RunId) -> Result<(), QueueError> {
        self.set_field(run, "load_assumed", "1", "").await
    }

    /// Notes why the reading of a run was interrupted. The note goes when a producer acquires the run.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn note_interruption(&self, run: &RunId, reason: &str) -> Result<(), QueueError> {
        self.set_field(run, "reason", &reason::kept(reason), "feeding").await
    }

    async fn set_field(
        &self,
        run: &RunId,
        field: &str,
        value: &str,
        state: &str,
    ) -> Result<(), QueueError> {
        let mut script = self.keys.script(&scripts::SET_FIELDS);
        script.arg(run.as_ref()).arg(state).arg(field).arg(value);
        self.invoke::<u8>("change the entry of a run", &script).await.map(drop)
    }
}
