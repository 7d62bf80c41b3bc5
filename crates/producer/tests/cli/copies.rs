//! Rejects files that somebody saved anew are in no quotes of their run; those in place are.

use serde_json::Value;

use crate::support::{FILE, Fixture, stderr};

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

/// The rows that are queued of the run that this starts.
fn loaded_names(fixture: &Fixture, dialect: &[(&str, &str)], arguments: &[&str]) -> Vec<String> {
    let started = fixture.producer_with(dialect, &[arguments, &["--no-wait"]].concat());
    assert!(started.status.success(), "{arguments:?}: {}", stderr(&started));
    let rows = std::sync::Mutex::new(Vec::new());
    fixture.settle(|row| {
        rows.lock().unwrap().push(row.to_owned());
        None
    });
    rows.into_inner().unwrap()
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

/// A copy is in UTF-8, or in the encoding of its source, unless the command says another one.
#[test]
fn a_copy_is_read_in_the_encoding_that_it_is_in() {
    let ansi = &[("CSV_ENCODING", "windows-1252")][..];
    let fixture = Fixture::start();
    fixture.put(FILE, b"ExternalId,Name\nE1,Caf\xe9\n".to_vec());
    let sync = ["sync", "--file", FILE, "--run-id", "first", "--no-wait"];
    assert!(fixture.producer_with(ansi, &sync).status.success());
    fixture.settle(|_| Some("LOCK"));
    let header = "ExternalId,Name,_record,_code,_message\r\n";
    fixture.put("rejects/utf-8.csv", format!("{header}E1,Caf\u{e9},1,LOCK,x\r\n"));
    let saved = [header.as_bytes(), b"E1,Caf\xe9,1,LOCK,x\r\n"].concat();
    fixture.put("rejects/ansi.csv", saved);
    let replay = |file| ["replay", "first", "--file", file];
    let with_encoding = [&replay("rejects/ansi.csv")[..], &["--csv-encoding", "windows-1252"]];

    let all = [1, 0].map(Value::from);
    assert_eq!(loaded(&fixture, ansi, &replay("rejects/utf-8.csv")), all);
    assert_eq!(loaded(&fixture, ansi, &replay("rejects/ansi.csv")), all);
    assert_eq!(loaded(&fixture, &[], &with_encoding.concat()), all);
    assert_eq!(loaded(&fixture, &[], &replay("rejects/ansi.csv")), all);
    // However the encoding is spelled, and whatever is set for other files.
    for set in ["cp1252", "latin1", "utf-8"] {
        let set = &[("CSV_ENCODING", set)][..];
        assert_eq!(loaded(&fixture, set, &replay("rejects/ansi.csv")), all, "{set:?}");
        let names = loaded_names(&fixture, set, &replay("rejects/utf-8.csv"));
        assert_eq!(names, ["E1,Caf\u{e9}"], "{set:?}");
    }
    let other = [&replay("rejects/ansi.csv")[..], &["--csv-encoding", "utf-8"]].concat();
    assert_eq!(loaded(&fixture, ansi, &other), [0, 1].map(Value::from), "said with the command");
}

/// The encoding of the run counts for a copy that is not in UTF-8, and not the one that is set.
#[test]
fn a_copy_in_the_encoding_of_its_run_is_read_so_whatever_is_set() {
    let japanese = &[("CSV_ENCODING", "shift_jis")][..];
    let fixture = Fixture::start();
    let name = b"\x93\xfa\x96\x7b";
    fixture.put(FILE, [&b"ExternalId,Name\nE1,"[..], name, b"\n"].concat());
    let sync = ["sync", "--file", FILE, "--run-id", "first", "--no-wait"];
    assert!(fixture.producer_with(japanese, &sync).status.success());
    fixture.settle(|_| Some("LOCK"));
    let header = &b"ExternalId,Name,_record,_code,_message\r\nE1,"[..];
    fixture.put("rejects/copy.csv", [header, name, b",1,LOCK,x\r\n"].concat());

    for set in ["shift_jis", "windows-1252", "utf-8", "utf-16le"] {
        let replay = ["replay", "first", "--file", "rejects/copy.csv"];
        let names = loaded_names(&fixture, &[("CSV_ENCODING", set)], &replay);
        assert_eq!(names, ["E1,\u{65e5}\u{672c}"], "{set}");
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

/// A spreadsheet pads all lines to the longest one. Rows that are shorter or longer than the header, and
/// those that stand in one cell, are no rows for that.
#[test]
fn a_padded_copy_that_is_started_as_a_file_is_read_as_in_a_replay() {
    let fixture = rejected(DIALECTS[0]);
    let lines = [
        "ExternalId,Name,_record,_code,_message,,",
        "E1,1,FIELD_COUNT,found 1 field,,,",
        "E2,b,c,d,2,FIELD_COUNT,found 4 fields",
        "E3,mended,3,LOCK,x,,",
        "\"E4,\"\"open\",4,MISPLACED_QUOTE,x,,,",
        "\"E5,'open\",5,MISPLACED_QUOTE,x,,,",
        ",6,RECORD_TOO_LONG,x,,,",
        "E7,added,,,,,",
        "E8,mended,8,LOCK,x, ,",
    ];
    let plain = lines.join("\r\n") + "\r\n";
    let quoted = lines.map(|line| match line.starts_with('"') {
        true => line.to_owned(),
        false => format!("\"{}\"", line.replace(',', "\",\"")),
    });
    let semicolons = plain.replace("E4,", "E4\u{1}").replace("E5,", "E5\u{1}").replace(',', ";");
    let utf16 = format!("\u{FEFF}{plain}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let copies = [
        plain.clone().into_bytes(),
        (quoted.join("\n") + "\n").into_bytes(),
        semicolons.replace('\u{1}', ",").into_bytes(),
        plain.replace(',', "\t").replace("E4\t", "E4,").replace("E5\t", "E5,").into_bytes(),
        utf16,
    ];
    for (at, copy) in copies.into_iter().enumerate() {
        fixture.put("saved.csv", copy);
        for dialect in [&[][..], DIALECTS[0], DIALECTS[1]] {
            let started = loaded(&fixture, dialect, &["sync", "--file", "saved.csv"]);

            assert_eq!(started, [3, 5].map(Value::from), "copy {at}, {dialect:?}");
        }
    }
}

/// As long as its run wrote it there, whatever is set for other files.
#[test]
fn a_rejects_file_of_one_column_is_started_without_what_its_run_could_not_read() {
    let fixture = Fixture::start();
    fixture.put(FILE, "ExternalId\n\"E1\"x\"\nE2\n");
    let sync = ["sync", "--file", FILE, "--run-id", "first", "--no-wait"];
    let queued = fixture.producer(&sync);
    assert_eq!(queued.status.code(), Some(0), "{}", stderr(&queued));
    fixture.settle(|_| Some("LOCK"));
    let _written = fixture.producer(&sync[..5]);

    for set in [&[][..], &[("CSV_DELIMITER", ";")], &[("CSV_ENCODING", "utf-16le")]] {
        let started = loaded(&fixture, set, &["sync", "--file", "rejects/first.csv"]);
        assert_eq!(started, [1, 1].map(Value::from), "{set:?}");
    }
}
