//! The policy, as tables.

use std::collections::BTreeSet;

use super::{
    Operation::{Delete, Insert, Update, Upsert},
    request::{NOT_LET_IN, NOT_THE_API},
    *,
};
use crate::salesforce::{ErrorAnswer, Flow, LoginError, Refusal, RowError, RowResult};

const HALVE: RequestVerdict = RequestVerdict::Halve(Single::Reject);
const THROTTLED: RequestVerdict = RequestVerdict::Wait(Trouble::Throttled);

fn answer(status: u16, code: &str, message: &str) -> Refusal {
    let code = (!code.is_empty()).then(|| code.to_owned());
    Refusal::Answered(ErrorAnswer { status, code, message: message.to_owned(), retry_after: None })
}

fn repeat(tries: u32, single: Single) -> RequestVerdict {
    RequestVerdict::Repeat { tries, then: Then::Halve(single) }
}

/// Judges as an upsert; `true` where the verdict is to hold the run.
fn holds(status: u16, code: &str) -> bool {
    matches!(judge_request(&answer(status, code, ""), Upsert), RequestVerdict::Hold(_))
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

/// Every code that it documents for one record, in the order of its documentation.
const OF_A_ROW: [&str; 30] = [
    "UNABLE_TO_LOCK_ROW",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "UNKNOWN_EXCEPTION",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "TXN_SECURITY_METERING_ERROR",
    "APEX_TIMEOUT",
    "LIMIT_EXCEEDED",
    "REQUEST_LIMIT_EXCEEDED",
    "DUPLICATE_VALUE",
    "DUPLICATES_DETECTED",
    "DUPLICATE_EXTERNAL_ID",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_FILTER_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "REQUIRED_FIELD_MISSING",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_CROSS_REFERENCE_KEY",
    "STRING_TOO_LONG",
    "MALFORMED_ID",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_TYPE_ON_FIELD_IN_RECORD",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "INVALID_EMAIL_ADDRESS",
    "ENTITY_IS_DELETED",
    "ENTITY_IS_LOCKED",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "STORAGE_LIMIT_EXCEEDED",
];

/// A code that nobody documents.
const UNDOCUMENTED: &str = "NEVER_HEARD_OF";

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
        (420, "", "", RequestVerdict::Repeat { tries: 2, then: Then::Hold(NOT_THE_API) }),
        (403, "", "an HTML page", RequestVerdict::Doubt(NOT_LET_IN)),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "", RequestVerdict::Doubt(NOT_LET_IN)),
        (429, "", "", THROTTLED),
        (500, "UNKNOWN_EXCEPTION", "", unknown(3)),
        (500, "APEX_ERROR", "", unknown(3)),
        (500, "", "<html>", unknown(3)),
        (502, "", "<html>", unknown(5)),
        (504, "", "<html>", unknown(5)),
        (408, "", "", unknown(5)),
        (503, "SERVER_UNAVAILABLE", "", RequestVerdict::Wait(Trouble::Unavailable)),
        (503, "", "<html>", RequestVerdict::Wait(Trouble::Unavailable)),
        (400, UNDOCUMENTED, "", HALVE),
    ];

    for (status, code, message, expected) in &table {
        let judged = judge_request(&answer(*status, code, message), Upsert);
        assert_eq!(judged, *expected, "HTTP {status} {code} {message}");
    }
    let judged = table.iter().map(|(status, code, ..)| (*status, *code));
    let judged: BTreeSet<_> = judged.chain(ONLY_A_PERSON_CAN_CHANGE).collect();
    let missing: Vec<_> = OF_A_REQUEST.iter().filter(|known| !judged.contains(known)).collect();
    assert!(missing.is_empty(), "no verdict is tested for {missing:?}");
}

const ONLY_A_PERSON_CAN_CHANGE: [(u16, &str); 15] = [
    (401, "INVALID_SESSION_ID"),
    (401, "INVALID_AUTH_HEADER"),
    (403, "API_DISABLED_FOR_ORG"),
    (403, "API_CURRENTLY_DISABLED"),
    (403, "INSUFFICIENT_ACCESS"),
    (403, "FUNCTIONALITY_NOT_ENABLED"),
    (403, "STORAGE_LIMIT_EXCEEDED"),
    (404, "NOT_FOUND"),
    (405, ""),
    (410, ""),
    (414, ""),
    (415, ""),
    (428, ""),
    (431, ""),
    (302, ""),
];

#[test]
fn what_only_a_person_can_change_holds_the_run_and_a_token_that_is_not_accepted_stops_the_consumer()
{
    for (status, code) in ONLY_A_PERSON_CAN_CHANGE {
        let judged = judge_request(&answer(status, code, ""), Upsert);
        let stops = matches!(judged, RequestVerdict::Stop(_));
        assert!(if status == 401 { stops } else { holds(status, code) }, "HTTP {status} {code}");
    }
}

#[test]
fn the_code_decides_before_the_status() {
    let limit = answer(400, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.");

    assert_eq!(judge_request(&limit, Upsert), THROTTLED);
    assert!(holds(400, "API_DISABLED_FOR_ORG"));
}

#[test]
fn too_many_long_transactions_are_waited_for_whichever_code_says_so() {
    for code in ["REQUEST_LIMIT_EXCEEDED", "UNKNOWN_EXCEPTION", "APEX_ERROR"] {
        let refusal = answer(500, code, "ConcurrentPerOrgLongTxn Limit exceeded.");
        // Refused before any work, so also an insert may be sent again.
        for operation in [Upsert, Insert] {
            assert_eq!(judge_request(&refusal, operation), THROTTLED, "{code} {operation:?}");
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
        assert_eq!(judge_request(&refusal, Insert), RequestVerdict::OutcomeUnknown, "{refusal}");
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
        flow: Flow::ClientCredentials,
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
        RowVerdict::Delivered(_) => "delivered".to_owned(),
        RowVerdict::TryAgain { retries_max: AS_OFTEN_AS_SET, .. } => "again".to_owned(),
        RowVerdict::TryAgain { retries_max, .. } => format!("again {retries_max}"),
        RowVerdict::Shrink(_) => "shrink".to_owned(),
        RowVerdict::Wait(trouble) => format!("{trouble:?}"),
        RowVerdict::Rejected(_) => "rejected".to_owned(),
        RowVerdict::Hold(_) => "hold".to_owned(),
    }
}

#[test]
fn every_code_of_a_row_has_its_verdict() {
    let lock = "unable to obtain exclusive access to this record: 001xx";
    let trigger = "LeadTrigger: execution of AfterInsert caused by: UNABLE_TO_LOCK_ROW, busy";
    let unavailable = "LeadTrigger: System.QueryException: Record Currently Unavailable: The record \
                       you are attempting to edit is currently being modified by another user";
    let race = "duplicate value found: Key__c duplicates value on record with id: 00Q";
    let table = [
        ("UNABLE_TO_LOCK_ROW", lock, "again"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", trigger, "again"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: no", "rejected"),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", trigger, "again"),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", lock, "again"),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", "flow: System.LimitException: Too many DML rows", "shrink"),
        ("CANNOT_EXECUTE_FLOW_TRIGGER", "flow: no", "rejected"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", unavailable, "again"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", unavailable, "rejected"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", lock, "again"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "x: Too many SOQL queries: 101", "shrink"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "x: Apex CPU time limit exceeded", "shrink"),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "NOT_UNABLE_TO_LOCK_ROW_X", "rejected"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", trigger, "again"),
        // English words decide nothing where the code says what it is.
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", lock, "rejected"),
        ("STRING_TOO_LONG", "data value too large: Too many SOQL queries", "rejected"),
        ("UNKNOWN_EXCEPTION", "ConcurrentPerOrgLongTxn Limit exceeded.", "Throttled"),
        ("UNKNOWN_EXCEPTION", lock, "again"),
        ("UNKNOWN_EXCEPTION", "", "again 2"),
        ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "", "again"),
        ("TXN_SECURITY_METERING_ERROR", "", "again 3"),
        ("APEX_TIMEOUT", "", "shrink"),
        ("LIMIT_EXCEEDED", "Too many SOQL queries: 101", "shrink"),
        ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "QuotaUsedUp"),
        ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.", "Throttled"),
        ("DUPLICATE_VALUE", race, "again 1"),
        ("DUPLICATE_VALUE", "valeur en double trouvée : Key__c", "again 1"),
        ("DUPLICATES_DETECTED", "Use one of these records?", "rejected"),
        ("DUPLICATE_EXTERNAL_ID", "", "rejected"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", "rejected"),
        ("FIELD_FILTER_VALIDATION_EXCEPTION", "", "rejected"),
        ("FIELD_INTEGRITY_EXCEPTION", "", "rejected"),
        ("REQUIRED_FIELD_MISSING", "", "rejected"),
        ("INVALID_FIELD", "No such column 'X' on sobject of type Y", "rejected"),
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
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", "hold"),
        (UNDOCUMENTED, "", "rejected"),
    ];

    for (code, message, expected) in table {
        assert_eq!(judged(code, message), expected, "{code} {message}");
    }
    let judged: BTreeSet<&str> = table.iter().map(|(code, ..)| *code).collect();
    let known: BTreeSet<&str> = OF_A_ROW.into_iter().chain([UNDOCUMENTED]).collect();
    assert_eq!(judged, known, "a verdict is tested for each code, and for no other one");
}

#[test]
fn an_insert_that_meets_its_own_duplicate_is_not_tried_again() {
    let race = refused(&[("DUPLICATE_VALUE", "duplicate value found: Key__c duplicates …")]);

    assert!(matches!(judge_row(&race, Insert), RowVerdict::Rejected(_)));
}

#[test]
fn a_record_that_is_deleted_already_needs_no_deleting() {
    let gone = refused(&[("ENTITY_IS_DELETED", "entity is deleted")]);
    let locked = refused(&[("ENTITY_IS_DELETED", ""), ("ENTITY_IS_LOCKED", "")]);

    assert_eq!(judge_row(&gone, Delete), RowVerdict::Delivered(Change::Deleted));
    assert!(matches!(judge_row(&gone, Update), RowVerdict::Rejected(_)));
    assert!(matches!(judge_row(&locked, Delete), RowVerdict::Rejected(_)));
}

#[test]
fn only_an_insert_must_not_be_repeated() {
    let unknown = Refusal::OutcomeUnknown { cause: "connection reset".to_owned() };

    for (operation, repeated) in [(Upsert, true), (Update, true), (Delete, true), (Insert, false)] {
        let judged = judge_request(&unknown, operation);
        assert_eq!(matches!(judged, RequestVerdict::Repeat { .. }), repeated, "{operation:?}");
    }
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
fn what_a_row_has_changed_is_known_by_its_operation_or_said_by_an_upsert() {
    let stored = |created| RowResult { success: true, errors: Vec::new(), created };

    for (created, operation, change) in [
        (None, Insert, Change::Created),
        (Some(true), Insert, Change::Created),
        (Some(true), Upsert, Change::Created),
        (Some(false), Upsert, Change::Updated),
        (None, Update, Change::Updated),
        // A Bulk job says of each row whether it was created.
        (Some(false), Delete, Change::Deleted),
        (None, Delete, Change::Deleted),
    ] {
        let judged = judge_row(&stored(created), operation);
        assert_eq!(judged, RowVerdict::Delivered(change), "{created:?} {operation:?}");
    }
}

#[test]
fn a_field_that_may_not_be_written_holds_the_run_when_it_meets_every_row() {
    let unwritable = refused(&[("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create")]);

    assert!(refuses_writing(&unwritable) && !refuses_writing(&refused(&[("X", "")])));
    assert!(no_row_may_be_written(2, 2).is_some());
    for (refused, rows) in [(1, 2), (1, 1), (0, 0)] {
        assert_eq!(no_row_may_be_written(refused, rows), None, "{refused} of {rows}");
    }
}

#[test]
fn many_locked_rows_in_a_call_say_that_there_are_too_many_writers() {
    let locked = refused(&[("UNABLE_TO_LOCK_ROW", "busy")]);
    let busy = "flow: unable to obtain exclusive access to this record";
    let wrapped = refused(&[("CANNOT_EXECUTE_FLOW_TRIGGER", busy)]);
    let fine = RowResult { success: true, errors: Vec::new(), created: Some(true) };
    let call = |locks: usize, rows: usize| {
        let mut results = vec![fine.clone(); rows];
        results[..locks].fill(locked.clone());
        results
    };

    assert!(meets_locks(&call(10, 100)) && meets_locks(&[locked.clone(), wrapped, locked.clone()]));
    assert!(!meets_locks(&call(9, 100)) && !meets_locks(&call(2, 4)));
}

#[test]
fn a_run_is_held_longer_each_time_up_to_half_an_hour_and_never_for_a_moment() {
    let longest: Vec<u64> =
        (1..=7).map(|times| BETWEEN_HOLDS.delay(times, 1.0).as_secs()).collect();

    assert_eq!(longest, [60, 120, 240, 480, 960, 1_800, 1_800]);
    assert_eq!(BETWEEN_HOLDS.delay(7, 0.0).as_secs(), 30);
}
