//! Runs that say nothing of what they load get that of a consumer; and which org all runs are for.

use ingest_core::RunId;

use crate::{Queue, QueueError, RunLoad, redis::scripts};

impl Queue {
    /// Gives `load` to runs that have none.
    pub(crate) async fn offer_load_to_runs(&self, load: &RunLoad) -> Result<(), QueueError> {
        for run in self.runs_without_load().await? {
            let mut script = self.keys.script(&scripts::SET_LOAD);
            script.arg(run.as_ref()).arg(&load.summary.id);
            script.arg(load.summary.to_json()).arg(&load.text);
            self.invoke::<u8>("give a run its load", &script).await?;
        }
        Ok(())
    }

    async fn runs_without_load(&self) -> Result<Vec<RunId>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.zrange(self.keys.without_load(), 0, 99);
        let (queues,): (Vec<String>,) = self.query("list runs without a load", &pipeline).await?;
        let id = |queue: &String| queue.rsplit_once(':')?.1.parse().ok();
        Ok(queues.iter().filter_map(id).collect())
    }

    /// The id of the org that the queue belongs to; none before a consumer signed in.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn org(&self) -> Result<Option<String>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline.get(self.keys.org());
        let (org,) = self.query("show whose queue it is", &pipeline).await?;
        Ok(org)
    }

    /// Gives the queue to an org. It may belong to another one already: rows that were meant for one org
    /// never reach another, unless `adopt` says so, and no consumer of the other one is live.
    ///
    /// # Errors
    ///
    /// As [`org`](Self::org).
    pub async fn claim_for_org(&self, org: &str, adopt: bool) -> Result<OrgClaim, QueueError> {
        let mut script = self.keys.script(&scripts::CLAIM_FOR_ORG);
        script.arg(org).arg(u8::from(adopt));
        let (other, consumers): (String, u64) =
            self.invoke("give the queue to an org", &script).await?;
        Ok(match (other, consumers) {
            (other, _) if other.is_empty() => OrgClaim::Given,
            (other, 0) => OrgClaim::OfOther { org: other },
            (other, consumers) => OrgClaim::InUse { org: other, consumers },
        })
    }
}

/// What became of an org's claim on the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgClaim {
    /// The queue belongs to that org.
    Given,
    /// It belongs to another one.
    OfOther {
        /// The id of the other one.
        org: String,
    },
    /// It belongs to another one, and cannot be taken over as long as consumers deliver to that.
    InUse {
        /// The id of the other one.
        org: String,
        /// How many are live.
        consumers: u64,
    },
}
