//! A place of `producer serve` is held while a file is being read: what is only followed, or waits
//! for room, keeps no other run from beginning.

use std::collections::BTreeSet;

use test_support::{azurite_connection_string, wait_at_most};

use crate::{
    kinds::LEADS,
    pipeline::Pipeline,
    processes::{pause, wait_until},
    records::sheet,
    server::{SERVE, Server},
    slow_proxy::slow_proxy_before,
};

const SHORT_ROWS: u64 = 100;

/// As many long imports as a server has places by default, and a short one.
const LONG: [&str; 2] = ["long-1.csv", "long-2.csv"];
const SHORT: &str = "short.csv";

fn put_files(pipeline: &Pipeline, long_rows: u64, wider_by: usize) {
    for file in LONG {
        pipeline.put(file, sheet(&format!("{file}-"), long_rows, wider_by));
    }
    pipeline.put(SHORT, sheet("S", SHORT_ROWS, 0));
}

fn server(pipeline: &Pipeline) -> Server {
    Server::of(LEADS.program(pipeline, "producer", &SERVE))
}

#[test]
fn a_short_import_ends_while_two_long_ones_wait_for_room_and_for_their_ends() {
    // Each of the long ones is 400 calls of a second, of which four are made at once.
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=1000"]);
    pipeline.set("QUEUE_DEPTH_HIGH", "100");
    put_files(&pipeline, 40_000, 0);
    let server = server(&pipeline);
    let _consumer = LEADS.consumer(&pipeline);
    let long = LONG.map(|file| server.start_run(file));
    wait_until("both wait for room", || long.iter().all(|run| server.status(run) == "waiting"));

    let short = server.start_run(SHORT);
    wait_at_most(20, "the short run has ended", || server.status(&short) == "completed");

    pipeline.assert_holds_of_some(&LEADS, &[SHORT], |key| key.starts_with('S'));
    for run in &long {
        let report = server.report(run);
        assert!(report["read"].as_u64() < Some(40_000), "it was no long one: {report}");
    }
}

/// Long runs that have begun, and of which most is still to be read.
fn interrupted_runs(pipeline: &mut Pipeline) {
    pipeline.set("QUEUE_DEPTH_HIGH", "5");
    for file in LONG {
        let sync = LEADS.sync(pipeline, file, file);
        wait_until("reading pauses", || sync.stderr().contains("reading pauses"));
        sync.signal("INT");
        sync.end();
    }
    pipeline.set("QUEUE_DEPTH_HIGH", "2000");
}

#[test]
fn a_run_that_waits_for_a_place_is_queued() {
    let mut pipeline = Pipeline::start();
    put_files(&pipeline, 2_000, 1_000);
    interrupted_runs(&mut pipeline);
    // Reading one of the long files takes some five seconds from now on.
    let slow = slow_proxy_before(&pipeline.azurite.address(), 400_000);
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &azurite_connection_string(&slow));
    let server = server(&pipeline);
    let _consumer = LEADS.consumer(&pipeline);
    LONG.iter().for_each(|run| server.tell(run, "resume"));
    wait_until("both are being read", || LONG.iter().all(|run| server.status(run) == "feeding"));

    let short = server.start_run(SHORT);
    let mut seen = BTreeSet::new();
    wait_until("the short run has ended", || {
        seen.insert(server.status(&short));
        pause();
        seen.contains("completed")
    });

    assert!(seen.contains("queued") && !seen.contains("interrupted"), "{seen:?}");
    wait_until("all have ended", || LONG.iter().all(|run| server.status(run) == "completed"));
    let lasting = pipeline.azurite.connection_string();
    pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &lasting);
    pipeline.assert_holds(&LEADS, &[LONG[0], LONG[1], SHORT]);
}
