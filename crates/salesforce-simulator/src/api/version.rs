//! API versions: which there are, and which are gone.

use std::fmt;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{http::Answer, problem::Refusal};

const OLDEST: u16 = 31;
const NEWEST: u16 = 67;
/// The release of version 31; three releases follow each year.
const OLDEST_YEAR: u16 = 14;

/// The version of a call, such as `v62.0`; the oldest that is served is 31, and
/// newer ones than there are today are taken as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u16);

impl Version {
    pub(crate) fn parse(segment: &str) -> Result<Self, Refusal> {
        let number = segment.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
        let number: u16 =
            number.and_then(|number| number.parse().ok()).ok_or_else(Refusal::not_found)?;
        if number < OLDEST {
            return Err(Refusal::new(
                StatusCode::GONE,
                "GONE",
                format!("API version {number}.0 is retired; use {OLDEST}.0 or later"),
            ));
        }
        Ok(Self(number))
    }

    /// Upsert of collections (salesforce-api.md 0).
    pub(crate) fn has_upsert(self) -> bool {
        self.0 >= 46
    }

    /// Such as 62.
    pub(crate) fn number(self) -> u16 {
        self.0
    }

    /// Ingest jobs of Bulk API 2.0.
    pub(crate) fn has_ingest(self) -> bool {
        self.0 >= 41
    }

    /// `sf__Id` in the rows that an ingest job refused.
    pub(crate) fn names_failed_records(self) -> bool {
        self.0 >= 53
    }

    /// `created` in the answer to a single upsert.
    pub(crate) fn says_created(self) -> bool {
        self.0 >= 46
    }

    /// `updateOnly` in an upsert.
    pub(crate) fn has_update_only(self) -> bool {
        self.0 >= 61
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}.0", self.0)
    }
}

/// `GET /services/data`: needs no token.
pub(crate) fn versions(method: &Method) -> Answer {
    if method != Method::GET {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are GET");
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
        return refusal.into();
    }
    let versions: Vec<Value> = (OLDEST..=NEWEST)
        .map(|number| {
            let version = format!("{number}.0");
            json!({
                "label": label(number),
                "url": format!("/services/data/v{version}"),
                "version": version,
            })
        })
        .collect();
    Answer::ok(&versions)
}

/// `Summer '25` is version 64; a year starts with its Spring release.
fn label(number: u16) -> String {
    let releases = number - OLDEST + 1;
    let season = ["Spring", "Summer", "Winter"][usize::from(releases % 3)];
    // Winter releases carry the number of the year to come.
    let year = OLDEST_YEAR + (releases + u16::from(releases % 3 == 2)) / 3;
    format!("{season} '{year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_their_names() {
        for (number, name) in [
            (31, "Summer '14"),
            (32, "Winter '15"),
            (33, "Spring '15"),
            (62, "Winter '25"),
            (64, "Summer '25"),
            (67, "Summer '26"),
        ] {
            assert_eq!(label(number), name);
        }
    }

    #[test]
    fn versions_before_31_are_gone_and_other_texts_are_not_found() {
        assert_eq!(Version::parse("v31.0"), Ok(Version(31)));
        assert_eq!(Version::parse("v99.0"), Ok(Version(99)));
        assert_eq!(Version::parse("v30.0").unwrap_err().status, StatusCode::GONE);
        for text in ["62.0", "v62", "v62.1", "vx.0", "v.0", ""] {
            assert_eq!(Version::parse(text).unwrap_err().status, StatusCode::NOT_FOUND, "{text}");
        }
    }
}
