//! Which of the two APIs loads a batch.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Operation;

/// The two APIs that rows can be loaded by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// sObject Collections: up to 200 rows a call, answered at once.
    Collections,
    /// Bulk API 2.0: a batch is one ingest job.
    Bulk,
}

/// What a load says of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiChoice {
    /// sObject Collections: up to 200 rows a call, each answered at once.
    #[default]
    Collections,
    /// Bulk API 2.0: each batch is one ingest job.
    Bulk,
    /// Bulk for batches of more than 2,000 rows, which files of more rows have, while the org has Bulk
    /// batches to spare; Collections for all others.
    Auto,
}

/// Calls that one ingest job takes: create, upload, close, results, delete, and about five looks at how
/// far it is. A second file of results is one more; of a job that ends at once it is six.
pub const JOB_CALLS: usize = 10;

/// Rows of ten calls of Collections, as many as an ingest job takes. Its rows also wait in Salesforce's
/// queue: for fewer rows it costs more than it saves.
pub const AUTO_BULK_ROWS_MIN: usize = JOB_CALLS * 200;

impl Api {
    /// What `SALESFORCE_API=auto` picks for a batch of so many rows: Bulk when there are more than
    /// [`AUTO_BULK_ROWS_MIN`], and the org has Bulk batches to spare.
    #[must_use]
    pub fn for_batch(rows: usize, bulk_has_room: bool) -> Self {
        if rows > AUTO_BULK_ROWS_MIN && bulk_has_room { Self::Bulk } else { Self::Collections }
    }

    /// By which API rows of a batch that goes by Bulk are loaded whose keys its job has already: so many
    /// rows, each with a key of its own, and so many of them in a call of Collections. By a further
    /// job only while that is fewer calls, or where calls would do something else.
    #[must_use]
    pub fn for_repeats(rows: usize, call_rows_max: usize, operation: Operation) -> Self {
        let calls = rows.div_ceil(call_rows_max.max(1));
        let is_by_job = calls > JOB_CALLS || operation.is_by_bulk_only();
        if is_by_job { Self::Bulk } else { Self::Collections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_picks_bulk_for_batches_that_are_worth_an_ingest_job() {
        for (rows, has_room, expected) in [
            (100, true, Api::Collections),
            (2_000, true, Api::Collections),
            (2_001, true, Api::Bulk),
            (10_000, true, Api::Bulk),
            (10_000, false, Api::Collections),
        ] {
            assert_eq!(Api::for_batch(rows, has_room), expected, "{rows} rows, {has_room}");
        }
    }

    #[test]
    fn rows_that_repeat_a_key_get_a_job_where_that_is_fewer_calls() {
        use Operation::{Delete, HardDelete, Upsert};
        for (rows, call_rows_max, operation, expected) in [
            (1, 200, Upsert, Api::Collections),
            (2_000, 200, Upsert, Api::Collections),
            (2_001, 200, Upsert, Api::Bulk),
            (2_001, 200, Delete, Api::Bulk),
            (600, 60, Upsert, Api::Collections),
            (601, 60, Upsert, Api::Bulk),
            (11, 0, Upsert, Api::Bulk),
            (1, 200, HardDelete, Api::Bulk),
        ] {
            let found = Api::for_repeats(rows, call_rows_max, operation);
            assert_eq!(found, expected, "{rows} rows, {call_rows_max} a call, {operation:?}");
        }
    }
}
