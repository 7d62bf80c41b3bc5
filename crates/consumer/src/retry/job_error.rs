//! What answers about an ingest job as a whole mean. Pure.

use ingest_core::{OTHER_CODE, is_code};

use crate::retry::{Blocker, FREE_STORAGE, RequestVerdict, Trouble, judge_request};
use load::Operation;
use salesforce::Refusal;

/// What is to be done about a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The same again, when the trouble is over.
    Wait(Trouble),
    /// The same again, when there is room for one more job; other calls go on.
    WaitForRoom,
    /// The day's Bulk batches are used up.
    BulkIsSpent,
    /// The same again, so often at most.
    Repeat { tries: u32 },
    /// There is no such job (any more).
    NoSuchJob,
    /// The job is in another state than it was taken to be.
    OtherState,
    /// Nobody can deliver this run until a person or time has changed something.
    Hold(Blocker),
    /// This consumer cannot sign in until a person has acted.
    Stop(Blocker),
}

/// Judges a refused request about an ingest job. All of them can be repeated without harm: a job
/// that is made twice loads nothing before it is closed.
pub(crate) fn judge_refusal(refusal: &Refusal) -> Refused {
    if let Refusal::Answered(answer) = refusal {
        match answer.code.as_deref().unwrap_or_default() {
            "LIMIT_EXCEEDED" => return Refused::WaitForRoom,
            "EXCEEDED_QUOTA" | "ExceededQuota" => return Refused::BulkIsSpent,
            "INVALIDJOBSTATE" => return Refused::OtherState,
            "NOT_FOUND" => return Refused::NoSuchJob,
            // Without a code it is an answer of somebody on the way, who knows no jobs.
            _ if answer.status == 404 && answer.code.is_some() => return Refused::NoSuchJob,
            _ => (),
        }
    }
    match judge_request(refusal, Operation::Upsert) {
        RequestVerdict::Wait(trouble) => Refused::Wait(trouble),
        RequestVerdict::Repeat { tries, .. } => Refused::Repeat { tries },
        RequestVerdict::Hold(blocker) => Refused::Hold(blocker),
        RequestVerdict::Stop(blocker) => Refused::Stop(blocker),
        RequestVerdict::Doubt(advice) => {
            Refused::Hold(Blocker { what: refusal.to_string(), advice })
        }
        RequestVerdict::Halve(_) | RequestVerdict::OutcomeUnknown | RequestVerdict::Unsaid(_) => {
            Refused::Hold(Blocker { what: refusal.to_string(), advice: NOT_BY_BULK })
        }
    }
}

/// Whether a request may have been refused for the rows that went with it. Calls, with fewer of them,
/// show for which.
pub(crate) fn may_be_for_rows(refusal: &Refusal) -> bool {
    let verdict = judge_request(refusal, Operation::Upsert);
    matches!(verdict, RequestVerdict::Doubt(_) | RequestVerdict::Halve(_))
}

/// Why an ingest job ended without all of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is no fault of its rows: they are worth another job.
    Again,
    /// The day's Bulk batches are used up.
    BulkIsSpent,
    /// No job like it will do better.
    Hold(Blocker),
}

/// Judges the `errorMessage` of a job that failed or was aborted: `CODE : text`.
pub(crate) fn judge_failure(message: Option<&str>) -> Failure {
    let code = failure_code(message);
    let hold = |advice| {
        let field = unknown_field(message).map(|name| format!(" : {FIELD_NOT_FOUND} : {name}"));
        let what = format!("the ingest job failed: {code}{}", field.unwrap_or_default());
        Failure::Hold(Blocker { what, advice })
    };
    match code {
        "ExceededQuota" => Failure::BulkIsSpent,
        "STORAGE_LIMIT_EXCEEDED" | "StorageLimitExceeded" => hold(FREE_STORAGE),
        "InvalidBatch" => hold(
            "a mapped field is gone or hidden; check the mapping and field-level security, see the \
             job in Setup under Bulk Data Load Jobs",
        ),
        "ClientInputError" | "FeatureNotEnabled" => hold(NOT_BY_BULK),
        "InvalidUser" => hold("check the integration user and its permission to use the API"),
        // TooManyLockFailure, Timeout, InvalidSessionId, one that a person aborted, and what nobody
        // has heard of.
        _ => Failure::Again,
    }
}

/// What an `errorMessage` begins with; its text may quote rows, and so may what is no word.
pub(crate) fn failure_code(message: Option<&str>) -> &str {
    let code = message.unwrap_or_default().split(':').next().unwrap_or_default().trim();
    match code {
        "" => "no reason given",
        code if is_code(&code.to_ascii_uppercase()) => code,
        _no_word => OTHER_CODE,
    }
}

/// The field that Salesforce does not know, fit to be shown: it is a name of the file's header.
fn unknown_field(message: Option<&str>) -> Option<String> {
    let (_, name) = message?.split_once(FIELD_NOT_FOUND)?;
    let name = name.trim_start_matches([' ', ':']).trim_end();
    Some(service::shown(name, FIELD_CHARACTERS_MAX)).filter(|name| !name.is_empty())
}

const FIELD_NOT_FOUND: &str = "Field name not found";
const FIELD_CHARACTERS_MAX: usize = 80;

const NOT_BY_BULK: &str = "Bulk API does not take this load; check what the integration user may do, \
                           or set SALESFORCE_API=collections";

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce::ErrorAnswer;

    fn answered(status: u16, code: &str, message: &str) -> Refusal {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        Refusal::Answered(ErrorAnswer { status, code, message, retry_after: None })
    }

    #[test]
    fn refusals_of_a_job_are_told_apart() {
        let cut = Refusal::OutcomeUnknown { cause: "cut".to_owned() };
        let unreachable = Refusal::NotSent { cause: "refused".to_owned() };
        let total = "TotalRequests Limit exceeded.";
        for (refusal, expected) in [
            (answered(400, "LIMIT_EXCEEDED", "more than 25 jobs"), Refused::WaitForRoom),
            (answered(400, "INVALIDJOBSTATE", "Invalid job state: Open"), Refused::OtherState),
            (answered(404, "NOT_FOUND", ""), Refused::NoSuchJob),
            (answered(429, "X", ""), Refused::Wait(Trouble::Throttled)),
            (answered(403, "REQUEST_LIMIT_EXCEEDED", total), Refused::Wait(Trouble::QuotaUsedUp)),
            (answered(503, "SERVER_UNAVAILABLE", ""), Refused::Wait(Trouble::Unavailable)),
            (answered(500, "UNKNOWN_EXCEPTION", ""), Refused::Repeat { tries: 3 }),
            (cut, Refused::Repeat { tries: 5 }),
            (unreachable, Refused::Wait(Trouble::Unreachable)),
        ] {
            assert_eq!(judge_refusal(&refusal), expected, "{refusal:?}");
        }
        for refusal in [
            answered(400, "INVALIDENTITY", "Unable to find object: Nope"),
            answered(400, "INVALIDJOB", ""),
            answered(403, "API_DISABLED_FOR_ORG", ""),
            answered(413, "X", ""),
        ] {
            assert!(matches!(judge_refusal(&refusal), Refused::Hold(_)), "{refusal:?}");
        }
    }

    #[test]
    fn a_page_of_somebody_on_the_way_says_nothing_of_a_job() {
        for status in [401, 403, 404, 406] {
            let page = ErrorAnswer::read(status, b"<html>Blocked</html>", None);
            let refused = judge_refusal(&Refusal::Answered(page));
            assert!(matches!(refused, Refused::Hold(_)), "{status} {refused:?}");
        }
    }

    #[test]
    fn a_failure_names_the_field_that_is_gone_and_nothing_else_of_the_text() {
        let what = |message: &str| match judge_failure(Some(message)) {
            Failure::Hold(blocker) => blocker.what,
            other => panic!("{message}: {other:?}"),
        };
        let begin = "the ingest job failed: InvalidBatch";
        let long = "x".repeat(500);
        for (text, shown) in [
            (": Field name not found : X__c", " : Field name not found : X__c".to_owned()),
            (":Field name not found:X__c\n", " : Field name not found : X__c".to_owned()),
            (
                " : Field name not found : a\u{1b}[2J",
                r" : Field name not found : a\u001b[2J".into(),
            ),
            (
                &format!(" : Field name not found : {long}"),
                format!(" : Field name not found : {}…", &long[..80]),
            ),
            (" : Field name not found : ", String::new()),
            (" : row 3 has ada@example.com", String::new()),
        ] {
            assert_eq!(what(&format!("InvalidBatch{text}")), format!("{begin}{shown}"), "{text}");
        }
    }

    #[test]
    fn a_failure_without_a_code_is_not_quoted() {
        for (message, code) in [
            (Some("InvalidBatch : x"), "InvalidBatch"),
            (Some("ada@example.org is gone"), "OTHER"),
            (Some("a\u{1b}[2J : x"), "OTHER"),
            (None, "no reason given"),
        ] {
            assert_eq!(failure_code(message), code, "{message:?}");
        }
    }

    #[test]
    fn failures_of_a_job_are_told_apart() {
        for (message, expected) in [
            (Some("TooManyLockFailure : too many: rows"), Failure::Again),
            (Some("Timeout"), Failure::Again),
            (Some("InternalServerError : x"), Failure::Again),
            (Some(" "), Failure::Again),
            (None, Failure::Again),
            (Some("ExceededQuota : x"), Failure::BulkIsSpent),
        ] {
            assert_eq!(judge_failure(message), expected, "{message:?}");
        }
        for code in ["InvalidBatch", "ClientInputError", "FeatureNotEnabled", "InvalidUser"] {
            let failure = judge_failure(Some(&format!("{code} : x")));
            assert!(matches!(failure, Failure::Hold(_)), "{code}");
        }
    }
}
