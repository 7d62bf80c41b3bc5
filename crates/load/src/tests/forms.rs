//! The table of forms in `docs/mapping.md` says what is sent, under which setting.

use std::collections::BTreeSet;

use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::{
    cells::{rules_for, said, unescaped},
    *,
};

#[test]
fn each_form_of_a_cell_is_sent_as_the_documents_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mapping.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once("### Forms of numbers, dates and choices").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut seen = BTreeSet::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line[2..].trim_end_matches(" |").split(" | ").collect();
        let [setting, field, cell, sent, stored] = cells[..] else { panic!("five cells: {line}") };

        assert_eq!(becomes(setting, field, &unescaped(cell)), sent, "{line}");

        let is_rejected = sent == "`INVALID_VALUE`";
        assert!(if is_rejected { stored == "–" } else { is_same(sent, stored) }, "{line}");
        let (name, _value) = setting.trim_matches('`').split_once('=').unwrap_or_default();
        seen.insert((name.to_owned(), is_rejected));
    }
    let settings =
        ["DECIMAL", "DATES_WITH_TIME", "TWO_DIGIT_YEARS"].map(|it| format!("MAPPING_{it}"));
    for setting in settings.into_iter().chain([String::new()]) {
        let of_both_kinds =
            [true, false].map(|rejected| seen.contains(&(setting.clone(), rejected)));
        assert_eq!(of_both_kinds, [true; 2], "{setting}");
    }
}

/// The kinds of fields in the table, as a describe has them.
const KINDS: &[(&str, &str)] = &[
    ("whole number", r#"{"type": "int", "digits": 8}"#),
    ("number", r#"{"type": "currency", "precision": 16, "scale": 2}"#),
    ("latitude", r#"{"type": "double", "precision": 18, "scale": 15}"#),
    ("date", r#"{"type": "date"}"#),
    ("date and time", r#"{"type": "datetime"}"#),
    ("picklist", PICKLIST),
    ("multi-picklist", MULTIPICKLIST),
];

const PICKLIST: &str = r#"{"type": "picklist", "restrictedPicklist": true, "picklistValues": [
    {"value": "Red", "active": true}, {"value": "Green", "active": true},
    {"value": "Blue", "active": true}]}"#;
const MULTIPICKLIST: &str = r#"{"type": "multipicklist", "restrictedPicklist": true,
    "picklistValues": [{"value": "Hot", "active": true}, {"value": "Cold", "active": true},
    {"value": "Dry", "active": true}]}"#;

fn becomes(setting: &str, kind: &str, cell: &str) -> String {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    let (_, describe) = known.unwrap_or_else(|| panic!("no such kind of field: {kind}"));
    let (mut rules, columns) = rules_for(kind, describe);
    rules.values = with(setting);
    let raw = format!("\"{cell}\",k");
    let rows = encode(&Mapping::by_name(rules, LeftOut::default()), columns, &[&raw]);
    match &rows.rows()[0] {
        EncodedRow::Invalid(reason) => format!("`{}`", reason.code),
        _ => said(rows.json(0)),
    }
}

/// The rules under a setting of the table.
fn with(setting: &str) -> ValueRules {
    let mut rules = ValueRules::default();
    let Some((name, value)) = setting.trim_matches('`').split_once('=') else {
        assert_eq!(setting, "–");
        return rules;
    };
    match name {
        "MAPPING_DECIMAL" => rules.decimal = choice(value),
        "MAPPING_DATES" => rules.dates = choice(value),
        "MAPPING_DATES_WITH_TIME" => rules.dates_with_time = choice(value),
        "MAPPING_TWO_DIGIT_YEARS" => rules.two_digit_years = value.parse().unwrap(),
        "MAPPING_TIME_ZONE" => rules.zone = TimeZone::get(value).unwrap(),
        _ => panic!("no such setting: {name}"),
    }
    rules
}

fn choice<T: ValueEnum>(name: &str) -> T {
    T::from_str(name, false).unwrap()
}

/// Whether what is sent and what is stored are the same, numbers by their value.
fn is_same(sent: &str, stored: &str) -> bool {
    let [sent, stored] = [sent, stored].map(|cell| cell.trim_matches('`'));
    match (sent.parse::<f64>(), stored.parse::<f64>()) {
        (Ok(sent), Ok(stored)) => (sent - stored).abs() < f64::EPSILON,
        _ => sent == stored,
    }
}
