//! Every type of field, as tables of cells.

mod choices;
mod dates;
mod numbers;
mod properties;
mod settings;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use self::choices::picklist;
use super::{Converter, DateOrder, DatesWithTime, DecimalSign, Form, TwoDigitYears, ValueRules};
use crate::Field;

fn field(describe: Value) -> Field {
    serde_json::from_value(describe).unwrap()
}

fn converter(field_type: &str) -> Converter {
    with(field_type, &ValueRules::default())
}

fn with(field_type: &str, rules: &ValueRules) -> Converter {
    Converter::of(&field(json!({"type": field_type})), rules).unwrap()
}

fn written(converter: &Converter, cell: &str) -> Option<String> {
    let mut out = b"before".to_vec();
    match converter.write(cell, Form::Json, &mut out) {
        Ok(()) => Some(String::from_utf8(out[6..].to_vec()).unwrap()),
        Err(_) => {
            assert_eq!(out, b"before", "{cell:?} left something");
            None
        }
    }
}

/// Checks what each cell becomes; nothing is a reject.
fn check(converter: &Converter, table: &[(&str, Option<&str>)]) {
    for (cell, expected) in table {
        let written = written(converter, cell);
        assert_eq!(written.as_deref(), *expected, "{cell:?}");
        if let Some(json) = written {
            serde_json::from_str::<Value>(&json).unwrap();
        }
    }
}

#[test]
fn booleans_are_the_words_of_data_loader() {
    for cell in ["true", "TRUE", "Yes", "y", "on", "1", " true "] {
        check(&converter("boolean"), &[(cell, Some("true"))]);
    }
    for cell in ["false", "No", "n", "OFF", "0"] {
        check(&converter("boolean"), &[(cell, Some("false"))]);
    }
    for cell in ["2", "wahr", "t", "-"] {
        check(&converter("boolean"), &[(cell, None)]);
    }
}

#[test]
fn ids_have_15_or_18_letters_and_digits() {
    for field_type in ["id", "reference"] {
        check(
            &converter(field_type),
            &[
                ("001xx000003DGb0", Some("\"001xx000003DGb0\"")),
                (" 001xx000003DGb0AAG ", Some("\"001xx000003DGb0AAG\"")),
                ("001xx000003DGb0A", None),
                ("001xx000003DGb-", None),
                ("Acme", None),
            ],
        );
    }
}

#[test]
fn text_stays_as_it_is_but_for_what_xml_cannot_carry() {
    let cell = "  Müller \"&\" Söhne\n\u{1}\\ \u{ffff}\u{1f600}\t";

    for field_type in [
        "string",
        "textarea",
        "email",
        "phone",
        "url",
        "combobox",
        "encryptedstring",
        "anyType",
        "picklist",
        "never heard of",
    ] {
        let json = written(&converter(field_type), cell).unwrap();
        let text: String = serde_json::from_str(&json).unwrap();
        assert_eq!(text, "  Müller \"&\" Söhne\n\\ \u{1f600}\t", "{field_type}");
    }
}

#[test]
fn text_that_is_too_long_is_a_reject_or_cut() {
    let field = field(json!({"type": "string", "length": 4}));
    let rules = ValueRules { truncate: true, ..ValueRules::default() };

    let strict = Converter::of(&field, &ValueRules::default()).unwrap();
    let cutting = Converter::of(&field, &rules).unwrap();
    let key = Converter::of_key(&field, &rules).unwrap();

    // Characters count, not bytes.
    check(&strict, &[("äöüß", Some("\"äöüß\"")), ("äöüßx", None)]);
    check(&cutting, &[("äöüß", Some("\"äöüß\"")), ("äöüßx", Some("\"äöüß\""))]);
    check(&key, &[("abcde", None)]);
}

#[test]
fn files_and_fields_made_of_others_cannot_be_loaded() {
    for field_type in ["base64", "address", "location"] {
        let field = field(json!({"type": field_type}));
        assert!(Converter::of(&field, &ValueRules::default()).is_err(), "{field_type}");
    }
}

#[test]
fn no_reason_shows_the_value() {
    let all = ["boolean", "int", "double", "date", "datetime", "time", "id"].map(converter);
    for converter in all.iter().chain([&picklist("picklist", true)]) {
        let invalid = converter.write("s3cret", Form::Json, &mut Vec::new()).unwrap_err();
        assert!(!invalid.contains("s3cret"), "{invalid}");
    }
}

#[test]
fn every_rule_has_an_example_or_says_it_all() {
    for (converter, expected) in [
        (converter("boolean"), "true or false, yes or no, on or off, 1 or 0"),
        (converter("int"), "a whole number between -2147483648 and 2147483647, such as 12 or 12.0"),
        (converter("percent"), "a number, such as 1234.50"),
        (
            converter("date"),
            "a date: 2026-11-23, 2026/11/23, 23.11.2026 or 11/23/2026; without a time of day",
        ),
        (
            converter("datetime"),
            "2026-11-23T10:15:00Z, 2026-11-23 10:15 GMT-08:00 or 11/23/2026 9:15 PM, the date also as \
             2026/11/23 or 23.11.2026; without an offset in UTC",
        ),
        (converter("time"), "a time of day: 9:15, 10:15:30 or 10:15 PM"),
        (converter("reference"), "an id of 15 or 18 letters and digits"),
        (picklist("picklist", true), "one of 2 values, such as Hot, in upper or lower case"),
        (
            picklist("multipicklist", true),
            "some of 2 values, such as Hot;Cold, in upper or lower case",
        ),
        (picklist("picklist", false), "text of up to 255 characters"),
        (converter("textarea"), "text"),
    ] {
        assert_eq!(converter.rule(), expected);
    }
}

#[test]
fn rules_say_what_the_settings_accept() {
    let rules = ValueRules {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        dates: DateOrder::DayFirst,
        two_digit_years: TwoDigitYears::From(1970),
        dates_with_time: DatesWithTime::Cut,
        decimal: DecimalSign::Comma,
        ..ValueRules::default()
    };
    let rule = |describe| Converter::of(&field(describe), &rules).unwrap().rule().into_owned();
    for (describe, expected) in [
        (
            json!({"type": "int", "digits": 3}),
            "a whole number of up to 3 digits, such as 12 or 12,0",
        ),
        (
            json!({"type": "currency", "precision": 6, "scale": 2}),
            "a number, such as 1234,50 or 1.234,50, with up to 4 digits before the comma",
        ),
        (
            json!({"type": "double", "name": "P__Latitude__s"}),
            "a number between -90 and 90, such as 12,5",
        ),
        (
            json!({"type": "date"}),
            "a date: 2026-11-23, 2026/11/23, 23.11.2026 or 23/11/2026, or with a year of two \
             digits, from 1970 to 2069; a time of day is cut off",
        ),
        (
            json!({"type": "datetime"}),
            "2026-11-23T10:15:00Z, 2026-11-23 10:15 GMT-08:00 or 23/11/2026 9:15 PM, the date also \
             as 2026/11/23 or 23.11.2026, or with a year of two digits, from 1970 to 2069; without \
             an offset in Europe/Berlin",
        ),
    ] {
        assert_eq!(rule(describe), expected);
    }
}
