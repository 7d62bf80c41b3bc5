//! When batches are closed, and where reading goes on.

use bytes::Bytes;
use ingest_core::{BatchLimits, Header, Ingest, IngestSettings, ResumePoint, Rows};

use crate::support::{read, read_chunks, settings};

fn limited(rows_max: usize, bytes_max: usize) -> IngestSettings {
    IngestSettings { batch: BatchLimits { rows_max, bytes_max }, ..settings() }
}

/// Rows and rejects of each batch.
fn batches_are(settings: IngestSettings, input: &str, expected: &[(usize, usize)]) {
    let reading = read(settings, input).unwrap();
    let sizes: Vec<_> =
        reading.batches.iter().map(|batch| (batch.rows.len(), batch.rejects.len())).collect();
    assert_eq!(sizes, expected);
}

#[test]
fn a_batch_is_closed_at_its_rows() {
    batches_are(limited(2, 1000), "a\n1\n2\n3\n4\n5\n", &[(2, 0), (2, 0), (1, 0)]);
    batches_are(limited(2, 1000), "a\n1\n2\n", &[(2, 0)]);
    batches_are(limited(0, 1000), "a\n1\n2\n", &[(1, 0), (1, 0)]);
}

#[test]
fn a_batch_never_passes_its_bytes() {
    batches_are(limited(9, 6), "a\nxx\nxx\nxx\nxx\n", &[(3, 0), (1, 0)]);
    batches_are(limited(9, 5), "a\nxx\nxx\nxx\nxx\n", &[(2, 0), (2, 0)]);
    batches_are(limited(9, 0), "a\nx\nx\n", &[(1, 0), (1, 0)]);
}

#[test]
fn a_record_larger_than_a_batch_travels_alone() {
    batches_are(limited(9, 4), "a\nx\nxxxxxx\nx\nx\n", &[(1, 0), (1, 0), (2, 0)]);
    batches_are(limited(9, 4), "a\nxxxxxx\nxxxxxx\n", &[(1, 0), (1, 0)]);
}

#[test]
fn rejects_count_as_rows_and_as_bytes() {
    batches_are(limited(2, 1000), "a\n1\n1,2\n1,2\n1,2\n1\n", &[(1, 1), (0, 2), (1, 0)]);
    batches_are(limited(9, 150), "a\n1,2\n1,2\n1,2\n", &[(0, 1), (0, 1), (0, 1)]);
}

#[test]
fn records_keep_their_numbers_across_batches_and_rejects() {
    let reading = read(limited(2, 1000), "a\n1\nx,y\n3\n4\n").unwrap();

    let numbers: Vec<_> = reading.records().iter().map(|read| read.record).collect();

    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(reading.batches[1].rows.iter().next(), Some((3, &b"3"[..])));
}

#[test]
fn the_end_of_a_batch_is_right_behind_its_last_record() {
    let reading = read(limited(2, 1000), "a\r\n\"1\n\"\r\n2\r\n\r\n3").unwrap();

    let ends: Vec<_> = reading.batches.iter().map(|batch| batch.end).collect();

    assert_eq!(
        ends,
        [
            ResumePoint { sequence: 1, record: 2, line: 5, byte: 12, skipped: 0 },
            ResumePoint { sequence: 2, record: 3, line: 6, byte: 15, skipped: 0 },
        ]
    );
}

#[test]
fn a_batch_knows_on_which_line_each_of_its_records_starts() {
    let input = "a,b\n1,x\n\n\n2,\"two\nlines\"\n3,x\n4\n,\n5,x\r\n6,\"a\r\n\r\n\"\r\n7,x\n";
    for rows_max in 1..8 {
        let reading = read(limited(rows_max, 1000), input).unwrap();

        let lines: Vec<_> = reading
            .batches
            .iter()
            .flat_map(|batch| {
                let first = batch.end.record - batch.records() + 1;
                (first..=batch.end.record).map(|record| batch.lines.of(record).unwrap())
            })
            .collect();
        assert_eq!(lines, [2, 5, 7, 8, 10, 11, 14], "in batches of {rows_max}");
    }
}

#[test]
fn a_run_that_has_no_batch_yet_resumes_before_its_header() {
    let header =
        Header::parse("a;b".into(), ingest_core::Dialect { delimiter: b';', ..Default::default() });

    let mut ingest = Ingest::resume(settings(), header.unwrap(), ResumePoint::default());
    ingest.push("a;b\n1;2\n".into());

    assert_eq!(ingest.next_batch().unwrap().unwrap().rows.iter().next(), Some((1, &b"1;2"[..])));
    assert_eq!(ingest.header().unwrap().columns(), ["a", "b"]);
}

#[test]
fn a_batch_is_given_as_soon_as_its_last_record_has_ended() {
    let mut ingest = Ingest::start(limited(2, 1000));
    ingest.push("a\n1\n2".into());
    assert_eq!(ingest.next_batch(), Ok(None));

    ingest.push("\n".into());

    assert_eq!(ingest.next_batch().unwrap().unwrap().records(), 2);
}

#[test]
fn chunks_may_be_pushed_ahead() {
    let mut ingest = Ingest::start(limited(2, 1000));
    for chunk in ["a\n1", "\n2\n3\n", "", "4\n5\n"] {
        ingest.push(chunk.into());
    }

    let records: Vec<_> =
        std::iter::from_fn(|| ingest.finish().unwrap()).map(|batch| batch.records()).collect();

    assert_eq!(records, [2, 2, 1]);
}

#[test]
#[should_panic(expected = "behind the end of the input")]
fn nothing_can_be_pushed_behind_the_end() {
    let mut ingest = Ingest::start(settings());
    let _ = ingest.finish();

    ingest.push("a\n".into());
}

#[test]
fn some_rows_of_a_batch_can_be_sent_again() {
    let chunk = Bytes::from_static(b"a\n1\n22\n333\n4444\n");
    let rows = &read_chunks(limited(9, 1000), [chunk]).unwrap().batches[0].rows;

    let again: Rows = rows.subset([3, 0]);

    assert_eq!(again.iter().collect::<Vec<_>>(), [(4, &b"4444"[..]), (1, &b"1"[..])]);
    assert_eq!((again.len(), again.bytes(), again.is_empty()), (2, 5, false));
    assert_eq!((again.get(0), again.get(2)), (Some((4, &b"4444"[..])), None));
}
