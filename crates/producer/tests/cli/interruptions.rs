//! Ctrl-C in the moment in which a run ends: its last lines are in Redis alone.

use std::{
    process::{Child, Output, Stdio},
    time::Duration,
};

use test_support::{azurite_connection_string, sleep, wait_until};

use crate::{
    gate::Gate,
    support::{FILE, Fixture, command, signal, stderr, stdout},
};

/// Starts the run `r` behind the gate.
fn start(fixture: &Fixture, gate: &Gate) -> Child {
    let mut settings = fixture.settings();
    let azurite = azurite_connection_string(&gate.address);
    settings.push(("AZURE_STORAGE_CONNECTION_STRING".to_owned(), azurite));
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    command(&settings, &["sync", "--file", FILE, "--run-id", "r"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A run that has ended with rejected rows while Azure was silent, and the program that followed it.
struct Ended {
    fixture: Fixture,
    gate: Gate,
    sync: Child,
}

impl Ended {
    fn start() -> Self {
        let fixture = Fixture::with_rows(1_000);
        let gate = Gate::open(&fixture);
        let sync = start(&fixture, &gate);
        wait_until("all of the file is queued", || {
            let shown = fixture.producer(&["show", "r", "--json"]);
            stdout(&shown).contains("\"draining\"")
        });
        gate.shuts();
        fixture.settle(|row| row.starts_with("E7,").then_some("INVALID_VALUE"));
        assert_eq!(fixture.report("r")["status"], "completed");
        Self { fixture, gate, sync }
    }

    /// Presses Ctrl-C; Azure answers again after a while, or not.
    fn interrupt(self, azure_answers: bool) -> (Fixture, Gate, Output) {
        let Self { fixture, gate, sync } = self;
        signal(&sync, "-INT");
        if azure_answers {
            sleep(Duration::from_secs(1));
            gate.opens();
        }
        let ended = sync.wait_with_output().unwrap();
        (fixture, gate, ended)
    }
}

/// Azure has not said yet what the file is like.
#[test]
fn whoever_leaves_before_a_run_is_entered_is_told_that_nothing_was_loaded() {
    let fixture = Fixture::with_rows(1);
    let gate = Gate::closed_after(&fixture, 0);
    let sync = start(&fixture, &gate);
    gate.is_asked();

    signal(&sync, "-INT");

    let left = sync.wait_with_output().unwrap();
    let words = "interrupted before anything was loaded; start the same command again\n";
    assert_eq!((left.status.code(), stderr(&left)), (Some(130), words.to_owned()));
    assert!(fixture.refused(&["show", "r"]).contains("there is no run r"));
}

/// Rows of the rejects file, less its header.
fn rejected(fixture: &Fixture) -> Vec<String> {
    let lines = fixture.get("rejects/r.csv");
    lines.lines().skip(1).map(|line| line.split(",\"").next().unwrap().to_owned()).collect()
}

#[test]
fn whoever_leaves_before_the_last_lines_are_written_is_told_and_the_resume_writes_them() {
    let (fixture, gate, left) = Ended::start().interrupt(false);

    let words = stderr(&left);
    assert_eq!(left.status.code(), Some(130), "{words}");
    assert!(words.contains("interrupted; the run has ended, and its rejected rows"), "{words}");
    assert!(words.trim_end().ends_with("Write them with: producer resume r"), "{words}");
    assert!(!words.contains("Job Completed"), "{words}");
    gate.opens();

    let resumed = fixture.producer(&["resume", "r"]);

    assert_eq!(resumed.status.code(), Some(3), "{}", stderr(&resumed));
    assert_eq!(rejected(&fixture), ["E7,Name 7,7,INVALID_VALUE"]);
}

#[test]
fn last_lines_that_take_a_moment_are_written_before_the_program_ends() {
    let (fixture, _gate, ended) = Ended::start().interrupt(true);

    let words = stderr(&ended);
    assert_eq!(ended.status.code(), Some(3), "{words}");
    assert!(words.contains("Job Completed"), "{words}");
    assert_eq!(rejected(&fixture), ["E7,Name 7,7,INVALID_VALUE"]);
}
