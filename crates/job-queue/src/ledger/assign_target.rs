//! Which run gets which target.

use ingest_core::RunId;

use crate::{
    Queue, QueueError,
    ledger::target::{Target, Wanted},
    redis::{
        keys::{self, RunKeys},
        scripts,
    },
};

impl Queue {
    /// Gives a run another target. Batches that are being delivered keep the old one until they end.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn set_target(&self, run: &RunId, target: &Target) -> Result<bool, QueueError> {
        self.assign_target(run, target, false).await
    }

    /// Gives `target` to runs that have none yet and want no other.
    pub(crate) async fn offer_target_to_runs(&self, target: &Target) -> Result<(), QueueError> {
        for run in self.runs_without_target().await? {
            // Not its whole entry: that takes a transaction, which a full Redis refuses, and a consumer
            // that starts when Redis is full could never drain it.
            let mut pipeline = redis::pipe();
            pipeline.hget(RunKeys::of(&run).entry(), "wanted");
            let (wanted,): (Option<String>,) =
                self.query("show what a run wants", &pipeline).await?;
            let wanted = wanted.and_then(|wanted| serde_json::from_str(&wanted).ok());
            if wanted.unwrap_or_else(Wanted::default).fits(target) {
                self.assign_target(&run, target, true).await?;
            }
        }
        Ok(())
    }

    async fn runs_without_target(&self) -> Result<Vec<RunId>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.zrange(keys::without_target(), 0, 99);
        let (queues,): (Vec<String>,) = self.query("list runs without a target", &pipeline).await?;
        let id = |queue: &String| queue.rsplit_once(':')?.1.parse().ok();
        Ok(queues.iter().filter_map(id).collect())
    }

    async fn assign_target(
        &self,
        run: &RunId,
        target: &Target,
        only_if_none: bool,
    ) -> Result<bool, QueueError> {
        let mut script = scripts::call(&scripts::SET_TARGET);
        script.arg(run.as_ref()).arg(target.id()).arg(target.to_json()).arg(u8::from(only_if_none));
        self.invoke("give a run its target", &script).await
    }

    /// Runs that have not ended and have another target, or want another one.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn runs_of_others(
        &self,
        target: &Target,
    ) -> Result<Vec<(RunId, Option<Target>)>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.smembers(keys::unfinished_runs());
        let (ids,): (Vec<String>,) = self.query("list unfinished runs", &pipeline).await?;
        let runs: Vec<RunId> = ids.iter().take(100).filter_map(|id| id.parse().ok()).collect();
        let mut pipeline = redis::pipe();
        for run in &runs {
            pipeline.hmget(RunKeys::of(run).entry(), &["target", "wanted"]);
        }
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let targets: Vec<(Option<String>, Option<String>)> =
            self.query("show the targets of runs", &pipeline).await?;
        let others = runs.into_iter().zip(targets).filter_map(|(run, (of, wanted))| {
            let of: Option<Target> = of.and_then(|of| serde_json::from_str(&of).ok());
            let wanted: Wanted = serde_json::from_str(&wanted?).unwrap_or_default();
            let is_ours = of.as_ref().map_or_else(|| wanted.fits(target), |of| of == target);
            (!is_ours).then_some((run, of))
        });
        Ok(others.collect())
    }
}
