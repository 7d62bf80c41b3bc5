//! The model: what a run and its batches are, in as few words as possible.

use std::collections::BTreeMap;

use ingest_core::BatchJob;
use job_queue::RunState;

/// Batches of the file that each run reads.
pub(super) const BATCHES: u64 = 6;

/// Rows of each.
pub(super) const ROWS: u64 = 10;

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) name: &'static str,
    pub(super) state: RunState,
    pub(super) paused: bool,
    pub(super) held: bool,
    /// The feeder's claim is held.
    pub(super) is_locked: bool,
    /// Batches before the checkpoint.
    pub(super) fed: u64,
    /// All of them are.
    pub(super) is_fed: bool,
    pub(super) read: u64,
    pub(super) batches: Vec<Batch>,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) deleted: u64,
    pub(super) retried: u64,
    pub(super) ids: u64,
    pub(super) rejected: BTreeMap<String, u64>,
    /// What it writes, as [`Output::ALL`] has it.
    pub(super) outputs: [Lines; 2],
}

/// Lines of a file, or pieces of lines, and how many of them are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub(super) all: Vec<Vec<u8>>,
    pub(super) written: usize,
}

/// What is known of one batch.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) is_settled: bool,
    pub(super) place: Place,
    /// Deliveries in failed.
    pub(super) failed: u32,
    /// What is on the queue of it.
    pub(super) job: BatchJob,
}

/// Where a batch that is not settled is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not on the queue.
    Nowhere,
    Queued,
    Delayed,
    /// Its delay is over.
    Due,
    /// This worker holds it, or held it when it died.
    Leased {
        by: usize,
    },
    /// Its lease is over, and nobody has it instead.
    Expired {
        by: usize,
    },
}

impl Run {
    pub(super) fn new(name: &'static str) -> Self {
        let batch = |sequence| Batch {
            is_settled: false,
            place: Place::Nowhere,
            failed: 0,
            job: crate::support::job(name, sequence),
        };
        Self {
            name,
            state: RunState::Feeding,
            paused: false,
            held: false,
            is_locked: false,
            fed: 0,
            is_fed: false,
            read: 0,
            batches: (0..BATCHES).map(batch).collect(),
            created: 0,
            updated: 0,
            deleted: 0,
            retried: 0,
            ids: 0,
            rejected: BTreeMap::new(),
            outputs: Default::default(),
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, RunState::Feeding | RunState::Draining)
    }

    pub(super) fn settled(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.is_settled).count() as u64
    }

    /// Its batches may be handed out.
    pub(super) fn is_open(&self) -> bool {
        self.is_under_way() && !self.paused && !self.held
    }

    /// What may be handed out next: what was handed out before and is due, else the first that
    /// is queued.
    pub(super) fn claimable(&self) -> Vec<u64> {
        let with = |is_it: fn(Place) -> bool| {
            let batches = self.batches.iter().zip(0..);
            batches.filter(move |(batch, _)| is_it(batch.place)).map(|(_, sequence)| sequence)
        };
        let due: Vec<u64> =
            with(|place| matches!(place, Place::Due | Place::Expired { .. })).collect();
        if due.is_empty() { with(|place| place == Place::Queued).take(1).collect() } else { due }
    }

    /// Batches on its queue.
    pub(super) fn queued(&self) -> u64 {
        self.batches.iter().filter(|batch| batch.place != Place::Nowhere).count() as u64
    }

    pub(super) fn batch(&mut self, sequence: u64) -> &mut Batch {
        &mut self.batches[usize::try_from(sequence).unwrap()]
    }

    /// The batch has this outcome now.
    pub(super) fn settle(&mut self, sequence: u64, outcome: &BatchJob) {
        let name = self.name;
        let batch = self.batch(sequence);
        assert!(!batch.is_settled, "{name} {sequence} is settled twice");
        let settled =
            Batch { is_settled: true, place: Place::Nowhere, failed: 0, job: outcome.clone() };
        *batch = settled;
        self.created += outcome.tally.created;
        self.updated += outcome.tally.updated;
        self.deleted += outcome.tally.deleted;
        self.retried += outcome.tally.retried;
        for reject in &outcome.rejects {
            *self.rejected.entry(reject.code.clone()).or_default() += 1;
            let line = ingest_core::reject_line(outcome.dialect, reject);
            self.outputs[0].all.push(line);
        }
        self.outputs[1].all.extend_from_slice(outcome.ids.pieces());
        self.ids += outcome.ids.len();
        self.end_if_it_is_over();
    }

    /// The batch is settled without the rows that are left of it, for its run is cancelled.
    pub(super) fn discard(&mut self, sequence: u64) {
        let job = self.batch(sequence).job.clone();
        self.settle(sequence, &job);
    }

    pub(super) fn end_if_it_is_over(&mut self) {
        let all_settled = self.batches.iter().zip(0..self.fed).all(|(batch, _)| batch.is_settled);
        match self.state {
            RunState::Draining if all_settled => self.end(RunState::Completed),
            RunState::Cancelling if self.queued() == 0 => self.end(RunState::Cancelled),
            _ => {}
        }
    }

    pub(super) fn end(&mut self, state: RunState) {
        (self.state, self.paused, self.held) = (state, false, false);
    }
}
