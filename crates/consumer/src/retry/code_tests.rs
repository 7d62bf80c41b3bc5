//! What decides when the status says otherwise, and what a person is told to do.

use super::*;
use load::Operation::{Delete, Insert, Update, Upsert};
use salesforce::{ErrorAnswer, Refusal};

fn classified(status: u16, code: &str) -> CallVerdict {
    let code = (!code.is_empty()).then(|| code.to_owned());
    let answer = ErrorAnswer { status, code, message: String::new(), retry_after: None };
    classify_call(&Refusal::Answered(answer), Upsert)
}

#[test]
fn a_code_decides_whatever_the_status_is() {
    // A status that holds.
    let status = 418;

    assert_eq!(classified(status, "JSON_PARSER_ERROR"), CallVerdict::Split(OnSingleRow::Reject));
    assert_eq!(classified(status, "EXCEEDED_ID_LIMIT"), CallVerdict::Split(OnSingleRow::Reject));
    let repeat =
        CallVerdict::Retry { tries: 3, on_exhausted: OnExhausted::Split(OnSingleRow::Reject) };
    assert_eq!(classified(status, "UNKNOWN_EXCEPTION"), repeat);
    assert_eq!(classified(status, "APEX_ERROR"), repeat);
}

#[test]
fn a_hold_and_a_stop_say_what_to_do() {
    for (status, code, to_do) in [
        (401, "INVALID_SESSION_ID", "check the credentials"),
        (401, "", "proxies on the way"),
        (403, "", "IP ranges"),
        (403, "API_DISABLED_FOR_ORG", "switch the API on"),
        (403, "INSUFFICIENT_ACCESS", "with a permission set"),
        (403, "FUNCTIONALITY_NOT_ENABLED", "ask the org's administrator"),
        (403, "STORAGE_LIMIT_EXCEEDED", "data storage"),
        (404, "NOT_FOUND", "what the run's load names"),
        (404, "", "proxies"),
        (410, "", "SALESFORCE_API_VERSION"),
        (418, "", "proxies"),
    ] {
        let blocker = match classified(status, code) {
            CallVerdict::Stop(blocker) if status == 401 => blocker,
            CallVerdict::Hold(blocker) if status != 401 => blocker,
            CallVerdict::Doubt(advice) => Blocker { what: String::new(), advice },
            other => panic!("{status} {code}: {other:?}"),
        };
        assert!(blocker.advice.contains(to_do), "{status} {code}: {}", blocker.advice);
    }
}

#[test]
fn an_operation_makes_records_changes_them_or_neither() {
    for (operation, creates, updates) in
        [(Upsert, true, true), (Insert, true, false), (Update, false, true), (Delete, false, false)]
    {
        assert_eq!((operation.creates(), operation.updates()), (creates, updates), "{operation:?}");
    }
}
