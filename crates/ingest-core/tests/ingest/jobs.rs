//! Batch jobs as bytes.

use bytes::Bytes;
use ingest_core::{BatchJob, DecodeJobError, Dialect, IdLine, IdLines, Reject, Rows, Tally};
use proptest::prelude::*;
use proptest::sample::Index;

fn rows(rows: &[(u64, Vec<u8>)]) -> Rows {
    let mut all = Rows::default();
    for (record, raw) in rows {
        all.push(*record, raw);
    }
    all
}

fn job(count: usize) -> BatchJob {
    let row =
        |number: u64| format!("EXT-{number:09},Jane Doe,jane.doe@example.com,Ltd").into_bytes();
    let all: Vec<_> = (0..count as u64).map(|index| (70_000 + index, row(index))).collect();
    BatchJob {
        run: "2026-01-31-big".parse().unwrap(),
        sequence: 700,
        passes: 0,
        header: "ExternalId,Name,Email,Company".into(),
        dialect: Dialect::default(),
        rows: rows(&all),
        rejects: Vec::new(),
        tally: Tally::default(),
        ids: IdLines::default(),
    }
}

fn ids(keys: &[Vec<u8>]) -> IdLines {
    let mut ids = IdLines::default();
    for (record, key) in (1..).zip(keys) {
        let line = IdLine { record, key: Some(key), id: "00Q000000000001AAA", change: "created" };
        ids.push(Dialect::default(), line);
    }
    ids
}

/// What a program of the same version reads of it.
fn again(job: &BatchJob) -> Result<BatchJob, DecodeJobError> {
    BatchJob::decode(&job.encode(), &job.header)
}

fn any_job() -> impl Strategy<Value = BatchJob> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let reject = (any::<u64>(), "[A-Z_]{0,20}", ".{0,40}", bytes())
        .prop_map(|(record, code, message, raw)| Reject { record, code, message, raw: raw.into() });
    let tally = any::<[u64; 5]>().prop_map(|[created, updated, deleted, retried, api_calls]| {
        Tally { created, updated, deleted, retried, api_calls }
    });
    (
        "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        any::<(u64, u32)>(),
        bytes(),
        prop::sample::select(vec![
            (b',', b'"', None),
            (b'\t', b'\'', Some(b'\\')),
            (b'|', b',', None),
        ]),
        prop::collection::vec((any::<u64>(), bytes()), 0..20),
        (
            prop::collection::vec(reject, 0..4),
            tally,
            prop::collection::vec(any::<Index>(), 0..9),
            prop::collection::vec(bytes(), 0..4),
        ),
    )
        .prop_map(
            |(
                run,
                (sequence, passes),
                header,
                (delimiter, quote, escape),
                all,
                (rejects, tally, tried, keys),
            )| {
                let mut rows = rows(&all);
                for index in tried.into_iter().filter(|_| !all.is_empty()) {
                    rows.tried(index.index(all.len()));
                }
                BatchJob {
                    run: run.parse().unwrap(),
                    sequence,
                    passes,
                    header: header.into(),
                    dialect: Dialect { delimiter, quote, escape },
                    rows,
                    rejects,
                    tally,
                    ids: ids(&keys),
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(job in any_job()) {
        prop_assert_eq!(again(&job), Ok(job));
    }

    #[test]
    fn a_job_cut_anywhere_is_malformed(job in any_job(), at in any::<Index>()) {
        let bytes = job.encode();
        let cut = &bytes[..at.index(bytes.len())];

        let is_malformed = matches!(BatchJob::decode(cut, &job.header), Err(DecodeJobError::Malformed { .. }));

        prop_assert!(is_malformed);
    }

    #[test]
    fn a_changed_job_never_panics(job in any_job(), changes: Vec<(Index, u8)>) {
        let mut bytes = job.encode();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }

        if let Ok(job) = BatchJob::decode(&bytes, &job.header) {
            prop_assert_eq!(again(&job), Ok(job));
        }
    }

    #[test]
    fn any_bytes_never_panic(mut bytes: Vec<u8>) {
        if let Some(version) = bytes.first_mut() {
            *version = 5;
        }
        let _ = BatchJob::decode(&bytes, &Bytes::new());
    }
}

#[test]
fn a_row_costs_at_most_three_bytes_more_than_it_has() {
    let (one, many) = (job(1), job(1001));

    let growth = many.encode().len() - one.encode().len();
    let raw = many.rows.bytes() - one.rows.bytes();

    // Length, distance; and the two counts of rows and bytes grow a little.
    assert!(growth - raw <= 1000 * 2 + 4, "{} bytes for 1000 rows", growth - raw);
    assert!(one.encode().len() - one.rows.bytes() < 70);
}

/// Redis holds jobs while programs are replaced. If this fails, the encoding has changed: give it a
/// new version.
#[test]
fn the_encoding_stays_as_it_is() {
    let job = BatchJob {
        run: "r".parse().unwrap(),
        sequence: 300,
        passes: 0,
        header: "a,b".into(),
        dialect: Dialect::default(),
        rows: rows(&[(7, b"1,2".to_vec()), (9, b"3,".to_vec())]),
        rejects: vec![Reject {
            record: 8,
            code: "C".to_owned(),
            message: "m".to_owned(),
            raw: "x".into(),
        }],
        tally: Tally { created: 1, updated: 2, deleted: 3, retried: 4, api_calls: 5 },
        ids: IdLines::default(),
    };

    let bytes = b"\x05\x01r\xAC\x02\x00,\"\0\xDF\xA7\xE4\xE6\x02\x02\x07\x03\x02\x02\x051,23,\x01\x08\x01C\x01m\x01x\x01\x02\x03\x04\x05\0";

    assert_eq!(job.encode(), bytes);

    let mut back = BatchJob { passes: 2, ..job };
    back.rows.tried(1);
    back.dialect.escape = Some(b'\\');
    let (start, end) = (&bytes[..5], &bytes[6..bytes.len() - 1]);
    let end = [&end[..2], b"\\", &end[3..]].concat();
    assert_eq!(back.encode(), [start, b"\x02", &end, b"\x02\0\x01"].concat());
}

/// So that the programs of before read what has none, and say of the others that they are newer.
#[test]
fn ids_are_put_behind_a_job_and_no_other_job_is_larger_for_them() {
    let with_ids = BatchJob { ids: ids(&[b"A".to_vec(), b"B".to_vec()]), ..job(1) };
    let without = job(1).encode();
    let lines = b"1,A,00Q000000000001AAA,created\n2,B,00Q000000000001AAA,created\n";
    let expected = [b"\x06", &without[1..], b"\x02\x01\x3e", lines].concat();
    assert_eq!(with_ids.encode(), expected);
}

/// A header may be as large as a thousand rows.
#[test]
fn a_job_is_as_large_whatever_the_header_of_its_run() {
    let small = job(3);
    let large = BatchJob { header: "Name,".repeat(10_000).into(), ..small.clone() };

    assert!(large.encode().len() <= small.encode().len() + 4);

    assert_eq!(again(&large).unwrap().header, large.header);
    let other = BatchJob::decode(&large.encode(), &small.header);
    assert_eq!(other, Err(DecodeJobError::OtherHeader));
}

#[test]
fn each_row_keeps_its_own_tries() {
    let mut job = job(4);
    assert_eq!(job.rows.tries(3), 0);

    job.rows.tried(2);
    (0..300).for_each(|_| job.rows.tried(0));
    let mut rest = job.rows.subset([2, 3, 0]);
    rest.push(9, b"new");

    let read = again(&BatchJob { rows: rest, ..job }).unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| read.rows.tries(row)), [1, 0, 255, 0]);
}

#[test]
fn another_version_is_named() {
    let mut bytes = job(1).encode();
    bytes[0] = 9;

    let error = BatchJob::decode(&bytes, &Bytes::new()).unwrap_err();

    assert_eq!(error, DecodeJobError::UnknownVersion { found: 9, known: 5 });
    assert_eq!(
        error.to_string(),
        "batch job has encoding version 9, and this program reads version 5; run producer and consumer of the same version"
    );
}

#[test]
fn what_is_no_job_says_why() {
    let good = job(2).encode();
    let longer = [&good[..], b"x"].concat();
    let huge_length =
        [&good[..1], &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01][..]].concat();
    // Version, run "r", sequence, passes, delimiter, quote, no escape, no header; then rows, raw,
    // rejects, a tally of nothing, and no tries.
    let with = |tail: &[u8]| [b"\x05\x01r\0\0,\"\0\0", tail, b"\0\0\0\0\0\0"].concat();
    let cases = [
        (Vec::new(), "it is empty"),
        (longer, "something follows it"),
        (huge_length, "its end is missing"),
        (with(b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), "its end is missing"),
        (with(b"\x01\x01\x02\x01x\0"), "its rows are not as long as it says"),
        (with(b"\x01\x01\x02\x03xyz\0"), "its rows are not as long as it says"),
        (
            with(b"\x01\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01x\0"),
            "its rows are not as long as it says",
        ),
        (b"\x05".to_vec(), "its end is missing"),
        (b"\x05\x01-\0\0,\"\0\0\0\0\0\0\0\0\0\0\0".to_vec(), "its run id is not one"),
        (
            b"\x05\x01r\0\0,,\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            "its delimiter, quote or escape cannot be used",
        ),
        (
            b"\x05\x01r\0\0,\",\0\0\0\0\0\0\0\0\0\0".to_vec(),
            "its delimiter, quote or escape cannot be used",
        ),
        (
            b"\x05\x01r\0\0,\"\0\0\0\0\0\0\0\0\0\0\x01\x05".to_vec(),
            "its rows are not as many as their tries",
        ),
        (b"\x05\x01\xFF\0\0,\"\0\0\0\0\0".to_vec(), "it cannot be decoded"),
    ];

    for (bytes, reason) in cases {
        let error = BatchJob::decode(&bytes, &Bytes::new()).unwrap_err().to_string();
        assert_eq!(error, format!("not a batch job: {reason}"), "{bytes:?}");
    }
    assert!(BatchJob::decode(&with(b"\0\0\0"), &Bytes::new()).is_ok());
}

#[test]
fn debug_output_holds_no_row() {
    let text = format!("{:?}", job(3));

    assert!(text.contains("ExternalId") && !text.contains("Jane"), "{text}");
}
