//! Any mapping file, header and rows, and any cell: called by fuzz targets in `fuzz/`, and on their
//! corpus by the tests below.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use ingest_core::{Dialect, Header, Rows};
use serde_json::{json, value::RawValue};

use crate::{
    Converter, DateOrder, DatesWithTime, DecimalSign, Describe, EncodedRow, EncodedRows, Field,
    Key, LeftOut, Mapping, Operation, Sameness, Sdl, TargetRules, TwoDigitYears, ValueRules,
    value::Form,
};

/// Mapping file, header and rows, with a NUL between two of them. The file is refused by line, the
/// header by column, or every row becomes a JSON object or is refused.
pub fn mapping(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let header = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    let mut rows = Rows::default();
    for (raw, record) in parts.zip(1..) {
        rows.push(record, raw);
    }

    let by_name = Mapping::by_name(rules(), LeftOut(vec!["*".to_owned()]));
    let from_file = Sdl::parse(Path::new("fuzzed.sdl"), &text).ok().and_then(|sdl| {
        let parents = sdl.parents(&lead());
        assert!(parents.len() <= sdl.entries.len() * 100);
        Mapping::from_file(&sdl, rules()).ok()
    });
    let Ok(header) = Header::parse(header, Dialect::default()) else { return };
    for mapping in [Some(by_name), from_file].into_iter().flatten() {
        let _missing = mapping.required_but_not_filled();
        if let Ok(plan) = mapping.plan(header.clone(), BTreeMap::new()) {
            check_rows(&plan.encode(&rows), rows.len());
        }
    }
}

fn check_rows(encoded: &EncodedRows, rows: usize) {
    assert_eq!(encoded.rows().len(), rows, "one for each row");
    let is_ready = |index: &usize| matches!(encoded.rows()[*index], EncodedRow::Ready { .. });
    let ready: Vec<usize> = (0..rows).filter(is_ready).collect();
    let body: serde_json::Value =
        serde_json::from_slice(&encoded.body(&ready)).expect("a body is JSON");
    assert_eq!(body["records"].as_array().map(Vec::len), Some(ready.len()));
}

/// A cell of each type of field, under the settings that read least and most.
pub fn cell(bytes: &[u8]) {
    check_cell(&String::from_utf8_lossy(bytes));
}

/// A cell becomes a value or a reject that leaves nothing behind. A value is one piece of JSON, and
/// read again, with nothing set, it is the same value: what is sent means itself.
pub(crate) fn check_cell(cell: &str) {
    let settings = [ValueRules::default(), all_set()];
    for field in fields() {
        let plain = Converter::of(&field, &settings[0]).expect("it can be filled");
        for rules in &settings {
            let converter = Converter::of(&field, rules).expect("it can be filled");
            let Some(json) = written(&converter, cell) else { continue };
            // Not as a number: JSON has larger ones than fit 64 bits.
            let _raw: &RawValue = serde_json::from_str(&json).expect("a value is JSON");
            let text = serde_json::from_str::<String>(&json).unwrap_or_else(|_| json.clone());
            assert_eq!(written(&plain, &text).as_ref(), Some(&json), "{}", field.field_type);
        }
    }
}

fn written(converter: &Converter, cell: &str) -> Option<String> {
    let mut out = b"before".to_vec();
    let result = converter.write(cell, Form::Json, &mut out);
    let value = out.strip_prefix(b"before").expect("it only adds");
    match result {
        Ok(()) => Some(String::from_utf8(value.to_vec()).expect("a value is text")),
        Err(_) => {
            assert!(value.is_empty(), "a reject leaves nothing");
            None
        }
    }
}

fn all_set() -> ValueRules {
    ValueRules {
        dates: DateOrder::DayFirst,
        two_digit_years: TwoDigitYears::From(1970),
        dates_with_time: DatesWithTime::Cut,
        decimal: DecimalSign::Comma,
        ..ValueRules::default()
    }
}

fn fields() -> Vec<Field> {
    let values =
        json!(["Hot", "hot", "Cold", "Größe"].map(|it| json!({"value": it, "active": true})));
    let choice = |field_type: &str| json!({"type": field_type, "restrictedPicklist": true, "picklistValues": values});
    let fields = json!([
        {"type": "boolean"}, {"type": "int", "digits": 8}, {"type": "int"}, {"type": "double"},
        {"type": "currency", "precision": 9, "scale": 2}, {"type": "date"}, {"type": "datetime"},
        {"type": "double", "name": "P__Latitude__s"}, {"type": "time"}, {"type": "id"},
        choice("picklist"), choice("multipicklist"),
    ]);
    serde_json::from_value(fields).expect("they are fields")
}

fn rules() -> TargetRules {
    TargetRules {
        describe: lead(),
        operation: Operation::Upsert,
        key: Some(Key { field: "Key__c".to_owned(), sameness: Sameness::IgnoringCase }),
        parents: BTreeMap::new(),
        values: ValueRules::default(),
        dates_are_assumed: false,
    }
}

fn lead() -> Describe {
    let field = |name: &str, field_type: &str| {
        json!({"name": name, "label": name, "type": field_type, "createable": true,
               "updateable": true, "nillable": true, "length": 40, "precision": 18, "scale": 2})
    };
    let describe = json!({
        "name": "Lead", "createable": true, "updateable": true,
        "fields": [
            field("Key__c", "string"), field("LastName", "string"), field("Email", "email"),
            field("Active__c", "boolean"), field("Seats__c", "int"), field("Price__c", "currency"),
            field("Born__c", "date"), field("Seen__c", "datetime"), field("Opens__c", "time"),
            field("Kind__c", "picklist"), field("Kinds__c", "multipicklist"),
            {"name": "OwnerId", "type": "reference", "createable": true, "updateable": true,
             "nillable": true, "relationshipName": "Owner", "referenceTo": ["Group", "User"]},
        ],
    });
    serde_json::from_value(describe).expect("it is a describe")
}

#[cfg(test)]
mod tests {
    #[test]
    fn mappings_of_the_corpus_make_json_or_are_refused() {
        test_support::replay_corpus("mapping", 5, super::mapping);
    }

    #[test]
    fn cells_of_the_corpus_mean_what_is_sent_or_are_refused() {
        test_support::replay_corpus("cell", 15, super::cell);
    }
}
