//! What a refusal of a call or of a row means for what is sent next.

use load::Reason;

use super::{backoff::BackoffReason, blocker::Blocker};

/// What is to be done about a call that brought no row results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallVerdict {
    /// Nothing was done, and nothing is wrong with the rows: the same call again after a wait, as
    /// often as it takes. (A call that alone is told so, again and again, is split.)
    Backoff(BackoffReason),
    /// The same call again after a wait, but not for ever: when it was tried so often and others
    /// get through, the call itself is at fault.
    Retry {
        /// How often it is sent in all.
        tries: u32,
        /// What to do then.
        on_exhausted: OnExhausted,
    },
    /// The call cannot be taken as it is: its halves may be.
    Split(OnSingleRow),
    /// Mostly no consumer can deliver this run until a person has done this; but it may be one row that
    /// an intermediary blocks.
    Doubt(&'static str),
    /// The rows may be stored and must not be sent again: the operation is no upsert.
    OutcomeUnknown,
    /// The same, and it is the answer of an intermediary, such as a proxy, which may block everything
    /// else too until a person has done this.
    IntermediaryAnswered(&'static str),
    /// No consumer can deliver this run until a person or time has changed something.
    Hold(Blocker),
    /// This consumer cannot sign in until a person has acted.
    Stop(Blocker),
    /// It is about an ingest job, and nothing is wrong with its rows.
    Job(JobProblem),
}

/// What is the matter with an ingest job, or with making one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobProblem {
    /// The org has as many open jobs as it may: there is room for one more later; other calls continue.
    NoSlot,
    /// The day's Bulk batches are used up.
    NoBatchesLeft,
    /// There is no such job (any more).
    NotFound,
    /// The job is in another state than it was taken to be.
    OtherState,
}

/// What follows when a call was repeated in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnExhausted {
    Split(OnSingleRow),
    Hold(&'static str),
}

impl OnExhausted {
    /// Whether the run is held then.
    pub(crate) fn holds(self) -> bool {
        matches!(self, Self::Hold(_))
    }
}

/// What becomes of the one row that cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnSingleRow {
    Reject,
    Retry,
}

/// What a delivered row has changed in Salesforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Deleted,
}

impl Change {
    /// As the ids file says it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// What becomes of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowVerdict {
    /// Salesforce did what was asked.
    Delivered(Change),
    /// Worth another try as it is, in a later pass.
    Retry {
        /// So often at most; the setting may say less.
        retries_max: u32,
        reason: Reason,
    },
    /// Worth another try right away, in a smaller call.
    Shrink(Reason),
    /// Worth another try after a backoff.
    Backoff(BackoffReason),
    /// Salesforce will never take it as it is.
    Rejected(Reason),
    /// No consumer can deliver this run until a person or time has changed something.
    Hold(Blocker),
}
