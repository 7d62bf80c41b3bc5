//! What is kept of words that others chose, in the one place through which they come to Redis: why a
//! run ended, stands still or is held, and why a row was rejected.

use std::borrow::Cow;

use ingest_core::{BatchJob, Reject};

/// Most characters of a reason. Each is kept as long as its run, or with every row that it is about,
/// and read by all who show them.
pub(crate) const CHARACTERS_MAX: usize = 2_000;

/// Room for the sign that something was cut off.
const SIGN_CHARACTERS: usize = 50;

/// The reason as it is kept: one that is too long ends with a sign that says so.
pub(crate) fn kept(reason: &str) -> Cow<'_, str> {
    if reason.len() <= CHARACTERS_MAX || reason.chars().nth(CHARACTERS_MAX).is_none() {
        return reason.into();
    }
    let beginning: String = reason.chars().take(CHARACTERS_MAX - SIGN_CHARACTERS).collect();
    let left_out = reason.chars().count() - (CHARACTERS_MAX - SIGN_CHARACTERS);
    format!("{beginning}… (cut: {left_out} characters more)").into()
}

/// The reject as it is kept: its reason is cut when it is too long.
#[must_use]
pub fn kept_with(reject: &Reject) -> Cow<'_, Reject> {
    match kept(&reject.message) {
        Cow::Borrowed(_) => Cow::Borrowed(reject),
        Cow::Owned(message) => Cow::Owned(Reject { message, ..reject.clone() }),
    }
}

/// The batch as it is queued.
pub(crate) fn encoded(job: &BatchJob) -> Vec<u8> {
    if job.rejects.iter().all(|reject| matches!(kept_with(reject), Cow::Borrowed(_))) {
        return job.encode();
    }
    let rejects = job.rejects.iter().map(|reject| kept_with(reject).into_owned()).collect();
    BatchJob { rejects, ..job.clone() }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_is_too_long_is_cut_and_says_so() {
        let short = "ä".repeat(CHARACTERS_MAX);
        assert_eq!(kept(&short), short);

        let cut = kept(&format!("{short}ö")).into_owned();
        assert!(cut.ends_with("ä… (cut: 51 characters more)"), "{cut}");
        for characters in [CHARACTERS_MAX + 1, 30_000_000] {
            assert!(kept(&"x".repeat(characters)).chars().count() <= CHARACTERS_MAX);
        }
    }
}
