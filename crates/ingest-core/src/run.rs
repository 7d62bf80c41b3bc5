//! The name of a run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names one run: one pass over one blob.
///
/// 1 to 64 characters: letters, digits, `.`, `_` and `-`, the first one a letter or a digit. So it
/// can stand as it is in a Redis key, a blob name, a URL path and a shell command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// Most characters in a [`RunId`].
const CHARACTERS_MAX: usize = 64;

impl RunId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id becomes the name of a file and of keys in Redis, so it has few characters. What was given
/// is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a run id is 1 to {CHARACTERS_MAX} letters, digits, '.', '_' or '-', and starts with a letter or a digit"
)]
pub struct InvalidRunId;

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let goes_on_well =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if starts_well && goes_on_well && text.len() <= CHARACTERS_MAX {
            Ok(Self(text))
        } else {
            Err(InvalidRunId)
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl AsRef<str> for RunId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_made_of_characters_that_are_safe_everywhere() {
        let cases = [
            ("2026-01-31.big_file", true),
            ("7", true),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
            ("", false),
            ("-starts-with-a-dash", false),
            (".hidden", false),
            ("two words", false),
            ("{batch}", false),
            ("a/b", false),
            ("naïve", false),
        ];

        for (text, accepted) in cases {
            assert_eq!(text.parse::<RunId>().is_ok(), accepted, "{text:?}");
        }
    }
}
