//! What a message of Salesforce says, where its code stands for different things.

use super::backoff::BackoffReason;

/// One code for two troubles: only the text tells the daily limit from too many calls at once.
pub(super) fn limit_exceeded(message: &str) -> BackoffReason {
    if message.contains("TotalRequests") {
        BackoffReason::QuotaUsedUp
    } else {
        BackoffReason::Throttled
    }
}

/// Whether a code only says that something else failed: a trigger, a flow, Apex. Then the text has
/// to say what; under every other code English words decide nothing, for messages quote values.
pub(super) fn is_wrapper(code: &str) -> bool {
    matches!(
        code,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
            | "CANNOT_EXECUTE_FLOW_TRIGGER"
            | "UNKNOWN_EXCEPTION"
            | "APEX_ERROR"
    )
}

/// Whether the org runs as many long Apex transactions as it may.
pub(super) fn says_long_transactions(message: &str) -> bool {
    has_word(message, "ConcurrentPerOrgLongTxn")
}

/// Whether Apex ran into a limit of one transaction, which fewer rows may keep.
pub(super) fn says_apex_limit(message: &str) -> bool {
    has_word(message, "System.LimitException")
        || message.contains("Too many SOQL queries")
        || message.contains("CPU time limit exceeded")
}

/// Whether it is there as a word of its own, not as a part of a longer name.
pub(super) fn has_word(message: &str, word: &str) -> bool {
    let is_of_a_name = |character: char| character.is_alphanumeric() || character == '_';
    message.match_indices(word).any(|(at, _)| {
        !message[..at].ends_with(is_of_a_name)
            && !message[at + word.len()..].starts_with(is_of_a_name)
    })
}
