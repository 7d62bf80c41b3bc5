//! `producer rejects`: the file as it is, and a copy in which nothing can run.

use std::process::Output;

use crate::support::{Fixture, stderr, stdout};

/// As a file may come from whoever may write into the container.
const HOSTILE: &str = "id,note\n\
    1,=HYPERLINK(A1)\n\
    2,'=kept\n\
    3,-12.5\n\
    4,\"a;=1\"\n\
    5,\"=\"x\n";

/// A run `odd` of that file, of which all rows are rejected.
fn rejected(settings: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::start();
    fixture.put("odd.csv", HOSTILE);
    let sync = ["sync", "--file", "odd.csv", "--run-id", "odd", "--no-wait"];
    let queued = fixture.producer_with(settings, &sync);
    assert_eq!(queued.status.code(), Some(0), "{}", stderr(&queued));
    fixture.settle(|_| Some("LOCK"));
    let _written = fixture.producer(&["resume", "odd"]);
    fixture
}

fn printed(fixture: &Fixture, arguments: &[&str]) -> String {
    let output: Output = fixture.producer(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn the_copy_runs_nothing_and_its_replay_has_the_rows_as_they_came() {
    let fixture = rejected(&[]);
    let exact = fixture.get("rejects/odd.csv");
    assert_eq!(printed(&fixture, &["rejects", "odd"]), exact);

    let copy = printed(&fixture, &["rejects", "odd", "--for-spreadsheet"]);

    let lines: Vec<&str> = copy.lines().collect();
    let begins = [
        "\u{feff}\"id\",\"note\",\"_record\",\"_code\",\"_message (for spreadsheets)\"",
        r#""1","'=HYPERLINK(A1)","1","LOCK","#,
        r#""2","''=kept","2","LOCK","#,
        r#""3","-12.5","3","LOCK","#,
        r#""4","a;'=1","4","LOCK","#,
        r#""5,'""=""x","","5","MISPLACED_QUOTE","#,
    ];
    for begin in begins {
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{begin}: {copy}");
    }

    fixture.put("mended.csv", copy);
    let replay = ["replay", "odd", "--file", "mended.csv", "--no-wait", "--json"];
    let sync = ["sync", "--file", "mended.csv", "--no-wait", "--json"];
    for started in [&replay[..], &sync] {
        // A second producer goes on in the middle of the file.
        let small = [("BATCH_ROWS", "1")];
        let output = fixture.producer_with(&small, started);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let run = report["run"].as_str().unwrap();
        fixture.settle(|_| Some("LOCK"));
        let _written = fixture.producer(&["resume", run]);

        let again = fixture.get(&format!("rejects/{run}.csv"));
        let lines: Vec<&str> = again.lines().collect();
        assert_eq!(lines[0], "\"id\",\"note\",_record,_code,_message");
        for cells in ["\"=HYPERLINK(A1)\"", "\"'=kept\"", "\"-12.5\"", "\"a;=1\""] {
            let taken =
                |line: &&&str| line.contains(&format!("{cells},")) && line.contains(",LOCK,");
            assert_eq!(lines.iter().filter(taken).count(), 1, "{cells}: {again}");
        }
        let open = |line: &&str| {
            line.starts_with("\"5,\"\"=\"\"x\",") && line.contains(",MISPLACED_QUOTE,")
        };
        assert!(lines.iter().any(open), "{again}");
    }
}

#[test]
fn rows_that_are_in_no_file_yet_are_not_left_out_in_silence() {
    let fixture = Fixture::with_rows(3);
    let sync = ["sync", "--file", crate::support::FILE, "--run-id", "bad", "--no-wait"];
    let queued = fixture.producer(&sync);
    assert_eq!(queued.status.code(), Some(0), "{}", stderr(&queued));
    let under_way = fixture.refused(&["rejects", "bad"]);
    assert!(under_way.contains("run bad has no rejects file (yet)"), "{under_way}");
    fixture.settle(|_| Some("LOCK"));

    let words = fixture.refused(&["rejects", "bad"]);
    let _written = fixture.producer(&["resume", "bad"]);
    let rows = printed(&fixture, &["rejects", "bad"]);

    assert!(words.contains("in no file yet; producer resume bad writes them"), "{words}");
    assert_eq!(rows.lines().count(), 4);
}

#[test]
fn a_run_without_rejected_rows_has_no_file_to_print() {
    let fixture = Fixture::with_rows(1);
    fixture.complete("good", |_| None);

    let words = fixture.refused(&["rejects", "good"]);

    assert!(words.contains("run good has no rejects file; "), "{words}");
    let words = fixture.refused(&["ids", "good"]);
    assert!(words.contains("run good has no ids file; a load with --ids"), "{words}");
    let words = fixture.refused(&["rejects", "bad"]);
    assert!(words.contains("there is no run bad"), "{words}");
}
