//! Pause, resume, cancel and replay while programs and Redis die around them.

use job_queue::{Queue, QueueArgs};
use serde_json::json;

use crate::{
    pipeline::{FILE, Pipeline, Report, block_on},
    processes::{Ended, pause_for, wait_until},
};

const ROWS: u64 = 10_000;

fn slow_pipeline() -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=500"]);
    pipeline.set("QUEUE_DEPTH_HIGH", "30");
    pipeline.set("QUEUE_LEASE", "2s");
    pipeline.generate(ROWS, &["--bad-rows", "50"]);
    pipeline
}

fn told(pipeline: &Pipeline, command: &str, run: &str) -> Ended {
    let ended = pipeline.program("producer", &[command, run]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

#[test]
fn a_pause_outlives_everything_that_dies_and_a_resumed_run_loses_nothing() {
    let mut pipeline = slow_pipeline();
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "paused"]);
    pipeline.wait_until_rows_arrive(1_500);

    told(&pipeline, "pause", "paused");
    sync.kill();
    consumer.kill();
    pipeline.redis.kill();
    pipeline.redis.start_again();
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "paused", "--json"]);
    // Longer than a lease and than the claim of the producer that died.
    pause_for(11_000);
    let before = pipeline.leads().len();
    assert!(pipeline.report("paused").number("unfinished") > 0, "what was queued is queued still");
    pause_for(1_500);
    assert_eq!(pipeline.leads().len(), before, "nothing is delivered in a pause");
    assert!((before as u64) < ROWS);

    resume(&pipeline, "paused");
    pipeline.wait_until_rows_arrive(before + 500);
    consumer.kill();
    let _another = pipeline.consumer();

    pipeline.assert_all_arrived("paused", sync, ROWS);
}

/// As the API does: whoever feeds the run goes on.
fn resume(pipeline: &Pipeline, run: &str) {
    let queue_lease = std::time::Duration::from_secs(2);
    let args = QueueArgs { queue_lease, ..QueueArgs::at(&pipeline.redis.url()) };
    block_on(async {
        let queue = Queue::connect(&args).await.unwrap();
        queue.resume_run(&run.parse().unwrap()).await.unwrap();
    });
}

#[test]
fn a_cancelled_run_closes_its_ledger_though_everything_died_around_it() {
    let mut pipeline = slow_pipeline();
    let consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "cancelled"]);
    pipeline.wait_until_rows_arrive(1_500);

    // While batches are under way that nobody will bring to an end.
    consumers.into_iter().for_each(crate::processes::Program::kill);
    told(&pipeline, "cancel", "cancelled");
    sync.kill();
    pipeline.redis.kill();
    pipeline.redis.start_again();
    let _consumer = pipeline.consumer();

    wait_until("it has ended", || pipeline.report("cancelled").text("status") == "cancelled");
    let report = pipeline.report("cancelled");
    let figures = ["read", "delivered", "rejected", "cancelled", "unfinished"];
    let [read, delivered, rejected, left_out, unfinished] = figures.map(|name| report.number(name));
    assert_eq!((read, unfinished), (delivered + rejected + left_out, 0), "{report:?}");
    assert!(left_out > 0, "{report:?}");
    let stored = pipeline.leads().len() as u64;
    assert!(stored >= delivered, "{stored} rows are stored: {report:?}");
}

#[test]
fn a_cancelled_run_ends_during_an_outage_though_its_consumers_died_and_wait_at_their_start() {
    let pipeline = slow_pipeline();
    let consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "cancelled", "--json"]);
    pipeline.wait_until_rows_arrive(1_500);

    pipeline.set_faults(&json!({ "unavailablePermille": 1_000 }));
    consumers.into_iter().for_each(crate::processes::Program::kill);
    let _waits = pipeline.program("consumer", &[]);
    told(&pipeline, "cancel", "cancelled");
    let ended = sync.end();

    let report = Report::of(&ended);
    assert_eq!(report.text("status"), "cancelled", "{ended:?}");
    let figures = ["read", "delivered", "rejected", "cancelled", "unfinished"];
    let [read, delivered, rejected, left_out, unfinished] = figures.map(|name| report.number(name));
    assert_eq!((read, unfinished), (delivered + rejected + left_out, 0), "{report:?}");
    assert!(left_out > 0 && pipeline.leads().len() as u64 >= delivered, "{report:?}");
}

#[test]
fn a_replay_through_kills_brings_each_rejected_row_to_its_end_once() {
    let pipeline = slow_pipeline();
    let consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", "first", "--json"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let rejected = Report::of(&ended).number("rejected");

    let dies = pipeline.program("producer", &["replay", "first"]);
    let replay_of_first = || {
        let ended = pipeline.program("producer", &["runs", "--json"]).end();
        let runs: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let of_first = |run: &&serde_json::Value| run["replayOf"] == "first";
        Some(runs.as_array()?.iter().find(of_first)?["run"].as_str()?.to_owned())
    };
    wait_until("the replay has begun", || replay_of_first().is_some());
    dies.kill();
    consumer.kill();
    let again = replay_of_first().unwrap();
    let _another = pipeline.consumer();
    let go_on = ["sync", "--file", "rejects/first.csv", "--run-id", &again, "--json"];
    let ended = pipeline.program("producer", &go_on).end();

    assert_eq!(ended.code, Some(3), "they are as bad as they were: {ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(rejected);
    assert_eq!(report.number("rejected"), rejected);
    // All but record number, code and message, which are those of each run.
    let rows = |run: &str| {
        let as_they_came = |row: Vec<String>| row[..row.len() - 3].to_vec();
        let mut rows: Vec<_> = pipeline.rejects(run).into_iter().map(as_they_came).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&again), rows("first"));
    pipeline.assert_every_row_is_where_it_belongs(&again, FILE);
}
