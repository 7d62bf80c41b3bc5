//! When a run gives up, and how it proves itself.

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::wait_until,
};

#[test]
fn too_many_rejects_stop_reading_and_what_is_queued_is_delivered() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    pipeline.generate(20_000, &["--bad-rows", "50"]);
    let _consumer = pipeline.consumer();

    let stopped = pipeline.sync(&["--run-id", "a", "--max-rejects", "20", "--json"]).end();

    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("more than --max-rejects 20 allows"), "{stopped:?}");
    let report = Report::of(&stopped);
    assert_eq!(report.text("status"), "failed");
    assert_eq!(report.number("unfinished"), 0, "what was read is delivered or rejected");
    let read = report.number("read");
    assert!(read < 20_000, "all {read} rows were read");
    assert_eq!(read, report.number("delivered") + report.number("rejected"));

    // A timer starts it again: it would load a little more each time.
    let again = pipeline.sync(&["--run-id", "a", "--max-rejects", "20", "--json"]).end();
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("give it another limit to go on with"), "{again:?}");

    // Somebody looked at the rejects, and wants the rest.
    let ended = pipeline.sync(&["--run-id", "a", "--max-rejects", "100%", "--json"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(20_000);
    pipeline.assert_every_row_is_where_it_belongs("a", FILE);
}

#[test]
fn fail_fast_is_told_also_when_all_was_queued_before() {
    let pipeline = Pipeline::start();
    pipeline.generate(300, &["--bad-rows", "100"]);
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "fast", "--fail-fast", "--json"]).end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("more than --max-rejects 0 allows"), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(300);
    pipeline.assert_every_row_is_where_it_belongs("fast", FILE);
}

#[test]
fn a_limit_that_is_reached_while_reading_fails_the_run_though_nobody_waits_for_its_end() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    pipeline.generate(20_000, &["--bad-rows", "50"]);
    let _consumer = pipeline.consumer();

    let stopped = pipeline.sync(&["--run-id", "a", "--fail-fast", "--no-wait"]).end();

    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("more than --max-rejects 0 allows"), "{stopped:?}");
    assert_eq!(pipeline.report("a").text("status"), "failed");
}

#[test]
fn a_command_that_is_refused_leaves_the_limit_of_a_run_as_it_is() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    pipeline.generate(5_000, &["--bad-rows", "50"]);
    let sync = pipeline.sync(&["--run-id", "a", "--json"]);
    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));

    let of_another_file = ["sync", "--file", "b.csv", "--run-id", "a", "--fail-fast"];
    let refused = pipeline.program("producer", &of_another_file).end();
    let _consumer = pipeline.consumer();

    assert_eq!(refused.code, Some(1), "{refused:?}");
    pipeline.assert_all_arrived("a", sync, 5_000);
}

#[test]
fn a_run_proves_itself_and_a_missing_batch_is_named() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &["--awkward", "--bad-rows", "50"]);
    let _consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", "a"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");

    let proven = pipeline.program("producer", &["verify", "a", "--json"]).end();

    assert_eq!(proven.code, Some(0), "{proven:?}");
    let found: serde_json::Value = serde_json::from_str(&proven.stdout).unwrap();
    assert_eq!(found["proven"], true);
    assert_eq!(found["fileRows"], 1_000);
    assert_eq!(found["rejectsFileRows"], found["rejected"]);
    pipeline.assert_every_row_is_where_it_belongs("a", FILE);

    // As if the outcome of the fourth batch had been lost.
    let mut redis = redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap();
    let () = redis::cmd("SETBIT")
        .arg("{batch-sync}:run:a:settled")
        .arg(&[3, 0])
        .query(&mut redis)
        .unwrap();
    let refuted = pipeline.program("producer", &["verify", "a"]).end();
    assert_eq!(refuted.code, Some(1), "{refuted:?}");
    assert!(refuted.stdout.contains("batch 3: records 601 to 800, at byte "), "{refuted:?}");
    assert!(refuted.stdout.contains("do not add up"), "{refuted:?}");
}
