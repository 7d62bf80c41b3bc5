//! From a mapping and a header to JSON.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use ingest_core::{Dialect, Header, Rows};
use serde_json::{Value, json};

use super::{
    EncodedRow, EncodedRows, HeaderMisfit, Key, LeftOut, Mapping, Sameness, Sdl, TargetRules,
    ValueRules,
};
use crate::{
    salesforce::{Describe, Payload},
    verdict::Operation,
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
            Operation::Update | Operation::Delete => key("Id", Sameness::OfIds),
        },
        parents: [("Master__c".to_owned(), account())].into(),
        values: ValueRules::default(),
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lead.sdl");
    std::fs::write(&path, text).unwrap();
    let mut sdl = Sdl::load(&path).unwrap();
    Path::new("lead.sdl").clone_into(&mut sdl.path);
    sdl
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
pub(crate) fn encoded_rows(keys: &[&str]) -> EncodedRows {
    let raw: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    encode(&by_name(), "Key__c", &raw.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The fields of one row as they are sent, without `attributes`; or the code and message of its
/// reject.
fn sent(mapping: &Mapping, columns: &str, raw: &str) -> Result<Value, String> {
    let rows = encode(mapping, columns, &[raw]);
    match &rows.rows()[0] {
        EncodedRow::Unfit(reason) => Err(format!("{}: {}", reason.code, reason.message)),
        EncodedRow::Ready { .. } => {
            let body: Value = serde_json::from_slice(&rows.body(&[0])).unwrap();
            assert_eq!(body["allOrNone"], false);
            let mut record = body["records"][0].clone();
            let attributes = record.as_object_mut().unwrap().remove("attributes");
            assert_eq!(attributes, Some(json!({"type": "Lead"})));
            Ok(record)
        }
    }
}

#[test]
fn columns_fill_the_fields_of_their_name() {
    let mapping = by_name_for(Operation::Upsert, &["Shoe Size"]);

    let record = sent(&mapping, "KEY__C,email,shoe size", "C-1,a@b.example,44").unwrap();

    assert_eq!(record, json!({"Key__c": "C-1", "Email": "a@b.example"}));
}

#[test]
fn a_column_may_also_be_named_like_the_label_of_a_field() {
    let record = sent(&by_name(), "Key__c,e-mail", "C-1,a@b.example").unwrap();

    assert_eq!(record, json!({"Key__c": "C-1", "Email": "a@b.example"}));
}

#[test]
fn every_column_that_fits_no_field_is_named_unless_it_is_left_out() {
    let misfit = |left_out: &[&str]| {
        let mapping = by_name_for(Operation::Upsert, left_out);
        mapping
            .plan(header("Key__c,Emial,Name"), BTreeMap::new())
            .map(|plan| plan.left_out().into_iter().map(str::to_owned).collect::<Vec<_>>())
    };

    let words = misfit(&[]).unwrap_err().to_string();

    assert!(words.starts_with("column `Emial`: Lead has no field `Emial`; check"), "{words}");
    assert!(words.contains("; column `Name`: field `Name` of Lead is read-only"), "{words}");
    assert!(words.ends_with("name those that are not to be sent in MAPPING_LEAVE_OUT"), "{words}");
    assert!(misfit(&["Emial"]).is_err());
    assert_eq!(misfit(&["emial", "Name"]).unwrap(), ["Emial", "Name"]);
    assert_eq!(misfit(&["*"]).unwrap(), ["Emial", "Name"]);
}

#[test]
fn a_constant_is_in_every_row() {
    let mapping = from_file("k=Key__c\n\"Web \\\"shop\\\"\"=LastName\n\"yes\"=Active__c").unwrap();

    let record = sent(&mapping, "k", "C-1").unwrap();

    assert_eq!(record, json!({"LastName": "Web \"shop\"", "Active__c": true, "Key__c": "C-1"}));
    assert_eq!(mapping.required_but_not_filled(), Vec::<&str>::new());
}

#[test]
fn a_constant_that_does_not_fit_its_field_is_refused_at_once() {
    let problems = from_file("k=Key__c\n\"maybe\"=Active__c\n\"x\"=Email, Nothing__c").unwrap_err();

    assert_eq!(
        problems[0],
        "line 2, constant `maybe`: field `Active__c`: not true or false, yes or no, on or off, 1 or 0"
    );
    assert!(problems[1].starts_with("line 3, constant `x`: Lead has no field `Nothing__c`"));
    assert_eq!(
        from_file("\"1\"=Key__c").unwrap_err(),
        ["line 1, constant `1`: a value that all rows share cannot be what tells them apart"]
    );
}

#[test]
fn an_update_names_its_record_by_id() {
    let mapping = by_name_for(Operation::Update, &[]);

    let record = sent(&mapping, "ID,Email", "00Qxx0000000001,a@b.example").unwrap();

    assert_eq!(record, json!({"id": "00Qxx0000000001", "Email": "a@b.example"}));
    assert_eq!(
        sent(&mapping, "Id,Email", ",x").unwrap_err(),
        "EXTERNAL_ID_MISSING: column `Id`: the id is empty"
    );
    assert_eq!(
        sent(&mapping, "Id,Email", "nobody,x").unwrap_err(),
        "INVALID_VALUE: column `Id`: not an id of 15 or 18 letters and digits"
    );
}

#[test]
fn a_delete_sends_ids_and_needs_nothing_else() {
    let mapping = by_name_for(Operation::Delete, &[]);
    let raw = ["00Qxx0000000001,x", "00Qxx0000000002AAA,y"];

    let rows = encode(&mapping, "Id,Whatever", &raw);

    let Payload::Ids(ids) = rows.payload(&[0, 1], Operation::Delete) else {
        panic!("a delete has no body");
    };
    assert_eq!(ids, "00Qxx0000000001,00Qxx0000000002AAA");
}

#[test]
fn an_id_of_15_characters_is_the_same_as_the_one_of_18() {
    let mapping = by_name_for(Operation::Update, &[]);
    let ids = ["00Qxx0000000001", "00Qxx0000000001AAA", "00QXX0000000001"];

    let rows = encode(&mapping, "Id", &ids);

    let after: Vec<_> = rows
        .rows()
        .iter()
        .map(|row| match row {
            EncodedRow::Ready { after, .. } => *after,
            EncodedRow::Unfit(_) => panic!("all are ids"),
        })
        .collect();
    assert_eq!(after, [None, Some(0), None]);
}

#[test]
fn a_mapping_file_says_which_column_fills_which_field() {
    let mapping = from_file("ExternalId=Key__c\nName=LastName, Email\nNote=\n").unwrap();

    let record = sent(&mapping, "Name,ExternalId,Note", "Ada,C-1,x").unwrap();

    assert_eq!(record, json!({"LastName": "Ada", "Email": "Ada", "Key__c": "C-1"}));
}

#[test]
fn values_follow_the_type_of_their_field() {
    let record = sent(
        &by_name(),
        "Key__c,Active__c,Seats__c,Revenue__c,LastName",
        "007, Yes ,+12,0012345678901234567.10,\"say \"\"hi\"\"\nnow\"",
    );

    assert_eq!(
        serde_json::to_string(&record.unwrap()).unwrap(),
        serde_json::to_string(&json!({
            "Key__c": "007", "Active__c": true, "Seats__c": 12,
            "Revenue__c": 12_345_678_901_234_567.10_f64, "LastName": "say \"hi\"\nnow"
        }))
        .unwrap()
    );
}

#[test]
fn a_number_is_sent_with_the_digits_it_has() {
    let rows = encode(&by_name(), "Key__c,Revenue__c", &["1,12345678901234567.10"]);

    let body = String::from_utf8(rows.body(&[0]).to_vec()).unwrap();

    assert!(body.contains("\"Revenue__c\":12345678901234567.10}"), "{body}");
}

#[test]
fn an_empty_cell_is_not_sent_and_na_is_null() {
    let record = sent(&by_name(), "Key__c,Email,LastName,Seats__c", "1,,\"\",#N/A").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Seats__c": null}));
}

#[test]
fn a_record_is_named_by_an_external_id_of_its_own() {
    let mapping = from_file("k=Key__c\nm=Master__r.ErpKey__c").unwrap();

    assert_eq!(
        sent(&mapping, "k,m", "1,A-9").unwrap(),
        json!({"Key__c": "1", "Master__r": {"ErpKey__c": "A-9"}})
    );
    assert_eq!(sent(&mapping, "k,m", "1,").unwrap(), json!({"Key__c": "1"}));
    assert_eq!(sent(&mapping, "k,m", "1,#N/A").unwrap(), json!({"Key__c": "1", "Master__c": null}));
    assert_eq!(
        sent(&mapping, "k,m", "1,A-99999").unwrap_err(),
        "INVALID_VALUE: column `m`: longer than 5 characters"
    );
}

#[test]
fn an_external_id_that_is_a_number_is_sent_as_one() {
    let record = sent(&by_name(), "Key__c,Master__r.Number__c", "1,007").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Master__r": {"Number__c": 7}}));
}

#[test]
fn a_record_of_one_of_several_objects_is_named_with_its_object() {
    let record = sent(&by_name(), "Key__c,User:Owner.Nick__c", "1,ada").unwrap();

    assert_eq!(
        record,
        json!({"Key__c": "1",
               "Owner": {"attributes": {"type": "User"}, "Nick__c": "ada"}})
    );
}

#[test]
fn empty_cells_empty_their_fields_when_the_settings_say_so() {
    let mut rules = rules(Operation::Upsert);
    rules.values.empty_is_null = true;
    let mapping = Mapping::by_name(rules, LeftOut::default());

    let record = sent(&mapping, "Key__c,Email,Active__c,Master__r.ErpKey__c", "1, ,,").unwrap();

    assert_eq!(record, json!({"Key__c": "1", "Email": null, "Master__c": null}));
}

#[test]
fn a_value_that_cannot_be_converted_is_a_reject_that_names_the_columns() {
    let refused = sent(&by_name(), "Key__c,Active__c,Seats__c", "1,maybe,many").unwrap_err();

    assert_eq!(
        refused,
        "INVALID_VALUE: column `Active__c`: not true or false, yes or no, on or off, 1 or 0; \
         column `Seats__c`: not a whole number between -2147483648 and 2147483647"
    );
    assert!(sent(&by_name(), "Key__c,Active__c", "1,#N/A").is_err());
}

#[test]
fn a_row_without_an_external_id_is_a_reject() {
    for cell in ["", "\"\"", "   ", "#N/A"] {
        let refused = sent(&by_name(), "Key__c,Email", &format!("{cell},x")).unwrap_err();
        assert_eq!(refused, "EXTERNAL_ID_MISSING: column `Key__c`: the external id is empty");
    }
}

#[test]
fn blanks_around_an_external_id_are_no_part_of_it() {
    assert_eq!(sent(&by_name(), "Key__c", "\" C-1 \"").unwrap(), json!({"Key__c": "C-1"}));
}

#[test]
fn an_insert_needs_no_external_id() {
    let mapping = by_name_for(Operation::Insert, &["Key__c"]);

    assert_eq!(
        sent(&mapping, "Key__c,Email,LastName", ",x,Ada").unwrap(),
        json!({"Email": "x", "LastName": "Ada"})
    );
}

#[test]
fn a_row_that_is_no_record_of_its_own_harms_no_other_row() {
    let raw = ["1,a", "2,\"open", "3,c", "4", "5,\"e\nE\"", "\u{feff}6,f"];

    let rows = encode(&by_name(), "Key__c,Email", &raw);

    let ready: Vec<usize> = (0..raw.len())
        .filter(|index| matches!(rows.rows()[*index], EncodedRow::Ready { .. }))
        .collect();
    assert_eq!(ready, [0, 2, 4, 5]);
    let body: Value = serde_json::from_slice(&rows.body(&ready)).unwrap();
    let sent: Vec<_> = body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["Key__c"], &row["Email"]))
        .collect();
    assert_eq!(
        sent,
        [
            (&json!("1"), &json!("a")),
            (&json!("3"), &json!("c")),
            (&json!("5"), &json!("e\nE")),
            (&json!("\u{feff}6"), &json!("f"))
        ]
    );
}

#[test]
fn a_byte_order_mark_in_the_first_cell_of_a_batch_is_a_part_of_it() {
    let record = sent(&by_name(), "Email,Key__c", "\u{feff}a,1").unwrap();

    assert_eq!(record, json!({"Email": "\u{feff}a", "Key__c": "1"}));
}

#[test]
fn rows_with_the_same_external_id_know_each_other() {
    let after = |keys: &[&str]| -> Vec<Option<usize>> {
        encoded_rows(keys)
            .rows()
            .iter()
            .map(|row| match row {
                EncodedRow::Ready { after, .. } => *after,
                EncodedRow::Unfit(_) => None,
            })
            .collect()
    };

    assert_eq!(after(&["a", "b", "a", "c", "a"]), [None, None, Some(0), None, Some(2)]);
    // The field is not case-sensitive.
    assert_eq!(after(&["Ä-x", "ä-X"]), [None, Some(0)]);
}

#[test]
fn every_line_of_a_mapping_file_that_cannot_be_followed_is_named() {
    let problems = from_file(
        "a=Key__c\nb=Emial\nc=Name\nd=Email\ne=email\nf=Nothing__r.X__c\ng=Owner.X__c\nh=Master__r.a.b\n\
         i=Photo__c\nj=Address\nk=Total__c\nl=Number__c\nm=Master__r.Name\nn=Master__r.Nope__c\n\
         o=Master__c\np=Master__r.ErpKey__c\nq=Lead:Owner.X__c",
    )
    .unwrap_err();

    let expected = [
        "line 2, column `b`: Lead has no field `Emial`; check the spelling, or let the integration",
        "line 3, column `c`: field `Name` of Lead is read-only",
        "line 5, column `e`: field `Email` is filled by `d` already",
        "line 6, column `f`: Lead has no relationship `Nothing__r`",
        "line 7, column `g`: `Owner.X__c` may lead to several objects (Group, User); say which, \
         such as `Group:Owner.X__c`",
        "line 8, column `h`: `Master__r.a.b` cannot be used",
        "line 9, column `i`: field `Photo__c` of Lead holds a file",
        "line 10, column `j`: field `Address` of Lead is made of other fields",
        "line 11, column `k`: field `Total__c` of Lead is filled by a formula",
        "line 12, column `l`: field `Number__c` of Lead is filled by Salesforce",
        "line 13, column `m`: field `Name` of Master__c is no external id",
        "line 14, column `n`: Master__c has no field `Nope__c`",
        "line 16, column `p`: field `Master__c` is filled by `o` already",
        "line 17, column `q`: `Lead:Owner.X__c` leads to Group or User, and not to Lead",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn a_mapping_file_has_to_fill_the_external_id() {
    let problems = from_file("a=Email").unwrap_err();

    assert_eq!(problems, ["no column fills the field Key__c, by which rows find their record"]);
}

#[test]
fn required_fields_that_no_column_fills_are_known() {
    let without = from_file("a=Key__c").unwrap();
    let with = from_file("a=Key__c\nb=LastName").unwrap();

    assert_eq!(without.required_but_not_filled(), ["LastName"]);
    assert_eq!(with.required_but_not_filled(), Vec::<&str>::new());
}

#[test]
fn a_field_that_can_only_be_set_once_is_worth_a_warning() {
    let mapping = from_file("a=Key__c\nb=Master__r.ErpKey__c").unwrap();

    let warnings: Vec<_> = mapping
        .columns()
        .iter()
        .flat_map(|column| &column.targets)
        .filter_map(|target| target.warning.as_deref())
        .collect();

    assert_eq!(warnings, ["field `Master__c` cannot be changed in a record that exists already"]);
}

#[test]
fn a_header_that_does_not_fit_is_told_by_its_columns() {
    let file = from_file("ExternalId=Key__c\nMail=Email").unwrap();
    let misfit = |mapping: &Mapping, columns: &str| {
        mapping.plan(header(columns), BTreeMap::new()).unwrap_err()
    };

    assert_eq!(
        misfit(&file, "ExternalId,E-Mail").to_string(),
        "the file has no column `Mail`, which lead.sdl maps; its columns are `ExternalId`, `E-Mail`"
    );
    assert!(file.plan(header("mail,EXTERNALID"), BTreeMap::new()).is_ok(), "case does not matter");
    assert_eq!(
        misfit(&by_name(), "Email"),
        HeaderMisfit::KeyMissing { field: "Key__c".to_owned() }
    );
    assert_eq!(
        misfit(&by_name(), "Key__c,Email,EMAIL").to_string(),
        "columns `Email` and `EMAIL` both fill the field Email"
    );
    assert_eq!(
        misfit(&by_name_for(Operation::Insert, &["*"]), "Shoe Size").to_string(),
        "no column fills LastName, which every new record needs"
    );
}

#[test]
fn columns_that_are_not_sent_are_known() {
    let mapping = by_name_for(Operation::Upsert, &["*"]);

    let plan = mapping.plan(header("Key__c,Shoe Size,Name,Email"), BTreeMap::new()).unwrap();

    assert_eq!(plan.left_out(), ["Shoe Size", "Name"]);
}
