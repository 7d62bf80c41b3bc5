//! Rejects files that somebody saved anew are in no quotes of their run; those in place are.

use serde_json::Value;

use crate::{
    fixture::{FILE, Fixture},
    program::stderr,
};

/// What runs were read with.
const DIALECTS: [&[(&str, &str)]; 3] = [
    &[("CSV_QUOTE", "'")],
    &[("CSV_ESCAPE", "backslash")],
    &[("CSV_QUOTE", "'"), ("CSV_ESCAPE", "backslash")],
];

/// As a spreadsheet writes it.
const SAVED: &str = "ExternalId,Name,_record,_code,_message\r\n\
    E1,\"Lamp, 27\"\"\",1,LOCK,\"LOCK, says the test\"\r\n\
    E2,\"ends in, \\\",2,LOCK,x\r\n\
    E3,'tis,3,LOCK,x\r\n";

/// A fixture with a run `first` of a file in this dialect, of which all rows are rejected.
fn rejected(dialect: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::start();
    let [open, close] = if dialect[0].0 == "CSV_QUOTE" { ["'"; 2] } else { ["\""; 2] };
    fixture.put(FILE, format!("ExternalId,Name\nE1,{open}Lamp, big{close}\nE2,Chair\n"));
    let sync = ["sync", "--file", FILE, "--run-id", "first", "--no-wait"];
    let queued = fixture.producer_with(dialect, &sync);
    assert_eq!(queued.status.code(), Some(0), "{}", stderr(&queued));
    fixture.settle(|_| Some("LOCK"));
    let _written = fixture.producer_with(dialect, &sync[..5]);
    fixture
}

/// How many rows are delivered and rejected of the run that this starts, when all that are queued are
/// taken.
fn loaded(fixture: &Fixture, dialect: &[(&str, &str)], arguments: &[&str]) -> [Value; 2] {
    let started = fixture.producer_with(dialect, &[arguments, &["--no-wait", "--json"]].concat());
    assert!(started.status.success(), "{arguments:?}: {}", stderr(&started));
    fixture.settle(|_| None);
    let report: Value = serde_json::from_slice(&started.stdout).unwrap();
    let report = fixture.report(report["run"].as_str().unwrap());
    [report["delivered"].clone(), report["rejected"].clone()]
}

#[test]
fn a_copy_is_read_as_a_spreadsheet_writes_it() {
    for dialect in DIALECTS {
        let fixture = rejected(dialect);
        fixture.put("rejects/mended.csv", SAVED);

        let replayed =
            loaded(&fixture, dialect, &["replay", "first", "--file", "rejects/mended.csv"]);
        let started = loaded(&fixture, dialect, &["sync", "--file", "rejects/mended.csv"]);

        assert_eq!((replayed, started), ([3, 0].map(Value::from), [3, 0].map(Value::from)));
    }
}

/// Whatever is set now.
#[test]
fn a_rejects_file_in_its_place_is_read_as_its_run_was() {
    for dialect in DIALECTS {
        let fixture = rejected(dialect);
        let other = [("CSV_QUOTE", "|")];
        for arguments in [
            &["replay", "first"][..],
            &["replay", "first", "--file", "rejects/first.csv"],
            &["sync", "--file", "rejects/first.csv"],
        ] {
            assert_eq!(
                loaded(&fixture, &other, arguments),
                [2, 0].map(Value::from),
                "{arguments:?}"
            );
        }
    }
}
