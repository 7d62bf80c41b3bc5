//! Every type of field, as tables of cells.

use serde_json::{Value, json};

use super::*;

fn field(describe: Value) -> Field {
    serde_json::from_value(describe).unwrap()
}

fn converter(field_type: &str) -> Converter {
    Converter::of(&field(json!({"type": field_type})), &ValueRules::default()).unwrap()
}

fn written(converter: &Converter, cell: &str) -> Option<String> {
    let mut out = b"before".to_vec();
    match converter.write(cell, &mut out) {
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
fn integers_have_32_bits_and_the_digits_of_their_field() {
    check(
        &converter("int"),
        &[
            ("7", Some("7")),
            ("+007", Some("7")),
            ("-2147483648", Some("-2147483648")),
            (" 5 ", Some("5")),
            ("2147483648", None),
            ("1.0", None),
            ("1e3", None),
        ],
    );
    let three = field(json!({"type": "int", "digits": 3}));
    check(
        &Converter::of(&three, &ValueRules::default()).unwrap(),
        &[("999", Some("999")), ("-0999", Some("-999")), ("1000", None), ("0", Some("0"))],
    );
}

#[test]
fn numbers_keep_their_digits() {
    for field_type in ["double", "currency", "percent"] {
        check(
            &converter(field_type),
            &[
                ("0.1", Some("0.1")),
                ("12345678901234567890.123456789", Some("12345678901234567890.123456789")),
                ("1.10", Some("1.10")),
                ("-007.50", Some("-7.50")),
                (".5", Some("0.5")),
                ("5.", Some("5")),
                ("+3", Some("3")),
                ("000", Some("0")),
                ("1e3", Some("1e3")),
                ("1.5E-3", Some("1.5e-3")),
                ("1,000.5", None),
                ("$5", None),
                ("NaN", None),
                ("inf", None),
                ("1e", None),
                ("1e+", None),
                ("--1", None),
                ("+-1", None),
                (".", None),
                ("1.2.3", None),
                ("٣", None),
            ],
        );
    }
}

#[test]
fn a_number_has_no_more_digits_before_the_point_than_its_field() {
    let currency = field(json!({"type": "currency", "precision": 6, "scale": 2}));
    check(
        &Converter::of(&currency, &ValueRules::default()).unwrap(),
        &[
            ("9999.99", Some("9999.99")),
            ("009999.99", Some("9999.99")),
            ("1.23456", Some("1.23456")),
            ("10000", None),
            ("-10000.00", None),
            ("1e3", Some("1e3")),
            ("9.999E3", Some("9.999e3")),
            ("1e4", None),
            ("1e400", None),
            ("0.00001e9", None),
            ("0.00001e8", Some("0.00001e8")),
            ("12345e-1", Some("12345e-1")),
            ("0e99", Some("0e99")),
            ("1e99999999999", None),
        ],
    );
}

#[test]
fn dates_are_never_moved() {
    let table = [
        ("2026-11-23", Some("\"2026-11-23\"")),
        (" 20261123 ", Some("\"2026-11-23\"")),
        ("2026-11-23T00:00:00.000Z", Some("\"2026-11-23\"")),
        ("2026-11-23 00:00:00 +05:00", Some("\"2026-11-23\"")),
        ("2026-11-23 0:00", Some("\"2026-11-23\"")),
        ("11/23/2026 12:00:00 AM", Some("\"2026-11-23\"")),
        ("11/23/2026 12:00:00 PM", None),
        ("2026-11-23T23:30:00Z", None),
        ("2028-02-29", Some("\"2028-02-29\"")),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-1-1", None),
        ("1699-12-31", None),
        ("1700-01-01", Some("\"1700-01-01\"")),
        ("4000-12-31", Some("\"4000-12-31\"")),
        ("4001-01-01", None),
        ("26-11-23", None),
        ("tomorrow", None),
        ("2026-11-23x", None),
        ("+2026-11-23", None),
        ("2026112", None),
    ];
    for zone in ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"] {
        let zone = TimeZone::get(zone).unwrap();
        let rules = ValueRules { zone, ..ValueRules::default() };
        let date = Converter::of(&field(json!({"type": "date"})), &rules).unwrap();
        check(&date, &table);
    }
}

#[test]
fn dates_with_slashes_follow_the_setting() {
    let table = |order, day, expected: Option<&str>| {
        check(&Converter::Date(order), &[(day, expected)]);
    };
    table(DateOrder::MonthFirst, "11/3/2026", Some("\"2026-11-03\""));
    table(DateOrder::DayFirst, "11/3/2026", Some("\"2026-03-11\""));
    table(DateOrder::MonthFirst, "23/11/2026", None);
    table(DateOrder::DayFirst, "23/11/2026", Some("\"2026-11-23\""));
    table(DateOrder::MonthFirst, "11/23/26", None);
}

#[test]
fn timestamps_without_an_offset_are_of_the_time_zone_that_is_set() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let berlin = Converter::Timestamp { order: DateOrder::DayFirst, zone };
    check(
        &berlin,
        &[
            ("2026-11-23T10:15:00Z", Some("\"2026-11-23T10:15:00.000Z\"")),
            ("2026-11-23T10:15:00.123456+01:00", Some("\"2026-11-23T09:15:00.123Z\"")),
            ("2026-11-23 10:15-0530", Some("\"2026-11-23T15:45:00.000Z\"")),
            ("2026-11-23 10:15:00 +01:00", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-11-23T10:15:00", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-07-01 10:15", Some("\"2026-07-01T08:15:00.000Z\"")),
            ("2026-11-23 10", Some("\"2026-11-23T09:00:00.000Z\"")),
            ("20261123T101500", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("20261123T101500Z", Some("\"2026-11-23T10:15:00.000Z\"")),
            ("23/11/2026 10:15:30.5", Some("\"2026-11-23T09:15:30.500Z\"")),
            // Midnight there, and so the day before here.
            ("2026-11-23", Some("\"2026-11-22T23:00:00.000Z\"")),
            // This hour was skipped when summer time began …
            ("2026-03-29T02:30:00", None),
            // … and this one was there twice when it ended: the first counts.
            ("2026-10-25T02:30:00", Some("\"2026-10-25T00:30:00.000Z\"")),
            ("2026-02-30T10:15:00Z", None),
            ("2026-11-23T24:00:00Z", None),
            ("2026-11-23T10:60:00Z", None),
            ("2026-11-23T10:15:00+25:00", None),
            ("2026-11-23T", None),
            ("2026-11-23T10:15:00.Z", None),
            ("2026-11-23T10:15.5Z", None),
            ("2026-11-23 9:05", Some("\"2026-11-23T08:05:00.000Z\"")),
            ("3/11/2026 9:05:07", Some("\"2026-11-03T08:05:07.000Z\"")),
            ("2026-11-23 10:15 PM", Some("\"2026-11-23T21:15:00.000Z\"")),
            ("2026-11-23 9:15 am +01:00", Some("\"2026-11-23T08:15:00.000Z\"")),
            ("2026-11-23T9:15Z", Some("\"2026-11-23T09:15:00.000Z\"")),
            ("2026-11-23 9", None),
            ("2026-11-23 9:5", None),
            ("2026-11-23 9:05:7", None),
            ("2026-11-23 15:15 PM", None),
            ("4000-12-31T23:30:00-01:00", None),
            ("now", None),
        ],
    );
}

#[test]
fn a_day_that_begins_an_hour_late_begins_when_it_begins() {
    let zone = TimeZone::get("America/Sao_Paulo").unwrap();
    let converter = Converter::Timestamp { order: DateOrder::MonthFirst, zone };

    check(&converter, &[("2018-11-04", Some("\"2018-11-04T03:00:00.000Z\""))]);
}

#[test]
fn a_time_of_day_has_no_zone() {
    check(
        &converter("time"),
        &[
            ("10:15", Some("\"10:15:00.000Z\"")),
            ("10:15:30", Some("\"10:15:30.000Z\"")),
            ("10:15:30.25", Some("\"10:15:30.250Z\"")),
            ("10:15:30.000Z", Some("\"10:15:30.000Z\"")),
            ("24:00", None),
            ("10:15+01:00", None),
            ("9:15", Some("\"09:15:00.000Z\"")),
            ("9:15:07", Some("\"09:15:07.000Z\"")),
            ("9:15:07.5", Some("\"09:15:07.500Z\"")),
            ("09:05 AM", Some("\"09:05:00.000Z\"")),
            ("9:05:00 pm", Some("\"21:05:00.000Z\"")),
            ("2:30PM", Some("\"14:30:00.000Z\"")),
            ("2:30\u{202f}p.m.", Some("\"14:30:00.000Z\"")),
            ("9 PM", Some("\"21:00:00.000Z\"")),
            ("12:00 AM", Some("\"00:00:00.000Z\"")),
            ("12:30 PM", Some("\"12:30:00.000Z\"")),
            ("0:30 AM", None),
            ("13:30 PM", None),
            ("09:05 XM", None),
            ("PM", None),
            ("9", None),
            ("9:5", None),
            ("09.05", None),
            ("009:05", None),
            ("9:15 PMÄ", None),
            ("noon", None),
        ],
    );
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

fn picklist(field_type: &str, restricted: bool) -> Converter {
    let value = |value: &str, active| json!({"value": value, "active": active});
    let field = field(json!({
        "type": field_type, "restrictedPicklist": restricted, "length": 255,
        "picklistValues": [value("Hot", true), value("Cold", true), value("Frozen", false)],
    }));
    Converter::of(&field, &ValueRules::default()).unwrap()
}

#[test]
fn a_restricted_picklist_takes_its_active_values_and_another_one_takes_all() {
    check(
        &picklist("picklist", true),
        &[("Hot", Some("\"Hot\"")), ("hot", None), ("Frozen", None), ("Hot;Cold", None)],
    );
    check(&picklist("picklist", false), &[("Boiling", Some("\"Boiling\""))]);
}

#[test]
fn several_values_have_semicolons_between() {
    check(
        &picklist("multipicklist", true),
        &[("Hot;Cold", Some("\"Hot;Cold\"")), ("Hot", Some("\"Hot\"")), ("Hot;Warm", None)],
    );
    check(&picklist("multipicklist", false), &[("A;B", Some("\"A;B\""))]);
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
        let invalid = converter.write("s3cret", &mut Vec::new()).unwrap_err();
        assert!(!invalid.contains("s3cret"), "{invalid}");
    }
}

#[test]
fn every_rule_has_an_example_or_says_it_all() {
    for (converter, expected) in [
        (converter("boolean"), "true or false, yes or no, on or off, 1 or 0"),
        (converter("int"), "a whole number between -2147483648 and 2147483647"),
        (converter("percent"), "a number, such as 1234.50"),
        (converter("date"), "a date: 2026-11-23 or 11/23/2026"),
        (
            converter("datetime"),
            "2026-11-23T10:15:00Z, 2026-11-23 10:15 or 11/23/2026; without an offset in UTC",
        ),
        (converter("time"), "a time of day: 9:15, 10:15:30 or 10:15 PM"),
        (converter("reference"), "an id of 15 or 18 letters and digits"),
        (picklist("picklist", true), "one of 2 values, such as Hot"),
        (picklist("multipicklist", true), "some of 2 values, such as Hot;Cold"),
        (picklist("picklist", false), "text of up to 255 characters"),
        (converter("textarea"), "text"),
    ] {
        assert_eq!(converter.rule(), expected);
    }
}
