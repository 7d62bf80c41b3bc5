//! What became of one row that was to be written.

use std::{borrow::Cow, ops::Range};

use ingest_core::RejectCode;

use crate::Reason;

/// A row that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// Why, as it is said of the row.
    pub reason: Reason,
    /// The same of each cell that is to blame; of none, when it is the row as a whole.
    pub cells: Vec<InvalidCell>,
}

/// A cell that cannot be what its field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCell {
    /// Which of the plan's [columns](crate::Plan) it is for, from 0.
    pub target: usize,
    /// What is wrong with it; never what it is.
    pub rule: Cow<'static, str>,
}

/// One row.
#[derive(Debug)]
pub enum EncodedRow {
    /// It can be sent.
    Ready {
        /// Where it is in the buffer.
        text: Range<usize>,
        /// Where its key is in the buffer; nothing without a key.
        key: Range<usize>,
        /// The row before it that has the same key.
        after: Option<usize>,
    },
    /// It can be sent, but only as JSON.
    OnlyAsJson {
        /// The row before it that has the same key.
        after: Option<usize>,
    },
    /// It cannot be sent.
    Invalid(Reason),
}

impl EncodedRow {
    /// The row before it that has the same key; the outer option is nothing for a row that cannot be sent.
    #[must_use]
    pub fn after(&self) -> Option<Option<usize>> {
        match self {
            Self::Ready { after, .. } | Self::OnlyAsJson { after } => Some(*after),
            Self::Invalid(_) => None,
        }
    }

    /// Whether a value of it does not fit its field.
    #[must_use]
    pub fn has_invalid_values(&self) -> bool {
        matches!(self, Self::Invalid(reason) if reason.code == RejectCode::InvalidValue.as_str())
    }
}

/// Of a row whose record was looked up and not found. It has a verdict already; this is said of it nowhere.
pub(crate) fn without_record() -> Reason {
    Reason::own(RejectCode::NotFound, String::new())
}
