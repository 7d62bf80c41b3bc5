//! What has become of the rows of one batch so far, and what goes back to the queue.

use std::fmt;

use bytes::Bytes;
use ingest_core::{BatchJob, Reject};

use crate::{delivery::rest::chunk::Call, retry::Change};
use load::{EncodedRow, EncodedRows, Reason};

/// What has become of the rows of one batch so far.
pub(crate) struct Progress {
    rows: Vec<RowState>,
    /// Calls that reached Salesforce.
    pub(crate) api_calls: u64,
    /// Rows that were sent a second time or later.
    pub(crate) sent_again: u64,
}

enum RowState {
    /// Not sent, or sent and not answered.
    Waiting,
    /// To be sent again in a later pass.
    Again(Box<Again>),
    Delivered(Change),
    Rejected(Box<Reason>),
}

/// So often at most.
struct Again {
    reason: Reason,
    retries_max: u32,
}

/// How a batch is let go of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
    /// All its rows are delivered or rejected.
    Settle(BatchJob),
    /// Some rows are worth another try after a wait.
    NextPass(BatchJob),
    /// Some rows were not sent: somebody else may go on at once.
    PutBack(BatchJob),
    /// Nothing was sent.
    PutBackUntouched,
}

impl fmt::Display for LetGo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Settle(_) => "processed",
            Self::NextPass(_) => "some rows have to be sent again of",
            Self::PutBack(_) | Self::PutBackUntouched => "put back",
        })
    }
}

impl Progress {
    /// Nothing was sent yet; rows that cannot be sent are rejected.
    pub(crate) fn start(rows: &EncodedRows) -> Self {
        let state = |row: &EncodedRow| match row {
            EncodedRow::Ready { .. } => RowState::Waiting,
            EncodedRow::Unfit(reason) => RowState::Rejected(Box::new(reason.clone())),
        };
        Self { rows: rows.rows().iter().map(state).collect(), api_calls: 0, sent_again: 0 }
    }

    pub(crate) fn delivered(&mut self, row: usize, change: Change) {
        self.rows[row] = RowState::Delivered(change);
    }

    pub(crate) fn rejected(&mut self, row: usize, reason: Reason) {
        self.rows[row] = RowState::Rejected(Box::new(reason));
    }

    pub(crate) fn try_again(&mut self, row: usize, reason: Reason, retries_max: u32) {
        self.rows[row] = RowState::Again(Box::new(Again { reason, retries_max }));
    }

    /// What was said of a row may not be so.
    pub(crate) fn take_back(&mut self, row: usize) {
        self.rows[row] = RowState::Waiting;
    }

    /// Takes rows out of a call that come after an unfinished row with the same external id: were
    /// they stored first, the older values would overwrite the newer ones.
    pub(crate) fn hold_back(&self, call: &mut Call, rows: &EncodedRows) {
        call.rows.retain(|index| match rows.rows()[*index] {
            EncodedRow::Ready { after: Some(before), .. } => self.is_finished(before),
            _ => true,
        });
    }

    pub(crate) fn is_finished(&self, row: usize) -> bool {
        matches!(self.rows[row], RowState::Delivered(_) | RowState::Rejected(_))
    }

    /// After all calls were made. Rows that were tried often enough are rejected.
    pub(crate) fn end_of_pass(mut self, job: &BatchJob, retries_max: u32) -> LetGo {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if let RowState::Again(again) = row
                && job.rows.tries(index) >= retries_max.min(again.retries_max)
            {
                *row = RowState::Rejected(Box::new(again.reason.clone()));
            }
        }
        // Rows that wait for others, as those that repeat a key, were not sent.
        let has_tried = self.rows.iter().any(|row| matches!(row, RowState::Again(_)));
        let mut rest = self.rest(job);
        if rest.rows.is_empty() {
            return LetGo::Settle(rest);
        }
        if !has_tried {
            return LetGo::PutBack(rest);
        }
        rest.passes += 1;
        LetGo::NextPass(rest)
    }

    /// After this consumer was told to stop.
    pub(crate) fn interrupted(self, job: &BatchJob) -> LetGo {
        if self.api_calls == 0 {
            return LetGo::PutBackUntouched;
        }
        let rest = self.rest(job);
        if rest.rows.is_empty() { LetGo::Settle(rest) } else { LetGo::PutBack(rest) }
    }

    fn rest(self, job: &BatchJob) -> BatchJob {
        let unfinished = || (0..self.rows.len()).filter(|row| !self.is_finished(*row));
        let mut rows = job.rows.subset(unfinished());
        for (place, row) in unfinished().enumerate() {
            if matches!(self.rows[row], RowState::Again(_)) {
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
        };
        rest.tally.api_calls += self.api_calls;
        rest.tally.retried += self.sent_again;
        for (state, (record, raw)) in self.rows.into_iter().zip(job.rows.iter()) {
            match state {
                RowState::Waiting | RowState::Again(_) => (),
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

/// The batch with all its rows rejected for the same reason.
pub(crate) fn all_rejected(job: &BatchJob, code: &str, message: &str) -> BatchJob {
    let mut rejects = job.rejects.clone();
    rejects.extend(job.rows.iter().map(|(record, raw)| Reject {
        record,
        code: code.to_owned(),
        message: message.to_owned(),
        raw: Bytes::copy_from_slice(raw),
    }));
    rejects.sort_by_key(|reject| reject.record);
    BatchJob { rows: job.rows.subset([]), rejects, ..job.clone() }
}

#[cfg(test)]
mod tests {
    use ingest_core::{Dialect, Rows, Tally};

    use super::*;
    use crate::{retry::AS_OFTEN_AS_SET, samples::encoded_rows};

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
        let mut progress = Progress::start(&encoded_rows(&keys));

        progress.delivered(0, Change::Created);
        progress.rejected(1, reason("STRING_TOO_LONG"));
        progress.api_calls = 1;
        let LetGo::Settle(settled) = progress.end_of_pass(&job, 5) else {
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
        let mut progress = Progress::start(&encoded_rows(&keys));

        progress.delivered(0, Change::Updated);
        progress.try_again(1, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);
        progress.try_again(2, reason("UNKNOWN_EXCEPTION"), 2);
        let LetGo::NextPass(rest) = progress.end_of_pass(&job, 5) else {
            panic!("a row is left");
        };

        assert_eq!((rest.passes, rest.rows.tries(0)), (3, 3));
        assert_eq!((rest.rows.len(), rest.rows.get(0)), (1, job.rows.get(1)));
        assert_eq!(rejects(&rest), ["13 FIELD_COUNT", "13 UNKNOWN_EXCEPTION"]);
        assert_eq!(records(&rest), records(&job));
    }

    #[test]
    fn the_setting_limits_the_retries() {
        let keys = ["a"];
        let outcome = |passes| {
            let mut progress = Progress::start(&encoded_rows(&keys));
            progress.try_again(0, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);
            progress.end_of_pass(&job(&keys, passes), 5)
        };

        assert!(matches!(outcome(4), LetGo::NextPass(_)));
        assert!(matches!(outcome(5), LetGo::Settle(_)));
    }

    #[test]
    fn a_row_that_waited_for_another_one_has_all_its_own_retries() {
        let keys = ["a", "A"];
        let mut progress = Progress::start(&encoded_rows(&keys));
        progress.try_again(0, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);
        let LetGo::NextPass(second) = progress.end_of_pass(&job(&keys, 0), 1) else {
            panic!("two rows are left");
        };

        let mut progress = Progress::start(&encoded_rows(&keys));
        progress.delivered(0, Change::Created);
        progress.try_again(1, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);
        let LetGo::NextPass(third) = progress.end_of_pass(&second, 1) else {
            panic!("it was tried once");
        };

        assert_eq!([0, 1].map(|row| second.rows.tries(row)), [1, 0]);
        assert_eq!((third.rows.len(), third.rows.tries(0)), (1, 1));
        let mut progress = Progress::start(&encoded_rows(&keys[1..]));
        progress.try_again(0, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);
        assert!(matches!(progress.end_of_pass(&third, 1), LetGo::Settle(_)));
    }

    #[test]
    fn a_row_waits_for_the_one_before_it_with_the_same_external_id() {
        let keys = ["a", "b", "A"];
        let rows = encoded_rows(&keys);
        let mut progress = Progress::start(&rows);
        let mut later = Call { rows: vec![2], ..Call::default() };
        progress.delivered(1, Change::Created);
        progress.try_again(0, reason("UNABLE_TO_LOCK_ROW"), AS_OFTEN_AS_SET);

        progress.hold_back(&mut later, &rows);
        let LetGo::NextPass(rest) = progress.end_of_pass(&job(&keys, 0), 5) else {
            panic!("two rows are left");
        };

        assert!(later.rows.is_empty());
        assert_eq!(rest.rows.len(), 2);
    }

    #[test]
    fn a_row_follows_the_one_before_it_when_that_is_delivered_or_rejected() {
        let rows = encoded_rows(&["a", "a", "b", "b"]);
        let mut progress = Progress::start(&rows);
        progress.delivered(0, Change::Created);
        progress.rejected(2, reason("STRING_TOO_LONG"));
        let mut later = Call { rows: vec![1, 3], ..Call::default() };

        progress.hold_back(&mut later, &rows);

        assert_eq!(later.rows, [1, 3]);
    }

    #[test]
    fn an_interrupted_batch_keeps_what_is_done() {
        let keys = ["a", "b"];
        let mut progress = Progress::start(&encoded_rows(&keys));
        progress.delivered(0, Change::Created);
        progress.api_calls = 1;

        let LetGo::PutBack(rest) = progress.interrupted(&job(&keys, 1)) else {
            panic!("one row was not sent");
        };

        assert_eq!((rest.passes, rest.rows.len(), rest.tally.created), (1, 1, 2));
    }

    #[test]
    fn an_interrupted_batch_of_which_nothing_was_sent_goes_back_as_it_was() {
        let keys = ["a", ""];

        let let_go = Progress::start(&encoded_rows(&keys)).interrupted(&job(&keys, 1));

        assert_eq!(let_go, LetGo::PutBackUntouched);
    }

    #[test]
    fn all_rows_are_rejected_for_one_reason() {
        let job = job(&["a", "b"], 0);

        let rejected = all_rejected(&job, "POISON_BATCH", "handed out 5 times");

        assert_eq!(rejects(&rejected), ["11 POISON_BATCH", "12 POISON_BATCH", "13 FIELD_COUNT"]);
        assert_eq!(records(&rejected), records(&job));
    }
}
