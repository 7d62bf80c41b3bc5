//! The policy for whole requests, as tables.

use std::collections::BTreeSet;

use super::{
    request_error::{NOT_LET_IN, NOT_THE_API},
    *,
};
use load::Operation::{Delete, Insert, Update, Upsert};
use salesforce::{ErrorAnswer, Flow, LoginError, Refusal};

const SPLIT: CallVerdict = CallVerdict::Split(OnSingleRow::Reject);
const THROTTLED: CallVerdict = CallVerdict::Backoff(BackoffReason::Throttled);

fn answer(status: u16, code: &str, message: &str) -> Refusal {
    let code = (!code.is_empty()).then(|| code.to_owned());
    Refusal::Answered(ErrorAnswer { status, code, message: message.to_owned(), retry_after: None })
}

fn repeat(tries: u32, single: OnSingleRow) -> CallVerdict {
    CallVerdict::Retry { tries, on_exhausted: OnExhausted::Split(single) }
}

/// Judges as an upsert; `true` where the verdict is to hold the run.
fn holds(status: u16, code: &str) -> bool {
    matches!(classify_call(&answer(status, code, ""), Upsert), CallVerdict::Hold(_))
}

/// Every status and code that Salesforce documents for a request as a whole, in the order of its
/// documentation. One without a code stands for any body.
const OF_A_REQUEST: [(u16, &str); 32] = [
    (400, "JSON_PARSER_ERROR"),
    (400, "INVALID_FIELD"),
    (400, "INVALID_TYPE"),
    (400, "MALFORMED_ID"),
    (400, "INVALID_CROSS_REFERENCE_KEY"),
    (400, "EXCEEDED_ID_LIMIT"),
    (400, "TXN_SECURITY_METERING_ERROR"),
    (400, "QUERY_TIMEOUT"),
    (400, "REQUEST_RUNNING_TOO_LONG"),
    (401, "INVALID_SESSION_ID"),
    (401, "INVALID_AUTH_HEADER"),
    (403, "REQUEST_LIMIT_EXCEEDED"),
    (403, "API_DISABLED_FOR_ORG"),
    (403, "API_CURRENTLY_DISABLED"),
    (403, "INSUFFICIENT_ACCESS"),
    (403, "FUNCTIONALITY_NOT_ENABLED"),
    (404, "NOT_FOUND"),
    (405, ""),
    (410, ""),
    (414, ""),
    (415, ""),
    (420, ""),
    (428, ""),
    (431, ""),
    (409, ""),
    (412, ""),
    (429, ""),
    (500, "UNKNOWN_EXCEPTION"),
    (500, "APEX_ERROR"),
    (502, ""),
    (504, ""),
    (503, "SERVER_UNAVAILABLE"),
];

/// A code that nobody documents.
const UNDOCUMENTED: &str = "NEVER_HEARD_OF";

#[test]
fn every_code_of_a_whole_request_has_its_verdict() {
    let unknown = |tries| repeat(tries, OnSingleRow::Reject);
    let table = [
        (400, "JSON_PARSER_ERROR", "", SPLIT),
        (400, "INVALID_FIELD", "", SPLIT),
        (400, "INVALID_TYPE", "", SPLIT),
        (400, "MALFORMED_ID", "", SPLIT),
        (400, "INVALID_CROSS_REFERENCE_KEY", "", SPLIT),
        (400, "EXCEEDED_ID_LIMIT", "", SPLIT),
        (400, "TXN_SECURITY_METERING_ERROR", "", repeat(3, OnSingleRow::Retry)),
        (400, "QUERY_TIMEOUT", "", CallVerdict::Split(OnSingleRow::Retry)),
        (400, "REQUEST_RUNNING_TOO_LONG", "", CallVerdict::Split(OnSingleRow::Retry)),
        (400, "UNABLE_TO_LOCK_ROW", "", repeat(5, OnSingleRow::Retry)),
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
            CallVerdict::Backoff(BackoffReason::QuotaUsedUp),
        ),
        (409, "", "", SPLIT),
        (412, "", "", SPLIT),
        (413, "", "", SPLIT),
        (
            420,
            "",
            "",
            CallVerdict::Retry { tries: 2, on_exhausted: OnExhausted::Hold(NOT_THE_API) },
        ),
        (403, "", "an HTML page", CallVerdict::Doubt(NOT_LET_IN)),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "", CallVerdict::Doubt(NOT_LET_IN)),
        (401, "", "an HTML page", CallVerdict::Doubt(NOT_LET_IN)),
        (404, "", "an HTML page", CallVerdict::Doubt(NOT_THE_API)),
        (302, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (405, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (406, "", "an HTML page", CallVerdict::Doubt(NOT_THE_API)),
        (414, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (415, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (428, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (431, "", "", CallVerdict::Doubt(NOT_THE_API)),
        (429, "", "", THROTTLED),
        (500, "UNKNOWN_EXCEPTION", "", unknown(3)),
        (500, "APEX_ERROR", "", unknown(3)),
        (500, "", "<html>", unknown(3)),
        (502, "", "<html>", unknown(5)),
        (504, "", "<html>", unknown(5)),
        (408, "", "", unknown(5)),
        (503, "SERVER_UNAVAILABLE", "", CallVerdict::Backoff(BackoffReason::Unavailable)),
        (503, "", "<html>", CallVerdict::Backoff(BackoffReason::Unavailable)),
        (400, UNDOCUMENTED, "", SPLIT),
    ];

    for (status, code, message, expected) in &table {
        let classified = classify_call(&answer(*status, code, message), Upsert);
        assert_eq!(classified, *expected, "HTTP {status} {code} {message}");
    }
    let classified = table.iter().map(|(status, code, ..)| (*status, *code));
    let classified: BTreeSet<_> = classified.chain(NEEDS_A_PERSON).collect();
    let missing: Vec<_> = OF_A_REQUEST.iter().filter(|known| !classified.contains(known)).collect();
    assert!(missing.is_empty(), "no verdict is tested for {missing:?}");
}

const NEEDS_A_PERSON: [(u16, &str); 10] = [
    (401, "INVALID_SESSION_ID"),
    (401, "INVALID_AUTH_HEADER"),
    (403, "API_DISABLED_FOR_ORG"),
    (403, "API_CURRENTLY_DISABLED"),
    (403, "INSUFFICIENT_ACCESS"),
    (403, "FUNCTIONALITY_NOT_ENABLED"),
    (403, "STORAGE_LIMIT_EXCEEDED"),
    (404, "NOT_FOUND"),
    (405, "METHOD_NOT_ALLOWED"),
    (410, ""),
];

#[test]
fn what_only_a_person_can_change_holds_the_run_and_a_token_that_is_not_accepted_stops_the_consumer()
{
    for (status, code) in NEEDS_A_PERSON {
        let classified = classify_call(&answer(status, code, ""), Upsert);
        let stops = matches!(classified, CallVerdict::Stop(_));
        assert!(if status == 401 { stops } else { holds(status, code) }, "HTTP {status} {code}");
    }
}

#[test]
fn the_code_decides_before_the_status() {
    let limit = answer(400, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.");

    assert_eq!(classify_call(&limit, Upsert), THROTTLED);
    assert!(holds(400, "API_DISABLED_FOR_ORG"));
}

#[test]
fn too_many_long_transactions_are_waited_for_whichever_code_says_so() {
    for code in ["REQUEST_LIMIT_EXCEEDED", "UNKNOWN_EXCEPTION", "APEX_ERROR"] {
        let refusal = answer(500, code, "ConcurrentPerOrgLongTxn Limit exceeded.");
        // Refused before any work, so also an insert may be sent again.
        for operation in [Upsert, Insert] {
            assert_eq!(classify_call(&refusal, operation), THROTTLED, "{code} {operation:?}");
        }
    }
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
        assert_eq!(classify_call(&refusal, Insert), CallVerdict::OutcomeUnknown, "{refusal}");
    }
}

#[test]
fn an_answer_of_an_intermediary_says_nothing_of_the_rows_of_an_insert() {
    for status in [302, 307, 400, 401, 403, 404, 405, 407, 408, 409, 410, 418, 420, 422, 451] {
        let page = answer(status, "", "an HTML page");
        let classified = classify_call(&page, Insert);
        assert!(
            matches!(classified, CallVerdict::IntermediaryAnswered(_)),
            "{status} {classified:?}"
        );
    }
    assert_eq!(classify_call(&answer(413, "", ""), Insert), SPLIT);
    assert_eq!(classify_call(&answer(400, "INVALID_FIELD", ""), Insert), SPLIT);
}

#[test]
fn an_insert_that_was_refused_before_any_work_is_repeated() {
    let unavailable = answer(503, "SERVER_UNAVAILABLE", "");
    let unreachable = Refusal::NotSent { cause: "connection refused".to_owned() };

    assert_eq!(
        classify_call(&unavailable, Insert),
        CallVerdict::Backoff(BackoffReason::Unavailable)
    );
    assert_eq!(
        classify_call(&unreachable, Insert),
        CallVerdict::Backoff(BackoffReason::Unreachable)
    );
    assert_eq!(classify_call(&answer(429, "", ""), Insert), THROTTLED);
}

#[test]
fn a_login_that_is_refused_stops_and_one_that_fails_is_waited_for() {
    let refused = LoginError::Refused {
        flow: Flow::ClientCredentials,
        error: "invalid_client".to_owned(),
        description: "invalid client credentials".to_owned(),
    };
    let failed = LoginError::Unavailable { cause: "HTTP 503".to_owned() };

    let classified = classify_call(&Refusal::Login(refused), Upsert);

    assert!(matches!(classified, CallVerdict::Stop(_)));
    assert_eq!(
        classify_call(&Refusal::Login(failed), Upsert),
        CallVerdict::Backoff(BackoffReason::NoToken)
    );
}

#[test]
fn only_an_insert_must_not_be_repeated() {
    let unknown = Refusal::OutcomeUnknown { cause: "connection reset".to_owned() };

    for (operation, repeated) in [(Upsert, true), (Update, true), (Delete, true), (Insert, false)] {
        let classified = classify_call(&unknown, operation);
        assert_eq!(matches!(classified, CallVerdict::Retry { .. }), repeated, "{operation:?}");
    }
}

#[test]
fn a_run_is_held_longer_each_time_up_to_half_an_hour_and_never_for_a_moment() {
    let longest: Vec<u64> =
        (1..=7).map(|times| BETWEEN_HOLDS.delay(times, 1.0).as_secs()).collect();

    assert_eq!(longest, [60, 120, 240, 480, 960, 1_800, 1_800]);
    assert_eq!(BETWEEN_HOLDS.delay(7, 0.0).as_secs(), 30);
}

#[test]
fn what_is_no_code_is_other_in_a_reason_and_told_in_its_message() {
    let reason = reason_of(&answer(400, "ExceededQuota", "no"));

    assert_eq!((&*reason.code, &*reason.message), ("OTHER", "ExceededQuota: no"));
    let page = ErrorAnswer::read(403, b"<html>Blocked</html>", None);
    let reason = reason_of(&Refusal::Answered(page));
    assert_eq!((&*reason.code, &*reason.message), ("HTTP_403", "an HTML page"));
}
