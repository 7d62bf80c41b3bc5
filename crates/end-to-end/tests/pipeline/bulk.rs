//! The same file by both APIs: the same rows and the same rejects, whatever goes wrong. `make compare
//! ROWS=200000` does the same with more rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::{Program, setting, wait_until},
};

/// Batches that a consumer has under way at once, at most: as many as the ten calls at once, a quarter and
/// four more, and as many again while calls wait to be made again.
const AT_ONCE: u64 = 2 * (10 + 2 + 4);

/// So many, or what `ROWS` says.
fn rows(usual: u64) -> u64 {
    setting("ROWS").unwrap_or(usual)
}

/// With 2 % of bad rows, and cells that no CSV writer likes.
fn pipeline(rows: u64, flags: &[&str]) -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(flags);
    pipeline.set("QUEUE_LEASE", "1s");
    pipeline.generate(rows, &["--bad-rows", "20", "--awkward"]);
    pipeline
}

/// Each batch is one ingest job of so many rows.
fn by_bulk(pipeline: &mut Pipeline, batch_rows: u64) {
    pipeline.set("SALESFORCE_API", "bulk");
    pipeline.set("BATCH_ROWS", &batch_rows.min(10_000).to_string());
}

/// What a run left behind.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// By external id; without the id that Salesforce gave.
    leads: BTreeMap<String, Value>,
    /// Cells, record, code and message, in the order of the file.
    rejects: Vec<Vec<String>>,
}

/// What a run left behind that was the `nth` one of its file: each row was written so often.
fn outcome(pipeline: &Pipeline, run: &str, nth: u64) -> Outcome {
    let mut leads = pipeline.leads();
    for (key, lead) in &mut leads {
        let fields = lead.as_object_mut().unwrap();
        let writes = fields.remove("_writes").and_then(|writes| writes.as_u64()).unwrap();
        // Rows that Bulk cannot carry go by calls, which may be made again.
        let goes_by_call = fields.values().any(|v| v.as_str().is_some_and(|v| v.contains('\r')));
        let is_once = if goes_by_call { writes >= nth } else { writes == nth };
        assert!(is_once, "{run}: {key} was written {writes} times in {nth} runs");
        fields.remove("Id");
    }
    let mut rejects = pipeline.rejects(run);
    let record = |row: &Vec<String>| -> u64 { row[row.len() - 3].parse().unwrap() };
    rejects.sort_by_key(record);
    Outcome { leads, rejects }
}

fn finish(pipeline: &Pipeline, run: &str, sync: Program, rows: u64) {
    let ended = sync.end();
    assert_eq!(ended.code, Some(3), "{run}: {ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    let verified = pipeline.program("producer", &["verify", run]).end();
    assert_eq!(verified.code, Some(0), "{run}: {verified:?}");
    pipeline.assert_every_row_is_where_it_belongs(run, FILE);
}

/// What a run by Collections leaves behind.
fn by_collections(rows: u64) -> Outcome {
    let pipeline = pipeline(rows, &[]);
    let _consumer = pipeline.consumer();
    finish(&pipeline, "calls", pipeline.sync(&["--run-id", "calls", "--json"]), rows);
    outcome(&pipeline, "calls", 1)
}

/// Ingest jobs that the org has, by state.
fn jobs(pipeline: &Pipeline) -> BTreeMap<String, u64> {
    let state = pipeline.salesforce_state();
    let jobs: BTreeMap<String, u64> = serde_json::from_value(state["jobs"].clone()).unwrap();
    jobs.into_iter().filter(|(_, jobs)| *jobs > 0).collect()
}

/// Batches that the org has worked off.
fn bulk_batches(pipeline: &Pipeline) -> u64 {
    pipeline.salesforce_state()["bulkBatches"].as_u64().unwrap()
}

#[test]
fn both_apis_bring_the_same_rows_and_the_same_rejects() {
    let rows = rows(20_000);
    let expected = by_collections(rows);
    assert!(expected.rejects.len() as u64 > rows / 60, "{}", expected.rejects.len());

    for (api, batch_rows, flag) in
        [("bulk", 10_000, "--drop-unmapped-columns"), ("auto", 2_500, "--bulk-jobs-max=2")]
    {
        let mut pipeline = pipeline(rows, &[flag]);
        by_bulk(&mut pipeline, batch_rows);
        pipeline.set("SALESFORCE_API", api);
        let _consumers = [pipeline.consumer(), pipeline.consumer()];
        finish(&pipeline, api, pipeline.sync(&["--run-id", api, "--json"]), rows);

        assert!(outcome(&pipeline, api, 1) == expected, "{api} does otherwise");
        assert_eq!(bulk_batches(&pipeline), rows / batch_rows, "{api}");
        wait_until("no job is left behind", || jobs(&pipeline).is_empty());
    }
}

#[test]
fn a_consumer_may_die_at_any_step_of_an_ingest_job() {
    let rows = rows(6_000);
    let expected = by_collections(rows);
    let mut pipeline = pipeline(rows, &["--job-delay-ms=100"]);
    by_bulk(&mut pipeline, rows / 3);
    let steps = [
        "claimed=return",
        "ingest-created=return",
        "ingest-noted=return",
        "ingest-uploaded=return",
        "ingest-closed=return",
        "ingest-closed=2*off->return",
        "ingest-ended=return",
        "before-end-of-claim=return",
        "after-end-of-claim=return",
    ];

    for (step, nth) in steps.into_iter().zip(1..) {
        let run = format!("step-{nth}");
        pipeline.set("FAILPOINTS", step);
        let mut dying = pipeline.consumer();
        pipeline.set("FAILPOINTS", "");
        let sync = pipeline.sync(&["--run-id", &run, "--json"]);
        wait_until("the consumer has died", || !dying.is_running());
        let ended = dying.end();
        assert_eq!(ended.code, None, "{step} was not reached: {ended:?}");
        let _consumer = pipeline.consumer();

        finish(&pipeline, &run, sync, rows);

        assert!(outcome(&pipeline, &run, nth) == expected, "{step}");
        assert_none_is_under_way(&pipeline, step);
        let left = jobs(&pipeline).values().sum::<u64>();
        assert!(left <= nth * AT_ONCE, "{step}: {:?}", jobs(&pipeline));
    }
}

#[test]
fn no_fault_of_an_ingest_job_loses_a_row_or_loads_one_twice() {
    the_outcome_stays_in_spite_of(&[
        json!({"jobFailedPermille": 400}),
        json!({"jobHalfDonePermille": 400}),
        json!({"jobLostPermille": 300}),
        json!({"jobSlowPermille": 300, "jobSlowMs": 1_500}),
        json!({"jobDelayMs": 200, "jobBatchMs": 200, "latencyMs": 20, "latencyJitterMs": 50}),
        json!({"rowLockPermille": 30, "rowLockTimes": 2}),
    ]);
}

#[test]
fn no_fault_of_an_answer_about_an_ingest_job_loses_a_row_or_loads_one_twice() {
    the_outcome_stays_in_spite_of(&[
        json!({"unavailablePermille": 100, "loginUnavailablePermille": 100}),
        json!({"throttledPermille": 100, "retryAfterSeconds": 1}),
        json!({"concurrentLimitPermille": 50, "concurrencyMax": 2}),
        json!({"serverErrorPermille": 50, "badGatewayPermille": 50, "resetPermille": 50}),
        json!({"answerLostPermille": 100, "answerCutPermille": 100, "wrongCountPermille": 50}),
        json!({"slowDripPermille": 200, "dripPauseMs": 50}),
        json!({"tokenCallsMax": 7}),
    ]);
}

/// One run after another of the same file, each with one of these faults of Salesforce.
fn the_outcome_stays_in_spite_of(faults: &[Value]) {
    let rows = rows(6_000);
    let expected = by_collections(rows);
    let mut pipeline = pipeline(rows, &[]);
    by_bulk(&mut pipeline, rows / 6);
    let calm = pipeline.faults();

    for (fault, nth) in faults.iter().zip(1..) {
        let run = format!("fault-{nth}");
        pipeline.set_faults(fault);
        let consumers = [pipeline.consumer(), pipeline.consumer()];
        let sync = pipeline.sync(&["--run-id", &run, "--json"]);

        finish(&pipeline, &run, sync, rows);

        pipeline.set_faults(&calm);
        drop(consumers);
        assert!(outcome(&pipeline, &run, nth) == expected, "{fault}");
        assert_none_is_under_way(&pipeline, &fault.to_string());
    }
}

#[test]
fn a_consumer_keeps_little_of_the_jobs_it_has_under_way() {
    let rows = 80_000;
    let mut pipeline = Pipeline::with_salesforce(&["--job-delay-ms=1000"]);
    pipeline.generate(rows, &["--bad-rows", "20", "--awkward"]);
    by_bulk(&mut pipeline, 10_000);
    let consumer = pipeline.consumer();

    finish(&pipeline, "much", pipeline.sync(&["--run-id", "much", "--json"]), rows);

    let peak = consumer.peak_memory_bytes();
    assert!(peak < 64 << 20, "{} MiB for batches of 10,000 rows", peak >> 20);
}

/// A job whose id nobody got to know stays open, without rows, and Salesforce ends it after a day;
/// one that was not deleted in time is deleted by Salesforce after a week.
fn assert_none_is_under_way(pipeline: &Pipeline, after: &str) {
    let left = jobs(pipeline);
    let is_under_way = |state: &String| state == "UploadComplete" || state == "InProgress";
    assert!(!left.keys().any(is_under_way), "{after}: {left:?}");
}

#[test]
fn consumers_killed_in_the_midst_of_ingest_jobs_load_no_row_twice() {
    let rows = rows(20_000);
    let mut pipeline = pipeline(rows, &["--job-delay-ms=700"]);
    by_bulk(&mut pipeline, rows / 20);
    let sync = pipeline.sync(&["--run-id", "killed", "--json"]);
    let deaths = 4;
    for round in 0..deaths {
        let consumers = [pipeline.consumer(), pipeline.consumer()];
        wait_until("jobs are under way", || {
            let under_way = jobs(&pipeline);
            under_way.contains_key("UploadComplete")
                && pipeline.leads().len() as u64 >= round * rows / 10
        });
        consumers.into_iter().for_each(Program::kill);
    }
    let last = pipeline.consumer();

    finish(&pipeline, "killed", sync, rows);

    assert!(outcome(&pipeline, "killed", 1) == by_collections(rows));
    assert_eq!(bulk_batches(&pipeline), 20, "no job was made for rows that had one");
    last.signal("TERM");
    last.end();
    assert_none_is_under_way(&pipeline, "kills");
    let left = jobs(&pipeline);
    assert!(left.values().sum::<u64>() <= deaths * 2 * AT_ONCE, "{left:?}");
}
