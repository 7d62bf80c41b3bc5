use std::time::Duration;

use bytes::Bytes;
use ingest_core::{BatchJob, IdLine, Reject, ResumePoint, Rows, RunId};
use job_queue::{BatchBackend, Claimed, Created, Ledger, NewRun, Queue, QueueArgs, RunLoad};
use redis::Commands;
pub(crate) use test_support::load_of;
use test_support::{RedisServer, until};

/// A Redis of its own, and a queue on it.
pub(crate) struct Fixture {
    pub(crate) redis: RedisServer,
    pub(crate) queue: Queue,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_lease(Duration::from_secs(30)).await
    }

    pub(crate) async fn with_lease(lease: Duration) -> Self {
        Self::on(RedisServer::start(), lease).await
    }

    pub(crate) async fn on(redis: RedisServer, lease: Duration) -> Self {
        let queue = connect(&redis, lease).await;
        Self { redis, queue }
    }

    pub(crate) async fn with_run(run: &str) -> Self {
        let fixture = Self::new().await;
        fixture.create(run).await;
        fixture
    }

    pub(crate) async fn create(&self, run: &str) {
        assert_eq!(self.queue.create_run(&new_run(run)).await.unwrap(), Created::New);
    }

    /// Puts `batches` batches of 10 rows on the queue and says that this is all.
    pub(crate) async fn feed_all(&self, run: &str, batches: u64) {
        let mut feeder = self.queue.acquire_run(&id(run)).await.unwrap();
        for first in (0..batches).step_by(100) {
            let jobs: Vec<_> = (first..batches.min(first + 100)).map(|n| job(run, n)).collect();
            feeder.push(&mut jobs.clone(), after(first + jobs.len() as u64)).await.unwrap();
        }
        feeder.finish(0).await.unwrap();
        feeder.release().await;
    }

    pub(crate) async fn ledger(&self, run: &str) -> Ledger {
        self.queue.ledger(&id(run)).await.unwrap().unwrap()
    }

    /// Delivers everything that is on the queue now.
    pub(crate) async fn deliver_all(&self) -> Vec<u64> {
        let mut consumer = consumer_of(self.queue.clone(), "deliver-all");
        let mut sequences = Vec::new();
        while let Some(claimed) = consumer.claim().await.unwrap() {
            sequences.push(claimed.job().sequence);
            claimed.settle(&delivered(&claimed)).await.unwrap();
        }
        sequences
    }

    /// Waits until what was written is with the operating system: Redis answers before that while it
    /// syncs its log, and a killed one loses it.
    pub(crate) async fn in_the_log(&self) {
        let mut redis = self.redis();
        loop {
            let told: String = redis::cmd("INFO").arg("persistence").query(&mut redis).unwrap();
            if told.lines().any(|line| line.trim() == "aof_buffer_length:0") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn redis(&self) -> redis::Connection {
        redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap()
    }

    /// As if the clock of Redis' host were set ahead by so much: what was read last was less.
    pub(crate) fn step_clock(&self, ms: i64) {
        for field in ["seen", "lost"] {
            let () = self.redis().hincr("{batch-sync}:clock", field, -ms).unwrap();
        }
    }

    pub(crate) fn set_in_ledger(&self, run: &str, field: &str, value: u64) {
        let () = self.redis().hset(format!("{{batch-sync}}:run:{run}"), field, value).unwrap();
    }

    /// Keys of queues that hold something.
    pub(crate) fn queue_keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for part in ["data", "queued", "delayed", "leases", "notes", "scheduled", "meta:*"] {
            keys.extend(self.keys(&format!("{{batch-sync}}:run:*:{part}")));
        }
        for key in ["to-do", "weights", "wake", "round:*"] {
            keys.extend(self.keys(&format!("{{batch-sync}}:{key}")));
        }
        keys
    }

    fn keys(&self, pattern: &str) -> Vec<String> {
        self.redis().keys(pattern).unwrap()
    }
}

pub(crate) async fn connect(redis: &RedisServer, lease: Duration) -> Queue {
    let args = QueueArgs { queue_lease: lease, ..QueueArgs::at(&redis.url()) };
    Queue::connect(&args).await.unwrap()
}

/// The load of runs, and of consumers, unless a test says otherwise.
pub(crate) fn load() -> RunLoad {
    load_of("Lead")
}

pub(crate) fn consumer_of(queue: Queue, name: &str) -> BatchBackend {
    BatchBackend::new(queue, name, Some(&load()))
}

/// The next batch, when a lease or a delay has to end first.
pub(crate) async fn claim_soon(consumer: &mut BatchBackend) -> Claimed {
    until("a batch comes", async || consumer.claim().await.unwrap()).await
}

pub(crate) fn id(run: &str) -> RunId {
    run.parse().unwrap()
}

pub(crate) fn new_run(run: &str) -> NewRun {
    NewRun { load: Some(load()), ..test_support::new_run(run, "ExternalId,Name") }
}

/// Batch `sequence`: 10 rows.
pub(crate) fn job(run: &str, sequence: u64) -> BatchJob {
    let first = sequence * 10 + 1;
    let rows = (first..first + 10).map(|record| format!("EXT-{record},Name {record}"));
    test_support::batch(&new_run(run), sequence, first, rows)
}

/// Where feeding goes on after the first `batches` batches of [`job`].
pub(crate) fn after(batches: u64) -> ResumePoint {
    ResumePoint {
        sequence: batches,
        record: batches * 10,
        line: batches * 10 + 2,
        byte: batches * 200,
        skipped: 0,
    }
}

/// The claimed batch with all its rows delivered.
pub(crate) fn delivered(claimed: &Claimed) -> BatchJob {
    let mut job = claimed.job().clone();
    job.tally.created += job.rows.len() as u64;
    job.tally.api_calls += 1;
    job.rows = Rows::default();
    job
}

/// The same, of which the first so many rows have a line for the ids file.
pub(crate) fn with_ids(claimed: &Claimed, lines: usize) -> BatchJob {
    let mut job = delivered(claimed);
    for (record, raw) in claimed.job().rows.iter().take(lines) {
        let id = format!("00Q{record:012}");
        let line = IdLine { record, key: Some(raw), id: &id, change: "created" };
        job.ids.push(job.dialect, line);
    }
    job
}

pub(crate) fn reject(record: u64, code: &str) -> Reject {
    Reject {
        record,
        code: code.to_owned(),
        message: "because".to_owned(),
        raw: Bytes::from(format!("EXT-{record},Name {record}")),
    }
}
