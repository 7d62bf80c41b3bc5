//! Who is to deliver a run, from a shell.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use job_queue::Target;
use redis::Commands;

use crate::support::{FILE, Fixture, block_on, stderr, stdout, target};

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

/// As many mappings of the same kind of load.
fn mappings(number: u64) -> Vec<Target> {
    (0..number).map(|at| Target { mapping: format!("{at:016x}"), ..target() }).collect()
}

#[test]
fn a_start_for_a_target_of_no_living_consumer_is_refused_as_a_resume_is() {
    let fixture = Fixture::with_rows(10);
    let sync = ["sync", "--file", FILE, "--no-wait", "--target"];

    let nobody = fixture.producer(&[&sync[..], &["0000ffff"]].concat());
    fixture.show_consumer(&target());
    let unknown = fixture.producer(&[&sync[..], &["0000ffff"]].concat());
    let mapping = fixture.producer(&[&sync[..], &[&target().mapping[..12]]].concat());

    for (refused, words) in [
        (&nobody, "no target whose id begins with 0000ffff".to_owned()),
        (&nobody, "none; start a consumer first: make consumer".to_owned()),
        (&unknown, "no target whose id begins with 0000ffff".to_owned()),
        (&unknown, format!("target {}: {}", target().id(), target())),
        (&mapping, format!("0123456789ab is how the mapping of target {} begins", target().id())),
    ] {
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(stderr(refused).contains(&words), "{words}: {}", stderr(refused));
    }
    assert_eq!(stdout(&fixture.producer(&["runs", "--json"])).trim(), "[]", "nothing was begun");
}

#[test]
fn rejected_rows_may_be_named_the_target_that_rejected_them_though_nobody_is_there() {
    let fixture = Fixture::with_rows(4);
    fixture.complete("bad", |row| (row == "E1,Name 1").then_some("LOCK"));
    let replay = ["replay", "bad", "--no-wait", "--json", "--target"];

    let unknown = fixture.producer(&[&replay[..], &["0000ffff"]].concat());
    let its_own = fixture.producer(&[&replay[..], &[&target().id()]].concat());

    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert_eq!(report(&its_own)["target"]["id"], target().id());
}

#[test]
fn where_only_the_mapping_differs_a_start_is_told_to_name_the_target() {
    let fixture = Fixture::with_rows(10);
    let live = mappings(22);
    live.iter().for_each(|target| fixture.show_consumer(target));

    let unclear = stderr(&fixture.producer(&["sync", "--file", FILE, "--no-wait"]));

    assert!(!unclear.contains("--object"), "it tells them not apart: {unclear}");
    let named = |target: &&Target| unclear.contains(&format!("{}: {target}", target.id()));
    let named = live.iter().filter(named).count();
    assert!(named >= 10, "{unclear}");
    assert!(unclear.contains("say which by --target"), "{unclear}");
    assert!(unclear.trim_end().ends_with(&format!("; and {} more", 22 - named)), "{unclear}");
}

#[test]
fn a_run_whose_mapping_is_gone_names_every_way_to_go_on() {
    let fixture = Fixture::with_rows(100);
    fixture.show_consumer(&target());
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);
    let () = fixture.connection().del("{batch-sync}:consumers").unwrap();
    let live = mappings(22);
    live[..2].iter().for_each(|target| fixture.show_consumer(target));

    let waits = fixture.report("r")["waitingFor"].as_str().unwrap().to_owned();
    live[2..].iter().for_each(|target| fixture.show_consumer(target));
    let of_many = fixture.report("r")["waitingFor"].as_str().unwrap().to_owned();

    for target in &live[..2] {
        let way =
            format!("producer resume r --target {} (mapping {})", target.id(), target.mapping);
        assert!(waits.contains(&way), "{way}: {waits}");
    }
    assert_eq!(of_many.matches("producer resume r --target").count(), 20, "{of_many}");
    assert!(of_many.ends_with("and 2 more"), "{of_many}");
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
    assert!(shown.contains("waits           the run is for mapping 0123456789ab"), "{shown}");
    let listed = stdout(&fixture.producer(&["runs"]));
    assert!(listed.contains("r is draining: the run is for mapping 0123456789ab"), "{listed}");
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
