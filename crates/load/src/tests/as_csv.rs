//! What is written as CSV says the same as what is written as JSON. The judge reads the JSON of each row
//! with another parser, and knows of CSV what Salesforce documents.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{CsvRows, Plan};

const CELL_CHARACTERS_MAX: usize = 131_072;

/// The cells that a row as JSON comes to, by column; nothing, when a cell would say something else.
fn cells_of_json(json: &[u8]) -> Option<BTreeMap<String, String>> {
    let Value::Object(fields) = serde_json::from_slice(json).unwrap() else { panic!() };
    let mut cells = BTreeMap::new();
    for (name, value) in fields {
        match value {
            _ if name == "attributes" => (),
            Value::Object(parent) => {
                let object = parent.get("attributes").map(|it| it["type"].as_str().unwrap());
                let object = object.map(|object| format!("{object}:")).unwrap_or_default();
                let (field, value) = parent.iter().find(|(key, _)| *key != "attributes").unwrap();
                cells.insert(format!("{object}{name}.{field}"), cell_of_json(value)?);
            }
            value => {
                let name = if name == "id" { "Id".to_owned() } else { name };
                cells.insert(name, cell_of_json(&value)?);
            }
        }
    }
    let characters: usize = cells.values().map(|cell| cell.chars().count()).sum();
    let fits = cells.values().all(|cell| cell.chars().count() <= CELL_CHARACTERS_MAX);
    (fits && characters <= 400_000).then_some(cells)
}

fn cell_of_json(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("#N/A".to_owned()),
        // The numbers here are whole: others are not read as they are written.
        Value::String(text) if text.is_empty() || text == "#N/A" || text.contains('\r') => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The cells of each record, by column, without those that are empty.
fn records(csv: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let record = |record: csv::StringRecord| {
        let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|it| record(it.unwrap())).collect()
}

fn ready(rows: &[EncodedRow]) -> Vec<usize> {
    let is_ready = |index: &usize| matches!(rows[*index], EncodedRow::Ready { .. });
    (0..rows.len()).filter(is_ready).collect()
}

fn rows_of(raw: &[&str]) -> Rows {
    let mut rows = Rows::default();
    for (record, raw) in (1..).zip(raw) {
        rows.push(record, raw.as_bytes());
    }
    rows
}

fn assert_csv_says_what_json_says(plan: &Plan, rows: &Rows, ids: Option<&[Option<RecordId>]>) {
    let json = plan.encode(rows);
    let json = if let Some(ids) = ids { json.with_ids(ids) } else { json };
    let csv = plan.encode_csv(rows, ids);
    let mut expected = Vec::new();
    for (index, (row, as_csv)) in json.rows().iter().zip(csv.rows()).enumerate() {
        match (row, as_csv) {
            (EncodedRow::Invalid(reason), EncodedRow::Invalid(same)) => assert_eq!(reason, same),
            (EncodedRow::Ready { .. }, _) => {
                assert_eq!(row.after(), as_csv.after());
                let cells = cells_of_json(json.json(index));
                assert_eq!(
                    cells.is_some(),
                    matches!(as_csv, EncodedRow::Ready { .. }),
                    "{cells:?}"
                );
                expected.extend(cells);
            }
            other => panic!("{other:?}"),
        }
    }
    let (columns, indexes) = (csv.columns().to_vec(), ready(csv.rows()));
    let text = csv.into_csv(&indexes);
    assert_eq!(records(&text), expected);
    let unused = columns.iter().filter(|name| expected.iter().all(|it| !it.contains_key(*name)));
    assert!(expected.is_empty() || unused.count() == 0 || expected.len() < rows.len());
}

fn csv_of(mapping: &Mapping, columns: &str, raw: &[&str]) -> CsvRows {
    mapping.plan(header(columns), BTreeMap::new()).unwrap().encode_csv(&rows_of(raw), None)
}

fn text_of(csv: CsvRows) -> String {
    let ready = ready(csv.rows());
    String::from_utf8(csv.into_csv(&ready)).unwrap()
}

fn with_nulls() -> Mapping {
    let mut rules = rules(Operation::Upsert);
    rules.values.empty_is_null = true;
    Mapping::by_name(rules, LeftOut::default())
}

#[test]
fn values_are_written_as_bulk_reads_them() {
    let columns =
        "Key__c,LastName,Seats__c,Revenue__c,Active__c,Born__c,Seen__c,Master__r.ErpKey__c";
    let raw = "a,\"x, \"\"y\"\"\nz\",12,1.500,no,23.11.2026,2026-11-23T10:15:00Z,A-9";

    let text = text_of(csv_of(&by_name(), columns, &[raw]));

    assert_eq!(
        text,
        format!(
            "{columns}\na,\"x, \"\"y\"\"\nz\",12,1.500,false,2026-11-23,2026-11-23T10:15:00.000Z,A-9\n"
        )
    );
}

#[test]
fn the_columns_are_those_in_which_a_row_has_something() {
    let mapping = by_name();
    let plan = mapping.plan(header("Key__c,Email,LastName"), BTreeMap::new()).unwrap();
    let text = |raw: &[&str]| text_of(plan.encode_csv(&rows_of(raw), None));

    for _ in 0..2 {
        assert_eq!(text(&["a,,", "b,x,", "c,#N/A,"]), "Key__c,Email\na,\nb,x\nc,#N/A\n");
        assert_eq!(text(&["a,,", "b,,"]), "Key__c\na\nb\n");
        assert_eq!(text(&["a,x,y"]), "Key__c,Email,LastName\na,x,y\n");
        assert_eq!(text(&[",,"]), "\n", "no row is ready");
    }
}

#[test]
fn a_reference_is_emptied_in_the_column_of_its_field() {
    let columns = "Key__c,Master__r.ErpKey__c";
    assert_eq!(
        text_of(csv_of(&by_name(), columns, &["a,A-1", "b,#N/A", "c,"])),
        "Key__c,Master__r.ErpKey__c,Master__c\na,A-1,\nb,,#N/A\nc,,\n"
    );
    let columns = "Key__c,User:Owner.Nick__c,Group:Owner.Nick__c";
    assert_eq!(
        text_of(csv_of(&with_nulls(), columns, &["a,ada,", "b,,all", "c,,"])),
        "Key__c,User:Owner.Nick__c,Group:Owner.Nick__c,OwnerId\na,ada,,\nb,,all,\nc,,,#N/A\n"
    );
}

#[test]
fn constants_are_in_every_record() {
    let mapping = from_file("k=Key__c\n\"Web, shop\"=LastName\n\"#N/A\"=Email\n\"yes\"=Active__c");

    let text = text_of(csv_of(&mapping.unwrap(), "k", &["a", "b"]));

    assert_eq!(
        text,
        "Key__c,LastName,Email,Active__c\na,\"Web, shop\",#N/A,true\nb,\"Web, shop\",#N/A,true\n"
    );
}

#[test]
fn what_csv_cannot_say_goes_as_json() {
    let long = "ü".repeat(CELL_CHARACTERS_MAX + 1);
    let fits = "ü".repeat(CELL_CHARACTERS_MAX);
    let quoted = format!("\"{}\"", "\"\"".repeat(CELL_CHARACTERS_MAX));
    let long_record = format!("h,{0},{0},{0},{0}", "x".repeat(100_001));
    let raw = [
        "a,\"x\r\ny\",,,",
        "b,\u{1}#\u{1}N/A,,,",
        "c,\u{1}x,,,",
        &format!("d,{long},,,"),
        &format!("e,{fits},,,"),
        &format!("f,{quoted},,,"),
        "g,\u{1}\u{2}\u{ffff}x,,,",
        &long_record,
        &long_record[..long_record.len() - 5],
        "i,good,,,",
    ];
    let columns = "Key__c,LastName,Email,Photo2__c,Photo3__c";
    let mut rules = rules(Operation::Upsert);
    for name in ["Photo2__c", "Photo3__c"] {
        let field = json!({"name": name, "type": "textarea", "createable": true,
                           "updateable": true, "nillable": true});
        rules.describe.fields.push(serde_json::from_value(field).unwrap());
    }
    let plan =
        Mapping::by_name(rules, LeftOut::default()).plan(header(columns), BTreeMap::new()).unwrap();

    let csv = plan.encode_csv(&rows_of(&raw), None);

    let only_as_json: Vec<usize> = (0..raw.len())
        .filter(|index| matches!(csv.rows()[*index], EncodedRow::OnlyAsJson { .. }))
        .collect();
    assert_eq!(only_as_json, [0, 1, 3, 7]);
    assert_csv_says_what_json_says(&plan, &rows_of(&raw), None);
}

#[test]
fn a_constant_that_csv_cannot_say_sends_all_rows_as_json() {
    let mapping = from_file("k=Key__c\n\"\u{1}#N/A\"=LastName").unwrap();

    let csv = csv_of(&mapping, "k", &["a", "b"]);

    assert!(csv.rows().iter().all(|row| matches!(row, EncodedRow::OnlyAsJson { .. })));
}

#[test]
fn a_record_that_was_looked_up_is_named_by_its_id() {
    let key = Key { field: "Key__c".to_owned(), sameness: Sameness::IgnoringCase };
    let rules = TargetRules { key: Some(key), ..rules(Operation::Update) };
    let plan = Mapping::by_name(rules, LeftOut::default())
        .plan(header("Email,Key__c"), BTreeMap::new())
        .unwrap();
    let ids = ["00Qxx0000000001AAA", "", "00Qxx0000000001"].map(RecordId::parse);
    let rows = rows_of(&["x,k-1", "y,k-2", "z,k-3"]);

    let csv = plan.encode_csv(&rows, Some(&ids));

    let after: Vec<_> = csv.rows().iter().map(EncodedRow::after).collect();
    assert_eq!(after, [Some(None), None, Some(Some(0))]);
    assert_eq!(csv.key_prints()[0], csv.key_prints()[2]);
    assert_eq!(csv.key_prints()[0], Sameness::OfIds.fingerprint(b"00Qxx0000000001"));
    assert_eq!(text_of(csv), "Email,Id\nx,00Qxx0000000001AAA\nz,00Qxx0000000001\n");
    assert_csv_says_what_json_says(&plan, &rows, Some(&ids));
}

#[test]
fn a_key_has_the_fingerprint_of_what_it_says() {
    let csv = csv_of(&by_name(), "Key__c", &["\"a \"\"b\"\", c\"", "Plain", "plain"]);

    assert_eq!(csv.key_prints()[0], Sameness::IgnoringCase.fingerprint(b"a \"b\", c"));
    assert_eq!(csv.key_prints()[1], csv.key_prints()[2]);
    assert_eq!(csv.rows()[2].after(), Some(Some(1)));
}

#[test]
fn rows_can_be_taken_out() {
    let csv = csv_of(&by_name(), "Key__c,Email", &["a,1", "b,2", "c,3", "d,4"]);

    assert_eq!(csv.into_csv(&[1, 3]), b"Key__c,Email\nb,2\nd,4\n");
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("#N/A".to_owned()),
        Just("A-1".to_owned()),
        Just("12".to_owned()),
        Just("yes".to_owned()),
        Just("2026-11-23".to_owned()),
        "[ -~äöü\u{1}\u{a0}\r\n\t\u{feff}\u{ffff}\"',;#]{0,8}",
    ]
}

proptest! {
    #[test]
    fn csv_says_what_json_says(
        raw in prop::collection::vec(prop::collection::vec(cell(), 9), 1..12),
        empty_is_null: bool,
        operation in prop_oneof![Just(Operation::Upsert), Just(Operation::Insert)],
        quoted: bool,
    ) {
        let mut rules = rules(operation);
        rules.values.empty_is_null = empty_is_null;
        let columns = "Key__c,LastName,Email,Active__c,Seats__c,Born__c,Master__r.ErpKey__c,\
                       User:Owner.Nick__c,Group:Owner.Nick__c";
        let plan = Mapping::by_name(rules, LeftOut::default())
            .plan(header(columns), BTreeMap::new())
            .unwrap();
        let cell = |cell: &String| match quoted {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        };
        let raw: Vec<String> =
            raw.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",")).collect();
        let raw: Vec<&str> = raw.iter().map(String::as_str).collect();
        // The second time it knows which columns to expect.
        assert_csv_says_what_json_says(&plan, &rows_of(&raw), None);
        assert_csv_says_what_json_says(&plan, &rows_of(&raw), None);
    }
}
