//! What a run does with its file, as the ledger keeps it.

use load::Load;
use serde::{Deserialize, Serialize};

use crate::redis::keys;

/// What a run does with its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunLoad {
    /// What is shown of it.
    pub summary: LoadSummary,
    /// All of it, as [`Load::to_json`] writes it.
    pub text: String,
}

/// What is shown of a load.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadSummary {
    /// Tells it from all others that do something else.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What rows become.
    pub object: String,
    /// What is done with them, such as upsert.
    pub operation: String,
    /// The field by which rows find their record.
    pub external_id: Option<String>,
    /// Digest of how columns become fields, and cells values.
    pub mapping: String,
}

impl RunLoad {
    /// The load of this name.
    #[must_use]
    pub fn new(name: &str, load: &Load) -> Self {
        let text = load.to_json();
        let summary = LoadSummary {
            id: keys::digest(&text, 6),
            name: name.to_owned(),
            object: load.object.clone(),
            operation: load.operation.as_str().to_owned(),
            external_id: load.key.clone(),
            mapping: load.mapping_digest(),
        };
        Self { summary, text }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts become JSON")
    }
}

impl LoadSummary {
    /// Whether it removes records. Then it is never the load of a run of which nobody said it.
    #[must_use]
    pub fn deletes(&self) -> bool {
        matches!(self.operation.as_str(), "delete" | "hard-delete")
    }

    /// Whether a run may get it that is under way already, and of which nobody said what it does: only
    /// what can be repeated without harm. Who starts a run can be asked, so there an insert may be
    /// assumed too.
    #[must_use]
    pub fn may_be_given_unasked(&self) -> bool {
        matches!(self.operation.as_str(), "upsert" | "update")
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts become JSON")
    }
}

impl std::fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, object, operation, external_id, .. } = self;
        write!(f, "{operation} {object}")?;
        if let Some(field) = external_id {
            write!(f, " by {field}")?;
        }
        write!(f, " (load {name})")
    }
}
