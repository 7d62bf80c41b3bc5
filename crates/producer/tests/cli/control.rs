//! Pause, resume, cancel and replay, from a shell.

use redis::Commands;

use crate::support::{FILE, Fixture, stderr, stdout};

/// A run of 1,000 rows, all of them queued.
fn queued() -> Fixture {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);
    fixture
}

#[test]
fn a_paused_run_says_so_and_how_it_goes_on() {
    let fixture = queued();

    assert_eq!(fixture.told(&["pause", "r"]), "run r is paused; go on with: producer resume r\n");
    assert_eq!(fixture.told(&["pause", "r"]), "run r is paused already\n");

    assert_eq!(fixture.report("r")["status"], "paused");
    let shown = stdout(&fixture.producer(&["show", "r"]));
    assert!(shown.contains("go on with      producer resume r"), "{shown}");
    fixture.settle(|_| None);
    assert_eq!(fixture.report("r")["delivered"], 0, "nothing of it is handed out");
}

#[test]
fn a_run_that_nobody_feeds_is_resumed_in_the_foreground() {
    let fixture = queued();
    fixture.told(&["pause", "r"]);
    let resumed = std::thread::scope(|scope| {
        let resumed = scope.spawn(|| fixture.producer(&["resume", "r", "--json"]));
        while !resumed.is_finished() {
            fixture.settle(|_| None);
        }
        resumed.join().unwrap()
    });

    assert_eq!(resumed.status.code(), Some(0), "{}", stderr(&resumed));
    let report: serde_json::Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert_eq!(report["status"], "completed");
    assert_eq!(report["delivered"], 1_000);
}

#[test]
fn a_server_that_is_alive_is_handed_the_run() {
    let fixture = queued();
    fixture.told(&["pause", "r"]);
    fixture.show_server();

    let told = fixture.told(&["resume", "r"]);

    assert!(
        told.ends_with("run r goes on as soon as a server takes it; watch it: producer show r\n")
    );
    let jobs: u64 = fixture.connection().hlen("{batch-sync}:full-import:data").unwrap();
    assert_eq!(jobs, 1);
    assert_eq!(fixture.report("r")["status"], "draining");
}

#[test]
fn a_cancelled_run_ends_with_what_was_queued_counted() {
    let fixture = queued();

    let told = fixture.told(&["cancel", "r", "--yes"]);

    assert!(told.starts_with("run r is cancelled"), "{told}");
    let report = fixture.report("r");
    let figures = ["status", "read", "cancelled", "unfinished"].map(|field| &report[field]);
    assert_eq!(serde_json::json!(figures), serde_json::json!(["cancelled", 1_000, 1_000, 0]));
    assert_eq!(fixture.told(&["cancel", "r"]), "run r is cancelled already\n");
    assert_eq!(
        fixture.refused(&["pause", "r"]),
        "error: run r is cancelled, so it cannot be paused"
    );
    let again = fixture.refused(&["resume", "r"]);
    assert_eq!(again, "error: run r is cancelled, so it cannot be resumed");
}

#[test]
fn what_became_of_a_wish_can_be_read_by_programs() {
    let fixture = queued();

    let paused = stdout(&fixture.producer(&["pause", "r", "--json"]));

    let answer: serde_json::Value = serde_json::from_str(&paused).unwrap();
    assert_eq!(
        answer,
        serde_json::json!({
            "message": "run r is paused; go on with: producer resume r",
            "runId": "r",
            "status": "paused",
        })
    );
}

#[test]
fn a_replay_that_cannot_be_says_why() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("clean", |_| None);
    assert_eq!(
        fixture.refused(&["replay", "clean"]),
        "error: run clean has no rejected rows; there is nothing to replay"
    );

    fixture.complete("bad", |row| match row {
        "E1,Name 1" => Some("LOCK"),
        "E2,Name 2" => Some("STORAGE"),
        _ => None,
    });
    assert_eq!(
        fixture.refused(&["replay", "bad", "--code", "LOKC"]),
        "error: run bad rejected no row with code LOKC; its codes are LOCK, STORAGE"
    );
    let ordinary = fixture.refused(&["replay", "bad", "--file", FILE]);
    assert!(ordinary.contains("no rejects file; load it as an ordinary file"), "{ordinary}");
    let missing = fixture.refused(&["replay", "bad", "--file", "mended.csv"]);
    assert!(missing.contains("no blob `mended.csv`"), "{missing}");

    fixture.told(&["sync", "--file", FILE, "--run-id", "open", "--no-wait"]);
    assert!(fixture.refused(&["replay", "open"]).contains("run open is still under way"));
}

#[test]
fn a_run_that_has_ended_says_that_nothing_is_loaded_when_it_is_started_again() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("nightly", |_| None);

    let again = fixture.producer(&["sync", "--file", FILE, "--run-id", "nightly"]);

    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let said = stderr(&again);
    let words = "run nightly has ended already (completed), and nothing is loaded; to load the file \
                 again, start it with another --run-id";
    assert!(said.contains(words), "{said}");
    for word in ["Worker started", "goes on", "Batch #", "Job Completed"] {
        assert!(!said.contains(word), "{said}");
    }
}

#[test]
fn rejected_rows_are_fed_again_though_nobody_had_written_their_file() {
    let fixture = Fixture::with_rows(4);
    // Nobody waited for the end of this run: its rejected rows are in Redis only.
    fixture.complete("bad", |row| match row {
        "E1,Name 1" => Some("LOCK"),
        "E2,Name 2" => Some("STORAGE"),
        "E3,Name 3" => Some("STORAGE"),
        _ => None,
    });

    let replayed = fixture.producer(&["replay", "bad", "--code", "STORAGE", "--no-wait", "--json"]);

    assert_eq!(replayed.status.code(), Some(0), "{}", stderr(&replayed));
    let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!(report["replayOf"], "bad");
    assert_eq!(report["read"], 2);
    assert!(!stderr(&replayed).contains("before"), "{}", stderr(&replayed));
    fixture.settle(|row| (row == "E3,Name 3").then_some("STORAGE"));
    let run = report["run"].as_str().unwrap();
    let report = fixture.report(run);
    assert_eq!(report["delivered"], 1);
    assert_eq!(report["rejected"], 1);
    let shown = stdout(&fixture.producer(&["show", run]));
    assert!(shown.contains("replays         rejected rows of bad"), "{shown}");
    let again = fixture.told(&["replay", "bad", "--code", "STORAGE", "--no-wait"]);
    let words = format!("rows of run bad were replayed before, by run {run} (1 of them delivered)");
    assert!(again.contains(&words), "{again}");
}

#[test]
fn a_replay_under_a_name_of_ones_own_goes_on_and_is_no_other_one() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("bad", |row| match row {
        "E1,Name 1" => Some("LOCK"),
        "E2,Name 2" => Some("STORAGE"),
        _ => None,
    });
    let replay = |more: &[&str]| {
        fixture.producer(&[&["replay", "bad", "--no-wait", "--json"], more].concat())
    };

    for _ in 0..2 {
        let replayed = replay(&["--run-id", "again"]);
        assert_eq!(replayed.status.code(), Some(0), "{}", stderr(&replayed));
        let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
        assert_eq!((&report["run"], &report["read"]), (&"again".into(), &2.into()));
    }
    for (more, loads) in [
        (&["--run-id", "again", "--code", "LOCK"][..], "rows of run bad with other codes"),
        (&["--run-id", "bad"], "big.csv"),
    ] {
        let refused = replay(more);
        let words = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{words}");
        let run = more[1];
        let expected =
            format!("error: run {run} is there already, and loads {loads}; give another --run-id");
        assert_eq!(words.lines().last(), Some(expected.as_str()));
    }
}

#[test]
fn resuming_a_run_that_ended_unseen_writes_its_rejects_file() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("bad", |row| (row == "E1,Name 1").then_some("LOCK"));
    assert_eq!(fixture.report("bad")["rejectsWrittenBytes"], 0);

    let resumed = fixture.producer(&["resume", "bad"]);

    assert_eq!(resumed.status.code(), Some(3), "{}", stderr(&resumed));
    assert_ne!(fixture.report("bad")["rejectsWrittenBytes"], 0);
    assert!(
        stderr(&resumed).contains("are in no file yet are written now"),
        "{}",
        stderr(&resumed)
    );
    // Whoever was told to follow it so comes when it is complete.
    let again = fixture.producer(&["resume", "bad", "--json"]);
    assert_eq!(again.status.code(), Some(3), "{}", stderr(&again));
    assert!(stderr(&again).contains("and nothing is loaded; to load"), "{}", stderr(&again));
    let report: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&report["status"], &report["rejected"]), (&"completed".into(), &1.into()));
}

#[test]
fn rows_whose_text_was_not_kept_are_told_beforehand_and_rejected_again() {
    let fixture = Fixture::start();
    fixture.put(FILE, format!("ExternalId,Name\nE1,Name 1\nE2,{}\n", "x".repeat(1 << 20)));
    fixture.complete("bad", |_| Some("LOCK"));

    let replayed = fixture.producer(&["replay", "bad", "--no-wait", "--json"]);

    assert!(
        stderr(&replayed).contains("the text of some rows (1 RECORD_TOO_LONG): they are rejected again; mend them in big.csv"),
        "{}",
        stderr(&replayed)
    );
    fixture.settle(|_| None);
    let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let report = fixture.report(report["run"].as_str().unwrap());
    assert_eq!(report["delivered"], 1);
    assert_eq!(report["rejected"], 1);
    assert_eq!(report["rejectedByCode"]["RECORD_TOO_LONG"], 1);
}

#[test]
fn a_file_in_utf_16_is_read_by_its_mark_and_verified_so() {
    let fixture = Fixture::start();
    let text = "ExternalId,Name\r\nE1,Name 1\r\nE2,Zoë\r\n";
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    fixture.put(FILE, units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());

    fixture.complete("marked", |row| (row == "E2,Zoe").then_some("LOCK"));

    assert_eq!(fixture.report("marked")["delivered"], 2);
    let verified = fixture.producer(&["verify", "marked"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
}

#[test]
fn a_line_whose_quote_stays_open_can_be_replayed_from_the_rejects_file() {
    let fixture = Fixture::start();
    fixture.put(FILE, "ExternalId,Name\nE1,\"open\nE2,\"Name 2\"\nE3,Name 3\n");
    fixture.complete("quotes", |_| None);
    let report = fixture.report("quotes");
    assert_eq!((&report["delivered"], &report["rejected"]), (&2.into(), &1.into()));
    assert_eq!(report["rejectedByCode"]["MISPLACED_QUOTE"], 1);

    let replayed = fixture.producer(&["replay", "quotes", "--no-wait", "--json"]);

    let report: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let report = fixture.report(report["run"].as_str().unwrap());
    assert_eq!(report["read"], 1);
}

/// Whoever followed it may have died after it had failed, and before its rows were in their file.
#[test]
fn a_run_that_failed_by_its_limit_is_not_read_on_and_its_rejected_rows_are_written() {
    let fixture = Fixture::with_rows(1_000);
    let sync = ["sync", "--file", FILE, "--run-id", "r", "--max-rejects", "1"];
    fixture.told(&[&sync[..], &["--no-wait"]].concat());
    fixture.settle_up_to(2, |row| row.ends_with('7').then_some("LOCK"));
    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.fail_run(&run, "too many").await.unwrap());

    let again = fixture.producer(&sync);

    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("give it another limit to go on with"), "{}", stderr(&again));
    assert_eq!(fixture.report("r")["status"], "failed");
    assert_eq!(fixture.get("rejects/r.csv").lines().count(), 1 + 20);
}

#[test]
fn an_unknown_run_is_answered_alike_everywhere() {
    let fixture = Fixture::start();
    let unknown = "error: there is no run nothing; `producer runs` lists them";
    let commands: &[&[&str]] =
        &[&["show"], &["pause"], &["resume"], &["cancel", "--yes"], &["replay"]];

    for command in commands {
        let arguments: Vec<&str> = command.iter().copied().chain(["nothing"]).collect();
        assert_eq!(fixture.refused(&arguments), unknown, "{command:?}");
    }
}
