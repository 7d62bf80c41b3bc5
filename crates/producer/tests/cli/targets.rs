//! Who is to deliver a run, from a shell.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use job_queue::Target;
use redis::Commands;

use crate::{
    fixture::{FILE, Fixture, block_on, target},
    program::{stderr, stdout},
};

fn leads() -> Target {
    Target { object: "Lead".to_owned(), ..target() }
}

/// A run's report, which is on stdout.
fn report(output: &std::process::Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_start_that_is_not_clear_is_wrong_usage_and_says_how_to_choose() {
    let fixture = Fixture::with_rows(10);
    fixture.show_consumer(&target());
    fixture.show_consumer(&leads());
    let sync = ["sync", "--file", FILE, "--no-wait", "--json"];

    let unclear = fixture.producer(&sync);

    assert_eq!(unclear.status.code(), Some(2), "{unclear:?}");
    let words = stderr(&unclear);
    for target in [target(), leads()] {
        assert!(words.contains(&format!("{}: {target}", target.id())), "{words}");
    }
    assert!(words.contains("--object") && words.contains("--target"), "{words}");
    assert_eq!(stdout(&unclear), "");
    assert_eq!(stdout(&fixture.producer(&["runs", "--json"])).trim(), "[]", "nothing was begun");

    let by_object = report(&fixture.producer(&[&sync[..], &["--object", "lead"]].concat()));
    assert_eq!(by_object["target"]["id"], leads().id());
    fixture.told(&["cancel", by_object["run"].as_str().unwrap(), "--yes"]);
    let environment =
        [("SALESFORCE_OBJECT", "Contact"), ("SALESFORCE_EXTERNAL_ID", "Externalid__c")];
    let by_environment = report(&fixture.producer_with(&environment, &sync));
    assert_eq!(by_environment["target"]["id"], target().id());
    fixture.told(&["cancel", by_environment["run"].as_str().unwrap(), "--yes"]);
    let id = leads().id();
    let by_id = [&sync[..], &["--target", &id[..4]]].concat();
    let by_id = report(&fixture.producer_with(&environment, &by_id));
    assert_eq!(by_id["target"]["id"], leads().id());
    let shown = stdout(&fixture.producer(&["runs"]));
    assert!(shown.contains("  upsert Lead  "), "{shown}");
}

#[test]
fn rejected_rows_are_replayed_to_where_they_were_rejected() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("bad", |row| (row == "E1,Name 1").then_some("LOCK"));
    fixture.show_consumer(&leads());
    let replay = ["replay", "bad", "--no-wait", "--json"];

    let replayed = fixture.producer_with(&[("SALESFORCE_OBJECT", "Lead")], &replay);

    assert_eq!(report(&replayed)["target"]["id"], target().id());
    let elsewhere = fixture.producer(&[&replay[..], &["--object", "Lead"]].concat());
    assert!(stderr(&elsewhere).contains("is being loaded by run"), "{elsewhere:?}");
    fixture.told(&["cancel", report(&replayed)["run"].as_str().unwrap(), "--yes"]);
    let elsewhere = fixture.producer(&[&replay[..], &["--object", "Lead"]].concat());
    assert_eq!(report(&elsewhere)["target"]["id"], leads().id());
}

#[test]
fn a_run_is_given_to_consumers_of_another_mapping_by_a_resume() {
    let fixture = Fixture::with_rows(100);
    let other = Target { mapping: "ba9876543210".to_owned(), ..target() };
    fixture.show_consumer(&target());
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);
    let () = fixture.connection().del("{batch-sync}:consumers").unwrap();
    fixture.show_consumer(&other);
    fixture.show_server();

    let shown = stdout(&fixture.producer(&["show", "r"]));
    assert!(shown.contains("waits           the run is mapped by 0123456789ab"), "{shown}");
    let listed = stdout(&fixture.producer(&["runs"]));
    assert!(listed.contains("r is draining: the run is mapped by 0123456789ab"), "{listed}");
    let unknown = fixture.producer(&["resume", "r", "--target", &leads().id()]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(stderr(&unknown).contains(&format!("{}: {other}", other.id())), "{unknown:?}");
    let resumed = fixture.told(&["resume", "r", "--target", &other.id()]);

    assert!(resumed.ends_with(&format!("; it is for {other}\n")), "{resumed}");
    assert_eq!(fixture.report("r")["target"]["id"], other.id());
}

#[test]
fn whoever_follows_a_run_is_told_once_what_it_waits_for() {
    let fixture = Fixture::with_rows(100);
    fixture.show_consumer(&leads());
    let sync = Sync::start(&fixture, &["--run-id", "r", "--object", "Contact"]);
    sync.says("no consumer that is alive delivers this run, which is for upsert Contact");

    // Long enough for something to be said again.
    wait(2_500);
    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.hold_run(&run, "no rights", None).await.unwrap());
    sync.says("the run is held: no rights; go on with: producer resume r");
    // Long enough for something to be said again.
    wait(2_500);
    fixture.show_server();
    fixture.told(&["resume", "r"]);
    sync.says("the run is not held any more; it goes on");
    fixture.show_consumer(&target());
    sync.says("a consumer is there; delivery goes on");
    fixture.settle(|_| None);

    let words = sync.end();
    for once in ["no consumer that is alive", "the run is held", "not held any more", "is there"] {
        assert_eq!(words.matches(once).count(), 1, "{once}: {words}");
    }
}

fn wait(ms: u64) {
    block_on(async { tokio::time::sleep(Duration::from_millis(ms)).await });
}

/// `producer sync`, which is heard while it runs.
struct Sync {
    process: Child,
    words: tempfile::NamedTempFile,
}

impl Sync {
    fn start(fixture: &Fixture, more: &[&str]) -> Self {
        let words = tempfile::NamedTempFile::new().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_producer"))
            .args(["sync", "--file", FILE])
            .args(more)
            .env_clear()
            .envs(fixture.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words.reopen().unwrap())
            .spawn()
            .unwrap();
        Self { process, words }
    }

    fn words(&self) -> String {
        std::fs::read_to_string(self.words.path()).unwrap()
    }

    fn says(&self, what: &str) {
        for _ in 0..600 {
            if self.words().contains(what) {
                return;
            }
            wait(50);
        }
        panic!("{what}: {}", self.words());
    }

    fn end(mut self) -> String {
        let status = self.process.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.words());
        self.words()
    }
}

impl Drop for Sync {
    /// Of a test that failed, it would wait for ever.
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
    }
}
