//! What Redis holds, compared with the model.

use std::collections::BTreeSet;

use job_queue::{Depth, Ledger, RunState};
use redis::Commands;

use super::expected::{Batch, Place, Run};
use crate::support::{Fixture, id};

const QUEUE: &str = "{batch-sync}:batches";

/// Everything the queue holds of a job, by the job's id.
pub(super) struct Jobs {
    pub(super) data: BTreeSet<String>,
    scheduled: BTreeSet<String>,
    delayed: BTreeSet<String>,
    leases: BTreeSet<String>,
    pub(super) parked: Vec<BTreeSet<String>>,
}

impl Jobs {
    pub(super) fn read(redis: &mut redis::Connection, runs: &[Run]) -> Self {
        let mut zset = |key: String| redis.zrange(key, 0, -1).unwrap();
        Self {
            scheduled: zset(format!("{QUEUE}:scheduled")),
            delayed: zset(format!("{QUEUE}:delayed")),
            leases: zset(format!("{QUEUE}:leases")),
            parked: runs
                .iter()
                .map(|run| zset(format!("{{batch-sync}}:run:{}:parked", run.name)))
                .collect(),
            data: redis.hkeys(format!("{QUEUE}:data")).unwrap(),
        }
    }
}

/// Run and sequence of a job on the queue.
pub(super) fn about(redis: &mut redis::Connection, id: &str) -> (String, u64) {
    let (run, sequence) = redis::cmd("HMGET")
        .arg(format!("{QUEUE}:meta:{id}"))
        .arg(&["run", "sequence"])
        .query(redis)
        .unwrap();
    (run, sequence)
}

/// The parts of the queue agree with each other.
pub(super) fn check_queue(redis: &mut redis::Connection, jobs: &Jobs, depth: Depth) {
    let sets = [&jobs.scheduled, &jobs.delayed, &jobs.leases];
    let places: Vec<&String> =
        sets.into_iter().chain(&jobs.parked).flat_map(|set| set.iter()).collect();
    let distinct: BTreeSet<String> = places.iter().map(|id| (*id).clone()).collect();
    assert_eq!(places.len(), distinct.len(), "each job is in one place");
    assert_eq!(distinct, jobs.data, "each job has a place and a payload");
    let tokens: BTreeSet<String> = redis.hkeys(format!("{QUEUE}:tokens")).unwrap();
    assert_eq!(tokens, jobs.leases, "what is leased has a token, and nothing else");
    let deliveries: BTreeSet<String> = redis.hkeys(format!("{QUEUE}:deliveries")).unwrap();
    assert!(deliveries.is_subset(&jobs.data), "deliveries of jobs that are gone");
    let metas: Vec<String> = redis.keys(format!("{QUEUE}:meta:*")).unwrap();
    assert_eq!(metas.len(), jobs.data.len(), "each job has its metadata");

    let mut counted = 0;
    for meta in metas {
        let (bytes, job): (Option<u64>, _) = (redis.hget(&meta, "bytes").unwrap(), meta);
        let payload = job.rsplit(':').next().unwrap();
        let length: u64 =
            redis::cmd("HSTRLEN").arg(format!("{QUEUE}:data")).arg(payload).query(redis).unwrap();
        assert!(bytes.is_none_or(|bytes| bytes == length), "{job} has {length}, not {bytes:?}");
        counted += bytes.unwrap_or_default();
    }
    let parked: usize = jobs.parked.iter().map(BTreeSet::len).sum();
    let unparked = (jobs.data.len() - parked) as u64;
    assert_eq!(depth, Depth { jobs: unparked, bytes: counted });
}

/// The ledger says of a run what the model does.
pub(super) async fn check_run(fixture: &Fixture, run: &Run) {
    let ledger: Ledger = fixture.ledger(run.name).await;
    assert_eq!((ledger.state, ledger.paused), (run.state, run.paused), "{}", run.name);
    assert_eq!(ledger.feeder_alive, run.is_locked);
    assert_eq!((ledger.read, ledger.batches_fed), (run.read, run.fed));
    let changed = (ledger.created, ledger.updated, ledger.deleted);
    assert_eq!(changed, (run.created, run.updated, run.deleted));
    assert_eq!(ledger.retried, run.retried);
    assert_eq!(ledger.rejected_by_code, run.rejected);
    assert_eq!(ledger.batches_settled, run.settled(), "batches of {}", run.name);
    assert_eq!(ledger.finished_at_ms.is_some(), ledger.has_ended());

    let shown = ledger.delivered() + ledger.rejected + ledger.cancelled() + ledger.unfinished();
    assert_eq!(ledger.read, shown, "rows are conserved");
    let open: u64 = (0..run.read / super::expected::ROWS).map(|n| open_rows(run, n)).sum();
    let kept_out: u64 = run.batches.iter().map(|batch| left_out(run, batch)).sum();
    assert_eq!(ledger.cancelled() + ledger.unfinished(), open + kept_out);

    let mut redis = fixture.redis();
    let bits: Vec<u8> = redis.get(format!("{{batch-sync}}:run:{}:settled", run.name)).unwrap();
    for (batch, sequence) in run.batches.iter().zip(0_usize..) {
        let bit = bits.get(sequence / 8).is_some_and(|byte| byte >> (7 - sequence % 8) & 1 == 1);
        assert_eq!(bit, batch.is_settled, "bit of {} {sequence}", run.name);
    }
    let pending = fixture.queue.pending_rejects(&id(run.name), 1 << 20).await.unwrap();
    assert_eq!(pending.lines, run.reject_lines[run.written..], "rejects of {}", run.name);
    let written: usize = run.reject_lines[..run.written].iter().map(Vec::len).sum();
    assert_eq!(pending.position, written as u64);
    let waiting: u64 = run.reject_lines[run.written..].iter().map(|line| line.len() as u64).sum();
    let weight: Option<u64> =
        redis.hget(format!("{{batch-sync}}:run:{}", run.name), "rejects_pending_bytes").unwrap();
    assert_eq!(weight.unwrap_or_default(), waiting);
    let is_listed: bool = redis.sismember("{batch-sync}:runs:unfinished", run.name).unwrap();
    let is_open = run.is_under_way();
    assert_eq!(is_listed, is_open, "{} among the unfinished runs", run.name);
}

/// Rows of a batch that are read and have no outcome.
fn open_rows(run: &Run, sequence: u64) -> u64 {
    let batch = &run.batches[usize::try_from(sequence).unwrap()];
    if batch.is_settled { 0 } else { super::expected::ROWS }
}

/// Rows that a settled batch was settled without.
fn left_out(run: &Run, batch: &Batch) -> u64 {
    let can_be = matches!(run.state, RunState::Cancelling | RunState::Cancelled);
    if batch.is_settled && can_be { batch.job.rows.len() as u64 } else { 0 }
}

/// Every batch that is on its way is on the queue, where the model says.
pub(super) fn check_places(redis: &mut redis::Connection, jobs: &Jobs, runs: &[Run]) {
    let mut found = BTreeSet::new();
    let parked: BTreeSet<String> = jobs.parked.iter().flatten().cloned().collect();
    for (places, set) in [
        ([Place::Waiting; 2], &jobs.scheduled),
        ([Place::Waiting; 2], &parked),
        ([Place::Delayed, Place::Due], &jobs.delayed),
        ([Place::Leased, Place::Expired], &jobs.leases),
    ] {
        for job in set {
            let (name, sequence) = about(redis, job);
            let run = runs.iter().find(|run| run.name == name).unwrap();
            let batch = &run.batches[usize::try_from(sequence).unwrap()];
            assert!(places.contains(&batch.place), "{name} {sequence} is not {:?}", batch.place);
            found.insert((name, sequence));
        }
    }
    for run in runs {
        for (batch, sequence) in run.batches.iter().zip(0..) {
            let is_there = found.contains(&(run.name.to_owned(), sequence));
            assert_eq!(is_there, batch.place != Place::Nowhere, "{} {sequence}", run.name);
        }
    }
}

/// All that is left of a queue on which there is nothing.
pub(super) fn check_nothing_is_left(fixture: &Fixture) {
    let mut redis = fixture.redis();
    let keys = fixture.queue_keys();
    assert!(keys.iter().all(|key| key.ends_with(":depth")), "left behind: {keys:?}");
    let figures: Vec<i64> = redis.hvals(format!("{QUEUE}:depth")).unwrap();
    assert!(figures.iter().all(|figure| *figure == 0), "left behind: {figures:?}");
    let of_runs: Vec<String> = redis.keys("{batch-sync}:run:*").unwrap();
    let odd = |key: &&String| key.ends_with(":parked") || key.ends_with(":rejects");
    assert_eq!(of_runs.iter().find(odd), None);
    assert!(!redis.exists::<_, bool>("{batch-sync}:runs:unfinished").unwrap());
}
