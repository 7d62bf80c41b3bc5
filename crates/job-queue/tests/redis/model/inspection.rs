//! What Redis holds, compared with the model.

use std::collections::{BTreeMap, BTreeSet};

use job_queue::{Depth, Ledger, Output, RunState};
use redis::Commands;

use super::expected::{Batch, Place, Run};
use crate::support::{Fixture, id};

/// The name of something that belongs to a run.
pub(super) fn key(run: &str, part: &str) -> String {
    format!("{{batch-sync}}:run:{run}{part}")
}

/// Everything that a run's queue holds, by sequence.
pub(super) struct Jobs {
    pub(super) data: BTreeSet<u64>,
    /// Pushed, without a checkpoint.
    unkept: BTreeSet<u64>,
    places: BTreeMap<&'static str, BTreeSet<u64>>,
}

impl Jobs {
    pub(super) fn read(redis: &mut redis::Connection, run: &str) -> Self {
        let data = redis.hkeys(key(run, ":data")).unwrap();
        let mut zset = |part: &str| redis.zrange(key(run, part), 0, -1).unwrap();
        let sets = [":queued", ":delayed", ":leases"];
        Self {
            data,
            unkept: zset(":scheduled"),
            places: sets.into_iter().map(|part| (part, zset(part))).collect(),
        }
    }
}

/// The parts of the queues agree with each other and with the model.
pub(super) fn check_queues(redis: &mut redis::Connection, runs: &[Run], depth: Depth) {
    let (mut to_do, mut bytes) = (0, 0);
    for run in runs {
        let jobs = Jobs::read(redis, run.name);
        check_places(redis, run, &jobs);
        for sequence in jobs.data.difference(&jobs.unkept) {
            let mut length = redis::cmd("HSTRLEN");
            length.arg(key(run.name, ":data")).arg(*sequence);
            bytes += length.query::<u64>(redis).unwrap();
        }
        if run.is_open() || run.state == RunState::Cancelling {
            to_do += (jobs.data.len() - jobs.unkept.len()) as u64;
        }
        check_round(redis, run);
    }
    assert_eq!(depth, Depth { jobs: to_do, bytes });
}

fn check_places(redis: &mut redis::Connection, run: &Run, jobs: &Jobs) {
    let name = run.name;
    let places: Vec<u64> = jobs.places.values().flatten().copied().collect();
    let distinct: BTreeSet<u64> = places.iter().copied().collect();
    assert_eq!(places.len(), distinct.len(), "each job is in one place");
    let with_place: BTreeSet<u64> = distinct.union(&jobs.unkept).copied().collect();
    assert_eq!(with_place, jobs.data, "each job has a place and a payload");
    let metas: Vec<String> = redis.keys(key(name, ":meta:*")).unwrap();
    assert_eq!(metas.len(), jobs.unkept.len(), "metadata goes with the checkpoint");
    let notes: BTreeSet<String> = redis.hkeys(key(name, ":notes")).unwrap();
    let tokens: BTreeSet<u64> = notes.iter().filter_map(|note| note.parse().ok()).collect();
    assert_eq!(tokens, jobs.places[":leases"], "what is leased has a token, and nothing else");
    for note in &notes {
        let job = note.split(':').next().unwrap().parse().unwrap();
        assert!(jobs.data.contains(&job), "{note} is of a job that is gone");
    }
    for (batch, sequence) in run.batches.iter().zip(0..) {
        let set = match batch.place {
            Place::Nowhere => None,
            Place::Queued => Some(":queued"),
            Place::Delayed | Place::Due => Some(":delayed"),
            Place::Leased { .. } | Place::Expired { .. } => Some(":leases"),
        };
        let is_in = jobs.places.iter().find(|(_, set)| set.contains(&sequence));
        assert_eq!(is_in.map(|(set, _)| *set), set, "{name} {sequence} is {:?}", batch.place);
    }
}

/// A run that may be delivered is in its round while something of it is due, and is looked at
/// again when something will be; any other is in none.
fn check_round(redis: &mut redis::Connection, run: &Run) {
    let name = key(run.name, "");
    let round = "{batch-sync}:round:deliveries";
    let turn: Option<f64> = redis.zscore(round, &name).unwrap();
    let wake: Option<f64> = redis.zscore("{batch-sync}:wake", &name).unwrap();
    let is_queued = run.batches.iter().any(|batch| batch.place == Place::Queued);
    if run.is_open() {
        assert!(turn.is_some() || !is_queued, "{name} has work, and is in no round");
        let is_empty = run.queued() == 0;
        assert!(turn.is_some() || wake.is_some() || is_empty, "{name} sleeps for ever");
    } else if run.state != RunState::Cancelling {
        assert_eq!((turn, wake), (None, None), "{name} is {:?} and in a round", run.state);
    }
}

/// The ledger says of a run what the model does.
pub(super) async fn check_run(fixture: &Fixture, run: &Run) {
    let ledger: Ledger = fixture.ledger(run.name).await;
    assert_eq!((ledger.state, ledger.paused), (run.state, run.paused), "{}", run.name);
    assert_eq!(ledger.held.is_some(), run.held, "{}", run.name);
    assert_eq!(ledger.feeder_alive, run.is_locked);
    assert_eq!((ledger.read, ledger.batches_fed), (run.read, run.fed));
    let changed = (ledger.tally.created, ledger.tally.updated, ledger.tally.deleted);
    assert_eq!(changed, (run.created, run.updated, run.deleted));
    assert_eq!(ledger.tally.retried, run.retried);
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
    assert_eq!(ledger.ids, run.ids);
    for (output, lines) in Output::ALL.into_iter().zip(&run.outputs) {
        let (written, waiting) = lines.all.split_at(lines.written);
        let pending = fixture.queue.pending_lines(&id(run.name), output, 1 << 20).await.unwrap();
        assert_eq!(pending.lines, waiting, "{output:?} of {}", run.name);
        assert_eq!(pending.position, written.iter().map(Vec::len).sum::<usize>() as u64);
        let field = format!("{}_pending_bytes", output.name());
        let weight: Option<u64> = redis.hget(key(run.name, ""), field).unwrap();
        let waiting: usize = waiting.iter().map(Vec::len).sum();
        assert_eq!(weight.unwrap_or_default(), waiting as u64);
    }
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

/// All that is left of queues on which there is nothing.
pub(super) fn check_nothing_is_left(fixture: &Fixture) {
    assert_eq!(fixture.queue_keys(), [""; 0], "left behind");
    let mut redis = fixture.redis();
    for output in Output::ALL {
        let lines: Vec<String> = redis.keys(key("*", &format!(":{}", output.name()))).unwrap();
        assert_eq!(lines, [""; 0]);
    }
    assert!(!redis.exists::<_, bool>("{batch-sync}:runs:unfinished").unwrap());
}
