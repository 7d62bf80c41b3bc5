//! What a cell of each type of field becomes.

use std::borrow::Cow;

use ingest_core::{is_record_id, trimmed};
use jiff::tz::TimeZone;

use super::{
    choice::Choices,
    date::{DateForms, DatesWithTime, date_rule, split_date, write_date},
    form::Form,
    number::{
        DecimalSign, decimal_rule, degrees_rule, integer_rule, write_boolean, write_decimal,
        write_degrees, write_integer,
    },
    rules::ValueRules,
    text::{clean, fit, is_plain},
    time::write_time,
    timestamp::{timestamp_rule, write_timestamp},
    zone,
};
use crate::Field;

/// Turns the cells of one field into values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are named for what they are")]
pub enum Converter {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits.
    Integer { sign: DecimalSign, digits_max: Option<u32> },
    /// A number that keeps its digits.
    Decimal { sign: DecimalSign, whole_digits_max: Option<usize> },
    /// Degrees of latitude or longitude, up to so many either way.
    Degrees { sign: DecimalSign, max: u8 },
    /// A date without a time.
    Date { forms: DateForms, with_time: DatesWithTime },
    /// A date with a time.
    Timestamp { forms: DateForms, zone: TimeZone },
    /// A time of day.
    Time,
    /// The id of a record.
    Id,
    /// One of a list, or several with semicolons between.
    Choice(Choices),
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
        let (sign, forms) = (rules.decimal, rules.date_forms());
        Ok(match field.field_type.as_str() {
            "boolean" => Self::Boolean,
            "int" => Self::Integer { sign, digits_max: Some(field.digits).filter(|max| *max > 0) },
            "double" if field.name.ends_with("__Latitude__s") => Self::Degrees { sign, max: 90 },
            "double" if field.name.ends_with("__Longitude__s") => Self::Degrees { sign, max: 180 },
            "double" | "currency" | "percent" => {
                let whole = field.precision.saturating_sub(field.scale);
                Self::Decimal {
                    sign,
                    whole_digits_max: (field.precision > 0)
                        .then(|| usize::try_from(whole).unwrap_or(usize::MAX)),
                }
            }
            "date" => Self::Date { forms, with_time: rules.dates_with_time },
            "datetime" => Self::Timestamp { forms, zone: rules.zone.clone() },
            "time" => Self::Time,
            "id" | "reference" => Self::Id,
            "picklist" | "multipicklist"
                if field.restricted_picklist && field.active_values().next().is_some() =>
            {
                let several = field.field_type == "multipicklist";
                Self::Choice(Choices::new(field.active_values(), several))
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

    /// Writes what a cell that is not blank says. On an error nothing was written.
    pub(crate) fn write(
        &self,
        cell: &str,
        form: Form,
        out: &mut Vec<u8>,
    ) -> Result<(), InvalidValue> {
        let start = out.len();
        let trimmed = trimmed(cell);
        let written = match self {
            Self::Boolean => write_boolean(trimmed, out),
            Self::Integer { sign, digits_max } => write_integer(trimmed, *sign, *digits_max, out),
            Self::Decimal { sign, whole_digits_max } => {
                write_decimal(trimmed, *sign, *whole_digits_max, out)
            }
            Self::Degrees { sign, max } => write_degrees(trimmed, *sign, *max, out),
            Self::Date { forms, with_time } => {
                form.quoted(out, |out| write_date(trimmed, *forms, *with_time, out))
            }
            Self::Timestamp { forms, zone } => {
                form.quoted(out, |out| write_timestamp(trimmed, *forms, zone, out))
            }
            Self::Time => form.quoted(out, |out| write_time(trimmed, out)),
            Self::Id => is_record_id(trimmed).then(|| form.write_plain(trimmed, out)),
            Self::Choice(choices) => {
                choices.spelled(cell).map(|value| form.write_text(&value, out))
            }
            Self::Text { length_max, .. } if is_plain(cell, *length_max) => {
                form.write_plain(cell, out);
                Some(())
            }
            Self::Key { length_max } if is_plain(trimmed, *length_max) => {
                form.write_plain(trimmed, out);
                Some(())
            }
            Self::Text { length_max, truncate } => {
                let text = clean(cell);
                let fitting = fit(&text, length_max.unwrap_or(usize::MAX), *truncate);
                fitting.map(|text| form.write_text(text, out))
            }
            Self::Key { length_max } => {
                let text = clean(trimmed);
                let fitting = fit(&text, length_max.unwrap_or(usize::MAX), false);
                fitting.map(|text| form.write_text(text, out))
            }
        };
        written.ok_or_else(|| {
            out.truncate(start);
            self.invalid(trimmed)
        })
    }

    /// What this cell should have been.
    fn invalid(&self, cell: &str) -> InvalidValue {
        match self {
            Self::Date { forms, .. } | Self::Timestamp { forms, .. }
                if forms.names_no_day(split_date(cell).0) =>
            {
                "there is no such day".into()
            }
            Self::Text { length_max: Some(max), .. } | Self::Key { length_max: Some(max) } => {
                format!("longer than {max} characters").into()
            }
            Self::Choice(choices) => choices.invalid(),
            Self::Timestamp { zone, .. } => {
                let name = zone::name(zone);
                format!("not a date and time that there is in {name} ({})", self.rule()).into()
            }
            _ => format!("not {}", self.rule()).into(),
        }
    }

    /// What a cell has to be, with an example.
    pub fn rule(&self) -> Cow<'static, str> {
        match self {
            Self::Boolean => "true or false, yes or no, on or off, 1 or 0".into(),
            Self::Integer { sign, digits_max } => integer_rule(*sign, *digits_max),
            Self::Decimal { sign, whole_digits_max } => decimal_rule(*sign, *whole_digits_max),
            Self::Degrees { sign, max } => degrees_rule(*sign, *max),
            Self::Date { forms, with_time } => date_rule(*forms, *with_time),
            Self::Timestamp { forms, zone } => timestamp_rule(*forms, zone),
            Self::Time => "a time of day: 9:15, 10:15:30 or 10:15 PM".into(),
            Self::Id => "an id of 15 or 18 letters and digits".into(),
            Self::Choice(choices) => choices.rule(),
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
