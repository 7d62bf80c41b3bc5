//! Reports of runs, for people.

use std::time::Duration;

use job_queue::OutageKind;

use crate::support::{Fixture, load, producer, stderr, stdout};

/// The report with what differs from run to run made alike.
fn masked(report: &str) -> String {
    let lines = report.lines().map(|line| match line.split_at_checked(18) {
        Some((name, _))
            if ["  started", "  waiting since"].iter().any(|at| name.starts_with(at)) =>
        {
            format!("{name}(a moment)\n")
        }
        Some((name, _)) if name.starts_with("  took") => format!("{name}(a while)\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_finished_run_reads_as_it_was_read_over() {
    let fixture = Fixture::with_rows(1_234);
    fixture.complete("nightly-7", |row| match row {
        "E7,Name 7" => Some("UNABLE_TO_LOCK_ROW"),
        row if row.starts_with("E9") => Some("DUPLICATE_VALUE"),
        _ => None,
    });

    insta::assert_snapshot!(masked(&stdout(&fixture.producer(&["show", "nightly-7"]))));
    let runs = stdout(&fixture.producer(&["runs"]));
    let (table, _started) = runs.rsplit_once("  2").unwrap();
    insta::assert_snapshot!(table);
}

#[test]
fn a_run_that_waits_and_one_that_is_cancelled_read_as_they_were_read_over() {
    let fixture = Fixture::with_rows(200);
    fixture.told(&["sync", "--file", "big.csv", "--run-id", "nightly-7", "--no-wait"]);
    fixture.told(&["pause", "nightly-7"]);
    insta::assert_snapshot!(masked(&stdout(&fixture.producer(&["show", "nightly-7"]))));

    fixture.told(&["cancel", "nightly-7"]);

    insta::assert_snapshot!(masked(&stdout(&fixture.producer(&["show", "nightly-7"]))));
}

#[test]
fn a_limit_of_rejected_rows_that_was_passed_when_all_was_queued_is_in_the_report() {
    let fixture = Fixture::with_rows(200);
    fixture.told(&[
        "sync",
        "--file",
        "big.csv",
        "--run-id",
        "r",
        "--no-wait",
        "--max-rejects",
        "1",
    ]);
    let shown = || stdout(&fixture.producer(&["show", "r"]));
    let passed = || fixture.report("r")["rejectLimitPassed"].clone();
    assert!(!shown().contains("--max-rejects"), "{}", shown());
    assert_eq!(passed(), serde_json::Value::Null);

    fixture.settle(|row| row.starts_with("E10").then_some("BAD"));

    let words = "11 rows were rejected, more than --max-rejects 1 allows; all of the file had been \
                 queued by then, and is delivered";
    assert!(shown().contains(&format!("  limit passed    {words}\n")), "{}", shown());
    assert_eq!(passed(), words);
}

#[test]
fn a_run_that_nobody_delivers_has_no_rate() {
    let fixture = Fixture::with_rows(200);
    fixture.told(&["sync", "--file", "big.csv", "--run-id", "r", "--no-wait"]);

    let waits = stdout(&fixture.producer(&["show", "r"]));

    let started = waits.lines().find_map(|line| line.strip_prefix("  started         ")).unwrap();
    assert!(waits.contains(&format!("  waiting since   {started}\n")), "{waits}");
    assert!(!waits.contains("rows/s") && !waits.contains("  took"), "{waits}");
}

#[test]
fn what_of_a_run_stands_still_and_why_is_on_stdout() {
    let fixture = Fixture::with_rows(200);
    fixture.told(&["sync", "--file", "big.csv", "--run-id", "r", "--no-wait"]);
    let says = |json: &str, line: &str| {
        assert_eq!(fixture.report("r")["standsStill"], json);
        let shown = stdout(&fixture.producer(&["show", "r"]));
        assert!(shown.contains(&format!("\n  {line}")), "{line}: {shown}");
        let runs = fixture.producer(&["runs", "--json"]);
        let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
        assert_eq!(runs[0]["standsStill"], json);
    };
    let no_consumer = "no consumer is running, so nothing is delivered yet; start one: consumer";
    says(&format!("deliveries: {no_consumer}"), &format!("waits           {no_consumer}\n"));

    fixture.settle_some(1);
    fixture.show_consumer(&load());
    assert_eq!(fixture.report("r")["standsStill"], serde_json::Value::Null);

    fixture.on_queue(async |queue| {
        let away = "salesforce is not available";
        queue
            .publish_outage(OutageKind::Trouble, away, Some(Duration::from_secs(60)))
            .await
            .unwrap();
    });
    let away = "deliveries: salesforce is not available; tried again at ";
    let shown = stdout(&fixture.producer(&["show", "r"]));
    assert!(shown.contains(&format!("\n  stands still    {away}")), "{shown}");
    let json = fixture.report("r")["standsStill"].clone();
    assert!(json.as_str().is_some_and(|why| why.starts_with(away)), "{json}");

    fixture.told(&["pause", "r"]);
    let paused = "deliveries: a person paused the run";
    says(paused, &format!("stands still    {paused}\n"));

    fixture.told(&["cancel", "r", "--yes"]);
    assert_eq!(fixture.report("r")["standsStill"], serde_json::Value::Null);
    let shown = stdout(&fixture.producer(&["show", "r"]));
    assert!(!shown.contains("stands still"), "{shown}");
}

#[test]
fn no_runs_come_with_what_to_do() {
    let fixture = Fixture::start();

    let runs = stdout(&fixture.producer(&["runs"]));

    assert_eq!(runs, "no runs yet; start one: producer sync --file big-data-import.csv\n");
    assert_eq!(stdout(&fixture.producer(&["runs", "--json"])).trim(), "[]");
}

#[test]
fn a_redis_that_is_away_or_misspelt_is_named_without_its_password() {
    let commands: &[&[&str]] = &[&["runs"], &["show", "r"], &["pause", "r"], &["cancel", "r"]];
    let cases = [
        ("redis://me:hunter2@127.0.0.1:1", 1, "redis does not answer at 127.0.0.1:1"),
        ("http://me:hunter2@127.0.0.1:1", 2, "REDIS_URL"),
    ];

    for (url, code, words) in cases {
        for command in commands {
            let output = producer(&[("REDIS_URL", url)], command);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
            assert!(said.contains(words) && !said.contains("hunter2"), "{command:?}: {said}");
        }
    }
}
