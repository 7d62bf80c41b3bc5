//! Shows how calls at once settle at what an org takes: a consumer before the simulator, whose cap
//! moves. Prints a line a second.
//!
//! ```text
//! cargo run --release -p consumer --example concurrency          # 50 ms an answer
//! cargo run --release -p consumer --example concurrency -- 500   # 500 ms
//! cargo run --release -p consumer --example concurrency -- 50 bulk   # by ingest jobs
//! ```
//!
//! The last figure of a cap is from its tenth second on: what is lost once it has settled.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it is run by hand")]

use std::time::Duration;

use clap::Parser;
use consumer::Cli;
use ingest_core::{BatchJob, ResumePoint};
use job_queue::{NewRun, Queue, QueueArgs};
use salesforce_simulator::{Config, Fault, Faults, Simulator};
use serde_json::Value;
use test_support::{RedisServer, batch, new_run};
use tokio_util::sync::CancellationToken;

const LATENCY_MS: u64 = 50;

/// By then it has settled.
const SETTLED_AFTER: u64 = 10;

/// Seconds, and how many calls at once the org takes then.
const CAPS: [(u64, u32); 4] = [(40, 10), (20, 5), (40, 20), (20, 8)];

const HEADER: &str = "External_Id__c,LastName,Company";
const ROWS: u64 = 20;

#[tokio::main]
async fn main() {
    let latency_ms = std::env::args().nth(1).map_or(LATENCY_MS, |ms| ms.parse().unwrap());
    let api = std::env::args().nth(2).unwrap_or_else(|| "collections".to_owned());
    let faults = |cap: u32| Faults {
        latency_ms,
        concurrency_max: usize::try_from(cap).ok(),
        ..Faults::default()
    };
    let perfect = |cap: u32, seconds: u64| seconds * u64::from(cap) * 1_000 / latency_ms;
    let redis = RedisServer::start();
    let args = QueueArgs::at(&redis.url());
    let queue = Queue::connect(&args).await.unwrap();
    feed(&queue, 40_000).await;
    let simulator =
        Simulator::start(Config { faults: faults(CAPS[0].1), ..Config::default() }).await.unwrap();
    let shutdown = CancellationToken::new();
    let consumer = tokio::spawn(consumer::run(task(&redis, &simulator, &api), shutdown.clone()));

    println!("second  cap  limit  answered/s  refused/s  of perfect");
    let mut second = 0;
    let (mut calls, mut refused) = (0, 0);
    for (seconds, cap) in CAPS {
        simulator.set_faults(faults(cap));
        let mut settled = 0;
        for second_of_cap in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            second += 1;
            let state = simulator.state();
            let all_refused = state.faults.get(&Fault::ConcurrentLimit).copied().unwrap_or(0);
            // A refused call counts as one of the day a moment after it was refused.
            let all_answered = calls.max(state.api_calls.saturating_sub(all_refused));
            let (answered_now, refused_now) = (all_answered - calls, all_refused - refused);
            (calls, refused) = (all_answered, all_refused);
            if second_of_cap >= SETTLED_AFTER {
                settled += answered_now;
            }
            let limit = limit(&queue).await;
            println!(
                "{second:6}  {cap:3}  {limit:5}  {answered_now:10}  {refused_now:9}  {:9.0}%",
                answered_now as f64 * 100.0 / perfect(cap, 1) as f64
            );
        }
        let perfect = perfect(cap, seconds - SETTLED_AFTER);
        println!("        cap {cap}, settled: {settled} of {perfect} perfect calls");
    }
    shutdown.cancel();
    consumer.await.unwrap().unwrap();
}

fn task(redis: &RedisServer, simulator: &Simulator, api: &str) -> consumer::Task {
    Cli::parse_from([
        "consumer".to_owned(),
        format!("--salesforce-api={api}"),
        "--salesforce-concurrency-max=32".to_owned(),
        format!("--redis-url={}", redis.url()),
        format!("--salesforce-login-url={}", simulator.url()),
        format!("--salesforce-client-id={}", Config::CLIENT_ID),
        format!("--salesforce-client-secret={}", Config::CLIENT_SECRET),
        "--salesforce-object=Lead".to_owned(),
        "--salesforce-external-id=External_Id__c".to_owned(),
    ])
    .meant()
    .unwrap()
}

/// The org's limit as all consumers know it; looking changes nothing.
async fn limit(queue: &Queue) -> u64 {
    let shared = queue.change_shared(|value, _| value.unwrap_or_default()).await.unwrap();
    let shared: Value = serde_json::from_slice(&shared).unwrap_or_default();
    shared["limit"].as_u64().unwrap_or_default()
}

async fn feed(queue: &Queue, batches: u64) {
    let new = new_run("run", HEADER);
    queue.create_run(&new).await.unwrap();
    let mut feeder = queue.acquire_run(&new.run).await.unwrap();
    let mut end = ResumePoint::default();
    for _ in 0..batches / 100 {
        let jobs: Vec<BatchJob> = (0..100).map(|_| job(&new, &mut end)).collect();
        feeder.push(&mut jobs.clone(), end).await.unwrap();
    }
    feeder.finish(0).await.unwrap();
    feeder.release().await;
}

fn job(new: &NewRun, end: &mut ResumePoint) -> BatchJob {
    let first = end.record + 1;
    let rows = (first..first + ROWS).map(|record| format!("E-{},Ames,Acme", record % 50_000));
    let job = batch(new, end.sequence, first, rows);
    end.record += ROWS;
    end.sequence += 1;
    end.byte += 1;
    job
}
