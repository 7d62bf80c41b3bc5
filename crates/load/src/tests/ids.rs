//! What the key is called in the ids file, and where rows have it.

use std::collections::BTreeMap;

use super::*;
use crate::{Load, LoadSettings};

fn load(operation: Operation, key: Option<&str>, mapping: Option<&str>) -> Load {
    let settings = LoadSettings {
        object: Some("Lead".to_owned()),
        operation: Some(operation),
        external_id: key.map(str::to_owned),
        ids: Some(true),
        ..LoadSettings::default()
    };
    Load::new(&settings).unwrap().mapped_by(mapping.map(sdl))
}

#[test]
fn the_key_of_the_ids_file_is_called_as_its_column() {
    use Operation::{Delete, Insert, Update, Upsert};
    let mapping = Some("Kundennr=Key__c\nName=LastName");
    for (load, columns, expected) in [
        (load(Upsert, Some("Key__c"), None), "LastName, KEY__C", "_record,KEY__C,Id,_change"),
        (load(Upsert, Some("key__c"), mapping), "Name,kundennr", "_record,kundennr,Id,_change"),
        (load(Upsert, Some("Key__c"), mapping), "Name,Nr", "_record,Key__c,Id,_change"),
        (load(Update, Some("Key__c"), None), "Key__c,Email", "_record,Key__c,Id,_change"),
        (load(Update, None, None), "Id,Email", "_record,Id,_change"),
        (load(Delete, Some("id"), None), "ID", "_record,Id,_change"),
        (load(Insert, None, None), "LastName", "_record,Id,_change"),
    ] {
        let line = load.ids_header(&header(columns));
        assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"), "{columns}");
    }
}

#[test]
fn rows_have_their_key_where_the_plan_fills_it() {
    let place = |mapping: &Mapping, columns: &str| {
        mapping.plan(header(columns), BTreeMap::new()).unwrap().ids_key_column()
    };

    assert_eq!(place(&by_name(), "LastName,Key__c"), Some(1));
    assert_eq!(place(&from_file("Nr=Key__c").unwrap(), "a,b,Nr"), Some(2));
    assert_eq!(place(&by_name_for(Operation::Update, &[]), "Id,LastName"), None);
    assert_eq!(place(&by_name_for(Operation::Insert, &[]), "LastName"), None);
}

#[test]
fn an_ids_file_can_be_loaded_by_the_names_of_its_columns() {
    let update = by_name_for(Operation::Update, &[]);

    let sent = sent(&update, "_record,Key__c,Id,_change", "7,A-1,00Q000000000001AAA,created");

    assert_eq!(sent.unwrap(), json!({"id": "00Q000000000001AAA", "Key__c": "A-1"}));
}

#[test]
fn a_load_that_writes_ids_stores_the_same() {
    let with = load(Operation::Upsert, Some("Key__c"), None);
    let without = Load { ids: false, ..with.clone() };

    assert_eq!(with.mapping_digest(), without.mapping_digest());
    assert_ne!(with.to_json(), without.to_json());
    assert_eq!(Load::from_json(&with.to_json()), Ok(with));
}
