//! The records of the rows of a batch.

use std::collections::{BTreeMap, VecDeque};

use ingest_core::{BatchJob, RecordId, RejectCode};
use job_queue::{QueueError, Settled};
use load::{EncodedRow, EncodedRows, Reason};

use super::{
    keys::{Keys, Match},
    request::{Cause, Lookup, QueryError},
};
use crate::{
    delivery::{batch::Delivery, batch_state::BatchState, rest::Chunk, sender::Interruption},
    retry::UNLIMITED,
};

/// The records of the rows of a batch; nothing, where they need not be looked up.
#[derive(Debug, Default)]
pub(crate) struct Found(Option<Vec<Option<RecordId>>>);

impl Found {
    /// The records, one entry for each row; nothing, where they need not be looked up.
    pub(crate) fn ids(&self) -> Option<&[Option<RecordId>]> {
        self.0.as_deref()
    }

    /// The same rows with ids in place of keys.
    pub(crate) fn put_into(&self, rows: EncodedRows) -> EncodedRows {
        match &self.0 {
            Some(ids) => rows.with_ids(ids),
            None => rows,
        }
    }
}

impl Lookup {
    /// Finds the record of each row, where rows name them by a key. Rows without one are rejected.
    /// The inner error is why it broke off.
    pub(crate) async fn find_records(
        &self,
        delivery: &Delivery<'_>,
        rows: &EncodedRows,
        state: &mut BatchState,
    ) -> Result<Result<Found, Interruption>, QueueError> {
        let plan = delivery.plan();
        let Some(key) = &plan.looked_up_by else {
            return Ok(Ok(Found::default()));
        };
        let job = delivery.job();
        let purpose = self.planner.purpose(delivery.claimed);
        let kept = delivery.claimed.kept_records().await?;
        let mut ids = read_kept(kept.as_deref().unwrap_or_default(), &purpose, job);
        let is_wanted = |row: &usize| {
            ids[*row].is_none() && matches!(rows.rows()[*row], EncodedRow::Ready { .. })
        };
        let wanted: Vec<usize> = (0..ids.len()).filter(is_wanted).collect();
        for row in &wanted {
            // Until a record is found for it.
            state.rejected(*row, not_found(&key.field));
        }
        let keys = Keys::of(rows, wanted.iter().copied(), (&plan.object, &key.field, key.sameness));
        if let Err(interruption) = self.ask_for(delivery, &keys, &key.field, &mut ids, state).await
        {
            wanted.iter().for_each(|row| state.reset(*row));
            return Ok(Err(interruption));
        }
        if wanted.iter().any(|row| ids[*row].is_some()) {
            let kept = delivery.claimed.keep_records(&write_kept(&ids, &purpose, job)).await?;
            if kept == Settled::LeaseLost {
                return Ok(Err(Interruption::LeaseLost));
            }
            job_queue::failpoint!("records-kept");
        }
        Ok(Ok(Found(Some(ids))))
    }

    /// Asks for all keys.
    async fn ask_for(
        &self,
        delivery: &Delivery<'_>,
        keys: &Keys<'_>,
        field: &str,
        ids: &mut [Option<RecordId>],
        state: &mut BatchState,
    ) -> Result<(), Interruption> {
        let mut queries = keys.queries();
        let mut others_get_through = false;
        while let Some(mut query) = queries.pop_front() {
            let matches = match self.ask(delivery, keys, &mut query, state).await {
                Ok(matches) => matches,
                Err(QueryError::Interrupted(interruption)) => return Err(interruption),
                Err(QueryError::Refused { reason, cause, blocker }) => {
                    let is_alone = query.rows.len() == 1;
                    let is_doubted = match cause {
                        Cause::Work => false,
                        Cause::Text => is_alone,
                        Cause::Key | Cause::Unclear => is_alone || !others_get_through,
                    };
                    if is_doubted {
                        self.ask_for_no_row(delivery, keys, &query, &blocker, state).await?;
                        others_get_through = true;
                    }
                    put_first(&mut queries, query.halves());
                    if let [key] = *query.rows {
                        for row in keys.rows(key) {
                            match cause {
                                Cause::Work | Cause::Unclear => {
                                    state.retry(*row, reason.clone(), UNLIMITED);
                                }
                                Cause::Text | Cause::Key => state.rejected(*row, reason.clone()),
                            }
                        }
                    }
                    continue;
                }
            };
            let unclear = apply(keys, field, &query, matches, ids, state);
            let rest = Chunk { rows: unclear, ..Chunk::default() };
            match rest.rows.len() {
                0 => (),
                fewer if fewer < query.rows.len() => queries.push_front(rest),
                _ => put_first(&mut queries, rest.halves()),
            }
        }
        Ok(())
    }
}

/// Applies what a query found of its keys; gives those of which it says nothing clear.
fn apply(
    keys: &Keys<'_>,
    field: &str,
    query: &Chunk,
    matches: Vec<Match>,
    ids: &mut [Option<RecordId>],
    state: &mut BatchState,
) -> Vec<usize> {
    let mut unclear = Vec::new();
    for (key, found) in query.rows.iter().copied().zip(matches) {
        match found {
            Match::One(id) => {
                for row in keys.rows(key) {
                    state.reset(*row);
                    ids[*row] = Some(id);
                }
            }
            Match::None => (),
            Match::Several { records, are_all } => {
                for row in keys.rows(key) {
                    state.rejected(*row, several(field, records, are_all));
                }
            }
            Match::Unclear => unclear.push(key),
        }
    }
    unclear
}

fn put_first(queries: &mut VecDeque<Chunk>, first: Vec<Chunk>) {
    first.into_iter().rev().for_each(|query| queries.push_front(query));
}

fn not_found(field: &str) -> Reason {
    let message = format!("no record has this value in {field}; nothing was changed");
    Reason::own(RejectCode::NotFound, message)
}

fn several(field: &str, records: usize, are_all: bool) -> Reason {
    let more = if are_all { "" } else { " or more" };
    let message = format!("{records}{more} records have this value in {field}; none was changed");
    Reason::own(RejectCode::DuplicateExternalId, message)
}

/// Rows by the number of their record in the file, so that they are found in what is left of the
/// batch, behind the purpose: `00D…/1a2b3c 12:00Q…,13:00Q…`.
fn write_kept(ids: &[Option<RecordId>], purpose: &str, job: &BatchJob) -> String {
    let rows = job.rows.iter().zip(ids);
    let found =
        rows.filter_map(|((record, _), id)| Some(format!("{record}:{}", id.as_ref()?.as_str())));
    format!("{purpose} {}", found.collect::<Vec<_>>().join(","))
}

/// The records of the rows of a batch, as far as they are kept for this purpose: those of another org
/// are other ones.
fn read_kept(kept: &str, purpose: &str, job: &BatchJob) -> Vec<Option<RecordId>> {
    let for_this = kept.split_once(' ').filter(|(of, _)| *of == purpose);
    let kept = for_this.map_or("", |(_, kept)| kept);
    let one = |text: &str| {
        let (record, id) = text.split_once(':')?;
        Some((record.parse::<u64>().ok()?, RecordId::parse(id)?))
    };
    let kept: BTreeMap<u64, RecordId> = kept.split(',').filter_map(one).collect();
    job.rows.iter().map(|(record, _)| kept.get(&record).copied()).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ingest_core::{Dialect, IdLines, Rows, Tally};

    use super::*;

    fn job(records: &[u64]) -> BatchJob {
        let mut rows = Rows::default();
        records.iter().for_each(|record| rows.push(*record, b"key"));
        BatchJob {
            run: "r1".parse().unwrap(),
            sequence: 0,
            passes: 0,
            header: Bytes::from_static(b"Key__c"),
            dialect: Dialect::default(),
            rows,
            rejects: Vec::new(),
            tally: Tally::default(),
            ids: IdLines::default(),
        }
    }

    #[test]
    fn what_is_kept_is_found_again_in_what_is_left_of_a_batch() {
        let long = RecordId::parse("00Q000000000001AAA");
        let short = RecordId::parse("00Q000000000002");

        let kept = write_kept(&[long, None, short, long], "o/1", &job(&[11, 12, 14, 1_000]));

        assert_eq!(kept, "o/1 11:00Q000000000001AAA,14:00Q000000000002,1000:00Q000000000001AAA");
        assert_eq!(read_kept(&kept, "o/1", &job(&[12, 14, 1_000])), [None, short, long]);
        for other in ["p/1", "o/2"] {
            assert_eq!(read_kept(&kept, other, &job(&[12, 14, 1_000])), [None; 3], "{other}");
        }
        assert_eq!(read_kept("", "o/1", &job(&[1])), [None]);
        assert_eq!(read_kept("o/1 x,1:../..,1:00Q", "o/1", &job(&[1])), [None]);
    }
}
