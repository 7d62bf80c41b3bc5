//! Years, and what two digits of one mean.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

/// Years that Salesforce can store.
pub(super) const YEARS: RangeInclusive<i16> = 1700..=4000;

/// What a year of two digits means. In a setting: `reject`, or the first of the hundred years that
/// two digits can mean, such as `1970`: then `70` is 1970, `99` is 1999, and `69` is 2069.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spelled", into = "Spelled")]
pub enum TwoDigitYears {
    /// Nothing: its row is rejected.
    #[default]
    Reject,
    /// One of a hundred years, of which this is the first.
    From(i16),
}

/// As a file with settings has it: a word, or a year with or without quotes.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"reject\", or a year such as 1970")]
enum Spelled {
    Year(i64),
    Word(String),
}

impl TwoDigitYears {
    /// The year that ends with these two digits.
    pub(super) fn year(self, digits: u32) -> Option<u32> {
        let Self::From(first) = self else { return None };
        let first = u32::try_from(first).ok()?;
        let behind = (digits + 100 - first % 100) % 100;
        Some(first + behind)
    }

    /// What the rule for a date says of such years.
    pub(super) fn rule(self) -> String {
        match self {
            Self::Reject => String::new(),
            Self::From(first) => format!(
                ", or with a year of two digits, from {first} to {}",
                i32::from(first) + YEARS_OF_TWO_DIGITS - 1
            ),
        }
    }

    fn from_year(first: i64) -> Result<Self, String> {
        // The last of the hundred has to be one that Salesforce can store.
        let last = first.saturating_add(i64::from(YEARS_OF_TWO_DIGITS) - 1);
        let can_store = |year| i16::try_from(year).is_ok_and(|year| YEARS.contains(&year));
        match i16::try_from(first) {
            Ok(year) if can_store(first) && can_store(last) => Ok(Self::From(year)),
            _ => Err(format!(
                "the first year must be from {} to {}; write it like 1970",
                YEARS.start(),
                i32::from(*YEARS.end()) - YEARS_OF_TWO_DIGITS + 1
            )),
        }
    }
}

const YEARS_OF_TWO_DIGITS: i32 = 100;

impl FromStr for TwoDigitYears {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "reject" {
            return Ok(Self::Reject);
        }
        let has_four_digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(first) if has_four_digits => Self::from_year(first),
            _ => Err("write `reject`, or the first of a hundred years, such as 1970".to_owned()),
        }
    }
}

impl fmt::Display for TwoDigitYears {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reject => formatter.write_str("reject"),
            Self::From(first) => write!(formatter, "{first}"),
        }
    }
}

impl TryFrom<Spelled> for TwoDigitYears {
    type Error = String;

    fn try_from(spelled: Spelled) -> Result<Self, String> {
        match spelled {
            Spelled::Year(first) => Self::from_year(first),
            Spelled::Word(word) => word.parse(),
        }
    }
}

impl From<TwoDigitYears> for Spelled {
    fn from(years: TwoDigitYears) -> Self {
        match years {
            TwoDigitYears::Reject => Self::Word(years.to_string()),
            TwoDigitYears::From(first) => Self::Year(first.into()),
        }
    }
}
