//! Rows for unit tests.

use std::collections::BTreeMap;

use bytes::Bytes;
use ingest_core::{Dialect, Header, Rows};
use load::{
    CsvRows, Describe, EncodedRows, Key, LeftOut, Mapping, Operation, Plan, Sameness, TargetRules,
    ValueRules,
};
use serde_json::json;

/// Rows of an upsert with these external ids, and nothing else in them.
pub(crate) fn encoded_rows(keys: &[&str]) -> EncodedRows {
    plan("Key__c", rules()).encode(&rows(keys.iter().map(|key| format!("\"{key}\""))))
}

/// The same as CSV.
pub(crate) fn csv_rows(keys: &[&str]) -> CsvRows {
    let rows = rows(keys.iter().map(|key| format!("\"{key}\"")));
    plan("Key__c", rules()).encode_csv(&rows, None)
}

/// Rows as they came, under this header, as CSV of an insert.
pub(crate) fn inserted_csv(header: &'static str, raw: &[&str]) -> CsvRows {
    let rules = TargetRules { operation: Operation::Insert, key: None, ..rules() };
    plan(header, rules).encode_csv(&rows(raw.iter().copied().map(str::to_owned)), None)
}

fn rows(raw: impl Iterator<Item = String>) -> Rows {
    let mut rows = Rows::default();
    for (record, raw) in (1..).zip(raw) {
        rows.push(record, raw.as_bytes());
    }
    rows
}

fn plan(header: &'static str, rules: TargetRules) -> Plan {
    let header = Header::parse(Bytes::from_static(header.as_bytes()), Dialect::default()).unwrap();
    let mapping = Mapping::by_name(rules, LeftOut::default());
    mapping.plan(header, BTreeMap::new()).unwrap()
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

/// An object with a field by which an upsert finds its records, and two more.
pub(crate) fn lead() -> Describe {
    let fields = ["Key__c", "A", "B"].map(|name| {
        json!({"name": name, "type": "string", "createable": true, "updateable": true,
               "nillable": true})
    });
    let describe =
        json!({"name": "Lead", "createable": true, "updateable": true, "fields": fields});
    serde_json::from_value(describe).unwrap()
}
