//! What is said of mappings that no org could follow.

use std::io;

use super::*;
use crate::{InvalidLoad, Load, LoadSettings};

/// The load of a mapping file with this text.
fn of_file(text: &str, settings: LoadSettings) -> Result<Load, InvalidLoad> {
    let settings = LoadSettings { mapping: Some("/etc/maps/lead.sdl".into()), ..settings };
    settings.load(&|_| Ok(text.to_owned()))
}

fn operation(operation: Operation, external_id: Option<&str>) -> LoadSettings {
    LoadSettings {
        object: Some("Lead".to_owned()),
        operation: Some(operation),
        external_id: external_id.map(str::to_owned),
        ..LoadSettings::default()
    }
}

fn upsert() -> LoadSettings {
    operation(Operation::Upsert, Some("Key__c"))
}

/// The load of a request.
fn of_request(json: &Value) -> Result<Load, InvalidLoad> {
    let settings: LoadSettings = serde_json::from_value(json.clone()).unwrap();
    settings.load(&|_| Err(io::ErrorKind::NotFound.into()))
}

fn said<T: std::fmt::Debug>(refused: Result<T, InvalidLoad>) -> String {
    refused.unwrap_err().to_string()
}

#[test]
fn a_field_that_is_filled_twice_is_named_with_its_line_and_both_columns() {
    let after_key = |lines: &str| said(of_file(&format!("Nr=Key__c\n{lines}"), upsert()));
    for (lines, line, expected) in [
        ("A=Email\nB=Email", 3, "column `B`: `Email` is filled by column `A` already on line 2; a"),
        ("A=Email\n\nB=EMAIL", 4, "column `B`: `EMAIL` is filled by column `A` already on line 2"),
        ("B=key__C", 2, "column `B`: `key__C` is filled by column `Nr` already on line 1"),
        ("A=Email,email", 2, "column `A`: `email` is named twice; name each field once"),
        ("A=Email\n\"x\"=Email", 3, "constant `x`: `Email` is filled by column `A` already on"),
        ("\"x\"=Email\nA=Email", 3, "column `A`: `Email` is filled by constant `x` already on"),
        ("\"x\"=Email\n\"y\"=Email", 3, "constant `y`: `Email` is filled by constant `x` already"),
        ("A=Account.Nr__c\nB=AccountId", 3, "column `B`: `AccountId` is filled by column `A`"),
        ("A=Parent__c\nB=Parent__r.Nr__c", 3, "column `B`: `Parent__r.Nr__c` is filled by"),
        ("A=Who.Nr__c\nB=Who\\:Lead-Nr__c", 3, "column `B`: `Who:Lead-Nr__c` is filled by"),
        ("A=Who\\:Lead-Nr__c\nB=Lead\\:who.NR__c", 3, "column `B`: `Lead:who.NR__c` is filled"),
        (
            "A=Who\\:Lead-Nr__c\n\"x\"=Who\\:Contact-Nr__c",
            3,
            "constant `x`: `Who:Contact-Nr__c` is",
        ),
    ] {
        let words = after_key(lines);
        let place = format!("mapping file /etc/maps/lead.sdl, line {line}: {expected}");
        assert!(words.starts_with(&place), "{lines} gave {words}");
    }
    let choice = after_key("A=Who.Nr__c\nB=Who.Email");
    assert!(choice.ends_with("name the object of each, like `Lead:Who.Key__c`"), "{choice}");
}

#[test]
fn a_reference_to_one_of_several_objects_may_have_a_column_for_each() {
    for lines in [
        "A=Who\\:Lead-Nr__c\nB=Who\\:Contact-Nr__c",
        "A=Lead:Who.Nr__c\nB=Contact:Who.Nr__c\nC=Account.Nr__c",
        // The same fields of another object.
        "A=Email\nB=Owner.Email\nC=Account.Email",
        "A=Email, LastName\nNote=\nRemark=",
        "\"Web\"=LeadSource, Origin__c\n\"#N/A\"=Phone",
    ] {
        let load = of_file(&format!("Nr=Key__c\n{lines}"), upsert());
        assert!(load.is_ok(), "{lines}: {load:?}");
    }
}

#[test]
fn the_external_id_needs_a_column() {
    for (text, settings, expected) in [
        (
            "A=Email",
            upsert(),
            "mapping file /etc/maps/lead.sdl: no column fills `Key__c`, by which rows find their \
             record; write a line like `Number=Key__c`, or name another external id, which a column \
             fills",
        ),
        ("A=Email", operation(Operation::Update, None), "no column fills `Id`, by which"),
        ("A=Email", operation(Operation::Delete, Some("id")), "no column fills `Id`, by which"),
        ("A=Id", operation(Operation::Update, Some("Key__c")), "no column fills `Key__c`"),
        (
            "A=Email\n\"1\"=KEY__c",
            upsert(),
            "line 2: constant `1`: `KEY__c` tells records apart, so it needs a column",
        ),
    ] {
        let words = said(of_file(text, settings));
        assert!(words.contains(expected), "{text} gave {words}");
    }
    for (text, settings) in [
        ("A=KEY__C", upsert()),
        ("A=Email", operation(Operation::Insert, None)),
        ("A=Email", operation(Operation::Insert, Some("Key__c"))),
        ("A=ID", operation(Operation::Update, None)),
        ("A=Id", operation(Operation::Delete, None)),
        ("A=Key__c", operation(Operation::HardDelete, Some("key__c"))),
        // It has no use for the others, as of a file that was written for an upsert.
        ("A=Key__c\nB=Last Name\nC=Email\nD=Email", operation(Operation::Delete, Some("Key__c"))),
    ] {
        let load = of_file(text, settings);
        assert!(load.is_ok(), "{text}: {load:?}");
    }
}

#[test]
fn what_cannot_be_the_name_of_a_field_is_named() {
    let long = "x".repeat(100_000);
    for (target, expected) in [
        (
            "Account.Owner.Name",
            "`Account.Owner.Name` goes over two relationships, and a path can go over one; write the \
             external id of the record that the row refers to, like `Account.ErpKey__c`",
        ),
        (r"Account\:Account-Owner.Name", "goes over two relationships"),
        (r"Account\:Owner.Parent.Name", "goes over two relationships"),
        (
            "Last Name",
            "`Last Name` is no API name of a field; write it like `LastName` or `ErpKey__c`, or a \
             path like `Account.ErpKey__c`",
        ),
        ("E-Mail", "`E-Mail` is no API name of a field"),
        ("Straße", "`Straße` is no API name of a field"),
        (r"\u001b[31m", r"`\u001b[31m` is no API name of a field"),
        ("Account.", "`Account.` is no path to a field"),
        (".Nr__c", "`.Nr__c` is no path to a field"),
        (r"Who\:Lead Contact-Nr__c", "`Who:Lead Contact-Nr__c` is no path to a field"),
        (&long, ""),
        (&format!("{long}!"), "…` is no API name of a field"),
    ] {
        let text = format!("Nr=Key__c\nA={target}");
        if expected.is_empty() {
            assert!(of_file(&text, upsert()).is_ok());
            continue;
        }
        let words = said(of_file(&text, upsert()));
        let place = "mapping file /etc/maps/lead.sdl, line 2: column `A`: ";
        assert!(words.starts_with(place) && words.contains(expected), "{target} gave {words}");
        assert!(words.chars().count() < 400, "{words}");
    }
}

#[test]
fn columns_of_a_request_are_named_without_a_line() {
    let with = |columns: Value| {
        of_request(&json!({"object": "Lead", "externalId": "Key__c", "columns": columns}))
    };

    assert_eq!(
        said(with(json!({"Nr": "Key__c", "A": "Email", "B": ["LastName", "Email"]}))),
        "columns: column `B`: `Email` is filled by column `A` already; a field has one column or one \
         constant, so take one of them away"
    );
    assert_eq!(
        said(with(json!({"A": "Email"}))),
        "columns: no column fills `Key__c`, by which rows find their record; write one like \
         `\"Number\": \"Key__c\"`, or name another external id, which a column fills"
    );
}

/// An inline load has no mapping file, so no message names one.
#[test]
fn what_the_org_refuses_of_columns_is_not_said_of_a_mapping_file() {
    let columns = json!({"Nr": "Key__c", "A": "Nothing__c"});
    let inline =
        of_request(&json!({"object": "Lead", "externalId": "Key__c", "columns": columns})).unwrap();
    let file = of_file("Nr=Key__c\nA=Nothing__c", upsert()).unwrap();
    let mut describe = lead();
    let key = describe.fields.iter_mut().find(|field| field.name == "Key__c").unwrap();
    key.external_id = true;

    let misfit = |load: &Load| load.mapping(describe.clone(), BTreeMap::new()).unwrap_err();

    let of_inline = misfit(&inline).to_string();
    assert!(of_inline.starts_with("columns: column `A`: Lead has no field"), "{of_inline}");
    let of_file = misfit(&file).to_string();
    let expected = "mapping file lead.sdl: line 2, column `A`: Lead has no field";
    assert!(of_file.starts_with(expected), "{of_file}");
}
