//! All retry policy: what an answer means for its rows. Pure; nothing here waits or sends.
//!
//! The tables are those of Salesforce's status codes for a whole request and for one record. The
//! code decides first, the HTTP status second (the same code comes with different statuses), and
//! the text only where one code stands for different things.

pub(crate) mod backoff;
#[cfg(test)]
mod code_tests;
mod job_error;
mod request_error;
mod row_error;
#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

pub(crate) use self::{
    job_error::{Failure, Refused, failure_code, judge_failure, judge_refusal, may_be_for_rows},
    request_error::{is_about_what_is_gone, judge_request, reason_of},
    row_error::{
        AS_OFTEN_AS_SET, created_by_update, is_about_a_field, judge_row, meets_locks,
        no_row_may_be_written, refuses_writing,
    },
};
use crate::retry::backoff::Backoff;
use load::Reason;

/// What is to be done about a call that brought no row results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestVerdict {
    /// Nothing was done, and nothing is wrong with the rows: the same call again after a wait, as
    /// often as it takes.
    Wait(Trouble),
    /// The same call again after a wait, but not for ever: when it was tried so often and others
    /// get through, the call itself is at fault.
    Repeat {
        /// How often it is sent in all.
        tries: u32,
        /// What to do then.
        then: Then,
    },
    /// The call cannot be taken as it is: its halves may be.
    Halve(Single),
    /// Mostly nobody can deliver this run until a person has done this; but it may be one row that
    /// something on the way does not let through.
    Doubt(&'static str),
    /// The rows may be stored and must not be sent again: the operation is no upsert.
    OutcomeUnknown,
    /// The same, and it is the answer of somebody on the way, who may let nothing else through either
    /// until a person has done this.
    Unsaid(&'static str),
    /// Nobody can deliver this run until a person or time has changed something.
    Hold(Blocker),
    /// This consumer cannot sign in until a person has acted.
    Stop(Blocker),
}

/// What follows when a call was repeated in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Halve(Single),
    Hold(&'static str),
}

/// What becomes of the one row that cannot be halved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Single {
    Reject,
    TryAgain,
}

/// What is the matter with Salesforce, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Too many requests at once.
    Throttled,
    /// The requests of a day are used up.
    QuotaUsedUp,
    /// It says that it cannot serve now.
    Unavailable,
    /// There is no connection.
    Unreachable,
    /// A request was answered by an error that tells nothing, or not at all.
    NoAnswer,
}

/// What a delivered row has changed in Salesforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created,
    Updated,
    Deleted,
}

/// What becomes of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowVerdict {
    /// Salesforce did what was asked.
    Delivered(Change),
    /// Worth another try as it is, in a later pass.
    TryAgain {
        /// So often at most; the setting may say less.
        retries_max: u32,
        reason: Reason,
    },
    /// Worth another try right away, in a smaller call.
    Shrink(Reason),
    /// Worth another try when the trouble is over.
    Wait(Trouble),
    /// Salesforce will never take it as it is.
    Rejected(Reason),
    /// Nobody can deliver this run until a person or time has changed something.
    Hold(Blocker),
}

/// Why nothing can be delivered, and what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("salesforce refuses to go on ({what}); {advice}")]
pub(crate) struct Blocker {
    pub(crate) what: String,
    pub(crate) advice: &'static str,
}

impl Blocker {
    /// Whether each try does harm: then time alone tries nothing.
    pub(crate) fn is_only_for_people(&self) -> bool {
        self.advice == CREATED_BY_UPDATE
    }
}

const CREATED_BY_UPDATE: &str = "look for records that were created at that time and remove them; then \
                                 update by Id, or cancel this run";

pub(crate) const FREE_STORAGE: &str = "free or buy data storage; the rows stay queued";

/// One code for two troubles: only the text tells the daily limit from too many calls at once.
fn limit_exceeded(message: &str) -> Trouble {
    if message.contains("TotalRequests") { Trouble::QuotaUsedUp } else { Trouble::Throttled }
}

/// Whether a code only says that something else failed: a trigger, a flow, Apex. Then the text has
/// to say what; under every other code English words decide nothing, for messages quote values.
fn is_wrapper(code: &str) -> bool {
    matches!(
        code,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
            | "CANNOT_EXECUTE_FLOW_TRIGGER"
            | "UNKNOWN_EXCEPTION"
            | "APEX_ERROR"
    )
}

/// Whether the org runs as many long Apex transactions as it may.
fn says_long_transactions(message: &str) -> bool {
    has_word(message, "ConcurrentPerOrgLongTxn")
}

/// Whether Apex ran into a limit of one transaction, which fewer rows may keep.
fn says_apex_limit(message: &str) -> bool {
    has_word(message, "System.LimitException")
        || message.contains("Too many SOQL queries")
        || message.contains("CPU time limit exceeded")
}

/// Whether it is there as a word of its own, not as a part of a longer name.
fn has_word(message: &str, word: &str) -> bool {
    let is_of_a_name = |character: char| character.is_alphanumeric() || character == '_';
    message.match_indices(word).any(|(at, _)| {
        !message[..at].ends_with(is_of_a_name)
            && !message[at + word.len()..].starts_with(is_of_a_name)
    })
}

impl Trouble {
    /// How long to leave Salesforce alone; `limit_check` is the time between two looks whether calls
    /// of the day are free again.
    pub(crate) fn backoff(self, limit_check: Duration) -> Backoff {
        let (floor, base, cap) = match self {
            Self::Throttled => (500, 5_000, 60_000),
            // The window is a rolling day: seconds make no difference. At the default of five
            // minutes it is left alone for ten minutes at least, and for an hour at most.
            Self::QuotaUsedUp => {
                let times = |factor| limit_check.saturating_mul(factor);
                return Backoff { floor: times(2), base: times(4), cap: times(12) };
            }
            Self::Unavailable => (100, 1_000, 300_000),
            Self::Unreachable | Self::NoAnswer => (100, 1_000, 60_000),
        };
        milliseconds(floor, base, cap)
    }
}

/// Between two passes over rows that are worth another try.
pub(crate) const BETWEEN_PASSES: Backoff = milliseconds(100, 1_000, 60_000);

/// Between two times that a run is held. A person has to act, and that takes a while; the tries are
/// for what ends by itself, and cost a call or a few each.
pub(crate) const BETWEEN_HOLDS: Backoff = milliseconds(30_000, 60_000, 1_800_000);

/// Between two times that a run is held for what may be the fault of its rows. After three times it
/// is: that takes minutes, time enough for what ends by itself and for a person who watches, and a
/// run of bad rows only does not stand still for an hour.
pub(crate) const BETWEEN_DOUBTS: Backoff = milliseconds(40_000, 80_000, 80_000);

/// Between two looks at an ingest job that is not done yet.
pub(crate) const BETWEEN_POLLS: Backoff = milliseconds(100, 500, 30_000);

const fn milliseconds(floor: u64, base: u64, cap: u64) -> Backoff {
    Backoff {
        floor: Duration::from_millis(floor),
        base: Duration::from_millis(base),
        cap: Duration::from_millis(cap),
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Throttled => "salesforce limits the requests at once",
            Self::QuotaUsedUp => "salesforce's daily requests are used up",
            Self::Unavailable => "salesforce is not available",
            Self::Unreachable => "salesforce is not reachable",
            Self::NoAnswer => "salesforce did not say what became of a call",
        })
    }
}
