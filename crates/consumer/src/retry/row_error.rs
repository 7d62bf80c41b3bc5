//! Rows of a call that was answered.

use ingest_core::RejectCode;
use load::{Operation, Reason};
use salesforce::{RowError, RowResult};

use super::{
    backoff::BackoffReason,
    blocker::{Blocker, CREATED_BY_UPDATE, FREE_STORAGE},
    message::{has_word, is_wrapper, limit_exceeded, says_apex_limit, says_long_transactions},
    verdict::{Change, RowVerdict},
};

/// Classifies one row of an answered call.
pub(crate) fn classify_row(result: &RowResult, operation: Operation) -> RowVerdict {
    if result.success {
        return RowVerdict::Delivered(change(result, operation));
    }
    let is_gone = |error: &RowError| error.code == "ENTITY_IS_DELETED";
    if operation == Operation::Delete
        && !result.errors.is_empty()
        && result.errors.iter().all(is_gone)
    {
        return RowVerdict::Delivered(Change::Deleted);
    }
    let reason = |code: &str| Reason::answered(code, all_errors(&result.errors));
    let is_locked = result.errors.iter().any(is_lock);
    let class = |error: &RowError| match classify_error(error, operation) {
        // A wrapper beside a lock says that it was the lock.
        ErrorClass::Reject if is_locked && is_wrapper(&error.code) => {
            ErrorClass::Retry { retries_max: UNLIMITED }
        }
        class => class,
    };
    let decisive = result
        .errors
        .iter()
        .map(|error| (class(error), error))
        .max_by_key(|(class, _)| class.weight());
    match decisive {
        None => {
            let message = "salesforce refused the row without a reason";
            RowVerdict::Rejected(Reason::own(RejectCode::NoReasonGiven, message.to_owned()))
        }
        Some((class, error)) => match class {
            ErrorClass::Retry { retries_max } => {
                RowVerdict::Retry { retries_max, reason: reason(&error.code) }
            }
            ErrorClass::Shrink => RowVerdict::Shrink(reason(&error.code)),
            ErrorClass::Backoff(reason) => RowVerdict::Backoff(reason),
            ErrorClass::Reject => RowVerdict::Rejected(reason(&error.code)),
            ErrorClass::Hold(advice) => {
                RowVerdict::Hold(Blocker { what: error.code.clone(), advice })
            }
        },
    }
}

fn change(result: &RowResult, operation: Operation) -> Change {
    match (operation, result.created) {
        (Operation::Delete | Operation::HardDelete, _) => Change::Deleted,
        // Only an upsert says which of the two it was.
        (_, Some(true)) | (Operation::Insert, None) => Change::Created,
        (_, Some(false) | None) => Change::Updated,
    }
}

/// One error of a row; the weightiest one decides what becomes of the row.
#[derive(Clone, Copy)]
enum ErrorClass {
    Retry { retries_max: u32 },
    Shrink,
    Backoff(BackoffReason),
    Reject,
    Hold(&'static str),
}

impl ErrorClass {
    /// Among two that are worth another try, fewer retries weigh more.
    fn weight(self) -> (u8, u32) {
        match self {
            Self::Retry { retries_max } => (0, u32::MAX - retries_max),
            Self::Shrink => (1, 0),
            Self::Backoff(_) => (2, 0),
            Self::Reject => (3, 0),
            Self::Hold(_) => (4, 0),
        }
    }
}

/// No limit of its own: the setting decides.
pub(crate) const UNLIMITED: u32 = u32::MAX;

fn classify_error(error: &RowError, operation: Operation) -> ErrorClass {
    match error.code.as_str() {
        // First of all: whatever wraps a lock, nothing but the lock is the matter.
        _ if is_lock(error) => ErrorClass::Retry { retries_max: UNLIMITED },
        code if is_wrapper(code) && says_long_transactions(&error.message) => {
            ErrorClass::Backoff(BackoffReason::Throttled)
        }
        code if is_wrapper(code) && says_apex_limit(&error.message) => ErrorClass::Shrink,
        // Rolled back because of another row: nothing is wrong with this one.
        "ALL_OR_NONE_OPERATION_ROLLED_BACK" => ErrorClass::Retry { retries_max: UNLIMITED },
        "UNKNOWN_EXCEPTION" => ErrorClass::Retry { retries_max: 2 },
        "TXN_SECURITY_METERING_ERROR" => ErrorClass::Retry { retries_max: 3 },
        // Another writer created the record between our look-up and our insert: as an upsert it
        // succeeds now.
        "DUPLICATE_VALUE" if operation == Operation::Upsert => ErrorClass::Retry { retries_max: 1 },
        "LIMIT_EXCEEDED" => ErrorClass::Shrink,
        code if code.starts_with("APEX_TIMEOUT") => ErrorClass::Shrink,
        "REQUEST_LIMIT_EXCEEDED" => ErrorClass::Backoff(limit_exceeded(&error.message)),
        "STORAGE_LIMIT_EXCEEDED" => ErrorClass::Hold(FREE_STORAGE),
        _ => ErrorClass::Reject,
    }
}

/// Whether a row met a lock, in a code of its own or in what a trigger or flow says of it.
fn is_lock(error: &RowError) -> bool {
    is_about_a_lock(&error.code, &error.message)
}

/// The same of what was kept of a row's errors.
pub(super) fn is_about_a_lock(code: &str, message: &str) -> bool {
    code == "UNABLE_TO_LOCK_ROW"
        || has_word(message, "UNABLE_TO_LOCK_ROW")
        || is_wrapper(code) && says_lock(message)
}

/// What a trigger's own query says of a lock, and what Salesforce says behind its code.
fn says_lock(message: &str) -> bool {
    message.contains("unable to obtain exclusive access")
        || message.contains("Record Currently Unavailable")
}

/// Whether so many rows of a call were locked that there may be too many writers at once: a tenth,
/// and three at least.
pub(crate) fn meets_locks(results: &[RowResult]) -> bool {
    let locked = results.iter().filter(|result| result.errors.iter().any(is_lock)).count();
    locked >= 3 && locked * 10 >= results.len()
}

/// Whether Salesforce says of a row that one of its fields may not be written, in a code of its own
/// or in what wraps it.
pub(crate) fn says_not_writable(result: &RowResult) -> bool {
    const CODE: &str = "INVALID_FIELD_FOR_INSERT_UPDATE";
    let says_so = |error: &RowError| {
        error.code == CODE || is_wrapper(&error.code) && has_word(&error.message, CODE)
    };
    result.errors.iter().any(says_so)
}

/// Whether a field that is gone, that may not be written (then a key is "not specified"), or that takes other values since it was
/// read, may be the reason.
pub(crate) fn is_about_a_field(result: &RowResult) -> bool {
    let is_about_a_field = |error: &RowError| {
        matches!(
            error.code.as_str(),
            "INVALID_FIELD"
                | "MISSING_ARGUMENT"
                | "STRING_TOO_LONG"
                | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        )
    };
    says_not_writable(result) || result.errors.iter().any(is_about_a_field)
}

/// An update is said to have created a record: then every other row may do so, too.
pub(crate) fn created_by_update() -> Blocker {
    Blocker { what: "an update has created a record".to_owned(), advice: CREATED_BY_UPDATE }
}

/// Whether so many refused rows, of so many that went together, show that the integration user may
/// not write a mapped field: then every row of the run would be rejected, and the cause is not in
/// the rows.
pub(crate) fn no_row_may_be_written(refused: usize, rows: usize) -> Option<Blocker> {
    (rows > 1 && refused == rows).then(|| Blocker {
        what: "INVALID_FIELD_FOR_INSERT_UPDATE for every row".to_owned(),
        advice: "a mapped field may not be written; check field-level security of the integration \
                 user",
    })
}

fn all_errors(errors: &[RowError]) -> String {
    match errors {
        [only] => one_error(only),
        _ => errors
            .iter()
            .map(|error| format!("{}: {}", error.code, one_error(error)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn one_error(error: &RowError) -> String {
    match error.fields.as_slice() {
        [] => error.message.clone(),
        fields => format!("{} ({})", error.message, fields.join(", ")),
    }
}
