//! Runs are served in turn: neither how much is queued of another nor a producer's clock decides
//! who comes first.

use std::{path::PathBuf, process::Command};

use test_support::wait_at_most;

use crate::{
    kinds::LEADS,
    pipeline::{Pipeline, Report},
    processes::{path_setting, wait_until},
    records::sheet,
};

/// So many rows are a batch here: the time is in the number of batches.
const BATCH_ROWS: u64 = 10;

fn pipeline(latency: &str) -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&[latency]);
    pipeline.set("BATCH_ROWS", &BATCH_ROWS.to_string());
    pipeline
}

/// Queues a whole file, while nobody delivers.
fn queue(pipeline: &Pipeline, run: &str, batches: u64, settings: &[(&str, String)]) {
    let file = format!("{run}.csv");
    pipeline.put(&file, sheet(run, batches * BATCH_ROWS, 0));
    let arguments = ["sync", "--file", &file, "--run-id", run, "--no-wait"];
    let ended = LEADS.program_with(pipeline, "producer", settings, &arguments).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn settled(pipeline: &Pipeline, run: &str) -> u64 {
    pipeline.report(run).number("batchesSettled")
}

#[test]
fn a_hundred_rows_do_not_wait_for_the_two_thousand_batches_before_them() {
    let pipeline = pipeline("--latency-ms=50");
    queue(&pipeline, "huge", 1_900, &[]);
    queue(&pipeline, "small", 10, &[]);

    let _consumer = LEADS.consumer(&pipeline);

    // One of the huge run for each of the small one, and what is done until that is seen.
    let huge_at_most = 300;
    wait_until("the small run has ended", || {
        let small = settled(&pipeline, "small");
        let huge = settled(&pipeline, "huge");
        assert!(huge < huge_at_most, "{huge} batches of the huge run, {small} of the small one");
        small == 10
    });
    Report::of(&pipeline.program("producer", &["show", "small", "--json"]).end())
        .assert_it_adds_up(10 * BATCH_ROWS);
    pipeline.assert_holds_of_some(&LEADS, &["small.csv"], |key| key.starts_with("small"));
}

#[test]
fn a_producer_whose_clock_is_ahead_is_served_in_turn() {
    assert_both_are_served("+1h");
}

#[test]
fn a_producer_whose_clock_is_behind_is_served_in_turn() {
    assert_both_are_served("-1h");
}

/// Two runs, one of them queued by a producer whose clock is off by so much.
fn assert_both_are_served(by: &str) {
    let clock = clock(by);
    let off = seconds(&clock).abs_diff(seconds(&[]));
    assert!((3_590..3_610).contains(&off), "the clock is off by {off} s");
    let pipeline = pipeline("--latency-ms=50");
    queue(&pipeline, "usual", 200, &[]);
    queue(&pipeline, "other", 200, &clock);
    queue(&pipeline, "third", 200, &[]);

    let _consumer = LEADS.consumer(&pipeline);

    let runs = ["usual", "other", "third"];
    let mut done = [0; 3];
    wait_until("a good part is delivered", || {
        done = runs.map(|run| settled(&pipeline, run));
        done.iter().sum::<u64>() >= 150
    });
    assert!(done.iter().all(|done| *done >= 30), "{runs:?} have {done:?} batches done");
    wait_at_most(90, "all have ended", || runs.iter().all(|run| settled(&pipeline, run) == 200));
    pipeline.assert_holds(&LEADS, &["usual.csv", "other.csv", "third.csv"]);
}

/// What gives a process a clock that is off by so much.
fn clock(by: &str) -> [(&'static str, String); 2] {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.services/faketime/libfaketimeMT.so.1");
    let library = path_setting("FAKETIME_LIB").unwrap_or_else(|| PathBuf::from(made));
    assert!(library.exists(), "no libfaketime: run `make test`, which gets it");
    [("LD_PRELOAD", library.to_str().unwrap().to_owned()), ("FAKETIME", by.to_owned())]
}

/// What a process with these settings takes for the time.
fn seconds(settings: &[(&str, String)]) -> u64 {
    let settings = settings.iter().map(|(name, value)| (name, value));
    let said = Command::new("date").arg("+%s").envs(settings).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}
