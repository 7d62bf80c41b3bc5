//! Calls about an ingest job that were refused, and jobs that failed.

use ingest_core::{RejectCode, is_code};
use load::Operation;
use salesforce::Refusal;

use super::{
    blocker::{Blocker, FREE_STORAGE},
    request_error::{GIVE_ACCESS, NOT_LET_IN, classify_call},
    verdict::{CallVerdict, JobProblem},
};

/// Classifies a refused call about an ingest job. All of them can be retried without harm: a job that
/// is made twice loads nothing before it is closed.
pub(crate) fn classify_job_call(refusal: &Refusal) -> CallVerdict {
    if let Refusal::Answered(answer) = refusal {
        match answer.code.as_deref().unwrap_or_default() {
            "LIMIT_EXCEEDED" => return CallVerdict::Job(JobProblem::NoSlot),
            "EXCEEDED_QUOTA" | "ExceededQuota" => {
                return CallVerdict::Job(JobProblem::NoBatchesLeft);
            }
            "INVALIDJOBSTATE" => return CallVerdict::Job(JobProblem::OtherState),
            "NOT_FOUND" => return CallVerdict::Job(JobProblem::NotFound),
            // Without a code it is an answer of an intermediary, which knows no jobs.
            _ if answer.status == 404 && answer.code.is_some() => {
                return CallVerdict::Job(JobProblem::NotFound);
            }
            _ => (),
        }
    }
    let hold = |advice| CallVerdict::Hold(Blocker { what: refusal.to_string(), advice });
    match classify_call(refusal, Operation::Upsert) {
        CallVerdict::Doubt(advice) => hold(advice),
        CallVerdict::Split(_)
        | CallVerdict::OutcomeUnknown
        | CallVerdict::IntermediaryAnswered(_) => hold(NOT_BY_BULK),
        verdict => verdict,
    }
}

/// Whether a request may have been refused for the rows that went with it. Calls, with fewer of them,
/// show for which.
pub(crate) fn may_be_for_rows(refusal: &Refusal) -> bool {
    let verdict = classify_call(refusal, Operation::Upsert);
    matches!(verdict, CallVerdict::Doubt(_) | CallVerdict::Split(_))
}

/// What is to be done about an ingest job that ended without all of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FailedJob {
    /// It is no fault of its rows: they are worth another job.
    Retry,
    /// The day's Bulk batches are used up.
    NoBatchesLeft,
    /// No job like it will do better.
    Hold(Blocker),
}

/// Judges the `errorMessage` of a job that failed or was aborted: `CODE : text`.
pub(crate) fn classify_failed_job(message: Option<&str>) -> FailedJob {
    let code = failure_code(message);
    let hold = |advice| {
        let field = unknown_field(message).map(|name| format!(" : {FIELD_NOT_FOUND} : {name}"));
        let what = format!("the ingest job failed: {code}{}", field.unwrap_or_default());
        FailedJob::Hold(Blocker { what, advice })
    };
    match code {
        "ExceededQuota" => FailedJob::NoBatchesLeft,
        "STORAGE_LIMIT_EXCEEDED" | "StorageLimitExceeded" => hold(FREE_STORAGE),
        "InvalidBatch" => hold(
            "a mapped field is gone or hidden; check the mapping and field-level security, see the \
             job in Setup under Bulk Data Load Jobs",
        ),
        "ClientInputError" | "FeatureNotEnabled" => hold(NOT_BY_BULK),
        "InvalidUser" => hold("check the integration user and its permission to use the API"),
        // TooManyLockFailedJob, Timeout, InvalidSessionId, one that a person aborted, and what nobody
        // has heard of.
        _ => FailedJob::Retry,
    }
}

/// What an `errorMessage` begins with; its text may quote rows, and so may what is no word.
pub(crate) fn failure_code(message: Option<&str>) -> &str {
    let code = message.unwrap_or_default().split(':').next().unwrap_or_default().trim();
    match code {
        "" => "no reason given",
        code if is_code(&code.to_ascii_uppercase()) => code,
        _no_word => RejectCode::Other.as_str(),
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

/// What keeps a run from going on, in the words of what is done with its rows.
pub(crate) fn for_operation(blocker: Blocker, operation: Operation) -> Blocker {
    let is_about_rights = [NOT_BY_BULK, NOT_LET_IN, GIVE_ACCESS].contains(&blocker.advice);
    match operation.is_by_bulk_only() && is_about_rights {
        true => Blocker { advice: HARD_DELETE_RIGHT, ..blocker },
        false => blocker,
    }
}

pub(crate) const HARD_DELETE_RIGHT: &str = "to delete for good, the integration user needs the permission \"Bulk API Hard Delete\", from a \
     permission set, and to be let delete the object's records; no other API can do it";

const NOT_BY_BULK: &str = "Bulk API does not take this load; check what the integration user may do, \
                           or cancel the run and start it again with --api collections";

#[cfg(test)]
mod tests {
    use super::{
        super::{
            backoff::BackoffReason,
            verdict::{OnExhausted, OnSingleRow},
        },
        *,
    };
    use salesforce::ErrorAnswer;

    fn answered(status: u16, code: &str, message: &str) -> Refusal {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        Refusal::Answered(ErrorAnswer { status, code, message, retry_after: None })
    }

    #[test]
    fn refusals_of_a_job_are_told_apart() {
        let cut = Refusal::OutcomeUnknown { cause: "cut".to_owned() };
        let unreachable = Refusal::NotSent { cause: "refused".to_owned() };
        let no_answer = |tries| CallVerdict::Retry {
            tries,
            on_exhausted: OnExhausted::Split(OnSingleRow::Reject),
        };
        let total = "TotalRequests Limit exceeded.";
        for (refusal, expected) in [
            (
                answered(400, "LIMIT_EXCEEDED", "more than 25 jobs"),
                CallVerdict::Job(JobProblem::NoSlot),
            ),
            (
                answered(400, "INVALIDJOBSTATE", "Invalid job state: Open"),
                CallVerdict::Job(JobProblem::OtherState),
            ),
            (answered(404, "NOT_FOUND", ""), CallVerdict::Job(JobProblem::NotFound)),
            (answered(429, "X", ""), CallVerdict::Backoff(BackoffReason::Throttled)),
            (
                answered(403, "REQUEST_LIMIT_EXCEEDED", total),
                CallVerdict::Backoff(BackoffReason::QuotaUsedUp),
            ),
            (
                answered(503, "SERVER_UNAVAILABLE", ""),
                CallVerdict::Backoff(BackoffReason::Unavailable),
            ),
            (answered(500, "UNKNOWN_EXCEPTION", ""), no_answer(3)),
            (cut, no_answer(5)),
            (unreachable, CallVerdict::Backoff(BackoffReason::Unreachable)),
        ] {
            assert_eq!(classify_job_call(&refusal), expected, "{refusal:?}");
        }
        for refusal in [
            answered(400, "INVALIDENTITY", "Unable to find object: Nope"),
            answered(400, "INVALIDJOB", ""),
            answered(403, "API_DISABLED_FOR_ORG", ""),
            answered(413, "X", ""),
        ] {
            assert!(matches!(classify_job_call(&refusal), CallVerdict::Hold(_)), "{refusal:?}");
        }
    }

    #[test]
    fn who_may_not_delete_for_good_hears_which_permission_it_takes() {
        use Operation::{Delete, HardDelete};

        let said = "hardDelete operation requires special user profile permission";
        let refused = [
            classify_job_call(&answered(400, "FEATURENOTENABLED", said)),
            classify_job_call(&answered(403, "INSUFFICIENT_ACCESS", "")),
            classify_job_call(&answered(403, "X", "")),
        ];
        for verdict in refused {
            let CallVerdict::Hold(blocker) = verdict else { panic!("{verdict:?}") };
            let advice = |operation| for_operation(blocker.clone(), operation).advice;
            assert!(advice(HardDelete).contains("\"Bulk API Hard Delete\""), "{blocker}");
            assert_eq!(advice(Delete), blocker.advice);
        }
        let FailedJob::Hold(blocker) = classify_failed_job(Some("FeatureNotEnabled : x")) else {
            panic!("it is not retried")
        };
        assert_eq!(for_operation(blocker, HardDelete).advice, HARD_DELETE_RIGHT);
        let full = Blocker { what: String::new(), advice: FREE_STORAGE };
        assert_eq!(for_operation(full, HardDelete).advice, FREE_STORAGE);
    }

    #[test]
    fn a_page_of_somebody_on_the_way_says_nothing_of_a_job() {
        for status in [401, 403, 404, 406] {
            let page = ErrorAnswer::read(status, b"<html>Blocked</html>", None);
            let refused = classify_job_call(&Refusal::Answered(page));
            assert!(matches!(refused, CallVerdict::Hold(_)), "{status} {refused:?}");
        }
    }

    #[test]
    fn a_failure_names_the_field_that_is_gone_and_nothing_else_of_the_text() {
        let what = |message: &str| match classify_failed_job(Some(message)) {
            FailedJob::Hold(blocker) => blocker.what,
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
            (Some("TooManyLockFailedJob : too many: rows"), FailedJob::Retry),
            (Some("Timeout"), FailedJob::Retry),
            (Some("InternalServerError : x"), FailedJob::Retry),
            (Some(" "), FailedJob::Retry),
            (None, FailedJob::Retry),
            (Some("ExceededQuota : x"), FailedJob::NoBatchesLeft),
        ] {
            assert_eq!(classify_failed_job(message), expected, "{message:?}");
        }
        for code in ["InvalidBatch", "ClientInputError", "FeatureNotEnabled", "InvalidUser"] {
            let failure = classify_failed_job(Some(&format!("{code} : x")));
            assert!(matches!(failure, FailedJob::Hold(_)), "{code}");
        }
    }
}
