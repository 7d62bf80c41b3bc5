//! Conditions on the fields that Salesforce fills itself: who created and changed a record, and
//! when, and whether it is deleted.

use jiff::Timestamp;

use super::soql::{self, Comparison, Condition, Value};
use crate::{id, problem::Refusal, sessions::USER_ID, store::Kept};

/// Characters of an id that tell it from others; those behind repeat their case.
const ID_CHARACTERS: usize = 15;

/// One condition on such a field.
#[derive(Debug)]
pub(super) enum SystemTest {
    Time {
        field: TimeField,
        comparison: Comparison,
        at_ms: Vec<i64>,
    },
    /// All records are of the one user: whether that is the one who is asked for.
    User {
        passes: bool,
    },
    IsDeleted(bool),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum TimeField {
    Created,
    /// `LastModifiedDate`, and `SystemModstamp`: no process of the org's own changes anything here.
    Modified,
}

impl SystemTest {
    /// Nothing when the condition is on another field.
    pub(super) fn new(condition: &Condition) -> Option<Result<Self, Refusal>> {
        Some(match condition.field.to_ascii_lowercase().as_str() {
            "createddate" => of_time(TimeField::Created, condition),
            "lastmodifieddate" | "systemmodstamp" => of_time(TimeField::Modified, condition),
            "createdbyid" | "lastmodifiedbyid" => of_user(condition),
            "isdeleted" => of_deletion(condition),
            _ => return None,
        })
    }

    pub(super) fn passes(&self, kept: &Kept) -> bool {
        match self {
            Self::Time { field, comparison, at_ms } => {
                let seconds = match field {
                    TimeField::Created => kept.stamps.created,
                    TimeField::Modified => kept.stamps.modified,
                };
                let ms = i64::from(seconds) * 1_000;
                match comparison {
                    Comparison::In => at_ms.contains(&ms),
                    Comparison::NotIn => !at_ms.contains(&ms),
                    Comparison::Order(order) => at_ms.iter().any(|it| order.means(ms.cmp(it))),
                    Comparison::Like => false,
                }
            }
            Self::User { passes } => *passes,
            Self::IsDeleted(wanted) => kept.row.is_none() == *wanted,
        }
    }
}

fn of_time(field: TimeField, condition: &Condition) -> Result<SystemTest, Refusal> {
    let comparison = condition.comparison;
    if comparison == Comparison::Like {
        return Err(unknown(condition));
    }
    let ms = |value: &Value| match value {
        Value::Literal(text) => text
            .parse::<Timestamp>()
            .map(Timestamp::as_millisecond)
            .map_err(|_| of_type(condition, "dateTime", "not be ")),
        Value::Text(_) => Err(of_type(condition, "dateTime", "not be ")),
        Value::Null => Err(unknown(condition)),
    };
    let at_ms = condition.values.iter().map(ms).collect::<Result<_, _>>()?;
    Ok(SystemTest::Time { field, comparison, at_ms })
}

fn of_user(condition: &Condition) -> Result<SystemTest, Refusal> {
    let is_ours = |value: &Value| match value {
        Value::Text(text) if id::well_formed(text) => {
            Ok(text[..ID_CHARACTERS] == USER_ID[..ID_CHARACTERS])
        }
        Value::Text(text) => Err(Refusal::bad_request(
            "INVALID_QUERY_FILTER_OPERATOR",
            format!("invalid ID field: {text}"),
        )),
        Value::Literal(_) => Err(of_type(condition, "reference", "be ")),
        Value::Null => Ok(false),
    };
    let is_among =
        condition.values.iter().map(is_ours).collect::<Result<Vec<_>, _>>()?.contains(&true);
    match condition.comparison {
        Comparison::In => Ok(SystemTest::User { passes: is_among }),
        Comparison::NotIn => Ok(SystemTest::User { passes: !is_among }),
        Comparison::Like | Comparison::Order(_) => Err(unknown(condition)),
    }
}

fn of_deletion(condition: &Condition) -> Result<SystemTest, Refusal> {
    let wanted = match condition.values.as_slice() {
        [Value::Literal(text)] if text.eq_ignore_ascii_case("true") => true,
        [Value::Literal(text)] if text.eq_ignore_ascii_case("false") => false,
        _ => return Err(of_type(condition, "boolean", "not be ")),
    };
    match condition.comparison {
        Comparison::In => Ok(SystemTest::IsDeleted(wanted)),
        Comparison::NotIn => Ok(SystemTest::IsDeleted(!wanted)),
        Comparison::Like | Comparison::Order(_) => Err(unknown(condition)),
    }
}

fn of_type(condition: &Condition, kind: &str, how: &str) -> Refusal {
    let name = &condition.field;
    let message = format!(
        "value of filter criterion for field '{name}' must be of type {kind} and should {how}enclosed in quotes"
    );
    Refusal::bad_request("INVALID_FIELD", message)
}

/// What nobody needed so far.
fn unknown(condition: &Condition) -> Refusal {
    let name = &condition.field;
    soql::malformed(&format!("the simulator does not know this comparison of {name}"))
}
