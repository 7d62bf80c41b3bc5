//! How many rejected rows a run may have before it is given up.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number of rows, or a share of those that have an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum RejectLimit {
    Rows(u64),
    Percent(f64),
}

impl RejectLimit {
    /// Not one.
    pub(crate) const NONE: Self = Self::Rows(0);
}

impl fmt::Display for RejectLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for RejectLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = match text.strip_suffix('%') {
            None => text.parse().ok().map(Self::Rows),
            Some(share) => share
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent),
        };
        limit.ok_or_else(|| "give a number of rows, or a share such as 5%".to_owned())
    }
}

impl TryFrom<String> for RejectLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RejectLimit> for String {
    fn from(limit: RejectLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_share() {
        assert_eq!("1000".parse(), Ok(RejectLimit::Rows(1_000)));
        assert_eq!("2.5%".parse(), Ok(RejectLimit::Percent(2.5)));
        for wrong in ["", "-1", "101%", "many", "%"] {
            assert!(wrong.parse::<RejectLimit>().is_err(), "{wrong}");
        }
    }
}
