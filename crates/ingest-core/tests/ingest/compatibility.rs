//! Jobs that a release left on the queue are read by this code: `CONTRIBUTING.md`, stored data of releases.

use std::{fs, path::PathBuf};

use ingest_core::{BatchJob, Dialect, IdLine, IdLines, Reject, Rows, Tally};

/// What to do when one of these tests fails.
const WHAT_TO_DO: &str = "the encoding of jobs differs from the stored one, and a consumer would misread what a producer \
    of the release before queued. If that is not on purpose, undo it. Otherwise raise the version in src/job.rs, write \
    fixtures of it (RENEW_FIXTURES=1 cargo test -p ingest-core --test ingest -- compatibility), keep the old ones as long \
    as this code is to read them, and say in docs/compatibility.md and CHANGELOG.md what an upgrade takes";

fn stored(version: u8) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/job-{version}.bin"))
}

/// A job with something in each of its fields. Its values stay as they are: the stored bytes say the same.
fn job() -> BatchJob {
    let mut rows = Rows::default();
    rows.push(70_001, b"EXT-1;'Jane; Doe';");
    rows.push(70_003, "EXT-3;Zo\u{eb};\u{1F680}".as_bytes());
    // Rows may come in any order, and need not be text.
    rows.push(70_002, b"EXT-2;\xff\xfe;x");
    for again in [1, 1, 2] {
        rows.tried(again);
    }
    BatchJob {
        run: "2026-01-31-big".parse().unwrap(),
        sequence: 700,
        passes: 2,
        header: "ExternalId;Name;Note".into(),
        dialect: Dialect { delimiter: b';', quote: b'\'', escape: Some(b'\\') },
        rows,
        rejects: vec![Reject {
            record: 70_000,
            code: "REQUIRED_FIELD_MISSING".to_owned(),
            message: "Required fields are missing: [Name]".to_owned(),
            raw: "EXT-0;;".into(),
        }],
        tally: Tally { created: 3, updated: 2, deleted: 1, retried: 4, api_calls: 5 },
        ids: IdLines::default(),
    }
}

/// The same, of a run that writes an ids file.
fn job_with_ids() -> BatchJob {
    let mut job = job();
    for (record, key) in [(70_004, Some(&b"EXT-4"[..])), (70_005, None)] {
        let line = IdLine { record, key, id: "00Q000000000001AAA", change: "created" };
        job.ids.push(job.dialect, line);
    }
    job
}

/// What this code writes, by the version of its encoding.
fn written() -> [(u8, BatchJob); 2] {
    [(5, job()), (6, job_with_ids())]
}

#[test]
fn jobs_of_each_stored_encoding_are_read() {
    for (version, expected) in written() {
        let bytes = fs::read(stored(version)).unwrap();

        assert_eq!(bytes[0], version, "{WHAT_TO_DO}");
        let read = BatchJob::decode(&bytes, &expected.header);
        assert_eq!(read.as_ref(), Ok(&expected), "job-{version}.bin: {WHAT_TO_DO}");
    }
}

/// A consumer of the release before reads what is queued now, while both are there.
#[test]
fn jobs_are_written_as_they_are_stored() {
    #[expect(clippy::disallowed_methods, reason = "it is a setting of this test")]
    let renews = std::env::var("RENEW_FIXTURES").is_ok();
    for (version, job) in written() {
        if renews {
            fs::write(stored(version), job.encode()).unwrap();
        }
        let bytes = fs::read(stored(version)).unwrap();

        assert_eq!(job.encode(), bytes, "job-{version}.bin: {WHAT_TO_DO}");
    }
}
