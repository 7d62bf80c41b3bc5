//! What a field takes: one value against one field, without the store.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{calendar, json};
use crate::{
    id,
    problem::RowError,
    schema::{Field, FieldType},
};

/// What became of one value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checked<'a> {
    /// To be stored as this text; `None` clears the field.
    Stored(Option<Cow<'a, str>>),
    /// Of a JSON type, or in a form, that the field cannot hold. The token is
    /// the parser's name for what it found.
    WrongType { token: &'static str, value: Cow<'a, str> },
    /// Of the right type, and still refused.
    Refused(RowError),
}

pub(crate) fn check<'a>(field: &Field, json: &'a RawValue) -> Checked<'a> {
    let raw = json.get();
    match raw.as_bytes().first() {
        Some(b'n') => Checked::Stored(null_of(field)),
        Some(b'"') => match json::text(json) {
            Some(text) => check_text(field, text),
            None => wrong_type("VALUE_STRING", ""),
        },
        Some(b't' | b'f') if field.field_type == FieldType::Boolean => stored(raw),
        Some(b't') => wrong_type("VALUE_TRUE", raw),
        Some(b'f') => wrong_type("VALUE_FALSE", raw),
        Some(b'{') => wrong_type("START_OBJECT", ""),
        Some(b'[') => wrong_type("START_ARRAY", ""),
        _ => check_number(field, raw),
    }
}

/// The same for a cell of a CSV file that is neither empty nor `#N/A`.
pub(crate) fn check_cell<'a>(field: &Field, text: &'a str) -> Checked<'a> {
    match field.field_type {
        FieldType::Boolean => match boolean(text) {
            Some(value) => stored(value),
            None => wrong_type("", text),
        },
        FieldType::Int | FieldType::Double | FieldType::Currency | FieldType::Percent => {
            match number(text) {
                Some(Cow::Borrowed(number)) => check_number(field, number),
                Some(Cow::Owned(number)) => match check_number(field, &number) {
                    Checked::Stored(_) => Checked::Stored(Some(Cow::Owned(number))),
                    Checked::Refused(error) => Checked::Refused(error),
                    Checked::WrongType { .. } => wrong_type("", text),
                },
                None => wrong_type("", text),
            }
        }
        _ => check_text(field, Cow::Borrowed(text)),
    }
}

/// The words for yes and no (salesforce-api.md 6).
fn boolean(text: &str) -> Option<&'static str> {
    let is_one_of = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(["true", "yes", "y", "on", "1"]) {
        Some("true")
    } else {
        is_one_of(["false", "no", "n", "off", "0"]).then_some("false")
    }
}

/// A decimal number as JSON writes it: without a plus, without needless zeros in
/// front, with a digit on both sides of the point.
fn number(text: &str) -> Option<Cow<'_, str>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let exponent = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let (digits, exponent) = unsigned.split_at(exponent);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.get(1..).unwrap_or("0");
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    let is_number = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !power.is_empty()
        && all_digits(power);
    if !is_number {
        return None;
    }
    let minus = if text.starts_with('-') { "-" } else { "" };
    let significant = whole.trim_start_matches('0');
    let whole = if significant.is_empty() { "0" } else { significant };
    let point = if fraction.is_empty() { "" } else { "." };
    let canonical = format!("{minus}{whole}{point}{fraction}{exponent}");
    Some(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

/// What a field holds after it was emptied; a boolean has no empty.
pub(crate) fn check_null(field: &Field) -> Checked<'static> {
    Checked::Stored(null_of(field))
}

/// An explicit null empties a field; a boolean has no empty.
fn null_of(field: &Field) -> Option<Cow<'static, str>> {
    (field.field_type == FieldType::Boolean).then_some(Cow::Borrowed("false"))
}

fn check_text<'a>(field: &Field, text: Cow<'a, str>) -> Checked<'a> {
    let in_form = match field.field_type {
        FieldType::Boolean
        | FieldType::Int
        | FieldType::Double
        | FieldType::Currency
        | FieldType::Percent => false,
        FieldType::Date => calendar::is_date(&text),
        FieldType::Datetime => calendar::is_datetime(&text),
        FieldType::Time => calendar::is_time(&text),
        _ if text.is_empty() => return Checked::Stored(None),
        _ => true,
    };
    if !in_form {
        return Checked::WrongType { token: "VALUE_STRING", value: text };
    }
    match refusal_of_text(field, &text) {
        Some(error) => Checked::Refused(error),
        None => Checked::Stored(Some(text)),
    }
}

fn refusal_of_text(field: &Field, text: &str) -> Option<RowError> {
    let Field { label, name, length, .. } = field;
    if *length > 0 && text.len() > *length && text.chars().count() > *length {
        return Some(RowError::too_long(label, name, text, *length));
    }
    match field.field_type {
        FieldType::Email if !is_email(text) => Some(RowError::new(
            "INVALID_EMAIL_ADDRESS",
            format!("{label}: invalid email address: {text}"),
            &[name],
        )),
        FieldType::Picklist if field.restricted && !field.values.iter().any(|it| it == text) => {
            Some(not_in_picklist(field, text))
        }
        FieldType::Multipicklist if field.restricted => text
            .split(';')
            .find(|part| !field.values.iter().any(|value| value == part))
            .map(|part| not_in_picklist(field, part)),
        FieldType::Reference if !id::well_formed(text) => {
            Some(RowError::malformed_id(label, name, text))
        }
        _ => None,
    }
}

fn not_in_picklist(field: &Field, value: &str) -> RowError {
    RowError::new(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        format!("{}: bad value for restricted picklist field: {value}", field.label),
        &[&field.name],
    )
}

fn check_number<'a>(field: &Field, raw: &'a str) -> Checked<'a> {
    let is_integer = raw.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let token = if is_integer { "VALUE_NUMBER_INT" } else { "VALUE_NUMBER_FLOAT" };
    let fits = match field.field_type {
        FieldType::Int if !is_integer => return wrong_type(token, raw),
        FieldType::Int => raw.parse::<i32>().is_ok_and(|number| {
            field.digits == 0 || number.unsigned_abs() < 10_u32.saturating_pow(field.digits)
        }),
        FieldType::Double | FieldType::Currency | FieldType::Percent => {
            let whole_digits = field.precision.saturating_sub(field.scale);
            let limit = 10_f64.powi(i32::try_from(whole_digits).unwrap_or(i32::MAX));
            raw.parse::<f64>().is_ok_and(|number| field.precision == 0 || number.abs() < limit)
        }
        _ => return wrong_type(token, raw),
    };
    if fits {
        return stored(raw);
    }
    Checked::Refused(RowError::new(
        "NUMBER_OUTSIDE_VALID_RANGE",
        format!("{}: value outside of valid range on numeric field: {raw}", field.label),
        &[&field.name],
    ))
}

fn stored(raw: &str) -> Checked<'_> {
    Checked::Stored(Some(Cow::Borrowed(raw)))
}

fn wrong_type<'a>(token: &'static str, value: &'a str) -> Checked<'a> {
    Checked::WrongType { token, value: Cow::Borrowed(value) }
}

/// One `@`, a name before it, and a domain with a dot behind it.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let name_ok = !name.is_empty()
        && name.len() <= 64
        && name.split('.').all(|part| !part.is_empty())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte));
    let label_ok = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name_ok && domain.contains('.') && domain.split('.').all(label_ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn outcome(field: &str, json: &str) -> String {
        let schema = Schema::standard();
        let (_, lead) = schema.find("Lead").unwrap();
        let value = RawValue::from_string(json.to_owned()).unwrap();
        match check(lead.field(lead.column(field).unwrap()), &value) {
            Checked::Stored(None) => "null".to_owned(),
            Checked::Stored(Some(text)) => format!("= {text}"),
            Checked::WrongType { token, .. } => token.to_owned(),
            Checked::Refused(error) => error.status_code.into_owned(),
        }
    }

    #[test]
    fn each_type_takes_its_own_values_and_no_others() {
        let cases = [
            ("LastName", r#""Ames""#, "= Ames"),
            ("LastName", r#""\u00e9\n""#, "= é\n"),
            ("LastName", r#""""#, "null"),
            ("LastName", "null", "null"),
            ("LastName", "12", "VALUE_NUMBER_INT"),
            ("LastName", "true", "VALUE_TRUE"),
            ("LastName", "{}", "START_OBJECT"),
            ("LastName", "[]", "START_ARRAY"),
            ("LastName", r#""\ud800""#, "VALUE_STRING"),
            ("Opted_In__c", "true", "= true"),
            ("Opted_In__c", "null", "= false"),
            ("Opted_In__c", r#""true""#, "VALUE_STRING"),
            ("NumberOfEmployees", "-12", "= -12"),
            ("NumberOfEmployees", "12.5", "VALUE_NUMBER_FLOAT"),
            ("NumberOfEmployees", "100000000", "NUMBER_OUTSIDE_VALID_RANGE"),
            ("NumberOfEmployees", "3000000000", "NUMBER_OUTSIDE_VALID_RANGE"),
            ("AnnualRevenue", "12345678901.10", "= 12345678901.10"),
            ("AnnualRevenue", "1e30", "NUMBER_OUTSIDE_VALID_RANGE"),
            ("AnnualRevenue", r#""12""#, "VALUE_STRING"),
            ("Score__c", "999.99", "= 999.99"),
            ("Score__c", "1000", "NUMBER_OUTSIDE_VALID_RANGE"),
            ("Birth_Date__c", r#""2026-02-28""#, "= 2026-02-28"),
            ("Birth_Date__c", r#""2026-02-29""#, "VALUE_STRING"),
            ("Birth_Date__c", r#""""#, "VALUE_STRING"),
            ("Last_Seen__c", r#""2026-11-23T10:15:00.000Z""#, "= 2026-11-23T10:15:00.000Z"),
            ("Last_Seen__c", r#""2026-11-23""#, "VALUE_STRING"),
            ("Status", r#""Working - Contacted""#, "= Working - Contacted"),
            ("Status", r#""working - contacted""#, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            ("LeadSource", r#""Anything""#, "= Anything"),
            ("Interests__c", r#""Mail;Fairs""#, "= Mail;Fairs"),
            ("Interests__c", r#""Mail;Mice""#, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            ("Account__c", r#""001S10000000001MAA""#, "= 001S10000000001MAA"),
            ("Account__c", r#""x""#, "MALFORMED_ID"),
        ];
        for (field, json, expected) in cases {
            assert_eq!(outcome(field, json), expected, "{field} = {json}");
        }
    }

    #[test]
    fn each_type_takes_its_own_cells_and_no_others() {
        let schema = Schema::standard();
        let (_, lead) = schema.find("Lead").unwrap();
        for (field, cell, expected) in [
            ("LastName", " Ames ", "=  Ames "),
            ("LastName", "12", "= 12"),
            ("Opted_In__c", "YES", "= true"),
            ("Opted_In__c", "0", "= false"),
            ("Opted_In__c", "maybe", "wrong"),
            ("NumberOfEmployees", "+007", "= 7"),
            ("NumberOfEmployees", "-0", "= -0"),
            ("NumberOfEmployees", "1.5", "wrong"),
            ("NumberOfEmployees", "+", "wrong"),
            ("NumberOfEmployees", "100000000", "NUMBER_OUTSIDE_VALID_RANGE"),
            ("AnnualRevenue", "1234.50", "= 1234.50"),
            ("AnnualRevenue", ".5", "= 0.5"),
            ("AnnualRevenue", "00012.", "= 12"),
            ("AnnualRevenue", "1e3", "= 1e3"),
            ("AnnualRevenue", "1e", "wrong"),
            ("AnnualRevenue", "1,234.50", "wrong"),
            ("AnnualRevenue", "NaN", "wrong"),
            ("Birth_Date__c", "2026-02-28", "= 2026-02-28"),
            ("Birth_Date__c", "02/28/2026", "wrong"),
            ("Status", "nonsense", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ] {
            let found = match check_cell(lead.field(lead.column(field).unwrap()), cell) {
                Checked::Stored(text) => format!("= {}", text.unwrap_or_default()),
                Checked::WrongType { .. } => "wrong".to_owned(),
                Checked::Refused(error) => error.status_code.into_owned(),
            };
            assert_eq!(found, expected, "{field}: {cell}");
        }
    }

    #[test]
    fn a_length_counts_characters_and_not_bytes() {
        assert!(outcome("LastName", &format!("\"{}\"", "é".repeat(80))).starts_with("= "));
        assert_eq!(outcome("LastName", &format!("\"{}\"", "é".repeat(81))), "STRING_TOO_LONG");
    }

    #[test]
    fn an_email_address_has_a_name_and_a_domain_with_a_dot() {
        for address in ["a@b.co", "first.last+tag@mail.example.com", "o'hara@x-y.org"] {
            assert!(is_email(address), "{address}");
        }
        for address in ["x", "@b.co", "a@", "a@b", "a@@b.co", "a b@c.de", ".a@b.co", "a@b..co"] {
            assert!(!is_email(address), "{address}");
        }
    }
}
