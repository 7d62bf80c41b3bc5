//! The states of a run as they are stored. What people see follows from them and from more: `RunStatus`
//! of the producer.

use serde::Serialize;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// The blob is being read.
    Feeding,
    /// All of it is read; batches are still to be delivered.
    Draining,
    /// Every row is delivered or rejected.
    Completed,
    /// Ended with a reason; resumed, it goes on where it can.
    Failed,
    /// A person ended it; batches that are being delivered are finished.
    Cancelling,
    /// A person ended it, and no batch of it is being delivered.
    Cancelled,
}

impl RunState {
    /// The state that Redis has by this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "feeding" => Self::Feeding,
            "draining" => Self::Draining,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelling" => Self::Cancelling,
            "cancelled" => Self::Cancelled,
            _ => return None,
        })
    }
}
