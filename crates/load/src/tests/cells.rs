//! The table of cells in `docs/mapping.md` says what becomes of them.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::*;

#[test]
fn each_cell_becomes_what_the_documents_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mapping.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once("### Cells").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut seen = BTreeSet::new();
    for line in lines.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [field, cell, becomes] = cells[..] else { panic!("three cells: {line}") };
        let (field, becomes) = (field.trim(), becomes.trim_end());

        let became = outcome(field, &unescaped(cell));

        assert_eq!(became, becomes, "{line}");
        seen.insert(field.to_owned());
    }
    assert_eq!(seen, KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect());
}

/// The kinds of fields in the table, as a describe has them.
const KINDS: &[(&str, &str)] = &[
    ("text (5)", r#"{"type": "string", "length": 5}"#),
    ("email", r#"{"type": "email", "length": 80}"#),
    ("phone", r#"{"type": "phone", "length": 40}"#),
    ("checkbox", r#"{"type": "boolean"}"#),
    ("whole number (3)", r#"{"type": "int", "digits": 3}"#),
    ("number (7, 2)", r#"{"type": "double", "precision": 7, "scale": 2}"#),
    ("latitude", r#"{"type": "double", "precision": 18, "scale": 15}"#),
    ("longitude", r#"{"type": "double", "precision": 18, "scale": 15}"#),
    ("date", r#"{"type": "date"}"#),
    ("date and time", r#"{"type": "datetime"}"#),
    ("time", r#"{"type": "time"}"#),
    ("picklist", PICKLIST),
    ("open picklist", r#"{"type": "picklist", "length": 255}"#),
    ("multi-picklist", MULTIPICKLIST),
    ("reference", r#"{"type": "reference", "referenceTo": ["Master__c"]}"#),
    ("external id (5)", r#"{"type": "string", "length": 5, "externalId": true}"#),
    ("external id, a number", r#"{"type": "double", "precision": 18, "externalId": true}"#),
    ("parent's external id (5)", MASTER),
    ("all that an insert has", r#"{"type": "double"}"#),
];

const PICKLIST: &str = r#"{"type": "picklist", "restrictedPicklist": true, "picklistValues": [
    {"value": "Hot", "active": true}, {"value": "Cold", "active": true},
    {"value": "Frozen", "active": false}]}"#;
const MULTIPICKLIST: &str = r#"{"type": "multipicklist", "restrictedPicklist": true,
    "picklistValues": [{"value": "Hot", "active": true}, {"value": "Cold", "active": true}]}"#;
const MASTER: &str = r#"{"type": "reference", "referenceTo": ["Master__c"],
    "relationshipName": "Parent__r"}"#;

/// What becomes of a cell, in the words of the table.
fn outcome(kind: &str, cell: &str) -> String {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    let (_, describe) = known.unwrap_or_else(|| panic!("no such kind of field: {kind}"));
    let (rules, columns) = rules_for(kind, describe);
    let quoted = format!("\"{}\"", cell.replace('"', "\"\""));
    let raw = if columns.contains(',') { format!("{quoted},k") } else { quoted };
    let rows = encode(&Mapping::by_name(rules, LeftOut::default()), columns, &[&raw]);
    match &rows.rows()[0] {
        EncodedRow::Invalid(reason) => format!("`{}`", reason.code),
        _ => said(rows.json(0)),
    }
}

/// Rules for an object with this field, and the columns of a file.
pub(super) fn rules_for(kind: &str, describe: &str) -> (TargetRules, &'static str) {
    let mut rules = rules(Operation::Upsert);
    let mut field: Value = serde_json::from_str(describe).unwrap();
    let (name, columns) = match kind {
        "latitude" => ("Place__Latitude__s", "Place__Latitude__s,Key__c"),
        "longitude" => ("Place__Longitude__s", "Place__Longitude__s,Key__c"),
        "parent's external id (5)" => ("Field__c", "Parent__r.ErpKey__c,Key__c"),
        "all that an insert has" => ("Field__c", "Field__c"),
        _ if kind.starts_with("external id") => ("Field__c", "Field__c"),
        _ => ("Field__c", "Field__c,Key__c"),
    };
    for (member, value) in [
        ("name", json!(name)),
        ("createable", json!(true)),
        ("updateable", json!(true)),
        ("nillable", json!(true)),
    ] {
        field[member] = value;
    }
    let field: crate::Field = serde_json::from_value(field).unwrap();
    if kind.starts_with("external id") {
        rules.key = Some(Key { field: name.to_owned(), sameness: Sameness::of(&field) });
    }
    if kind.ends_with("an insert has") {
        rules.operation = Operation::Insert;
        rules.key = None;
    }
    rules.describe.fields.retain(|field| field.name != "LastName");
    rules.describe.fields.push(field);
    (rules, columns)
}

/// The value that a record has for the field.
pub(super) fn said(record: &[u8]) -> String {
    type Fields = BTreeMap<String, Box<RawValue>>;
    let mut fields: Fields = serde_json::from_slice(record).unwrap();
    for known in ["attributes", "Key__c"] {
        fields.remove(known);
    }
    if let Some(parent) = fields.remove("Parent__r") {
        fields = serde_json::from_str::<Fields>(parent.get()).unwrap();
    }
    let Some((_, value)) = fields.pop_first() else { return "left as it is".to_owned() };
    assert!(fields.is_empty(), "one field is filled");
    match value.get() {
        "null" => "emptied".to_owned(),
        text if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).unwrap();
            format!("`{}`", escaped(&text))
        }
        other => format!("`{other}`"),
    }
}

const UNSEEN: [(&str, char); 6] = [
    ("⏎", '\n'),
    ("\\u200B", '\u{200B}'),
    ("\\u00A0", '\u{A0}'),
    ("\\u202F", '\u{202F}'),
    ("\\u3000", '\u{3000}'),
    ("\\u0001", '\u{1}'),
];

pub(super) fn unescaped(cell: &str) -> String {
    let cell = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap();
    let cell = if cell == "\"\"" { "" } else { cell };
    UNSEEN.iter().fold(cell.to_owned(), |cell, (word, sign)| cell.replace(word, &sign.to_string()))
}

fn escaped(text: &str) -> String {
    UNSEEN.iter().fold(text.to_owned(), |text, (word, sign)| text.replace(*sign, word))
}
