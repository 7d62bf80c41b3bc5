//! What a client orders, before any row has come.

use serde::{Deserialize, Serialize};

use crate::{
    api::Version,
    schema::{Column, ObjectNumber},
};

/// What the client asked for when it created the job.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) object: ObjectNumber,
    pub(crate) operation: JobOperation,
    pub(crate) line_ending: LineEnding,
    pub(crate) delimiter: ColumnDelimiter,
    pub(crate) assignment_rule: Option<String>,
    pub(crate) version: Version,
}

/// What is to be done with each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobOperation {
    Insert,
    Update,
    Upsert { key: Column },
    Delete,
    HardDelete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LineEnding {
    #[default]
    Lf,
    Crlf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ColumnDelimiter {
    #[default]
    Comma,
    Tab,
    Pipe,
    Semicolon,
    Caret,
    Backquote,
}

impl JobOperation {
    /// Whether rows may have ids and nothing else.
    pub(crate) fn names_records_only(self) -> bool {
        matches!(self, Self::Delete | Self::HardDelete)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert { .. } => "upsert",
            Self::Delete => "delete",
            Self::HardDelete => "hardDelete",
        }
    }
}

impl LineEnding {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }
}

impl ColumnDelimiter {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Caret => b'^',
            Self::Backquote => b'`',
        }
    }
}
