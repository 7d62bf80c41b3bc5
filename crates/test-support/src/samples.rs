//! What tests and benches put on a queue.

use std::time::Duration;

use bytes::Bytes;
use ingest_core::{BatchJob, Dialect, Rows, Tally};
use job_queue::{NewRun, Target, Wanted};

/// A run of `<run>.csv`, as a producer enters it that does not know yet for whom it is.
///
/// # Panics
///
/// When `run` is no run id.
#[must_use]
pub fn new_run(run: &str, header: impl Into<Bytes>) -> NewRun {
    NewRun {
        run: run.parse().expect("a run id"),
        container: "high-volume-ingest".to_owned(),
        file: format!("{run}.csv"),
        etag: "0x1".to_owned(),
        file_bytes: 1_000,
        header: header.into(),
        settings: "{}".to_owned(),
        wanted: Wanted::default(),
        target: None,
        replay_of: None,
        start_key: None,
        keep: Duration::from_secs(3_600),
    }
}

/// A batch of a run: each row with its record's number.
///
/// # Panics
///
/// When `run` is no run id.
pub fn job<R: AsRef<[u8]>>(
    run: &str,
    sequence: u64,
    header: impl Into<Bytes>,
    rows: impl IntoIterator<Item = (u64, R)>,
) -> BatchJob {
    let mut batch = Rows::default();
    for (record, row) in rows {
        batch.push(record, row.as_ref());
    }
    BatchJob {
        run: run.parse().expect("a run id"),
        sequence,
        passes: 0,
        header: header.into(),
        dialect: Dialect::default(),
        rows: batch,
        rejects: Vec::new(),
        tally: Tally::default(),
    }
}

/// Who upserts this object by `External_Id__c`.
#[must_use]
pub fn target_of(object: &str) -> Target {
    Target {
        org: "00D000000000001".to_owned(),
        object: object.to_owned(),
        operation: "upsert".to_owned(),
        external_id: Some("External_Id__c".to_owned()),
        mapping: "m1".to_owned(),
    }
}
