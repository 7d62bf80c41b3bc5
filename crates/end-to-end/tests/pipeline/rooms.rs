//! A run's room on the queue is its own: a run that takes up all it may have stops no other.

use test_support::wait_at_most;

use crate::{
    kinds::{CONTACTS, LEADS},
    pipeline::{Pipeline, Report, no_load},
    processes::{Program, wait_until},
    records::sheet,
};

/// Wide rows, which fill the least room that can be set long before there are many of them.
const WIDE_ROWS: u64 = 4_000;
const WIDER_BY: usize = 1_000;

/// And a file of usual ones, several times what each run has for itself.
const ROWS: u64 = 5_000;

fn pipeline() -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=10"]);
    pipeline.set("QUEUE_BYTES_HIGH", "1048576");
    pipeline.put("wide.csv", sheet("W", WIDE_ROWS, WIDER_BY));
    pipeline.put("usual.csv", sheet("U", ROWS, 0));
    pipeline
}

fn wait_until_it_fills_the_queue(wide: &Program) {
    wait_until("the wide run has filled the queue", || wide.stderr().contains("reading pauses"));
}

/// Loads the usual file within seconds.
fn assert_another_run_goes_on(pipeline: &Pipeline) {
    let mut usual = LEADS.sync(pipeline, "usual", "usual.csv");
    let mut ended = None;
    wait_at_most(30, "the usual run has ended", || {
        ended = usual.ended();
        ended.is_some()
    });
    let ended = ended.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
}

#[test]
fn a_paused_run_of_wide_rows_leaves_others_their_room() {
    let pipeline = pipeline();
    let wide = LEADS.sync(&pipeline, "wide", "wide.csv");
    wait_until_it_fills_the_queue(&wide);
    let paused = pipeline.program("producer", &["pause", "wide"]).end();
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let _consumer = LEADS.consumer(&pipeline);

    assert_another_run_goes_on(&pipeline);

    pipeline.assert_holds(&LEADS, &["usual.csv"]);
    let resumed = pipeline.program("producer", &["resume", "wide"]).end();
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let ended = wide.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(WIDE_ROWS);
    pipeline.assert_holds(&LEADS, &["usual.csv", "wide.csv"]);
}

#[test]
fn a_run_that_nobody_can_deliver_leaves_others_their_room() {
    let pipeline = pipeline();
    // It does not say what it is, and no consumer does.
    let arguments = ["sync", "--file", "wide.csv", "--run-id", "wide", "--json"];
    let wide = pipeline.program_with("producer", &no_load(), &arguments);
    wait_until_it_fills_the_queue(&wide);
    let _consumer = pipeline.consumer_without_load();

    assert_another_run_goes_on(&pipeline);

    pipeline.assert_holds(&LEADS, &["usual.csv"]);
    assert_eq!(pipeline.records("Contact").len(), 0);
    let _telling = CONTACTS.consumer(&pipeline);
    let ended = wide.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&CONTACTS, &["wide.csv"]);
}
