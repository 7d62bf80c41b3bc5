//! What is done with the rows of a run.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the rows are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Update the record with this external id, or create it. Sending a row twice does no harm.
    #[default]
    Upsert,
    /// Always create a record. A row can be stored twice: when a consumer dies after Salesforce
    /// answered, its rows are sent again. Rows whose outcome is unknown are rejected with the code
    /// `UNKNOWN_OUTCOME` instead of sent again.
    Insert,
    /// Update the record with this id or external id; one that is not there is a reject.
    Update,
    /// Delete the record with this id or external id. One that is deleted already is delivered when
    /// it is named by its id; an external id that no record has is a reject.
    Delete,
    /// Delete the record for good: it goes past the recycle bin, and nobody can restore it. Goes by
    /// Bulk API only, and the integration user needs the permission "Bulk API Hard Delete". A record
    /// that is in the recycle bin already is a reject.
    HardDelete,
}

impl Operation {
    /// Whether sending the same row twice leaves the same records as sending it once: an insert
    /// would store it twice.
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        self != Self::Insert
    }

    /// The one that is called so in a run's target.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Upsert, Self::Insert, Self::Update, Self::Delete, Self::HardDelete];
        all.into_iter().find(|operation| operation.as_str() == name)
    }

    /// Whether it may make new records.
    #[must_use]
    pub fn creates(self) -> bool {
        matches!(self, Self::Upsert | Self::Insert)
    }

    /// Whether it may change records that exist.
    #[must_use]
    pub fn updates(self) -> bool {
        matches!(self, Self::Upsert | Self::Update)
    }

    /// Whether it removes records.
    #[must_use]
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::HardDelete)
    }

    /// Whether Salesforce takes ids of records, and no external ids.
    #[must_use]
    pub fn takes_ids(self) -> bool {
        self == Self::Update || self.deletes()
    }

    /// Whether Bulk API alone can do it.
    #[must_use]
    pub fn is_by_bulk_only(self) -> bool {
        self == Self::HardDelete
    }

    /// In a sentence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::HardDelete => "hard-delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_name_and_what_it_may_do() {
        use Operation::{Delete, HardDelete, Insert, Update, Upsert};
        // Idempotent, creates, updates, deletes, takes ids, by Bulk only.
        for (operation, name, may) in [
            (Upsert, "upsert", [true, true, true, false, false, false]),
            (Insert, "insert", [false, true, false, false, false, false]),
            (Update, "update", [true, false, true, false, true, false]),
            (Delete, "delete", [true, false, false, true, true, false]),
            (HardDelete, "hard-delete", [true, false, false, true, true, true]),
        ] {
            let does = [
                operation.is_idempotent(),
                operation.creates(),
                operation.updates(),
                operation.deletes(),
                operation.takes_ids(),
                operation.is_by_bulk_only(),
            ];
            assert_eq!((operation.as_str(), does), (name, may));
            assert_eq!(Operation::named(name), Some(operation));
        }
        assert_eq!(Operation::named("merge"), None);
    }
}
