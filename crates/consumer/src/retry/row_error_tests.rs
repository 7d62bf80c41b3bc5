//! The policy for single rows, as tables.

use std::collections::BTreeSet;

use super::*;
use load::Operation::{Delete, Insert, Update, Upsert};
use salesforce::{RowError, RowResult};

/// Every code that it documents for one record, in the order of its documentation.
const OF_A_ROW: [&str; 31] = [
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
    "MISSING_ARGUMENT",
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
fn what_is_no_code_is_other_and_message_in_the_message() {
    let longest = "A".repeat(81);
    for (code, message) in [
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0: no".to_owned()),
        ("ada@example.org", "ada@example.org: no".to_owned()),
        ("A\u{1b}[2J\nB", "A\u{1b}[2J\nB: no".to_owned()),
        (&longest, format!("{}…: no", &longest[..80])),
        ("", "no".to_owned()),
    ] {
        let RowVerdict::Rejected(reason) = classify_row(&refused(&[(code, "no")]), Upsert) else {
            panic!("{code}")
        };
        assert_eq!((&*reason.code, reason.message), ("OTHER", message), "{code:?}");
    }
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
    RowResult { success: false, errors, created: None, id: None }
}

/// The verdict on a row with one error, in one word.
fn verdict(code: &str, message: &str) -> String {
    match classify_row(&refused(&[(code, message)]), Upsert) {
        RowVerdict::Delivered(_) => "delivered".to_owned(),
        RowVerdict::Retry { retries_max: UNLIMITED, .. } => "again".to_owned(),
        RowVerdict::Retry { retries_max, .. } => format!("again {retries_max}"),
        RowVerdict::Shrink(_) => "shrink".to_owned(),
        RowVerdict::Backoff(reason) => format!("{reason:?}"),
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
        ("MISSING_ARGUMENT", "External_Id__c not specified", "rejected"),
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
        assert_eq!(verdict(code, message), expected, "{code} {message}");
    }
    let classified: BTreeSet<&str> = table.iter().map(|(code, ..)| *code).collect();
    let known: BTreeSet<&str> = OF_A_ROW.into_iter().chain([UNDOCUMENTED]).collect();
    assert_eq!(classified, known, "a verdict is tested for each code, and for no other one");
}

#[test]
fn the_page_of_rejects_says_of_each_code_whether_its_row_is_sent_again() {
    let page = include_str!("../../../../docs/rejects.md");
    let (_, section) = page.split_once("### Codes of Salesforce\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [code, _, retried, _] = cells[..] else { panic!("four cells: {line}") };
        (code.trim_matches('`'), retried)
    });
    let rows: Vec<(&str, &str)> = rows.collect();

    for (code, retried) in &rows {
        let expected = match verdict(code, "").as_str() {
            "again" => "yes",
            "again 1" => "once",
            "again 2" => "twice",
            "again 3" => "3 times",
            "shrink" => "in smaller calls",
            "rejected" => "no",
            "hold" => "holds the run",
            _ => "waits",
        };
        assert_eq!(*retried, expected, "{code}");
    }
    let told: Vec<&str> = rows.into_iter().map(|(code, _)| code).collect();
    assert_eq!(told, OF_A_ROW);
}

#[test]
fn an_insert_that_meets_its_own_duplicate_is_not_tried_again() {
    let race = refused(&[("DUPLICATE_VALUE", "duplicate value found: Key__c duplicates …")]);

    assert!(matches!(classify_row(&race, Insert), RowVerdict::Rejected(_)));
}

#[test]
fn a_record_that_is_deleted_already_needs_no_deleting() {
    let gone = refused(&[("ENTITY_IS_DELETED", "entity is deleted")]);
    let locked = refused(&[("ENTITY_IS_DELETED", ""), ("ENTITY_IS_LOCKED", "")]);

    assert_eq!(classify_row(&gone, Delete), RowVerdict::Delivered(Change::Deleted));
    assert!(matches!(classify_row(&gone, Update), RowVerdict::Rejected(_)));
    assert!(matches!(classify_row(&locked, Delete), RowVerdict::Rejected(_)));
}

#[test]
fn a_row_with_a_permanent_error_is_rejected_with_all_its_errors() {
    let mut result =
        refused(&[("UNABLE_TO_LOCK_ROW", "busy"), ("STRING_TOO_LONG", "data value too large")]);
    result.errors[1].fields = vec!["Name".to_owned()];

    let RowVerdict::Rejected(reason) = classify_row(&result, Upsert) else {
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

    let classified = classify_row(&result, Upsert);

    assert!(matches!(classified, RowVerdict::Retry { retries_max: 2, .. }), "{classified:?}");
}

#[test]
fn a_refusal_without_a_reason_is_a_reject() {
    assert!(matches!(classify_row(&refused(&[]), Upsert), RowVerdict::Rejected(_)));
}

#[test]
fn what_a_row_has_changed_is_known_by_its_operation_or_said_by_an_upsert() {
    let stored = |created| RowResult { success: true, errors: Vec::new(), created, id: None };

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
        let classified = classify_row(&stored(created), operation);
        assert_eq!(classified, RowVerdict::Delivered(change), "{created:?} {operation:?}");
    }
}

#[test]
fn a_field_that_may_not_be_written_holds_the_run_when_it_meets_every_row() {
    let unwritable = refused(&[("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create")]);

    let wrapped = "LeadTrigger: caused by: INVALID_FIELD_FOR_INSERT_UPDATE, no: []";

    assert!(says_not_writable(&unwritable) && !says_not_writable(&refused(&[("X", "")])));
    for (code, refuses) in
        [("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", true), ("STRING_TOO_LONG", false)]
    {
        assert_eq!(says_not_writable(&refused(&[(code, wrapped)])), refuses, "{code}");
    }
    let no_key = refused(&[("MISSING_ARGUMENT", "External_Id__c not specified")]);
    assert!(is_about_a_field(&unwritable) && is_about_a_field(&no_key));
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
    let fine = RowResult { success: true, errors: Vec::new(), created: Some(true), id: None };
    let call = |locks: usize, rows: usize| {
        let mut results = vec![fine.clone(); rows];
        results[..locks].fill(locked.clone());
        results
    };

    assert!(meets_locks(&call(10, 100)) && meets_locks(&[locked.clone(), wrapped, locked.clone()]));
    assert!(!meets_locks(&call(9, 100)) && !meets_locks(&call(2, 4)));
}
