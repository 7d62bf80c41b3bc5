//! What becomes of a record that is to be stored.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{id::RecordId, problem::RowError};

/// What became of one record, as the collections answer has it
/// (salesforce-api.md 2.2).
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: Option<RecordId>,
    /// Whether an upsert made a new row; `None` where that is not said.
    pub(crate) created: Option<bool>,
    /// Empty when the record was stored.
    pub(crate) errors: Vec<RowError>,
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = 2 + usize::from(self.id.is_some()) + usize::from(self.created.is_some());
        let mut result = serializer.serialize_struct("Outcome", length)?;
        if let Some(id) = &self.id {
            result.serialize_field("id", id)?;
        }
        result.serialize_field("success", &self.is_success())?;
        result.serialize_field("errors", &self.errors)?;
        if let Some(created) = &self.created {
            result.serialize_field("created", created)?;
        }
        result.end()
    }
}

impl Outcome {
    pub(crate) fn failed(errors: Vec<RowError>) -> Self {
        Self { id: None, created: None, errors }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.errors.is_empty()
    }
}
