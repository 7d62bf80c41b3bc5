//! How records are to be stored.

use crate::{
    id::RecordId,
    schema::{Column, ObjectNumber},
};

/// What is to be done with each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    /// By the external id in a column.
    Upsert {
        key: Column,
        update_only: bool,
    },
}

/// How a call wants its records stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) operation: Operation,
    pub(crate) all_or_none: bool,
    /// Whether a record that was rolled back shows the id it had for a moment.
    pub(crate) rolled_back_has_id: bool,
    /// Parents that came later are not found by their keys: a job does not see
    /// its own rows (salesforce-api.md 3.4).
    pub(crate) parents_before: Option<RowsBefore>,
}

/// How a call wants its records deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeleteTerms {
    pub(crate) all_or_none: bool,
    /// Whether they are gone for good. Only ingest jobs can do that (salesforce-api.md 3.1).
    pub(crate) past_the_recycle_bin: bool,
}

/// The rows that an object had at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowsBefore {
    object: ObjectNumber,
    /// Numbers of ids below this one.
    end: u32,
}

impl RowsBefore {
    /// The first `rows` rows of an object.
    pub(super) fn of(object: ObjectNumber, rows: usize) -> Self {
        Self { object, end: u32::try_from(rows).unwrap_or(u32::MAX) }
    }

    /// Whether this row was there; rows of other objects always were.
    pub(super) fn admits(self, object: ObjectNumber, id: RecordId) -> bool {
        object != self.object || id.number < self.end
    }
}
