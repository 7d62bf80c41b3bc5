//! Push and claim rates beside bare Redis commands on the same server, in one run.
//!
//! Each figure is the median of several rounds that alternate with its
//! counterpart: the machine may be busy, the ratio holds.
#![allow(clippy::unwrap_used, reason = "a benchmark may crash")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use ingest_core::{BatchJob, ResumePoint, Rows};
use job_queue::{BatchBackend, JOBS_PER_PUSH_MAX, NewRun, Queue, QueueArgs};
use redis::aio::MultiplexedConnection;
use test_support::{RedisServer, batch, load_of, new_run};

const HEADER: &str = "ExternalId,Name,Email,Company";
const ROUNDS: usize = 5;
const JOBS: u64 = 5_000;

#[tokio::main]
async fn main() {
    let redis = RedisServer::start();
    let args = QueueArgs::at(&redis.url());
    let queue = Queue::connect(&args).await.unwrap();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut bare = client.get_multiplexed_async_connection().await.unwrap();
    let jobs: Vec<BatchJob> = (0..JOBS).map(job).collect();
    let payload = jobs[0].encode();

    let mut rates = [const { Vec::new() }; 4];
    let mut cpu = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        let run = format!("round-{round}");
        let mut before = cpu_seconds(&mut bare).await;
        for at in 0..4 {
            rates[at].push(match at {
                0 => push(&queue, &run, &jobs).await,
                1 => claim_and_settle(&queue).await,
                2 => bare_push(&mut bare, &payload).await,
                _ => bare_claim(&mut bare).await,
            });
            let after = cpu_seconds(&mut bare).await;
            cpu[at].push((after - before) / per_job() * 1e6);
            before = after;
        }
    }

    let [push, claim, bare_push, bare_claim] = rates.map(median);
    println!(
        "\nqueue: batches of 100 rows, {} bytes, AOF everysec, median of {ROUNDS} rounds",
        payload.len()
    );
    row("push", push, "RPUSH, 100 a pipeline", bare_push);
    row("claim + settle, one consumer", claim, "LMOVE + LREM, one by one", bare_claim);
    let [push, claim, bare_push, bare_claim] = cpu.map(median);
    println!(
        "  redis' cpu, \u{b5}s a batch: push {push:.0} (bare {bare_push:.0}), claim + settle {claim:.0} \
         (bare {bare_claim:.0})"
    );
}

/// What Redis has used of its processor so far.
async fn cpu_seconds(redis: &mut MultiplexedConnection) -> f64 {
    let info: String = redis::cmd("INFO").arg("cpu").query_async(redis).await.unwrap();
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().parse::<f64>().unwrap()
    };
    field("used_cpu_user") + field("used_cpu_sys")
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand jobs")]
fn per_job() -> f64 {
    JOBS as f64
}

fn row(ours: &str, rate: f64, bare: &str, bare_rate: f64) {
    println!(
        "  {ours:30}{rate:>9.0}/s   {bare:26}{bare_rate:>9.0}/s   ratio {:.2}",
        rate / bare_rate
    );
}

async fn push(queue: &Queue, run: &str, jobs: &[BatchJob]) -> f64 {
    let new = NewRun { load: Some(load_of("Lead")), ..new_run(run, HEADER) };
    queue.create_run(&new).await.unwrap();
    let jobs: Vec<BatchJob> =
        jobs.iter().map(|job| BatchJob { run: new.run.clone(), ..job.clone() }).collect();
    let mut feeder = queue.acquire_run(&new.run).await.unwrap();
    let started = Instant::now();
    for (chunk, first) in jobs.chunks(JOBS_PER_PUSH_MAX).zip((0..).step_by(JOBS_PER_PUSH_MAX)) {
        let sequence = first + chunk.len() as u64;
        let end = ResumePoint {
            sequence,
            record: sequence * 100,
            line: 0,
            byte: sequence * 6_000,
            skipped: 0,
        };
        feeder.push(chunk, end).await.unwrap();
    }
    rate(started)
}

async fn claim_and_settle(queue: &Queue) -> f64 {
    let mut consumer = BatchBackend::new(queue.clone(), "bench", None);
    let started = Instant::now();
    while let Some(claimed) = consumer.claim().await.unwrap() {
        let mut job = claimed.job().clone();
        job.tally.created = job.rows.len() as u64;
        job.rows = Rows::default();
        claimed.settle(&job).await.unwrap();
    }
    rate(started)
}

async fn bare_push(redis: &mut MultiplexedConnection, payload: &[u8]) -> f64 {
    let started = Instant::now();
    for _ in 0..JOBS / 100 {
        let mut pipeline = redis::pipe();
        for _ in 0..100 {
            pipeline.rpush("bare", payload).ignore();
        }
        let () = pipeline.query_async(redis).await.unwrap();
    }
    rate(started)
}

async fn bare_claim(redis: &mut MultiplexedConnection) -> f64 {
    let started = Instant::now();
    for _ in 0..JOBS {
        let payload: Vec<u8> = redis::cmd("LMOVE")
            .arg(&["bare", "busy", "LEFT", "RIGHT"])
            .query_async(redis)
            .await
            .unwrap();
        let () =
            redis::cmd("LREM").arg("busy").arg(1).arg(payload).query_async(redis).await.unwrap();
    }
    rate(started)
}

fn job(sequence: u64) -> BatchJob {
    let first = sequence * 100 + 1;
    let row = |record| format!("EXT-{record:09},Name {record},name{record}@example.com,Acme Ltd");
    batch(&new_run("bench", HEADER), sequence, first, (first..first + 100).map(row))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand jobs")]
fn rate(started: Instant) -> f64 {
    JOBS as f64 / started.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
