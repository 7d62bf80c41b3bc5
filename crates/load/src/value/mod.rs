//! A cell becomes a JSON value, by the type of the field.

mod number;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;
pub(crate) mod zone;

use std::{borrow::Cow, sync::Arc};

use ingest_core::{is_record_id, trimmed};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::timestamp::DateOrder;
use self::{
    number::{write_boolean, write_decimal, write_degrees, write_integer},
    text::{clean, fit},
    timestamp::{write_date, write_time, write_timestamp},
};
use crate::Field;

/// How cells are read, whatever the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRules {
    /// Of timestamps without an offset.
    #[serde(with = "zone")]
    pub zone: TimeZone,
    /// Of dates with slashes.
    pub dates: DateOrder,
    /// Whether an empty cell empties the field; otherwise it leaves it as it is.
    pub empty_is_null: bool,
    /// Whether text that is too long is cut; otherwise its row is rejected.
    pub truncate: bool,
}

impl Default for ValueRules {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            dates: DateOrder::default(),
            empty_is_null: false,
            truncate: false,
        }
    }
}

/// Turns the cells of one field into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named for what they are")]
pub enum Converter {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Integer { digits_max: Option<u32> },
    /// A number that keeps its digits.
    Decimal { whole_digits_max: Option<usize> },
    /// Degrees of latitude or longitude, up to so many either way.
    Degrees { max: u8 },
    /// A date without a time.
    Date(DateOrder),
    /// A date with a time.
    Timestamp { order: DateOrder, zone: TimeZone },
    /// A time of day.
    Time,
    /// The id of a record.
    Id,
    /// One of a list, or several with semicolons between.
    Choice { of: Arc<[String]>, several: bool },
    /// Text as it is.
    Text { length_max: Option<usize>, truncate: bool },
    /// Text that names a record: whole, and without invisible characters around it.
    Key { length_max: Option<usize> },
}

/// What a cell should have been, in words; never what it is.
pub(crate) type InvalidValue = Cow<'static, str>;

impl Converter {
    /// For the cells of a field. The error says why none can be loaded.
    pub(crate) fn of(field: &Field, rules: &ValueRules) -> Result<Self, &'static str> {
        Ok(match field.field_type.as_str() {
            "boolean" => Self::Boolean,
            "int" => Self::Integer { digits_max: Some(field.digits).filter(|max| *max > 0) },
            "double" if field.name.ends_with("__Latitude__s") => Self::Degrees { max: 90 },
            "double" if field.name.ends_with("__Longitude__s") => Self::Degrees { max: 180 },
            "double" | "currency" | "percent" => {
                let whole = field.precision.saturating_sub(field.scale);
                Self::Decimal {
                    whole_digits_max: (field.precision > 0)
                        .then(|| usize::try_from(whole).unwrap_or(usize::MAX)),
                }
            }
            "date" => Self::Date(rules.dates),
            "datetime" => Self::Timestamp { order: rules.dates, zone: rules.zone.clone() },
            "time" => Self::Time,
            "id" | "reference" => Self::Id,
            "picklist" | "multipicklist"
                if field.restricted_picklist && field.active_values().next().is_some() =>
            {
                Self::Choice {
                    of: field.active_values().map(str::to_owned).collect(),
                    several: field.field_type == "multipicklist",
                }
            }
            "base64" => return Err("holds a file, and files cannot be loaded from a CSV"),
            "address" | "location" => {
                return Err("is made of other fields; fill those, such as its street or latitude");
            }
            _ => Self::Text {
                length_max: usize::try_from(field.length).ok().filter(|length| *length > 0),
                truncate: rules.truncate,
            },
        })
    }

    /// For the cells of an external id, of the row itself or of a parent: never cut, for that would
    /// make one key of two.
    pub(crate) fn of_key(field: &Field, rules: &ValueRules) -> Result<Self, &'static str> {
        Ok(match Self::of(field, rules)? {
            Self::Text { length_max, .. } => Self::Key { length_max },
            other => other,
        })
    }

    /// Writes a cell that is not blank as JSON. On an error nothing was written.
    pub(crate) fn write(&self, cell: &str, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
        let start = out.len();
        let trimmed = trimmed(cell);
        let written = match self {
            Self::Boolean => write_boolean(trimmed, out),
            Self::Integer { digits_max } => write_integer(trimmed, *digits_max, out),
            Self::Decimal { whole_digits_max } => write_decimal(trimmed, *whole_digits_max, out),
            Self::Degrees { max } => write_degrees(trimmed, *max, out),
            Self::Date(order) => write_date(trimmed, *order, out),
            Self::Timestamp { order, zone } => write_timestamp(trimmed, *order, zone, out),
            Self::Time => write_time(trimmed, out),
            Self::Id => {
                Some(trimmed).filter(|id| is_record_id(id)).and_then(|id| write_text(id, out))
            }
            Self::Choice { of, several } => Some(cell)
                .filter(|cell| are_of(cell, of, *several))
                .and_then(|c| write_text(c, out)),
            Self::Text { length_max, truncate } => {
                let text = clean(cell);
                let fitting = fit(&text, length_max.unwrap_or(usize::MAX), *truncate);
                fitting.and_then(|text| write_text(text, out))
            }
            Self::Key { length_max } => {
                let text = clean(trimmed);
                let fitting = fit(&text, length_max.unwrap_or(usize::MAX), false);
                fitting.and_then(|text| write_text(text, out))
            }
        };
        written.ok_or_else(|| {
            out.truncate(start);
            self.invalid()
        })
    }

    /// What a cell should have been.
    fn invalid(&self) -> InvalidValue {
        match self {
            Self::Text { length_max: Some(max), .. } | Self::Key { length_max: Some(max) } => {
                format!("longer than {max} characters").into()
            }
            Self::Choice { of, .. } => {
                format!("not among the {} values that the field allows", of.len()).into()
            }
            Self::Timestamp { zone, .. } => {
                let zone = zone::name(zone);
                format!("not a date and time that there is in {zone} ({})", self.rule()).into()
            }
            _ => format!("not {}", self.rule()).into(),
        }
    }

    /// What a cell has to be, with an example.
    pub fn rule(&self) -> Cow<'static, str> {
        match self {
            Self::Boolean => "true or false, yes or no, on or off, 1 or 0".into(),
            Self::Integer { digits_max: None } => {
                "a whole number between -2147483648 and 2147483647".into()
            }
            Self::Integer { digits_max: Some(max) } => {
                format!("a whole number of up to {max} digits, such as 12").into()
            }
            Self::Decimal { whole_digits_max: None } => "a number, such as 1234.50".into(),
            Self::Decimal { whole_digits_max: Some(max) } => {
                format!("a number, such as 1234.50, with up to {max} digits before the point")
                    .into()
            }
            Self::Degrees { max } => format!("a number between -{max} and {max}").into(),
            Self::Date(order) => format!("a date: 2026-11-23 or {}", order.example()).into(),
            Self::Timestamp { order, zone } => format!(
                "2026-11-23T10:15:00Z, 2026-11-23 10:15 or {}; without an offset in {}",
                order.example(),
                zone::name(zone)
            )
            .into(),
            Self::Time => "a time of day: 9:15, 10:15:30 or 10:15 PM".into(),
            Self::Id => "an id of 15 or 18 letters and digits".into(),
            Self::Choice { of, several } => {
                let first = of.first().map_or("", String::as_str);
                let (one, such) = match (several, of.get(1)) {
                    (true, Some(second)) => ("some of", format!("{first};{second}")),
                    _ => ("one of", first.to_owned()),
                };
                format!("{one} {} values, such as {such}", of.len()).into()
            }
            Self::Text { length_max: None, .. } | Self::Key { length_max: None } => "text".into(),
            Self::Text { length_max: Some(max), truncate: false }
            | Self::Key { length_max: Some(max) } => {
                format!("text of up to {max} characters").into()
            }
            Self::Text { length_max: Some(max), truncate: true } => {
                format!("text, cut at {max} characters").into()
            }
        }
    }
}

impl DateOrder {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::MonthFirst => "month first (11/23/2026)",
            Self::DayFirst => "day first (23/11/2026)",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::MonthFirst => "11/23/2026",
            Self::DayFirst => "23/11/2026",
        }
    }
}

/// Whether a cell is one of these values, or several of them with semicolons between.
fn are_of(cell: &str, values: &[String], several: bool) -> bool {
    let is_known = |value: &str| values.iter().any(|known| known == value);
    if several { cell.split(';').all(is_known) } else { is_known(cell) }
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(out, text).ok()
}
