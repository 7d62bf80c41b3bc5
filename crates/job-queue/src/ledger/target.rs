//! Where the rows of a run go, and who may take them there.
//!
//! A consumer says what it delivers when it shows that it lives; a run says what it wants when
//! it is entered. It gets its target then, from the consumers that are alive, or else from the
//! first one that fits; and it keeps it.

use ingest_core::RunId;
use serde::{Deserialize, Serialize};

use crate::{
    Queue, QueueError,
    redis::keys::{self, RunKeys},
    redis::scripts,
};

/// What a consumer does with rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Id of the org, or the host of its API where the sign-in does not tell the id.
    pub org: String,
    /// What rows become.
    pub object: String,
    /// What is done with them, such as upsert.
    pub operation: String,
    /// The field by which rows find their record.
    pub external_id: Option<String>,
    /// Digest of how columns become fields, and cells values.
    pub mapping: String,
}

/// What a run asks of a target; what it does not say may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// One target and no other, by the beginning of its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The field by which rows find their record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The target of a run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Known(Target),
    /// That of the first consumer that fits: there is none yet.
    Open,
    /// Consumers of several fit: a person has to say which.
    Ambiguous(Vec<Target>),
}

impl Target {
    /// Tells it from all others.
    #[must_use]
    pub fn id(&self) -> String {
        keys::digest(&self.to_json(), 6)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts become JSON")
    }

    /// The other is the same but for the mapping.
    #[must_use]
    pub fn differs_in_mapping_only(&self, other: &Self) -> bool {
        self != other && Self { mapping: other.mapping.clone(), ..self.clone() } == *other
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { org, object, operation, external_id, mapping } = self;
        write!(f, "{operation} {object}")?;
        if let Some(field) = external_id {
            write!(f, " by {field}")?;
        }
        write!(f, " in org {org}, mapping {mapping}")
    }
}

impl Wanted {
    /// Whether a run may be given this target. Nothing is deleted for somebody who did not say so.
    #[must_use]
    pub fn fits(&self, target: &Target) -> bool {
        let says_what_is_done = self.operation.is_some() || self.id.is_some();
        self.may_mean(target) && (says_what_is_done || target.operation != "delete")
    }

    /// It asks for nothing else. Names in Salesforce have no case.
    fn may_mean(&self, target: &Target) -> bool {
        let Self { id, object, operation, external_id } = self;
        let same = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        id.as_ref().is_none_or(|id| target.id().starts_with(id.as_str()))
            && same(object, &target.object)
            && same(operation, &target.operation)
            && same(external_id, target.external_id.as_deref().unwrap_or_default())
    }

    /// The target of a run that wants this, by the targets of the consumers that are alive.
    #[must_use]
    pub fn choose(&self, alive: &[Target]) -> Choice {
        let mut meant: Vec<Target> =
            alive.iter().filter(|target| self.may_mean(target)).cloned().collect();
        meant.sort();
        meant.dedup();
        match meant.len() {
            1 if self.fits(&meant[0]) => Choice::Known(meant.remove(0)),
            0 | 1 => Choice::Open,
            _ => Choice::Ambiguous(meant),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts become JSON")
    }
}

impl Queue {
    /// Targets of the consumers that are alive, each once.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn live_targets(&self) -> Result<Vec<Target>, QueueError> {
        let living = self.living(CONSUMERS).await?;
        let mut targets: Vec<Target> =
            living.iter().filter_map(|(_, target)| serde_json::from_str(target).ok()).collect();
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    /// How many consumers have shown themselves within their lease.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
    pub async fn live_consumers(&self) -> Result<u64, QueueError> {
        Ok(self.living(CONSUMERS).await?.len() as u64)
    }

    /// How many servers have, that take runs to import.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
    pub async fn live_servers(&self) -> Result<u64, QueueError> {
        Ok(self.living(SERVERS).await?.len() as u64)
    }

    /// Names, and what they said of themselves.
    async fn living(&self, living: &str) -> Result<Vec<(String, String)>, QueueError> {
        let mut script = scripts::call(&scripts::LIVE);
        self.invoke("tell who is there", script.arg(living)).await
    }

    /// Gives a run another target. What is being delivered at this moment is seen through with
    /// the old one.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
    pub async fn set_target(&self, run: &RunId, target: &Target) -> Result<bool, QueueError> {
        self.put_into_round(run, target, false).await
    }

    /// Gives `target` to runs that have none yet and want no other.
    pub(crate) async fn give_target_to_runs(&self, target: &Target) -> Result<(), QueueError> {
        for run in self.runs_without_target().await? {
            // Not its whole ledger: a full Redis refuses the transaction that this takes, and would
            // never be drained by a consumer that came when it was full.
            let mut pipeline = redis::pipe();
            pipeline.hget(RunKeys::of(&run).entry(), "wanted");
            let (wanted,): (Option<String>,) =
                self.query("tell what a run wants", &pipeline).await?;
            let wanted = wanted.and_then(|wanted| serde_json::from_str(&wanted).ok());
            if wanted.unwrap_or_else(Wanted::default).fits(target) {
                self.put_into_round(&run, target, true).await?;
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

    async fn put_into_round(
        &self,
        run: &RunId,
        target: &Target,
        only_if_none: bool,
    ) -> Result<bool, QueueError> {
        let mut script = scripts::call(&scripts::SET_TARGET);
        script.arg(run.as_ref()).arg(target.id()).arg(target.to_json()).arg(u8::from(only_if_none));
        self.invoke("give a run its target", &script).await
    }

    /// Runs that are under way and whose target is another one, or that want another.
    ///
    /// # Errors
    ///
    /// As [`live_targets`](Self::live_targets).
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
        let said: Vec<(Option<String>, Option<String>)> =
            self.query("tell the targets of runs", &pipeline).await?;
        let others = runs.into_iter().zip(said).filter_map(|(run, (of, wanted))| {
            let of: Option<Target> = of.and_then(|of| serde_json::from_str(&of).ok());
            let wanted: Wanted = serde_json::from_str(&wanted?).unwrap_or_default();
            let is_ours = of.as_ref().map_or_else(|| wanted.fits(target), |of| of == target);
            (!is_ours).then_some((run, of))
        });
        Ok(others.collect())
    }
}

/// What those who deliver batches are called among the living.
pub(crate) const CONSUMERS: &str = "consumers";

/// And those who import runs.
pub(crate) const SERVERS: &str = "servers";

impl From<&Target> for Wanted {
    fn from(target: &Target) -> Self {
        Self { id: Some(target.id()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(object: &str, operation: &str, mapping: &str) -> Target {
        Target {
            org: "00D1".to_owned(),
            object: object.to_owned(),
            operation: operation.to_owned(),
            external_id: Some("Id".to_owned()),
            mapping: mapping.to_owned(),
        }
    }

    #[test]
    fn a_run_gets_the_one_target_that_fits_and_never_guesses() {
        let (update, delete) = (target("Lead", "update", "m1"), target("Lead", "delete", "m1"));
        let other_mapping = target("Lead", "update", "m2");
        let wants = |object: Option<&str>, operation: Option<&str>| Wanted {
            object: object.map(str::to_owned),
            operation: operation.map(str::to_owned),
            ..Wanted::default()
        };
        let by_id = Wanted::from(&other_mapping);
        let cases = [
            (wants(None, None), vec![], Choice::Open),
            (wants(None, None), vec![update.clone(); 3], Choice::Known(update.clone())),
            (wants(None, None), vec![delete.clone()], Choice::Open),
            (
                wants(None, None),
                vec![update.clone(), delete.clone()],
                Choice::Ambiguous(vec![delete.clone(), update.clone()]),
            ),
            (wants(Some("Lead"), Some("delete")), vec![delete.clone()], Choice::Known(delete)),
            (
                wants(Some("lead"), Some("update")),
                vec![update.clone(), target("Lead", "upsert", "m1")],
                Choice::Known(update.clone()),
            ),
            (wants(Some("Contact"), None), vec![update.clone()], Choice::Open),
            (
                wants(Some("Lead"), Some("update")),
                vec![update.clone(), other_mapping.clone()],
                Choice::Ambiguous(vec![update.clone(), other_mapping.clone()]),
            ),
            (by_id, vec![update.clone(), other_mapping.clone()], Choice::Known(other_mapping)),
        ];

        for (wanted, alive, choice) in cases {
            assert_eq!(wanted.choose(&alive), choice, "{wanted:?} of {alive:?}");
        }
    }

    #[test]
    fn another_mapping_is_another_target_that_differs_in_nothing_else() {
        let (one, two) = (target("Lead", "update", "m1"), target("Lead", "update", "m2"));

        assert_ne!(one.id(), two.id());
        assert!(one.differs_in_mapping_only(&two));
        assert!(!one.differs_in_mapping_only(&one));
        assert!(!one.differs_in_mapping_only(&target("Lead", "delete", "m2")));
    }
}
