//! Which rule assigns records to people.

use std::{fmt, str::FromStr};

use ingest_core::is_record_id;
use serde::{Deserialize, Serialize};

/// Whether a rule that assigns records to people runs for the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum AssignmentRule {
    /// The active one of the object.
    Active,
    /// None.
    None,
    /// The one with this id.
    Id(String),
}

impl FromStr for AssignmentRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Self::Active),
            "false" => Ok(Self::None),
            id if is_record_id(id) => Ok(Self::Id(text.to_owned())),
            _ => Err("write true, false, or the id of a rule (15 or 18 characters)".to_owned()),
        }
    }
}

/// As the header `Sforce-Auto-Assign` has it.
impl fmt::Display for AssignmentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "TRUE",
            Self::None => "FALSE",
            Self::Id(id) => id,
        })
    }
}

impl From<AssignmentRule> for String {
    fn from(rule: AssignmentRule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for AssignmentRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
