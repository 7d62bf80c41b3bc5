use std::time::Duration;

use bytes::Bytes;
use ingest_core::{BatchJob, Dialect, IdLines, Reject, Rows, Tally};
use job_queue::{Claimed, NewRun, RunLoad};
use load::{Load, LoadSettings};

/// A run of a file that nobody reads, with this header, that has no load.
///
/// # Panics
///
/// When `run` is no run id.
#[must_use]
pub fn new_run(run: &str, header: &str) -> NewRun {
    NewRun {
        run: run.parse().expect("it is a run id"),
        container: "high-volume-ingest".to_owned(),
        file: format!("{run}.csv"),
        etag: "0x1".to_owned(),
        file_bytes: 1_000,
        header: Bytes::copy_from_slice(header.as_bytes()),
        settings: "{}".to_owned(),
        load: None,
        replay_of: None,
        start_key: None,
        keep: Duration::from_secs(3_600),
    }
}

/// Batch `sequence` of such a run, with these rows, the first of which is record `first`.
#[must_use]
pub fn batch<R: AsRef<[u8]>>(
    new: &NewRun,
    sequence: u64,
    first: u64,
    rows: impl IntoIterator<Item = R>,
) -> BatchJob {
    let mut numbered = Rows::default();
    for (record, row) in (first..).zip(rows) {
        numbered.push(record, row.as_ref());
    }
    BatchJob {
        run: new.run.clone(),
        sequence,
        passes: 0,
        header: new.header.clone(),
        dialect: Dialect::default(),
        rows: numbered,
        rejects: Vec::new(),
        tally: Tally::default(),
        ids: IdLines::default(),
    }
}

/// A load of the tests: an upsert of this object.
///
/// # Panics
///
/// When the object is none.
#[must_use]
pub fn load_of(object: &str) -> RunLoad {
    let load = Load::new(&LoadSettings {
        object: Some(object.to_owned()),
        external_id: Some("External_Id__c".to_owned()),
        ..LoadSettings::default()
    });
    RunLoad::new(&object.to_lowercase(), &load.expect("it names an object and its key"))
}

/// The outcome of a batch of which Salesforce stores every row, but those for which `code` gives
/// the code of a reject.
///
/// # Panics
///
/// When a row is no text.
#[must_use]
pub fn outcome<'a>(claimed: &Claimed, code: impl Fn(&str) -> Option<&'a str>) -> BatchJob {
    let mut job = claimed.job().clone();
    for (record, raw) in std::mem::take(&mut job.rows).iter() {
        match code(std::str::from_utf8(raw).expect("a row of a test is text")) {
            None => job.tally.created += 1,
            Some(code) => job.rejects.push(Reject {
                record,
                code: code.to_owned(),
                message: format!("{code}, says the test"),
                raw: Bytes::copy_from_slice(raw),
            }),
        }
    }
    job
}
