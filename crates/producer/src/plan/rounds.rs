//! What rows take that repeat a key of their batch: they are sent when the ones before them are answered.
//! Pure.

use std::collections::HashMap;

use load::{Api, Operation};

use crate::import::read_settings::BatchSize;

/// Calls and jobs for rows that repeat a key, beside those that the same rows would take with a key each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ForRepeats {
    /// Calls of Collections.
    pub(crate) calls: u64,
    /// Ingest jobs.
    pub(crate) jobs: u64,
    /// The calls of the batch that has most of them, which are made one after another.
    pub(crate) in_a_row: u64,
}

/// How the batches of a run are sent by one API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) api: Api,
    pub(super) operation: Operation,
    pub(super) call_rows_max: usize,
    pub(super) batches: BatchSize,
    /// Whether the batches that are looked at are those of the run: else they are cut here, after as many
    /// rows or bytes.
    pub(super) are_as_read: bool,
}

/// Rows of batches by how many rows before them in their batch have the same key.
pub(super) struct Rounds {
    sending: Sending,
    /// How often each key came in this batch, by its hash.
    times: HashMap<u64, usize>,
    /// Rows that come first with their key, second, and so on.
    rounds: Vec<usize>,
    rows: usize,
    bytes: usize,
    so_far: ForRepeats,
}

impl Rounds {
    pub(super) fn new(sending: Sending) -> Self {
        let (times, rounds) = (HashMap::new(), Vec::new());
        Self { sending, times, rounds, rows: 0, bytes: 0, so_far: ForRepeats::default() }
    }

    /// The next row: the hash of its key, if it has one, and its bytes.
    pub(super) fn add(&mut self, key: Option<u64>, bytes: usize) {
        let BatchSize { rows, bytes_max } = self.sending.batches;
        let is_full = self.rows >= rows || (self.rows > 0 && self.bytes + bytes > bytes_max);
        if is_full && !self.sending.are_as_read {
            self.end_batch();
        }
        self.rows += 1;
        self.bytes += bytes;
        let round = key.map_or(0, |key| {
            let times = self.times.entry(key).or_default();
            *times += 1;
            *times - 1
        });
        if round >= self.rounds.len() {
            self.rounds.push(0);
        }
        self.rounds[round] += 1;
    }

    /// The batch that was read has no more rows.
    pub(super) fn end_of_read_batch(&mut self) {
        if self.sending.are_as_read {
            self.end_batch();
        }
    }

    pub(super) fn result(mut self) -> ForRepeats {
        self.end_batch();
        self.so_far
    }

    fn end_batch(&mut self) {
        let Sending { api, operation, call_rows_max, .. } = self.sending;
        let calls_of = |rows: usize| rows.div_ceil(call_rows_max.max(1)) as u64;
        let (mut calls, mut jobs) = (0, 0);
        for rows in self.rounds.iter().skip(1) {
            match (api, Api::for_repeats(*rows, call_rows_max, operation)) {
                (Api::Bulk, Api::Bulk) => jobs += 1,
                (Api::Bulk, Api::Collections) | (Api::Collections, _) => calls += calls_of(*rows),
            }
        }
        if api == Api::Collections {
            let first = self.rounds.first().copied().unwrap_or_default();
            calls = calls + calls_of(first) - calls_of(self.rows);
        }
        self.so_far.calls += calls;
        self.so_far.jobs += jobs;
        self.so_far.in_a_row = self.so_far.in_a_row.max(calls);
        self.times.clear();
        self.rounds.clear();
        (self.rows, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(api: Api, operation: Operation, batch_rows: usize, are_as_read: bool) -> Rounds {
        let batches = BatchSize { rows: batch_rows, bytes_max: 1 << 20 };
        Rounds::new(Sending { api, operation, call_rows_max: 200, batches, are_as_read })
    }

    fn of(api: Api, operation: Operation, keys: impl Iterator<Item = u64>) -> (u64, u64, u64) {
        let mut rounds = rounds(api, operation, 10_000, false);
        keys.for_each(|key| rounds.add(Some(key), 10));
        let ForRepeats { calls, jobs, in_a_row } = rounds.result();
        (calls, jobs, in_a_row)
    }

    #[test]
    fn each_round_is_a_call_or_a_job_whichever_is_less() {
        use Operation::{HardDelete, Upsert};
        let twice = |keys: u64| (0..keys).chain(0..keys);
        let once = || 0..300_u64;
        let often = || (0..300_u64).chain([7; 39]);
        for (api, operation, keys, expected) in [
            (Api::Bulk, Upsert, &mut once() as &mut dyn Iterator<Item = u64>, (0, 0, 0)),
            (Api::Bulk, Upsert, &mut often(), (39, 0, 39)),
            (Api::Bulk, HardDelete, &mut often(), (0, 39, 0)),
            // The 300 are two calls, and so are all 339.
            (Api::Collections, Upsert, &mut often(), (39, 0, 39)),
            // In one call they would be one, and are two; of 600 rows three, and four.
            (Api::Collections, Upsert, &mut twice(100), (1, 0, 1)),
            (Api::Collections, Upsert, &mut twice(300), (1, 0, 1)),
            (Api::Bulk, Upsert, &mut twice(2_000), (10, 0, 10)),
            (Api::Bulk, Upsert, &mut twice(2_001), (0, 1, 0)),
        ] {
            assert_eq!(of(api, operation, keys), expected, "{api:?} {operation:?}");
        }
    }

    #[test]
    fn a_key_of_another_batch_is_not_repeated_and_a_row_without_one_repeats_none() {
        let mut cut_here = rounds(Api::Bulk, Operation::Upsert, 2, false);
        for key in [Some(1), Some(2), Some(1), Some(1), None, None] {
            cut_here.add(key, 10);
        }
        let mut as_read = rounds(Api::Bulk, Operation::Upsert, 2, true);
        (0..3).for_each(|_| as_read.add(Some(1), 10));
        as_read.end_of_read_batch();
        as_read.add(Some(1), 10);
        let mut of_bytes = rounds(Api::Bulk, Operation::Upsert, 2, false);
        [1 << 19, 1 << 20, 1 << 20].iter().for_each(|bytes| of_bytes.add(Some(1), *bytes));

        let calls = [cut_here, as_read, of_bytes].map(|rounds| rounds.result().calls);

        assert_eq!(calls, [1, 2, 0]);
    }
}
