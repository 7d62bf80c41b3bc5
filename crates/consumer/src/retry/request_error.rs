//! Calls that brought no row results.

use ingest_core::{RejectCode, http_code};
use load::{Operation, Reason};
use salesforce::{ErrorAnswer, Refusal};

use super::{
    backoff::BackoffReason,
    blocker::{Blocker, FREE_STORAGE},
    message::{is_wrapper, limit_exceeded, says_long_transactions},
    verdict::{CallVerdict, OnExhausted, OnSingleRow},
};

/// Classifies a call that brought no row results.
pub(crate) fn classify_call(refusal: &Refusal, operation: Operation) -> CallVerdict {
    match refusal {
        Refusal::NotSent { .. } => CallVerdict::Backoff(BackoffReason::Unreachable),
        Refusal::OutcomeUnknown { .. } => unknown_outcome(operation, 5),
        Refusal::Login(error) if error.is_passing() => CallVerdict::Backoff(BackoffReason::NoToken),
        Refusal::Login(error) => CallVerdict::Stop(Blocker {
            what: "there is no token".to_owned(),
            advice: error.advice(),
        }),
        Refusal::Answered(answer) => classify_answer(answer, operation),
    }
}

fn classify_answer(answer: &ErrorAnswer, operation: Operation) -> CallVerdict {
    let hold = |advice| CallVerdict::Hold(Blocker { what: answer.to_string(), advice });
    match answer.code.as_deref().unwrap_or_default() {
        "JSON_PARSER_ERROR"
        | "INVALID_FIELD"
        | "INVALID_TYPE"
        | "MALFORMED_ID"
        | "INVALID_CROSS_REFERENCE_KEY"
        | "EXCEEDED_ID_LIMIT" => CallVerdict::Split(OnSingleRow::Reject),
        "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" => CallVerdict::Split(OnSingleRow::Retry),
        // Rolled back as a whole, so also an insert may be sent again.
        "TXN_SECURITY_METERING_ERROR" => {
            CallVerdict::Retry { tries: 3, on_exhausted: OnExhausted::Split(OnSingleRow::Retry) }
        }
        "UNABLE_TO_LOCK_ROW" => {
            CallVerdict::Retry { tries: 5, on_exhausted: OnExhausted::Split(OnSingleRow::Retry) }
        }
        "REQUEST_LIMIT_EXCEEDED" => CallVerdict::Backoff(limit_exceeded(&answer.message)),
        // Refused before any work, so also an insert may be sent again.
        code if is_wrapper(code) && says_long_transactions(&answer.message) => {
            CallVerdict::Backoff(BackoffReason::Throttled)
        }
        "SERVER_UNAVAILABLE" => CallVerdict::Backoff(BackoffReason::Unavailable),
        "UNKNOWN_EXCEPTION" | "APEX_ERROR" => unknown_outcome(operation, 3),
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => {
            hold("switch the API on for this org and for the integration user")
        }
        "INSUFFICIENT_ACCESS" => hold(GIVE_ACCESS),
        "FUNCTIONALITY_NOT_ENABLED" => hold("ask the org's administrator to switch the feature on"),
        "STORAGE_LIMIT_EXCEEDED" => hold(FREE_STORAGE),
        _ => classify_status(answer, operation),
    }
}

fn classify_status(answer: &ErrorAnswer, operation: Operation) -> CallVerdict {
    let hold = |advice| CallVerdict::Hold(Blocker { what: answer.to_string(), advice });
    match answer.status {
        // The intermediary that wrote this may have passed the rows on before.
        status if !operation.is_idempotent() && is_from_an_intermediary(answer) => {
            let is_about_access = matches!(status, 401 | 403);
            CallVerdict::IntermediaryAnswered(if is_about_access {
                NOT_LET_IN
            } else {
                NOT_THE_API
            })
        }
        400 | 409 | 412 | 413 | 422 => CallVerdict::Split(OnSingleRow::Reject),
        // Without a code it is no answer of Salesforce.
        401 if answer.code.is_none() => CallVerdict::Doubt(NOT_LET_IN),
        401 => CallVerdict::Stop(Blocker {
            what: answer.to_string(),
            advice: "the token is not accepted; check the credentials and the app",
        }),
        403 => CallVerdict::Doubt(NOT_LET_IN),
        404 if answer.code.is_some() => hold(
            "object or external id field is gone; check what the run's load names, and what the \
             integration user sees (field-level security)",
        ),
        410 => hold("the API version is retired; raise SALESFORCE_API_VERSION"),
        420 => CallVerdict::Retry { tries: 2, on_exhausted: OnExhausted::Hold(NOT_THE_API) },
        429 => CallVerdict::Backoff(BackoffReason::Throttled),
        // A page or a text of an intermediary.
        300..=399 | 404..=407 | 411..=499 if answer.code.is_none() => {
            CallVerdict::Doubt(NOT_THE_API)
        }
        500 => unknown_outcome(operation, 3),
        // Without Salesforce's own code a 503 is a gateway's, and says nothing about what is
        // behind it.
        503 if operation.is_idempotent() => CallVerdict::Backoff(BackoffReason::Unavailable),
        408 | 501.. => unknown_outcome(operation, 5),
        _ => hold(NOT_THE_API),
    }
}

/// Whether an answer says nothing of what became of its call: it has no code of Salesforce, and its
/// status does not say that the call was too long or one too many, and went no further.
fn is_from_an_intermediary(answer: &ErrorAnswer) -> bool {
    answer.code.is_none()
        && matches!(answer.status, 300..=499)
        && !matches!(answer.status, 413 | 414 | 429 | 431)
}

pub(super) const GIVE_ACCESS: &str =
    "give the integration user access to the object, with a permission set";

pub(super) const NOT_LET_IN: &str =
    "check what the integration user may do, its IP ranges, and proxies on the way";

pub(super) const NOT_THE_API: &str = "this is not how the data API answers; check SALESFORCE_INSTANCE_URL or \
                           SALESFORCE_LOGIN_URL, the API version and proxies";

/// Whether Salesforce may have refused a call, or an ingest job, because the object or one of its
/// fields is gone or hidden.
pub(crate) fn may_be_a_schema_change(refusal: &Refusal) -> bool {
    let Refusal::Answered(answer) = refusal else { return false };
    matches!(
        answer.code.as_deref(),
        Some("NOT_FOUND" | "INVALID_FIELD" | "INVALIDJOB" | "INVALIDENTITY")
    )
}

fn unknown_outcome(operation: Operation, tries: u32) -> CallVerdict {
    if operation.is_idempotent() {
        CallVerdict::Retry { tries, on_exhausted: OnExhausted::Split(OnSingleRow::Reject) }
    } else {
        CallVerdict::OutcomeUnknown
    }
}

/// Why a row is rejected, or tried again, that was refused all alone.
pub(crate) fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Answered(ErrorAnswer { status, code, message, .. }) => {
            let code = code.clone().unwrap_or_else(|| http_code(*status));
            Reason::answered(&code, message.clone())
        }
        _ => Reason::own(RejectCode::NoAnswer, refusal.to_string()),
    }
}
