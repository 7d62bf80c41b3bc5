//! What has become of the rows of one batch so far, and what is left of it.

use bytes::Bytes;
use ingest_core::{BatchJob, RecordId, Reject, RejectCode};
use load::{EncodedRow, EncodedRows, Reason};

use super::{outcome::BatchOutcome, record_ids::RecordIds, rest::Chunk};
use crate::retry::{Again, Change};

/// What has become of the rows of one batch so far.
pub(crate) struct BatchState {
    rows: Vec<RowState>,
    /// Which records they are; nothing, when the run does not write that.
    record_ids: Option<RecordIds>,
    /// Calls that reached Salesforce.
    pub(crate) api_calls: u64,
    /// Rows that were sent a second time or later.
    pub(crate) sent_again: u64,
}

enum RowState {
    /// Not sent, or sent and not answered.
    Waiting,
    /// To be sent again in a later pass.
    Retry(Box<Retry>),
    Delivered(Change),
    Rejected(Box<Reason>),
}

/// So often at most.
struct Retry {
    reason: Reason,
    retries_max: u32,
}

impl BatchState {
    /// Nothing was sent yet; rows that cannot be sent are rejected.
    pub(crate) fn start(rows: &[EncodedRow]) -> Self {
        let state = |row: &EncodedRow| match row {
            EncodedRow::Ready { .. } | EncodedRow::OnlyAsJson { .. } => RowState::Waiting,
            EncodedRow::Invalid(reason) => RowState::Rejected(Box::new(reason.clone())),
        };
        Self {
            rows: rows.iter().map(state).collect(),
            record_ids: None,
            api_calls: 0,
            sent_again: 0,
        }
    }

    /// The same of a run that writes which records its rows are.
    pub(crate) fn with_record_ids(self, record_ids: RecordIds) -> Self {
        Self { record_ids: Some(record_ids), ..self }
    }

    /// Whether ids of records are kept.
    pub(crate) fn keeps_ids(&self) -> bool {
        self.record_ids.is_some()
    }

    /// The records of rows were looked up.
    pub(crate) fn found(&mut self, ids: Option<&[Option<RecordId>]>) {
        if let (Some(record_ids), Some(ids)) = (&mut self.record_ids, ids) {
            record_ids.found(ids);
        }
    }

    pub(crate) fn delivered(&mut self, row: usize, change: Change, id: Option<RecordId>) {
        self.rows[row] = RowState::Delivered(change);
        if let Some(record_ids) = &mut self.record_ids {
            record_ids.answered(row, id);
        }
    }

    pub(crate) fn rejected(&mut self, row: usize, reason: Reason) {
        self.rows[row] = RowState::Rejected(Box::new(reason));
    }

    pub(crate) fn retry(&mut self, row: usize, reason: Reason, retries_max: u32) {
        self.rows[row] = RowState::Retry(Box::new(Retry { reason, retries_max }));
    }

    /// Rejects rows of which nobody can say whether they are stored, and that must not be sent again.
    pub(crate) fn reject_unknown(&mut self, rows: impl IntoIterator<Item = usize>, cause: &str) {
        for row in rows {
            let message =
                format!("nobody can say whether salesforce stored it, look it up there: {cause}");
            self.rejected(row, Reason::own(RejectCode::UnknownOutcome, message));
        }
    }

    /// What was said of a row may not be so.
    pub(crate) fn reset(&mut self, row: usize) {
        self.rows[row] = RowState::Waiting;
    }

    /// Takes rows out of a chunk that come after an unfinished row with the same external id: were
    /// they stored first, the older values would overwrite the newer ones.
    pub(crate) fn defer_duplicates(&self, chunk: &mut Chunk, rows: &EncodedRows) {
        chunk.rows.retain(|index| {
            let before = rows.rows()[*index].after().flatten();
            before.is_none_or(|before| self.is_finished(before))
        });
    }

    pub(crate) fn is_finished(&self, row: usize) -> bool {
        matches!(self.rows[row], RowState::Delivered(_) | RowState::Rejected(_))
    }

    /// After all calls were made. Rows that were tried often enough are rejected.
    pub(crate) fn end_of_pass(mut self, job: &BatchJob, retries_max: u32) -> BatchOutcome {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if let RowState::Retry(retry) = row
                && job.rows.tries(index) >= retries_max.min(retry.retries_max)
            {
                *row = RowState::Rejected(Box::new(retry.reason.clone()));
            }
        }
        // Rows that wait for others, as those that repeat a key, were not sent.
        let again = |row: &RowState| match row {
            RowState::Retry(retry) => Some(Again::after_row_error(&retry.reason)),
            _ => None,
        };
        let again: Vec<Again> = self.rows.iter().filter_map(again).collect();
        let mut rest = self.rest(job);
        if rest.rows.is_empty() {
            return BatchOutcome::Settle(rest);
        }
        if again.is_empty() {
            return BatchOutcome::Release(rest);
        }
        rest.passes += 1;
        BatchOutcome::Retry(rest, again)
    }

    /// After this consumer was asked to stop.
    pub(crate) fn interrupted(self, job: &BatchJob) -> BatchOutcome {
        if self.api_calls == 0 {
            return BatchOutcome::ReleaseUntouched;
        }
        let rest = self.rest(job);
        if rest.rows.is_empty() { BatchOutcome::Settle(rest) } else { BatchOutcome::Release(rest) }
    }

    fn rest(self, job: &BatchJob) -> BatchJob {
        let unfinished = || (0..self.rows.len()).filter(|row| !self.is_finished(*row));
        let mut rows = job.rows.subset(unfinished());
        for (place, row) in unfinished().enumerate() {
            if matches!(self.rows[row], RowState::Retry(_)) {
                rows.tried(place);
            }
        }
        let mut rest = BatchJob {
            run: job.run.clone(),
            sequence: job.sequence,
            passes: job.passes,
            header: job.header.clone(),
            dialect: job.dialect,
            rows,
            rejects: job.rejects.clone(),
            tally: job.tally,
            ids: job.ids.clone(),
        };
        rest.tally.api_calls += self.api_calls;
        rest.tally.retried += self.sent_again;
        if let Some(record_ids) = &self.record_ids {
            let rows = self.rows.iter().enumerate();
            let delivered = rows.filter_map(|(row, state)| match state {
                RowState::Delivered(change) => Some((row, *change)),
                _ => None,
            });
            record_ids.write(job, delivered, &mut rest.ids);
        }
        for (state, (record, raw)) in self.rows.into_iter().zip(job.rows.iter()) {
            match state {
                RowState::Waiting | RowState::Retry(_) => (),
                RowState::Delivered(Change::Created) => rest.tally.created += 1,
                RowState::Delivered(Change::Updated) => rest.tally.updated += 1,
                RowState::Delivered(Change::Deleted) => rest.tally.deleted += 1,
                RowState::Rejected(reason) => {
                    let Reason { code, message } = *reason;
                    rest.rejects.push(Reject {
                        record,
                        code,
                        message,
                        raw: Bytes::copy_from_slice(raw),
                    });
                }
            }
        }
        rest.rejects.sort_by_key(|reject| reject.record);
        rest
    }
}

#[cfg(test)]
mod tests {
    use ingest_core::{Dialect, IdLines, Rows, Tally};

    use super::*;
    use crate::{delivery::outcome::all_rejected, retry::UNLIMITED, samples::encoded_rows};

    /// A batch with one column, the external id; records are numbered from 11.
    fn job(keys: &[&str], passes: u32) -> BatchJob {
        let mut rows = Rows::default();
        for (record, key) in (11..).zip(keys) {
            rows.push(record, key.as_bytes());
            (0..passes).for_each(|_| rows.tried(rows.len() - 1));
        }
        BatchJob {
            run: "r1".parse().unwrap(),
            sequence: 4,
            passes,
            header: Bytes::from_static(b"Key__c"),
            dialect: Dialect::default(),
            rows,
            rejects: vec![Reject {
                record: 13,
                code: "FIELD_COUNT".to_owned(),
                message: "found 2 fields".to_owned(),
                raw: Bytes::from_static(b"x,y"),
            }],
            tally: Tally { created: 1, updated: 1, deleted: 0, retried: 1, api_calls: 1 },
            ids: IdLines::default(),
        }
    }

    fn reason(code: &str) -> Reason {
        Reason { code: code.to_owned(), message: "busy".to_owned() }
    }

    /// `record code` of each reject.
    fn rejects(job: &BatchJob) -> Vec<String> {
        job.rejects.iter().map(|reject| format!("{} {}", reject.record, reject.code)).collect()
    }

    fn records(job: &BatchJob) -> u64 {
        (job.rows.len() + job.rejects.len()) as u64 + job.tally.delivered()
    }

    #[test]
    fn a_batch_is_settled_when_all_rows_are_delivered_or_rejected() {
        let keys = ["a", "b", ""];
        let job = job(&keys, 0);
        let mut state = BatchState::start(encoded_rows(&keys).rows());

        state.delivered(0, Change::Created, None);
        state.rejected(1, reason("STRING_TOO_LONG"));
        state.api_calls = 1;
        let BatchOutcome::Settle(settled) = state.end_of_pass(&job, 5) else {
            panic!("no row is left");
        };

        assert_eq!(
            rejects(&settled),
            ["12 STRING_TOO_LONG", "13 FIELD_COUNT", "13 EXTERNAL_ID_MISSING"]
        );
        assert_eq!(settled.rejects[0].raw, "b");
        assert_eq!(
            settled.tally,
            Tally { created: 2, updated: 1, deleted: 0, retried: 1, api_calls: 2 }
        );
        assert_eq!(records(&settled), records(&job));
    }

    #[test]
    fn only_rows_worth_another_try_go_into_the_next_pass() {
        let keys = ["a", "b", "c"];
        let job = job(&keys, 2);
        let mut state = BatchState::start(encoded_rows(&keys).rows());

        state.delivered(0, Change::Updated, None);
        state.retry(1, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);
        state.retry(2, reason("UNKNOWN_EXCEPTION"), 2);
        let BatchOutcome::Retry(rest, again) = state.end_of_pass(&job, 5) else {
            panic!("a row is left");
        };

        assert_eq!((rest.passes, rest.rows.tries(0), again), (3, 3, vec![Again::Lock]));
        assert_eq!((rest.rows.len(), rest.rows.get(0)), (1, job.rows.get(1)));
        assert_eq!(rejects(&rest), ["13 FIELD_COUNT", "13 UNKNOWN_EXCEPTION"]);
        assert_eq!(records(&rest), records(&job));
    }

    #[test]
    fn the_setting_limits_the_retries() {
        let keys = ["a"];
        let outcome = |passes| {
            let mut state = BatchState::start(encoded_rows(&keys).rows());
            state.retry(0, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);
            state.end_of_pass(&job(&keys, passes), 5)
        };

        assert!(matches!(outcome(4), BatchOutcome::Retry(..)));
        assert!(matches!(outcome(5), BatchOutcome::Settle(_)));
    }

    #[test]
    fn a_row_that_waited_for_another_one_has_all_its_own_retries() {
        let keys = ["a", "A"];
        let mut state = BatchState::start(encoded_rows(&keys).rows());
        state.retry(0, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);
        let BatchOutcome::Retry(second, _) = state.end_of_pass(&job(&keys, 0), 1) else {
            panic!("two rows are left");
        };

        let mut state = BatchState::start(encoded_rows(&keys).rows());
        state.delivered(0, Change::Created, None);
        state.retry(1, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);
        let BatchOutcome::Retry(third, _) = state.end_of_pass(&second, 1) else {
            panic!("it was tried once");
        };

        assert_eq!([0, 1].map(|row| second.rows.tries(row)), [1, 0]);
        assert_eq!((third.rows.len(), third.rows.tries(0)), (1, 1));
        let mut state = BatchState::start(encoded_rows(&keys[1..]).rows());
        state.retry(0, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);
        assert!(matches!(state.end_of_pass(&third, 1), BatchOutcome::Settle(_)));
    }

    #[test]
    fn a_row_waits_for_the_one_before_it_with_the_same_external_id() {
        let keys = ["a", "b", "A"];
        let rows = encoded_rows(&keys);
        let mut state = BatchState::start(rows.rows());
        let mut later = Chunk { rows: vec![2], ..Chunk::default() };
        state.delivered(1, Change::Created, None);
        state.retry(0, reason("UNABLE_TO_LOCK_ROW"), UNLIMITED);

        state.defer_duplicates(&mut later, &rows);
        let BatchOutcome::Retry(rest, _) = state.end_of_pass(&job(&keys, 0), 5) else {
            panic!("two rows are left");
        };

        assert!(later.rows.is_empty());
        assert_eq!(rest.rows.len(), 2);
    }

    #[test]
    fn a_row_follows_the_one_before_it_when_that_is_delivered_or_rejected() {
        let rows = encoded_rows(&["a", "a", "b", "b"]);
        let mut state = BatchState::start(rows.rows());
        state.delivered(0, Change::Created, None);
        state.rejected(2, reason("STRING_TOO_LONG"));
        let mut later = Chunk { rows: vec![1, 3], ..Chunk::default() };

        state.defer_duplicates(&mut later, &rows);

        assert_eq!(later.rows, [1, 3]);
    }

    #[test]
    fn an_interrupted_batch_keeps_what_is_done() {
        let keys = ["a", "b"];
        let mut state = BatchState::start(encoded_rows(&keys).rows());
        state.delivered(0, Change::Created, None);
        state.api_calls = 1;

        let BatchOutcome::Release(rest) = state.interrupted(&job(&keys, 1)) else {
            panic!("one row was not sent");
        };

        assert_eq!((rest.passes, rest.rows.len(), rest.tally.created), (1, 1, 2));
    }

    #[test]
    fn an_interrupted_batch_of_which_nothing_was_sent_goes_back_as_it_was() {
        let keys = ["a", ""];

        let outcome = BatchState::start(encoded_rows(&keys).rows()).interrupted(&job(&keys, 1));

        assert_eq!(outcome, BatchOutcome::ReleaseUntouched);
    }

    #[test]
    fn all_rows_are_rejected_for_one_reason() {
        let job = job(&["a", "b"], 0);

        let rejected = all_rejected(&job, RejectCode::PoisonBatch, "handed out 5 times");

        assert_eq!(rejects(&rejected), ["11 POISON_BATCH", "12 POISON_BATCH", "13 FIELD_COUNT"]);
        assert_eq!(records(&rejected), records(&job));
    }
}
