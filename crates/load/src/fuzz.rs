//! Any mapping file, header and rows: called by a fuzz target in `fuzz/`, and on its corpus by the test below.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use ingest_core::{Dialect, Header, Rows};
use serde_json::json;

use crate::{
    Describe, EncodedRow, EncodedRows, Key, LeftOut, Mapping, Operation, Sameness, Sdl,
    TargetRules, ValueRules,
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
}
