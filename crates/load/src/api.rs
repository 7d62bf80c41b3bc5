//! Which of the two APIs loads a batch.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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

/// Rows of ten calls of Collections. An ingest job takes some ten calls as well, and its rows wait
/// in Salesforce's queue: for fewer rows it costs more than it saves.
pub const AUTO_BULK_ROWS_MIN: usize = 2_000;

impl Api {
    /// What `SALESFORCE_API=auto` picks for a batch of so many rows: Bulk when there are more than
    /// [`AUTO_BULK_ROWS_MIN`], and the org has Bulk batches to spare.
    #[must_use]
    pub fn for_batch(rows: usize, bulk_has_room: bool) -> Self {
        if rows > AUTO_BULK_ROWS_MIN && bulk_has_room { Self::Bulk } else { Self::Collections }
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
}
