//! What `producer verify` says of an ids file that is not what the run delivered.

use std::process::Output;

use redis::Commands;
use serde_json::{Value, json};

use crate::support::{Fixture, stderr, stdout};

const IDS: &str = "ids/odd.csv";

/// A run of six records, of which three are delivered, with their ids in the file.
fn delivered() -> (Fixture, String) {
    let fixture = Fixture::start();
    let file = "note,Key__c\na,A-1\nb,\" B, \"\"2\"\"\n\"\n3\nd,D-4\ne,E-5\nf\n";
    fixture.put("odd.csv", file);
    let load = ["--object=Contact", "--external-id=Key__c", "--ids"];
    let start = ["sync", "--file", "odd.csv", "--run-id", "odd", "--no-wait"];
    fixture.told(&[&start[..], &load[..]].concat());
    fixture.settle_with_ids(1, |row| row.starts_with('d').then_some("LOCK"));
    let _written = fixture.producer(&["resume", "odd"]);
    let content = fixture.get(IDS);
    let expected = "_record,Key__c,Id,_change\n1,A-1,003000000000001,created\n\
                    2,\"B, \"\"2\"\"\",003000000000002,created\n5,E-5,003000000000005,created\n";
    assert_eq!(content, expected);
    (fixture, content)
}

fn verify(fixture: &Fixture) -> (Option<i32>, String, Value) {
    let Output { status, stdout: json, .. } = fixture.producer(&["verify", "odd", "--json"]);
    let told = fixture.producer(&["verify", "odd"]);
    assert_eq!(told.status.code(), status.code());
    let json = serde_json::from_slice(&json).unwrap_or_else(|_| panic!("{}", stderr(&told)));
    (status.code(), stdout(&told), json)
}

#[test]
fn an_ids_file_as_the_run_wrote_it_is_proven_in_any_order_and_with_any_quotes() {
    let (fixture, written) = delivered();
    let lines: Vec<&str> = written.split_inclusive('\n').collect();
    let saved = [lines[0], "\"5\",\"E-5\",003000000000005,created\r\n", lines[1], lines[2]];
    for content in [written.clone(), saved.concat()] {
        fixture.change(IDS, &content);

        let (code, told, json) = verify(&fixture);

        assert_eq!((code, &json["proven"]), (Some(0), &json!(true)), "{told}");
        assert_eq!((&json["idsFileRows"], &json["idsChanged"]), (&json!(3), &json!([])), "{told}");
        assert!(told.contains("  ids             3 in their file\n"), "{told}");
    }
}

#[test]
fn a_row_that_was_changed_in_the_ids_file_is_named_by_its_place() {
    let (fixture, written) = delivered();
    let lines: Vec<&str> = written.split_inclusive('\n').collect();
    let other_key = |record: u64, line: u64| {
        format!("record {record} (line {line}) stands in the ids file with another key")
    };
    let cases = [
        ("a key", written.replace("E-5", "E-6"), vec![other_key(5, 7)]),
        ("a quoted key", written.replace("\"\"2\"\"", "2"), vec![other_key(2, 3)]),
        (
            "two keys",
            written.replace("A-1", "x").replace("E-5", "A-1").replace(",x,", ",E-5,"),
            vec![other_key(1, 2), other_key(5, 7)],
        ),
        (
            "a row left out",
            [lines[0], lines[1], lines[3]].concat(),
            vec!["3 rows have an id, but 2 are in their file".to_owned()],
        ),
        (
            "a row twice",
            [&written, lines[3]].concat(),
            vec![
                "3 rows have an id, but 4 are in their file".to_owned(),
                "1 rows of the ids file are of a record that another one is of".to_owned(),
            ],
        ),
        (
            "no such record",
            written.replace("\n5,", "\n50,"),
            vec![
                "1 rows of the ids file do not have the number of a record of the file".to_owned(),
            ],
        ),
        (
            "a record that salesforce rejected",
            written.replace("\n5,E-5", "\n4,D-4"),
            vec!["record 4 (line 6) was rejected, and stands in the ids file".to_owned()],
        ),
        (
            "a record that the reader rejected",
            written.replace("\n5,E-5", "\n3,"),
            vec!["record 3 (line 5) was rejected, and stands in the ids file".to_owned()],
        ),
        (
            "no id",
            written.replace("003000000000005", "=1+1"),
            vec!["1 rows of the ids file are none that the run wrote".to_owned()],
        ),
        (
            "no change",
            written.replace("000005,created", "000005,made"),
            vec!["1 rows of the ids file are none that the run wrote".to_owned()],
        ),
        (
            "a header",
            written.replace("Key__c,Id", "Id,Key__c"),
            vec!["ids/odd.csv has another header than the run wrote there".to_owned()],
        ),
        (
            "emptied",
            lines[0].to_owned(),
            vec!["3 rows have an id, but 0 are in their file".to_owned()],
        ),
        (
            "a quote that nobody closes",
            [lines[0], "\"", lines[1], lines[2]].concat(),
            vec!["3 rows have an id, but ".to_owned()],
        ),
    ];

    for (what, content, expected) in cases {
        assert_ne!(content, written, "{what}");
        fixture.change(IDS, &content);

        let (code, told, json) = verify(&fixture);

        assert_eq!((code, &json["proven"]), (Some(1), &json!(false)), "{what}: {told}");
        for words in expected {
            assert!(told.contains(&format!("  changed         {words}")), "{what}: {words} {told}");
            assert!(json["idsChanged"].to_string().contains(&words), "{what}: {json}");
        }
        assert_eq!(
            (&json["problems"], &json["rejectsChanged"]),
            (&json!([]), &json!([])),
            "{what}"
        );
        assert!(!told.contains("  wrong ") && !told.contains("E-6"), "{what}: {told}");
        assert!(told.contains("its ids file was changed since"), "{what}: {told}");
    }
}

/// As long as the run itself writes there, nobody else is to change a row.
#[test]
fn an_id_that_differs_before_all_are_written_is_a_fault() {
    let (fixture, written) = delivered();
    fixture.change(IDS, &written.replace("E-5", "E-6"));
    let () = fixture.connection().hset("{batch-sync}:run:odd", "ids_parts", "").unwrap();

    let (code, told, json) = verify(&fixture);

    let wrong = "record 5 (line 7) stands in the ids file with another key";
    assert_eq!((code, &json["problems"]), (Some(1), &json!([wrong])), "{told}");
}

#[test]
fn a_row_that_was_delivered_without_an_id_is_a_fault() {
    let (fixture, _) = delivered();
    let () = fixture.connection().hincr("{batch-sync}:run:odd", "ids", -1).unwrap();
    let () = fixture.connection().hset("{batch-sync}:run:odd", "ids_parts", "").unwrap();

    let (code, told, json) = verify(&fixture);

    assert_eq!(code, Some(1), "{told}");
    let problems = json["problems"].to_string();
    assert!(problems.contains("3 rows are delivered, but 2 have an id"), "{told}");
}

#[test]
fn a_run_without_ids_is_proven_without_them() {
    let fixture = Fixture::with_rows(10);
    fixture.complete("odd", |_| None);

    let (code, told, json) = verify(&fixture);

    assert_eq!((code, &json["idsFileRows"]), (Some(0), &Value::Null), "{told}");
    assert!(!told.contains("  ids "), "{told}");
}

#[test]
fn the_ids_of_a_replay_are_proven_as_well() {
    let (fixture, _) = delivered();
    let replayed = fixture.producer(&["replay", "odd", "--no-wait", "--json"]);
    let report: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let again = report["run"].as_str().unwrap();
    fixture.settle_with_ids(1, |_| None);
    let _written = fixture.producer(&["resume", again]);

    let verified = fixture.producer(&["verify", again, "--json"]);

    let found: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((verified.status.code(), &found["idsFileRows"]), (Some(0), &json!(1)), "{found}");
    assert!(fixture.get(&format!("ids/{again}.csv")).contains(",D-4,"));
}
