//! From a mapping and a header to JSON.

mod as_csv;
mod cells;
mod checked;
mod columns;

mod data_loader;
mod digest;
mod forms;
mod ids;
mod mapped_fields;
mod rows;
mod settings;

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use ingest_core::{Dialect, Header, RecordId, Rows};
use serde_json::{Value, json};

use crate::{
    Describe, EncodedRow, EncodedRows, HeaderMismatch, Key, LeftOut, Mapping, Operation, Sameness,
    Sdl, TargetRules, ValueRules,
};

fn lead() -> Describe {
    let field = |name: &str, field_type: &str| {
        json!({"name": name, "type": field_type, "createable": true, "updateable": true,
               "nillable": true})
    };
    let describe = json!({
        "name": "Lead", "createable": true, "updateable": true,
        "fields": [
            {"name": "Id", "type": "id", "idLookup": true},
            {"name": "Photo__c", "type": "base64", "nillable": true, "createable": true, "updateable": true},
            {"name": "Address", "type": "address", "nillable": true, "createable": true, "updateable": true},
            {"name": "Total__c", "type": "double", "nillable": true, "calculated": true, "createable": true},
            {"name": "Number__c", "type": "string", "autoNumber": true},
            {"name": "Name", "type": "string", "nillable": false},
            {"name": "LastName", "type": "string", "createable": true, "updateable": true},
            field("Key__c", "string"),
            {"name": "Email", "label": "E-Mail", "type": "email", "createable": true,
             "updateable": true, "nillable": true},
            field("Active__c", "boolean"),
            field("Seats__c", "int"),
            field("Revenue__c", "currency"),
            field("Born__c", "date"),
            field("Seen__c", "datetime"),
            {"name": "Master__c", "type": "reference", "createable": true, "nillable": true,
             "relationshipName": "Master__r", "referenceTo": ["Master__c"]},
            {"name": "OwnerId", "type": "reference", "createable": true, "updateable": true,
             "nillable": true, "relationshipName": "Owner", "referenceTo": ["Group", "User"]},
        ],
    });
    serde_json::from_value(describe).unwrap()
}

fn account() -> Describe {
    let describe = json!({
        "name": "Master__c",
        "fields": [
            {"name": "Name", "type": "string"},
            {"name": "ErpKey__c", "type": "string", "externalId": true, "length": 5},
            {"name": "Number__c", "type": "double", "externalId": true},
        ],
    });
    serde_json::from_value(describe).unwrap()
}

fn rules(operation: Operation) -> TargetRules {
    let key = |field: &str, sameness| Some(Key { field: field.to_owned(), sameness });
    TargetRules {
        describe: lead(),
        operation,
        key: match operation {
            Operation::Upsert => key("Key__c", Sameness::IgnoringCase),
            Operation::Insert => None,
            Operation::Update | Operation::Delete | Operation::HardDelete => {
                key("Id", Sameness::OfIds)
            }
        },
        parents: [("Master__c".to_owned(), account())].into(),
        values: ValueRules::default(),
        dates_are_assumed: false,
    }
}

fn by_name_for(operation: Operation, left_out: &[&str]) -> Mapping {
    let left_out = left_out.iter().map(|name| (*name).to_owned()).collect();
    Mapping::by_name(rules(operation), LeftOut(left_out))
}

fn by_name() -> Mapping {
    by_name_for(Operation::Upsert, &[])
}

fn sdl(text: &str) -> Sdl {
    Sdl::parse(Path::new("lead.sdl"), text).unwrap()
}

fn from_file(text: &str) -> Result<Mapping, Vec<String>> {
    Mapping::from_file(&sdl(text), rules(Operation::Upsert))
}

fn header(raw: &str) -> Header {
    Header::parse(Bytes::copy_from_slice(raw.as_bytes()), Dialect::default()).unwrap()
}

fn encode(mapping: &Mapping, columns: &str, raw: &[&str]) -> EncodedRows {
    let mut rows = Rows::default();
    for (record, raw) in (1..).zip(raw) {
        rows.push(record, raw.as_bytes());
    }
    mapping.plan(header(columns), BTreeMap::new()).unwrap().encode(&rows)
}

/// Rows with these external ids, and nothing else in them.
fn encoded_rows(keys: &[&str]) -> EncodedRows {
    let raw: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    encode(&by_name(), "Key__c", &raw.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The fields of one row as they are sent, without `attributes`; or the code and message of its
/// reject.
fn sent(mapping: &Mapping, columns: &str, raw: &str) -> Result<Value, String> {
    let rows = encode(mapping, columns, &[raw]);
    match &rows.rows()[0] {
        EncodedRow::Invalid(reason) => Err(format!("{}: {}", reason.code, reason.message)),
        _ => {
            let body: Value = serde_json::from_slice(&rows.body(&[0])).unwrap();
            assert_eq!(body["allOrNone"], false);
            let mut record = body["records"][0].clone();
            let attributes = record.as_object_mut().unwrap().remove("attributes");
            assert_eq!(attributes, Some(json!({"type": "Lead"})));
            Ok(record)
        }
    }
}
