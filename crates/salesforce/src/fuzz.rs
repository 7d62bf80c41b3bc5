//! What must hold for any answer of Salesforce. A fuzz target in `fuzz/` calls this, and the test below
//! replays its corpus.

use std::time::Duration;

use crate::{ErrorAnswer, RowResult, auth::token_endpoint::read_any_answer};

/// Statuses of answers that the first byte of a fuzzed input chooses from.
pub const STATUSES: [u16; 16] =
    [200, 201, 400, 401, 403, 404, 413, 420, 429, 500, 502, 503, 504, 302, 418, 0];

/// The first byte chooses a status, the rest is a body: each reader of answers takes it or refuses it,
/// and nothing that is shown is long.
pub fn answer(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let status = STATUSES[usize::from(choice % 16)];
    read_any_answer(status, body);
    let _rows = serde_json::from_slice::<Vec<RowResult>>(body);
    let answer = ErrorAnswer::read(status, body, Some(Duration::from_secs(1)));
    if answer.code.is_none() {
        assert!(answer.message.chars().count() <= 200, "{}", answer.message);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_of_the_corpus_are_read() {
        test_support::replay_corpus("answer", 5, super::answer);
    }
}
