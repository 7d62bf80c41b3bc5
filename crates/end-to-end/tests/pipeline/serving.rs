//! Runs over HTTP, on servers that may die.

use redis::Commands;
use reqwest::blocking::Response;
use serde_json::Value;

use crate::{
    pipeline::{FILE, Pipeline},
    processes::wait_until,
    server::{Server, run_of},
};

const ROWS: u64 = 20_000;

/// As the user of the seed does it.
fn start_run(server: &Server) -> Response {
    server.post("/api/sync/start", r#"{"fileName": "big-data-import.csv"}"#)
}

fn imports(server: &mut Server) -> bool {
    server.program().stderr().contains("Downloading stream from Azure: big-data-import.csv...")
}

fn figures<const N: usize>(report: &Value, names: [&str; N]) -> [u64; N] {
    names.map(|name| report[name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}")))
}

/// A pipeline whose Salesforce takes a while, so that there is a middle.
/// So slow that the queue is never empty between two looks of the producer at a full one.
fn slow_pipeline() -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=500"]);
    pipeline.set("QUEUE_DEPTH_HIGH", "40");
    pipeline.generate(ROWS, &["--bad-rows", "10"]);
    pipeline
}

#[test]
fn a_run_that_is_started_over_http_brings_every_row_to_its_place() {
    let pipeline = slow_pipeline();
    let server = Server::start(&pipeline);
    let _consumer = pipeline.consumer();

    let started = start_run(&server);
    assert_eq!(started.status(), 202);
    let run = run_of(started);
    let again = start_run(&server);

    assert_eq!((again.status().as_u16(), run_of(again)), (409, run.clone()));
    let report = server.wait_for(&run, "completed");
    let [read, unfinished, cancelled] = figures(&report, ["read", "unfinished", "cancelled"]);
    assert_eq!((read, unfinished, cancelled), (ROWS, 0, 0));
    let written = |report: &Value| report["rejectsWrittenBytes"].as_u64() > Some(0);
    wait_until("the rejects are written", || written(&server.report(&run)));
    let rejects = format!("{}/api/sync/{run}/rejects", server.url);
    let downloaded = reqwest::blocking::get(rejects).unwrap().bytes().unwrap();
    assert_eq!(downloaded, pipeline.get(&format!("rejects/{run}.csv")));
    pipeline.assert_every_row_is_where_it_belongs(&run, FILE);
}

#[test]
fn a_server_that_is_killed_in_mid_run_is_replaced_by_another_one() {
    let pipeline = slow_pipeline();
    let mut servers = [Server::start(&pipeline), Server::start(&pipeline)];
    let _consumer = pipeline.consumer();
    let run = run_of(start_run(&servers[0]));
    wait_until("one of them imports it", || servers.iter_mut().any(imports));
    let [mut first, second] = servers;
    let (busy, mut idle) = if imports(&mut first) { (first, second) } else { (second, first) };
    pipeline.wait_until_rows_arrive(2_000);

    busy.kill();
    assert!(figures(&idle.report(&run), ["read"]) < [ROWS], "it died in the middle");

    let report = idle.wait_for(&run, "completed");
    assert!(imports(&mut idle));
    let [read, delivered, rejected] = figures(&report, ["read", "delivered", "rejected"]);
    assert_eq!((read, delivered + rejected), (ROWS, ROWS));
    let written = |report: &Value| report["rejectsWrittenBytes"].as_u64() > Some(0);
    wait_until("the rejects are written", || written(&idle.report(&run)));
    pipeline.assert_every_row_is_where_it_belongs(&run, FILE);
}

#[test]
fn pause_resume_and_cancel_do_to_salesforce_what_they_say() {
    let pipeline = slow_pipeline();
    let server = Server::start(&pipeline);
    let _consumer = pipeline.consumer();
    let run = run_of(start_run(&server));
    let wish = |wish: &str| server.post(&format!("/api/sync/{run}/{wish}"), "").status().as_u16();
    pipeline.wait_until_rows_arrive(2_000);

    assert_eq!(wish("pause"), 202);
    // What is being delivered is seen through: all that arrived is counted.
    wait_until("what arrived is counted, and nothing more arrives", || {
        let counted = || figures(&server.report(&run), ["delivered"])[0];
        let [before, arrived] = [counted(), pipeline.leads().len() as u64];
        before == arrived && counted() == arrived
    });
    let paused = server.report(&run);
    let [read, delivered] = figures(&paused, ["read", "delivered"]);
    assert_eq!(paused["status"], "paused");
    assert!(delivered < read && read < ROWS, "{paused}");

    assert_eq!(wish("resume"), 202);
    wait_until("rows arrive again", || pipeline.leads().len() as u64 > delivered + 1_000);
    assert_eq!(wish("cancel"), 202);
    let report = server.wait_for(&run, "cancelled");
    let names = ["read", "delivered", "rejected", "cancelled", "unfinished"];
    let [read, delivered, rejected, cancelled, unfinished] = figures(&report, names);
    assert_eq!((delivered + rejected + cancelled, unfinished), (read, 0), "{report}");
    assert!(cancelled > 0 && read < ROWS, "{report}");
    assert_eq!(pipeline.leads().len() as u64, delivered);
}

#[test]
fn a_server_feeds_a_run_again_whose_batches_fell_out_of_redis() {
    let mut pipeline = Pipeline::start();
    pipeline.set("BATCH_ROWS", "20");
    pipeline.generate(2_000, &[]);
    let mut server = Server::start(&pipeline);
    let run = run_of(start_run(&server));
    server.wait_for(&run, "draining");
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let queued = format!("{{batch-sync}}:run:{run}:queued");
    let taken: Vec<(String, f64)> = client.get_connection().unwrap().zpopmin(queued, 3).unwrap();
    assert_eq!(taken.len(), 3);

    let _consumer = pipeline.consumer();

    let report = server.wait_for(&run, "completed");
    assert_eq!(figures(&report, ["read", "delivered", "unfinished"]), [2_000, 2_000, 0]);
    assert!(server.program().stderr().contains("redis lost 3 of its batches"));
    pipeline.assert_every_row_is_where_it_belongs(&run, FILE);
}
