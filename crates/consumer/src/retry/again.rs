//! Why rows are sent again, for figures.

use ingest_core::RejectCode;
use load::Reason;
use salesforce::Refusal;

use super::{backoff::BackoffReason, row_error::is_about_a_lock};

/// Why rows are sent a second time or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Their records were locked.
    Lock,
    /// A limit of the org: too many calls at once or a day, or too much in one call.
    Limit,
    /// Salesforce could not serve.
    Server,
    /// There was no connection, or no answer.
    NoAnswer,
    /// Their call was refused as a whole: in smaller ones it shows for which of them.
    Split,
}

impl Again {
    pub(crate) const ALL: [Self; 5] =
        [Self::Lock, Self::Limit, Self::Server, Self::NoAnswer, Self::Split];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Limit => "limit",
            Self::Server => "server",
            Self::NoAnswer => "no_answer",
            Self::Split => "split",
        }
    }

    /// After a call had to wait.
    pub(crate) fn after_backoff(reason: BackoffReason) -> Self {
        match reason {
            BackoffReason::Throttled | BackoffReason::QuotaUsedUp => Self::Limit,
            BackoffReason::Unavailable | BackoffReason::NoToken => Self::Server,
            BackoffReason::Unreachable | BackoffReason::NoAnswer => Self::NoAnswer,
        }
    }

    /// After a call that may be made again as it is.
    pub(crate) fn after_refusal(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Answered(_) => Self::Server,
            Refusal::NotSent { .. } | Refusal::OutcomeUnknown { .. } | Refusal::Login(_) => {
                Self::NoAnswer
            }
        }
    }

    /// In a later pass, for what was said of the row.
    pub(crate) fn after_row_error(reason: &Reason) -> Self {
        match reason.code.as_str() {
            code if is_about_a_lock(code, &reason.message) => Self::Lock,
            code if is_unheard_of(code) => Self::NoAnswer,
            "TXN_SECURITY_METERING_ERROR" | "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" => {
                Self::Limit
            }
            _ => Self::Server,
        }
    }
}

fn is_unheard_of(code: &str) -> bool {
    matches!(RejectCode::of(code), Some(RejectCode::NoResult | RejectCode::NoAnswer))
}
