//! Where the rows of a run go, and which consumers may deliver them.
//!
//! A consumer registers its target with its heartbeat; a run states what it wants when it is
//! created. It gets its target then, from the live consumers, or else from the first one that
//! fits; and it keeps it.

use serde::{Deserialize, Serialize};

use crate::redis::keys;

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
