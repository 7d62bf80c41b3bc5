//! All retry policy: what an answer means for its rows. Pure; nothing here waits or sends.
//!
//! The tables are those of Salesforce's status codes for a whole request and for one record. The
//! code decides first, the HTTP status second (the same code comes with different statuses), and
//! the text only where one code stands for different things.

use std::{fmt, time::Duration};

use crate::{
    backoff::Backoff,
    salesforce::{ErrorAnswer, Refusal, RowError, RowResult},
};

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
    /// The rows may be stored and must not be sent again: the operation is no upsert.
    OutcomeUnknown,
    /// Nobody can deliver until a person has acted.
    Stop(Stop),
}

/// What follows when a call was repeated in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Halve(Single),
    Stop(&'static str),
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

/// Why a row is rejected or tried again.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Status code of the error that decided.
    pub(crate) code: String,
    /// All errors of the row.
    pub(crate) message: String,
}

/// What becomes of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowVerdict {
    /// Salesforce stored it.
    Delivered {
        /// As a new record.
        created: bool,
    },
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
    /// Nobody can deliver until a person has acted.
    Stop(Stop),
}

/// Why nobody can deliver, and what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("salesforce refuses to go on ({what}); {advice}")]
pub(crate) struct Stop {
    pub(crate) what: String,
    pub(crate) advice: &'static str,
}

/// How the rows are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Operation {
    /// Update the record with this external id, or create it. Sending a row twice does no harm.
    Upsert,
    /// Always create a record. A row can be stored twice: when a consumer dies after Salesforce
    /// answered, its rows are sent again. Rows whose outcome is unknown are rejected with the code
    /// `UNKNOWN_OUTCOME` instead of sent again.
    Insert,
}

impl Operation {
    /// Whether sending the same row twice leaves the same records as sending it once: so if and
    /// only if rows are upserted by an external id.
    pub(crate) fn is_idempotent(self) -> bool {
        self == Self::Upsert
    }
}

/// Judges a call that brought no row results.
pub(crate) fn judge_request(refusal: &Refusal, operation: Operation) -> RequestVerdict {
    match refusal {
        Refusal::NotSent { .. } => RequestVerdict::Wait(Trouble::Unreachable),
        Refusal::OutcomeUnknown { .. } => unknown_outcome(operation, 5),
        Refusal::Login(error) if error.is_passing() => RequestVerdict::Wait(Trouble::Unavailable),
        Refusal::Login(error) => RequestVerdict::Stop(Stop {
            what: "there is no token".to_owned(),
            advice: error.advice(),
        }),
        Refusal::Answered(answer) => judge_answer(answer, operation),
    }
}

fn judge_answer(answer: &ErrorAnswer, operation: Operation) -> RequestVerdict {
    let stop = |advice| RequestVerdict::Stop(Stop { what: answer.to_string(), advice });
    match answer.code.as_deref().unwrap_or_default() {
        "JSON_PARSER_ERROR"
        | "INVALID_FIELD"
        | "INVALID_TYPE"
        | "MALFORMED_ID"
        | "INVALID_CROSS_REFERENCE_KEY"
        | "EXCEEDED_ID_LIMIT" => RequestVerdict::Halve(Single::Reject),
        "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" => RequestVerdict::Halve(Single::TryAgain),
        // Rolled back as a whole, so also an insert may be sent again.
        "TXN_SECURITY_METERING_ERROR" => {
            RequestVerdict::Repeat { tries: 3, then: Then::Halve(Single::TryAgain) }
        }
        "UNABLE_TO_LOCK_ROW" => {
            RequestVerdict::Repeat { tries: 5, then: Then::Halve(Single::TryAgain) }
        }
        "REQUEST_LIMIT_EXCEEDED" => RequestVerdict::Wait(limit_exceeded(&answer.message)),
        "SERVER_UNAVAILABLE" => RequestVerdict::Wait(Trouble::Unavailable),
        "UNKNOWN_EXCEPTION" | "APEX_ERROR" => unknown_outcome(operation, 3),
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => {
            stop("switch the API on for this org and for the integration user")
        }
        "INSUFFICIENT_ACCESS" => {
            stop("give the integration user access to the object, with a permission set")
        }
        "FUNCTIONALITY_NOT_ENABLED" => stop("ask the org's administrator to switch the feature on"),
        "STORAGE_LIMIT_EXCEEDED" => stop(FREE_STORAGE),
        _ => judge_status(answer, operation),
    }
}

fn judge_status(answer: &ErrorAnswer, operation: Operation) -> RequestVerdict {
    let stop = |advice| RequestVerdict::Stop(Stop { what: answer.to_string(), advice });
    match answer.status {
        400 | 409 | 412 | 413 | 422 => RequestVerdict::Halve(Single::Reject),
        401 => stop("the token is not accepted; check the credentials and the connected app"),
        403 => stop("check what the integration user may do, and its IP ranges"),
        404 => stop(
            "object or external id field is gone; check SALESFORCE_OBJECT, SALESFORCE_EXTERNAL_ID \
             and field-level security",
        ),
        410 => stop("the API version is retired; raise SALESFORCE_API_VERSION"),
        420 => RequestVerdict::Repeat { tries: 2, then: Then::Stop(NOT_THE_API) },
        429 => RequestVerdict::Wait(Trouble::Throttled),
        500 => unknown_outcome(operation, 3),
        // Without Salesforce's own code a 503 is a gateway's, and says nothing about what is
        // behind it.
        503 if operation.is_idempotent() => RequestVerdict::Wait(Trouble::Unavailable),
        408 | 501.. => unknown_outcome(operation, 5),
        _ => stop(NOT_THE_API),
    }
}

const FREE_STORAGE: &str = "free or buy data storage; the rows stay queued";

const NOT_THE_API: &str = "this is not how the data API answers; check SALESFORCE_INSTANCE_URL or \
                           SALESFORCE_LOGIN_URL, the API version and proxies";

fn unknown_outcome(operation: Operation, tries: u32) -> RequestVerdict {
    if operation.is_idempotent() {
        RequestVerdict::Repeat { tries, then: Then::Halve(Single::Reject) }
    } else {
        RequestVerdict::OutcomeUnknown
    }
}

/// One code for two troubles: only the text tells the daily limit from too many calls at once.
fn limit_exceeded(message: &str) -> Trouble {
    if message.contains("TotalRequests") { Trouble::QuotaUsedUp } else { Trouble::Throttled }
}

/// Judges one row of an answered call.
pub(crate) fn judge_row(result: &RowResult, operation: Operation) -> RowVerdict {
    if result.success {
        // Only an upsert says which of the two it was.
        let created = result.created.unwrap_or(operation == Operation::Insert);
        return RowVerdict::Delivered { created };
    }
    let reason = |code: &str| Reason { code: code.to_owned(), message: all_errors(&result.errors) };
    let decisive = result
        .errors
        .iter()
        .map(|error| (judge_error(error, operation), error))
        .max_by_key(|(judged, _)| judged.weight());
    match decisive {
        None => RowVerdict::Rejected(Reason {
            code: "NO_REASON_GIVEN".to_owned(),
            message: "salesforce refused the row without a reason".to_owned(),
        }),
        Some((judged, error)) => match judged {
            Judged::TryAgain { retries_max } => {
                RowVerdict::TryAgain { retries_max, reason: reason(&error.code) }
            }
            Judged::Shrink => RowVerdict::Shrink(reason(&error.code)),
            Judged::Wait(trouble) => RowVerdict::Wait(trouble),
            Judged::Reject => RowVerdict::Rejected(reason(&error.code)),
            Judged::Stop(advice) => RowVerdict::Stop(Stop { what: error.code.clone(), advice }),
        },
    }
}

/// One error of a row; the weightiest one decides what becomes of the row.
#[derive(Clone, Copy)]
enum Judged {
    TryAgain { retries_max: u32 },
    Shrink,
    Wait(Trouble),
    Reject,
    Stop(&'static str),
}

impl Judged {
    /// Among two that are worth another try, fewer retries weigh more.
    fn weight(self) -> (u8, u32) {
        match self {
            Self::TryAgain { retries_max } => (0, u32::MAX - retries_max),
            Self::Shrink => (1, 0),
            Self::Wait(_) => (2, 0),
            Self::Reject => (3, 0),
            Self::Stop(_) => (4, 0),
        }
    }
}

/// No limit of its own: the setting decides.
pub(crate) const AS_OFTEN_AS_SET: u32 = u32::MAX;

fn judge_error(error: &RowError, operation: Operation) -> Judged {
    match error.code.as_str() {
        "UNABLE_TO_LOCK_ROW" => Judged::TryAgain { retries_max: AS_OFTEN_AS_SET },
        // A trigger or flow ran into the lock and wraps the error.
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" if error.message.contains("UNABLE_TO_LOCK_ROW") => {
            Judged::TryAgain { retries_max: AS_OFTEN_AS_SET }
        }
        // Rolled back because of another row: nothing is wrong with this one.
        "ALL_OR_NONE_OPERATION_ROLLED_BACK" => Judged::TryAgain { retries_max: AS_OFTEN_AS_SET },
        "UNKNOWN_EXCEPTION" => Judged::TryAgain { retries_max: 2 },
        "TXN_SECURITY_METERING_ERROR" => Judged::TryAgain { retries_max: 3 },
        // Another writer created the record between our look-up and our insert: as an upsert it
        // succeeds now.
        "DUPLICATE_VALUE"
            if operation == Operation::Upsert
                && error.message.starts_with("duplicate value found") =>
        {
            Judged::TryAgain { retries_max: 1 }
        }
        "LIMIT_EXCEEDED" => Judged::Shrink,
        code if code.starts_with("APEX_TIMEOUT") => Judged::Shrink,
        "REQUEST_LIMIT_EXCEEDED" => Judged::Wait(limit_exceeded(&error.message)),
        "STORAGE_LIMIT_EXCEEDED" => Judged::Stop(FREE_STORAGE),
        _ => Judged::Reject,
    }
}

/// Whether a call shows that the integration user may not write a mapped field: then every row of
/// the run would be rejected, and the cause is not in the rows.
pub(crate) fn no_row_may_be_written(results: &[RowResult]) -> Option<Stop> {
    let refused = |result: &RowResult| {
        result.errors.iter().any(|error| error.code == "INVALID_FIELD_FOR_INSERT_UPDATE")
    };
    let stop = results.len() > 1 && results.iter().all(refused);
    stop.then(|| Stop {
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

impl Trouble {
    /// How long to leave Salesforce alone.
    pub(crate) fn backoff(self) -> Backoff {
        let (floor, base, cap) = match self {
            Self::Throttled => (500, 5_000, 60_000),
            // The window is a rolling day: seconds make no difference.
            Self::QuotaUsedUp => (600_000, 1_200_000, 3_600_000),
            Self::Unavailable => (100, 1_000, 300_000),
            Self::Unreachable | Self::NoAnswer => (100, 1_000, 60_000),
        };
        milliseconds(floor, base, cap)
    }
}

/// Between two passes over rows that are worth another try.
pub(crate) const BETWEEN_PASSES: Backoff = milliseconds(100, 1_000, 60_000);

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

/// Shows the code only: messages may quote the row's values.
impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salesforce::LoginError;

    use Operation::{Insert, Upsert};

    const HALVE: RequestVerdict = RequestVerdict::Halve(Single::Reject);
    const THROTTLED: RequestVerdict = RequestVerdict::Wait(Trouble::Throttled);

    fn answer(status: u16, code: &str, message: &str) -> Refusal {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Refusal::Answered(ErrorAnswer {
            status,
            code,
            message: message.to_owned(),
            retry_after: None,
        })
    }

    fn repeat(tries: u32, single: Single) -> RequestVerdict {
        RequestVerdict::Repeat { tries, then: Then::Halve(single) }
    }

    /// Judges as an upsert; `true` where the verdict is to stop.
    fn stops(status: u16, code: &str) -> bool {
        matches!(judge_request(&answer(status, code, ""), Upsert), RequestVerdict::Stop(_))
    }

    #[test]
    fn every_code_of_a_whole_request_has_its_verdict() {
        let unknown = |tries| repeat(tries, Single::Reject);
        let table = [
            (400, "JSON_PARSER_ERROR", "", HALVE),
            (400, "INVALID_FIELD", "", HALVE),
            (400, "INVALID_TYPE", "", HALVE),
            (400, "MALFORMED_ID", "", HALVE),
            (400, "INVALID_CROSS_REFERENCE_KEY", "", HALVE),
            (400, "EXCEEDED_ID_LIMIT", "", HALVE),
            (400, "TXN_SECURITY_METERING_ERROR", "", repeat(3, Single::TryAgain)),
            (400, "QUERY_TIMEOUT", "", RequestVerdict::Halve(Single::TryAgain)),
            (400, "REQUEST_RUNNING_TOO_LONG", "", RequestVerdict::Halve(Single::TryAgain)),
            (400, "UNABLE_TO_LOCK_ROW", "", repeat(5, Single::TryAgain)),
            (
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
                THROTTLED,
            ),
            (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", THROTTLED),
            (
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "TotalRequests Limit exceeded.",
                RequestVerdict::Wait(Trouble::QuotaUsedUp),
            ),
            (409, "", "", HALVE),
            (412, "", "", HALVE),
            (413, "", "", HALVE),
            (420, "", "", RequestVerdict::Repeat { tries: 2, then: Then::Stop(NOT_THE_API) }),
            (429, "", "", THROTTLED),
            (500, "UNKNOWN_EXCEPTION", "", unknown(3)),
            (500, "APEX_ERROR", "", unknown(3)),
            (500, "", "<html>", unknown(3)),
            (502, "", "<html>", unknown(5)),
            (504, "", "<html>", unknown(5)),
            (408, "", "", unknown(5)),
            (503, "SERVER_UNAVAILABLE", "", RequestVerdict::Wait(Trouble::Unavailable)),
            (503, "", "<html>", RequestVerdict::Wait(Trouble::Unavailable)),
            (400, "NEVER_HEARD_OF", "", HALVE),
        ];

        for (status, code, message, expected) in table {
            let judged = judge_request(&answer(status, code, message), Upsert);
            assert_eq!(judged, expected, "HTTP {status} {code} {message}");
        }
    }

    #[test]
    fn what_only_a_person_can_change_stops_the_consumer() {
        for (status, code) in [
            (401, "INVALID_SESSION_ID"),
            (401, "INVALID_AUTH_HEADER"),
            (403, "API_DISABLED_FOR_ORG"),
            (403, "API_CURRENTLY_DISABLED"),
            (403, "INSUFFICIENT_ACCESS"),
            (403, "FUNCTIONALITY_NOT_ENABLED"),
            (403, "STORAGE_LIMIT_EXCEEDED"),
            (403, ""),
            (404, "NOT_FOUND"),
            (405, ""),
            (410, ""),
            (414, ""),
            (415, ""),
            (428, ""),
            (431, ""),
            (302, ""),
        ] {
            assert!(stops(status, code), "HTTP {status} {code}");
        }
    }

    #[test]
    fn the_code_decides_before_the_status() {
        let limit = answer(400, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.");

        assert_eq!(judge_request(&limit, Upsert), THROTTLED);
        assert!(stops(400, "API_DISABLED_FOR_ORG"));
    }

    #[test]
    fn an_insert_is_never_repeated_when_its_outcome_is_unknown() {
        for refusal in [
            answer(500, "UNKNOWN_EXCEPTION", ""),
            answer(500, "", "<html>"),
            answer(502, "", "<html>"),
            answer(503, "", "<html>"),
            answer(504, "", "<html>"),
            Refusal::OutcomeUnknown { cause: "connection reset".to_owned() },
        ] {
            assert_eq!(
                judge_request(&refusal, Insert),
                RequestVerdict::OutcomeUnknown,
                "{refusal}"
            );
        }
    }

    #[test]
    fn an_insert_that_was_refused_before_any_work_is_repeated() {
        let unavailable = answer(503, "SERVER_UNAVAILABLE", "");
        let unreachable = Refusal::NotSent { cause: "connection refused".to_owned() };

        assert_eq!(judge_request(&unavailable, Insert), RequestVerdict::Wait(Trouble::Unavailable));
        assert_eq!(judge_request(&unreachable, Insert), RequestVerdict::Wait(Trouble::Unreachable));
        assert_eq!(judge_request(&answer(429, "", ""), Insert), THROTTLED);
    }

    #[test]
    fn a_login_that_is_refused_stops_and_one_that_fails_is_waited_for() {
        let refused = LoginError::Refused {
            error: "invalid_client".to_owned(),
            description: "invalid client credentials".to_owned(),
        };
        let failed = LoginError::Unavailable { cause: "HTTP 503".to_owned() };

        let judged = judge_request(&Refusal::Login(refused), Upsert);

        assert!(matches!(judged, RequestVerdict::Stop(_)));
        assert_eq!(
            judge_request(&Refusal::Login(failed), Upsert),
            RequestVerdict::Wait(Trouble::Unavailable)
        );
    }

    fn refused(errors: &[(&str, &str)]) -> RowResult {
        let errors = errors
            .iter()
            .map(|(code, message)| RowError {
                code: (*code).to_owned(),
                message: (*message).to_owned(),
                fields: Vec::new(),
            })
            .collect();
        RowResult { success: false, errors, created: None }
    }

    /// The verdict on a row with one error, in one word.
    fn judged(code: &str, message: &str) -> String {
        match judge_row(&refused(&[(code, message)]), Upsert) {
            RowVerdict::Delivered { .. } => "delivered".to_owned(),
            RowVerdict::TryAgain { retries_max: AS_OFTEN_AS_SET, .. } => "again".to_owned(),
            RowVerdict::TryAgain { retries_max, .. } => format!("again {retries_max}"),
            RowVerdict::Shrink(_) => "shrink".to_owned(),
            RowVerdict::Wait(trouble) => format!("{trouble:?}"),
            RowVerdict::Rejected(_) => "rejected".to_owned(),
            RowVerdict::Stop(_) => "stop".to_owned(),
        }
    }

    #[test]
    fn every_code_of_a_row_has_its_verdict() {
        let lock = "unable to obtain exclusive access to this record: 001xx";
        let trigger = "LeadTrigger: execution of AfterInsert caused by: UNABLE_TO_LOCK_ROW, busy";
        let race = "duplicate value found: Key__c duplicates value on record with id: 00Q";
        for (code, message, expected) in [
            ("UNABLE_TO_LOCK_ROW", lock, "again"),
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", trigger, "again"),
            ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: no", "rejected"),
            ("UNKNOWN_EXCEPTION", "", "again 2"),
            ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "", "again"),
            ("TXN_SECURITY_METERING_ERROR", "", "again 3"),
            ("APEX_TIMEOUT", "", "shrink"),
            ("LIMIT_EXCEEDED", "Too many SOQL queries: 101", "shrink"),
            ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "QuotaUsedUp"),
            ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.", "Throttled"),
            ("DUPLICATE_VALUE", race, "again 1"),
            ("DUPLICATE_VALUE", "Duplicate external id specified: C-1", "rejected"),
            ("DUPLICATES_DETECTED", "Use one of these records?", "rejected"),
            ("DUPLICATE_EXTERNAL_ID", "", "rejected"),
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", "rejected"),
            ("FIELD_FILTER_VALIDATION_EXCEPTION", "", "rejected"),
            ("FIELD_INTEGRITY_EXCEPTION", "", "rejected"),
            ("REQUIRED_FIELD_MISSING", "", "rejected"),
            ("INVALID_FIELD", "Foreign key external ID: X not found for field F", "rejected"),
            ("INVALID_FIELD_FOR_INSERT_UPDATE", "", "rejected"),
            ("INVALID_CROSS_REFERENCE_KEY", "", "rejected"),
            ("STRING_TOO_LONG", "", "rejected"),
            ("MALFORMED_ID", "", "rejected"),
            ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "", "rejected"),
            ("INVALID_TYPE_ON_FIELD_IN_RECORD", "", "rejected"),
            ("NUMBER_OUTSIDE_VALID_RANGE", "", "rejected"),
            ("INVALID_EMAIL_ADDRESS", "", "rejected"),
            ("ENTITY_IS_DELETED", "", "rejected"),
            ("ENTITY_IS_LOCKED", "", "rejected"),
            ("INSUFFICIENT_ACCESS_OR_READONLY", "", "rejected"),
            ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "", "rejected"),
            ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", "stop"),
            ("NEVER_HEARD_OF", "", "rejected"),
        ] {
            assert_eq!(judged(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn an_insert_that_meets_its_own_duplicate_is_not_tried_again() {
        let race = refused(&[("DUPLICATE_VALUE", "duplicate value found: Key__c duplicates …")]);

        assert!(matches!(judge_row(&race, Insert), RowVerdict::Rejected(_)));
    }

    #[test]
    fn a_row_with_a_permanent_error_is_rejected_with_all_its_errors() {
        let mut result =
            refused(&[("UNABLE_TO_LOCK_ROW", "busy"), ("STRING_TOO_LONG", "data value too large")]);
        result.errors[1].fields = vec!["Name".to_owned()];

        let RowVerdict::Rejected(reason) = judge_row(&result, Upsert) else {
            panic!("a permanent error outweighs a passing one");
        };

        assert_eq!(reason.code, "STRING_TOO_LONG");
        assert_eq!(
            reason.message,
            "UNABLE_TO_LOCK_ROW: busy; STRING_TOO_LONG: data value too large (Name)"
        );
    }

    #[test]
    fn the_more_impatient_of_two_passing_errors_decides() {
        let result = refused(&[("UNABLE_TO_LOCK_ROW", "busy"), ("UNKNOWN_EXCEPTION", "oops")]);

        let judged = judge_row(&result, Upsert);

        assert!(matches!(judged, RowVerdict::TryAgain { retries_max: 2, .. }), "{judged:?}");
    }

    #[test]
    fn a_refusal_without_a_reason_is_a_reject() {
        assert!(matches!(judge_row(&refused(&[]), Upsert), RowVerdict::Rejected(_)));
    }

    #[test]
    fn only_an_upsert_says_whether_it_created() {
        let stored = |created| RowResult { success: true, errors: Vec::new(), created };

        assert_eq!(judge_row(&stored(None), Insert), RowVerdict::Delivered { created: true });
        assert_eq!(
            judge_row(&stored(Some(false)), Upsert),
            RowVerdict::Delivered { created: false }
        );
        assert_eq!(judge_row(&stored(Some(true)), Upsert), RowVerdict::Delivered { created: true });
    }

    #[test]
    fn a_field_that_may_not_be_written_stops_when_it_meets_every_row() {
        let unwritable = refused(&[("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create")]);
        let fine = RowResult { success: true, errors: Vec::new(), created: Some(true) };

        assert!(no_row_may_be_written(&[unwritable.clone(), unwritable.clone()]).is_some());
        assert_eq!(no_row_may_be_written(&[unwritable.clone(), fine]), None);
        assert_eq!(no_row_may_be_written(&[unwritable]), None);
        assert_eq!(no_row_may_be_written(&[]), None);
    }
}
