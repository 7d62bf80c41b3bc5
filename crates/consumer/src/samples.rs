//! Rows for unit tests.

use std::collections::BTreeMap;

use bytes::Bytes;
use ingest_core::{Dialect, Header, Rows};
use load::{
    Describe, EncodedRows, Key, LeftOut, Mapping, Operation, Sameness, TargetRules, ValueRules,
};
use serde_json::json;

/// Rows of an upsert with these external ids, and nothing else in them.
pub(crate) fn encoded_rows(keys: &[&str]) -> EncodedRows {
    let mut rows = Rows::default();
    for (record, key) in (1..).zip(keys) {
        rows.push(record, format!("\"{key}\"").as_bytes());
    }
    let header = Header::parse(Bytes::from_static(b"Key__c"), Dialect::default()).unwrap();
    let mapping = Mapping::by_name(rules(), LeftOut::default());
    mapping.plan(header, BTreeMap::new()).unwrap().encode(&rows)
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

/// An object with one field, by which an upsert finds its records.
pub(crate) fn lead() -> Describe {
    let describe = json!({
        "name": "Lead", "createable": true, "updateable": true,
        "fields": [{"name": "Key__c", "type": "string", "createable": true, "updateable": true,
                    "nillable": true}],
    });
    serde_json::from_value(describe).unwrap()
}
