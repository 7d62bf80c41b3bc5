//! Rates and Redis' CPU of push, claim and settle, beside bare commands that move the same payload on
//! the same server, in one run.
//!
//! Each figure is the median of several rounds that alternate with its
//! counterpart: the machine may be busy, the ratio holds.
#![allow(clippy::unwrap_used, reason = "a benchmark may crash")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use ingest_core::{BatchJob, ResumePoint, Rows};
use job_queue::{BatchBackend, Claimed, Feeder, JOBS_PER_PUSH_MAX, NewRun, Queue, QueueArgs};
use redis::aio::MultiplexedConnection;
use test_support::{RedisServer, batch, load_of, new_run};

const HEADER: &str = "ExternalId,Name,Email,Company";
const ROUNDS: usize = 5;
const JOBS: u64 = 5_000;

/// As many as a call of Collections takes: the default.
const ROWS: u64 = 200;

/// What is measured, and the bare commands beside it.
const STEPS: [(&str, &str); 3] =
    [("push", "HSET + ZADD, 100 a pipeline"), ("claim", "ZPOPMIN, HGET"), ("settle", "HDEL")];

/// Of each step and its counterpart, over all rounds.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let redis = RedisServer::start();
    let args = QueueArgs::at(&redis.url());
    let queue = Queue::connect(&args).await.unwrap();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut bare = client.get_multiplexed_async_connection().await.unwrap();
    let jobs: Vec<BatchJob> = (0..JOBS).map(job).collect();
    let payload = jobs[0].encode();

    let mut ours = STEPS.map(|_| Figures::default());
    let mut plain = STEPS.map(|_| Figures::default());
    for round in 0..ROUNDS {
        let run = format!("round-{round}");
        let mut consumer = BatchBackend::new(queue.clone(), "bench", None);
        let (mut feeder, own) = prepare(&queue, &run, &jobs).await;
        let mut held = Vec::new();
        let before = Mark::now(&mut bare).await;
        push(&mut feeder, &own).await;
        let before = before.note(&mut bare, &mut ours[0]).await;
        bare_push(&mut bare, &payload).await;
        let before = before.note(&mut bare, &mut plain[0]).await;
        while let Some(claimed) = consumer.claim().await.unwrap() {
            held.push(claimed);
        }
        assert_eq!(held.len() as u64, JOBS);
        let before = before.note(&mut bare, &mut ours[1]).await;
        bare_claim(&mut bare).await;
        let before = before.note(&mut bare, &mut plain[1]).await;
        settle(&held).await;
        let before = before.note(&mut bare, &mut ours[2]).await;
        bare_settle(&mut bare).await;
        before.note(&mut bare, &mut plain[2]).await;
    }

    println!(
        "\nqueue: batches of {ROWS} rows, {} bytes, AOF everysec, median of {ROUNDS} rounds",
        payload.len()
    );
    let mut sums = [0.0; 2];
    for (((step, commands), ours), plain) in STEPS.into_iter().zip(ours).zip(plain) {
        let (rate, bare_rate) = (median(ours.rates), median(plain.rates));
        println!(
            "  {step}: {rate:.0} batches/s, bare {bare_rate:.0}, ratio {:.2} ({commands})",
            rate / bare_rate
        );
        let (cpu, bare_cpu) = (median(ours.cpu_us), median(plain.cpu_us));
        sums = [sums[0] + cpu, sums[1] + bare_cpu];
        print_cpu(step, cpu, bare_cpu);
    }
    print_cpu("all", sums[0], sums[1]);
}

fn print_cpu(step: &str, cpu: f64, bare: f64) {
    println!(
        "  {step}, redis' cpu: {cpu:.0} \u{b5}s a batch, bare {bare:.0}, ratio {:.2}",
        cpu / bare
    );
}

/// When a step began, and what Redis had used of its processor then.
struct Mark {
    at: Instant,
    cpu_seconds: f64,
}

impl Mark {
    async fn now(redis: &mut MultiplexedConnection) -> Self {
        let cpu_seconds = cpu_seconds(redis).await;
        Self { at: Instant::now(), cpu_seconds }
    }

    /// The step ends, and the next one begins.
    async fn note(self, redis: &mut MultiplexedConnection, figures: &mut Figures) -> Self {
        figures.rates.push(per_job() / self.at.elapsed().as_secs_f64());
        let next = Self::now(redis).await;
        figures.cpu_us.push((next.cpu_seconds - self.cpu_seconds) / per_job() * 1e6);
        next
    }
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

async fn prepare(queue: &Queue, run: &str, jobs: &[BatchJob]) -> (Feeder, Vec<BatchJob>) {
    let new = NewRun { load: Some(load_of("Lead")), ..new_run(run, HEADER) };
    queue.create_run(&new).await.unwrap();
    let own = jobs.iter().map(|job| BatchJob { run: new.run.clone(), ..job.clone() }).collect();
    (queue.acquire_run(&new.run).await.unwrap(), own)
}

async fn push(feeder: &mut Feeder, jobs: &[BatchJob]) {
    for (chunk, first) in jobs.chunks(JOBS_PER_PUSH_MAX).zip((0..).step_by(JOBS_PER_PUSH_MAX)) {
        let sequence = first + chunk.len() as u64;
        let (record, byte) = (sequence * ROWS, sequence * 12_000);
        let end = ResumePoint { sequence, record, line: 0, byte, skipped: 0 };
        feeder.push(&mut chunk.to_vec(), end).await.unwrap();
    }
}

async fn settle(held: &[Claimed]) {
    for claimed in held {
        let mut job = claimed.job().clone();
        job.tally.created = job.rows.len() as u64;
        job.rows = Rows::default();
        claimed.settle(&job).await.unwrap();
    }
}

async fn bare_push(redis: &mut MultiplexedConnection, payload: &[u8]) {
    for first in (0..JOBS).step_by(100) {
        let mut pipeline = redis::pipe();
        for id in first..first + 100 {
            pipeline.hset("bare:data", id, payload).ignore();
            pipeline.zadd("bare:queued", id, id).ignore();
        }
        let () = pipeline.query_async(redis).await.unwrap();
    }
}

async fn bare_claim(redis: &mut MultiplexedConnection) {
    for _ in 0..JOBS {
        let (id, _score): (String, f64) =
            redis::cmd("ZPOPMIN").arg("bare:queued").query_async(redis).await.unwrap();
        let _payload: Vec<u8> =
            redis::cmd("HGET").arg(&["bare:data", &id]).query_async(redis).await.unwrap();
    }
}

async fn bare_settle(redis: &mut MultiplexedConnection) {
    for id in 0..JOBS {
        let () = redis::cmd("HDEL").arg("bare:data").arg(id).query_async(redis).await.unwrap();
    }
}

fn job(sequence: u64) -> BatchJob {
    let first = sequence * ROWS + 1;
    let row = |record| format!("EXT-{record:09},Name {record},name{record}@example.com,Acme Ltd");
    batch(&new_run("bench", HEADER), sequence, first, (first..first + ROWS).map(row))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
