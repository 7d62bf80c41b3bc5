//! What `producer verify` says of a rejects file that is not what the run rejected.

use std::process::Output;

use redis::Commands;

use crate::support::{Fixture, stderr, stdout};

const REJECTS: &str = "rejects/odd.csv";

/// A run of seven records, of which the reader rejected two and Salesforce three, in their file.
fn rejected() -> (Fixture, String) {
    let fixture = Fixture::start();
    let file = "id,note\n1,a\n2,\"b\nc\"\n3\n4,\"x\"y\n5,e\n6,\"f, \"\"g\"\"\"\n7,h\n";
    fixture.put("odd.csv", file);
    fixture.told(&["sync", "--file", "odd.csv", "--run-id", "odd", "--no-wait"]);
    fixture.settle(|row| row.starts_with(['2', '5', '6']).then_some("LOCK"));
    let _written = fixture.producer(&["resume", "odd"]);
    let content = fixture.get(REJECTS);
    assert_eq!(content.lines().count(), 7, "a header, five rows, one on two lines: {content}");
    (fixture, content)
}

fn verify(fixture: &Fixture) -> (Option<i32>, String, serde_json::Value) {
    let Output { status, stdout: json, .. } = fixture.producer(&["verify", "odd", "--json"]);
    let told = fixture.producer(&["verify", "odd"]);
    assert_eq!(told.status.code(), status.code());
    let json = serde_json::from_slice(&json).unwrap_or_else(|_| panic!("{}", stderr(&told)));
    (status.code(), stdout(&told), json)
}

/// Swaps two texts.
fn swapped(content: &str, [one, other]: [&str; 2]) -> String {
    content.replace(one, "\u{1}").replace(other, one).replace('\u{1}', other)
}

#[test]
fn a_row_that_was_changed_in_the_rejects_file_is_named_by_its_place_and_never_called_a_fault() {
    let (fixture, before) = rejected();
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let changed = |record: u64, line: u64| {
        format!("record {record} (line {line}) stands in the rejects file with other cells")
    };
    let cases = [
        ("a cell", before.replace("5,e,5", "5,mended,5"), vec![changed(5, 7)]),
        ("a quoted cell", before.replace("g\"\"\",6", "G\"\"\",6"), vec![changed(6, 8)]),
        ("over lines", before.replace("b\nc", "b\nC"), vec![changed(2, 3)]),
        ("one too few", before.replace("\n3,3,", "\n3,mended,3,"), vec![changed(3, 5)]),
        ("a quote", before.replace("\"4,\"\"x\"\"y\"", "4,xy"), vec![changed(4, 6)]),
        (
            "the rows of two records",
            swapped(&before, ["5,e,5,", "6,\"f, \"\"g\"\"\",5,"])
                .replace("6,\"f, \"\"g\"\"\",6,", "5,e,6,"),
            vec![changed(5, 7), changed(6, 8)],
        ),
        (
            "no such record",
            before.replace("5,e,5,", "5,e,50,"),
            vec!["1 rows of the rejects file do not have the number of a record".to_owned()],
        ),
        (
            "twice",
            before.replace("6,\"f, \"\"g\"\"\",6,", "5,e,5,"),
            vec!["1 rows of the rejects file are of a record that another one is of".to_owned()],
        ),
        (
            "a row of the reader's left out",
            [lines[0], &lines[2..].concat()].concat(),
            vec![
                "5 rows are rejected, but 4 are in their file".to_owned(),
                "record 3 (line 5) was rejected as FIELD_COUNT, and is not in the".to_owned(),
            ],
        ),
        (
            "emptied",
            lines[0].to_owned(),
            vec!["5 rows are rejected, but 0 are in their file".to_owned()],
        ),
        (
            "all gone",
            String::new(),
            vec![
                "rejects/odd.csv is no rejects file: ".to_owned(),
                "5 rows are rejected, but 0 are in their file".to_owned(),
            ],
        ),
    ];
    assert!(lines[1].starts_with("3,3,FIELD_COUNT,"), "{lines:?}");

    for (what, content, expected) in cases {
        assert_ne!(content, before, "{what}");
        fixture.change(REJECTS, &content);

        let (code, told, json) = verify(&fixture);

        assert_eq!((code, &json["proven"]), (Some(1), &false.into()), "{what}: {told}");
        for words in expected {
            assert!(told.contains(&format!("  changed         {words}")), "{what}: {words} {told}");
            assert!(json["rejectsChanged"].to_string().contains(&words), "{what}: {json}");
        }
        assert!(!told.contains("  wrong ") && !told.contains("mended,"), "{what}: {told}");
        assert_eq!(json["problems"], serde_json::json!([]), "{what}");
        let next = "if somebody mended its rows, load them with producer replay odd; if nobody \
                    did, take them from odd.csv";
        assert!(told.contains(next), "{what}: {told}");
    }
}

/// Who writes a system behind Salesforce, or a rejects file, chooses the codes.
#[test]
fn a_run_of_more_codes_than_are_kept_is_proven_and_replayed_by_what_it_counted() {
    let fixture = Fixture::start();
    let rows: String = (1..=1_500).map(|row| format!("{row},a\n")).collect();
    fixture.put("odd.csv", format!("id,note\n{rows}"));
    fixture.told(&["sync", "--file", "odd.csv", "--run-id", "odd", "--no-wait"]);
    fixture.settle(|row| {
        let number = row.split(',').next().unwrap();
        Some(&*Box::leak(format!("CODE_{number}").into_boxed_str()))
    });
    let _written = fixture.producer(&["resume", "odd"]);

    let (code, told, json) = verify(&fixture);

    assert_eq!((code, &json["proven"]), (Some(0), &true.into()), "{told}");
    let by_code = fixture.report("odd")["rejectedByCode"].clone();
    assert_eq!((by_code.as_object().unwrap().len(), &by_code["OTHER"]), (1_001, &500.into()));
    let content = fixture.get(REJECTS);
    let of_others = content.lines().filter(|line| line.contains(",OTHER,\"CODE_"));
    assert_eq!(of_others.count(), 500, "with their own codes in the message");
    fixture.told(&["replay", "odd", "--code", "OTHER", "--no-wait"]);
    let replayed = fixture.on_queue(async |queue| queue.depth().await.unwrap());
    assert_eq!(replayed.jobs, 5, "batches of 100 rows");
    let unknown = fixture.refused(&["replay", "odd", "--code", "CODE_1500"]);
    assert!(unknown.contains(" and 981 more"), "{unknown}");
}

/// Another order, other quotes, other line ends and cells that fill short rows up: the rows are the
/// same.
#[test]
fn a_rejects_file_that_only_looks_otherwise_is_proven() {
    let (fixture, before) = rejected();
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let mut rows = [lines[1], lines[2], &lines[3..5].concat(), lines[5], lines[6]];
    rows.sort_unstable();
    rows.reverse();
    let shuffled = format!("{}{}", lines[0], rows.concat());
    let saved =
        shuffled.replace("5,e,5,LOCK", "\"5\",\"e\",\"5\",\"LOCK\"").replace("\n3,3,", "\r\n3,3,");
    let filled: String = saved
        .lines()
        .map(|line| match line.starts_with("3,3,") {
            true => format!("{line},\n"),
            false => format!("{line}\n"),
        })
        .collect();
    assert_ne!(filled, before);
    fixture.change(REJECTS, &filled);

    let (code, told, json) = verify(&fixture);

    assert_eq!((code, &json["proven"]), (Some(0), &true.into()), "{told}");
    assert_eq!(json["rejectsChanged"], serde_json::json!([]), "{told}");
}

/// A replay takes the columns as the header names them.
#[test]
fn a_header_that_was_changed_in_the_rejects_file_is_a_change() {
    let (fixture, before) = rejected();
    let told_of = "rejects/odd.csv has another header than the run wrote there";
    for header in [
        "note,id,_record,",
        "id,text,_record,",
        "id,_record,",
        "id,note,,_record,",
        "id,Note,_record,",
    ] {
        fixture.change(REJECTS, &before.replacen("id,note,_record,", header, 1));

        let (code, told, json) = verify(&fixture);

        assert_eq!((code, &json["proven"]), (Some(1), &false.into()), "{header}: {told}");
        assert!(told.contains(&format!("  changed         {told_of}\n")), "{header}: {told}");
        assert_eq!(json["rejectsChanged"], serde_json::json!([told_of]), "{header}");
    }
    let header = "\u{FEFF}\"id\", note ,\"_record\",_code,_message,,\r\n";
    fixture.change(REJECTS, &before.replacen("id,note,_record,_code,_message\n", header, 1));

    let (code, told, _) = verify(&fixture);
    assert_eq!(code, Some(0), "{told}");
}

/// As long as the run itself writes there, nobody else is to change a row.
#[test]
fn a_row_that_differs_before_all_are_written_is_a_fault() {
    let (fixture, before) = rejected();
    fixture.change(REJECTS, &before.replace("5,e,5", "5,x,5"));
    let () = fixture.connection().hset("{batch-sync}:run:odd", "rejects_parts", "").unwrap();

    let (code, told, json) = verify(&fixture);

    let wrong = "record 5 (line 7) stands in the rejects file with other cells";
    assert_eq!((code, &json["proven"]), (Some(1), &false.into()), "{told}");
    assert!(told.contains(&format!("  wrong           {wrong}\n")), "{told}");
    assert_eq!(json["problems"], serde_json::json!([wrong]));
    assert!(told.contains("take the rejected rows from odd.csv"), "{told}");
}

#[test]
fn a_replay_of_its_rows_leaves_the_proof_of_a_run_as_it_was() {
    let (fixture, _) = rejected();
    let replayed = fixture.producer(&["replay", "odd", "--no-wait", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let again = report["run"].as_str().unwrap();
    fixture.settle(|_| None);
    let _written = fixture.producer(&["resume", again]);

    let (code, told, _) = verify(&fixture);
    assert_eq!(code, Some(0), "{told}");
    let verified = fixture.producer(&["verify", again]);
    assert_eq!(verified.status.code(), Some(0), "{}", stdout(&verified));
}
