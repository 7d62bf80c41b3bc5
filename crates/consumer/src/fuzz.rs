//! What must hold for any answer of Salesforce. A fuzz target in `fuzz/` calls this, and the test below
//! replays its corpus.

use std::time::Duration;

use load::{Describe, Operation};
use salesforce::{ErrorAnswer, Refusal, RowResult};

use crate::retry::{CallVerdict, RowVerdict, classify_call, classify_row, says_not_writable};

const OPERATIONS: [Operation; 5] = [
    Operation::Upsert,
    Operation::Insert,
    Operation::Update,
    Operation::Delete,
    Operation::HardDelete,
];

/// The first byte chooses a status, the rest is a body: a row is delivered only
/// where Salesforce says so, and an insert whose outcome is unknown is not sent again.
pub fn answer(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let status = [200, 201, 400, 401, 403, 404, 413, 420, 429, 500, 502, 503, 504, 302, 418, 0]
        [usize::from(choice % 16)];
    let _object = serde_json::from_slice::<Describe>(body);
    for operation in OPERATIONS {
        classify_rows(body, operation);
        classify_error(status, body, operation);
    }
}

fn classify_rows(body: &[u8], operation: Operation) {
    let Ok(results) = serde_json::from_slice::<Vec<RowResult>>(body) else { return };
    for result in &results {
        let _what_stops_a_run = says_not_writable(result);
        let verdict = classify_row(result, operation);
        let is_delivered = matches!(verdict, RowVerdict::Delivered(_));
        let is_gone_anyway = operation == Operation::Delete && !result.errors.is_empty();
        assert!(is_delivered == result.success || is_gone_anyway, "{verdict:?}");
    }
}

fn classify_error(status: u16, body: &[u8], operation: Operation) {
    let answer = ErrorAnswer::read(status, body, Some(Duration::from_secs(1)));
    let code = answer.code.clone().unwrap_or_default();
    let verdict = classify_call(&Refusal::Answered(answer), operation);
    if operation == Operation::Insert && code.is_empty() {
        match status {
            500.. => assert_eq!(verdict, CallVerdict::OutcomeUnknown, "{status}"),
            413 | 414 | 429 | 431 => (),
            300..=499 => {
                assert!(matches!(verdict, CallVerdict::IntermediaryAnswered(_)), "{status}");
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_of_the_corpus_are_judged() {
        test_support::replay_corpus("answer", 5, super::answer);
    }
}
