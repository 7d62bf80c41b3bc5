//! Why a row is rejected or tried again.

use std::fmt;

use ingest_core::{RejectCode, code_and_message};

/// Why a row is rejected or tried again.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason {
    /// Status code of the error that decided, or `OTHER` for what is no code.
    pub code: String,
    /// All errors of the row.
    pub message: String,
}

impl Reason {
    /// One of ours.
    #[must_use]
    pub fn own(code: RejectCode, message: String) -> Self {
        Self { code: code.as_str().to_owned(), message }
    }

    /// As an answer gives it, whatever that has for a code.
    #[must_use]
    pub fn answered(code: &str, message: String) -> Self {
        let (code, message) = code_and_message(code, message);
        Self { code, message }
    }
}

/// Shows the code only: messages may quote the row's values.
impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.code)
    }
}
