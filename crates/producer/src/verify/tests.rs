//! Two readers that share nothing agree on every file, and find each other's faults.

use std::{cell::RefCell, collections::BTreeSet};

use bytes::Bytes;
use fastrand::Rng;
use ingest_core::{Batch, BatchLimits, Ingest, IngestSettings};

use super::{
    comparison::{Compared, Comparison},
    second_reader::SecondReader,
};

const PLAIN: IngestSettings = IngestSettings {
    delimiter: Some(b','),
    quote: b'"',
    escape: None,
    record_bytes_max: 1 << 20,
    batch: BatchLimits { rows_max: 3, bytes_max: 1 << 20 },
};

/// A file in chunks of so many bytes, cut by a decoder with these settings; `misread` may change a
/// batch.
fn compared(
    file: &[u8],
    chunk: usize,
    decoder: IngestSettings,
    second: IngestSettings,
    misread: impl Fn(&mut Batch),
) -> Option<Compared> {
    let mut ingest = Ingest::start(decoder);
    let mut whole = Ingest::start(second);
    whole.push(Bytes::copy_from_slice(file));
    let _batch = whole.finish().ok()?;
    let header = whole.header()?.clone();
    let mut comparison =
        Comparison::new(header.raw().clone(), header.dialect(), second.record_bytes_max);
    for chunk in file.chunks(chunk) {
        comparison.push(chunk);
        ingest.push(Bytes::copy_from_slice(chunk));
        while let Some(mut batch) = ingest.next_batch().ok()? {
            misread(&mut batch);
            comparison.compare(&batch);
        }
    }
    comparison.end();
    while let Some(mut batch) = ingest.finish().ok()? {
        misread(&mut batch);
        comparison.compare(&batch);
    }
    Some(comparison.finish(ingest.skipped()))
}

/// One of these pieces, with `|` between them.
fn one_of<'a>(rng: &mut Rng, pieces: &'a [u8]) -> &'a [u8] {
    let count = pieces.split(|byte| *byte == b'|').count();
    pieces.split(|byte| *byte == b'|').nth(rng.usize(..count)).unwrap_or_default()
}

/// A record with a cell over lines, of one to six limits, and the right count of cells or not.
fn long_record(rng: &mut Rng, record_bytes_max: usize) -> Vec<u8> {
    const BEGINNINGS: &[u8] = b"1,\"|\"|a,b,\"";
    const LINES: &[u8] = b"x\n|3,x\n|ab\r\n|c\r|\"\"|d,\"\"e\"\"\n|\\\"|\\\\|f|\n|\x1A|\xFF";
    const ENDS: &[u8] = b"\"\n|\"\r\n|\"|\" \r|\",y\n|\",,\n|\"z\n|\n";
    let bytes = rng.usize(1..=6) * record_bytes_max.min(40) + rng.usize(0..4);
    let mut record = one_of(rng, BEGINNINGS).to_vec();
    while record.len() < bytes {
        record.extend_from_slice(one_of(rng, LINES));
    }
    // It ends at a limit, or close to it.
    record.truncate(bytes.saturating_sub(rng.usize(0..3)));
    record.extend_from_slice(one_of(rng, ENDS));
    record
}

/// A file of what readers stumble over.
fn odd_file(rng: &mut Rng, record_bytes_max: usize) -> Vec<u8> {
    const HEADS: &[u8] = b"h,i\n|\xEF\xBB\xBFh,i\r\n|sep=,\rh,i\r|\n\nh,i,\n|\"h\ni\",j\n|h\n";
    const PIECES: &[u8] =
        b"a|bc|,|,|,|\"|\"|\"|\"\"|\n|\n|\r\n|\r|\\| |\t|\xEF\xBB\xBF|\x1A|\xFF|\xC3\xA9|\nH,I\n|\nsep=,\nh,i\n|1,\"open\n2,b\n|x\ny,5\" z\n";
    let mut file = one_of(rng, HEADS).to_vec();
    for _ in 0..rng.usize(0..40) {
        file.extend_from_slice(one_of(rng, PIECES));
        if rng.u8(0..32) == 0 {
            file.push(b'\n');
            file.extend(long_record(rng, record_bytes_max));
        }
    }
    if rng.u8(0..4) == 0 {
        file.extend_from_slice(b"\nh,i\n\x1A");
    }
    file
}

#[test]
fn two_readers_agree_on_every_file_however_it_is_cut() {
    const CASES: u32 = 40_000;
    let mut rng = Rng::with_seed(11);
    let (mut read, codes) = (0, RefCell::new(BTreeSet::new()));
    let see = |batch: &mut Batch| {
        codes.borrow_mut().extend(batch.rejects.iter().map(|reject| reject.code.clone()));
    };
    for case in 0..CASES {
        let settings = IngestSettings {
            escape: rng.bool().then_some(b'\\'),
            record_bytes_max: [9, 14, 25, 1 << 20][rng.usize(..4)],
            ..PLAIN
        };
        let file = odd_file(&mut rng, settings.record_bytes_max);
        let chunk = [1, 2, 7, 1 << 20][rng.usize(..4)];

        let Some(compared) = compared(&file, chunk, settings, settings, see) else { continue };

        let shown = String::from_utf8_lossy(&file).into_owned();
        let differences = compared.differences;
        assert!(
            differences.is_empty(),
            "case {case}: {differences:?} {settings:?} {chunk} {shown:?}"
        );
        read += 1;
    }
    assert!(read > CASES / 4 * 3, "{read} files were read");
    assert_eq!(codes.into_inner().len(), 5, "each kind of reject was met");
}

/// What is wrong, with a file, the settings of the decoder and of the second reader, what is done to
/// each batch, and what is found.
type Misread =
    (&'static str, &'static [u8], IngestSettings, IngestSettings, fn(&mut Batch), &'static str);

#[test]
fn what_a_decoder_misread_is_named_by_place_and_never_by_value() {
    let backslash = IngestSettings { escape: Some(b'\\'), ..PLAIN };
    let wide = IngestSettings { record_bytes_max: 1 << 10, ..PLAIN };
    let narrow = IngestSettings { record_bytes_max: 20, ..PLAIN };
    let none: fn(&mut Batch) = |_| ();
    let cases: [Misread; 7] = [
        (
            "it takes a quote for an escaped one, and the next row for a part of the cell",
            b"h,i\n1,\"C:\\\"\n2,b\n3,\"c\"\n4,d\n",
            backslash,
            PLAIN,
            none,
            "batch 0: record 1 (line 2, byte 4): it is rejected as MISPLACED_QUOTE, and to the csv \
             crate a row",
        ),
        (
            "it keeps an open quote for longer than a record may be",
            b"h,i\n1,\"open\n2,bbbbbb\n3,cccccc\n4,\n5,e\"\n6,f\n",
            wide,
            narrow,
            none,
            "batch 0: record 1 (line 2, byte 4): it is a row, and to the csv crate rejected as \
             MISPLACED_QUOTE",
        ),
        (
            "it loses a row",
            b"h,i\n1,a\n2,b\n3,c\n4,d\n",
            PLAIN,
            PLAIN,
            |batch| batch.rows = batch.rows.subset(1..batch.rows.len()),
            "batch 0: record 1 (line 2, byte 4): the csv crate reads other text",
        ),
        (
            "it gives a row twice",
            b"h,i\n1,a\n2,b\n3,c\n",
            PLAIN,
            PLAIN,
            |batch| batch.rows = batch.rows.subset([0, 1, 2, 2]),
            "batch 0: it has more records than the csv crate finds there",
        ),
        (
            "it alters a row",
            b"h,i\n1,a\n2,b\n3,c\n",
            PLAIN,
            PLAIN,
            |batch| {
                let mut rows = batch.rows.subset([0, 1]);
                rows.push(3, b"3,C");
                batch.rows = rows;
            },
            "batch 0: record 3 (line 4, byte 12): the csv crate reads other text",
        ),
        (
            "it ends a batch where no record ends",
            b"h,i\n1,a\n2,b\n3,c\n4,d\n",
            PLAIN,
            PLAIN,
            |batch| batch.end.line += 1,
            "batch 0: it ends behind record 3 at line 6, byte 16, and to the csv crate behind \
             record 3 at line 5, byte 16",
        ),
        (
            "it keeps rows for no batch",
            b"h,i\n1,a\n2,b\n3,c\n",
            PLAIN,
            PLAIN,
            |batch| batch.rows = batch.rows.subset([0]),
            "batch 0: line 3, byte 8: 2 records from there on are in no batch",
        ),
    ];

    for (what, file, decoder, second, misread, expected) in cases {
        for chunk in [1, 5, 1 << 20] {
            let compared = compared(file, chunk, decoder, second, misread).unwrap();
            assert_eq!(compared.differences.first().map(String::as_str), Some(expected), "{what}");
        }
    }
}

#[test]
fn lines_that_are_in_no_record_do_not_add_up() {
    let lost = |batch: &mut Batch| batch.rejects.iter_mut().for_each(|reject| reject.raw.clear());
    let file = b"h,i\n1,\"open\n2,\"two\nlines\"x\n3,c\n";

    let found = compared(file, 1 << 20, PLAIN, PLAIN, lost).unwrap();
    let right = compared(file, 1 << 20, PLAIN, PLAIN, |_| ()).unwrap();

    assert_eq!((right.lines, right.differences), (5, vec![]));
    let sum = "the file has 5 lines, and 4 of them are the header, in records, or skipped";
    assert_eq!(found.differences.last().map(String::as_str), Some(sum));
}

#[test]
fn of_many_differences_the_first_ones_are_named() {
    let rows: String = (0..300).map(|row| format!("{row},a\n")).collect();
    let file = format!("h,i\n{rows}");

    let found = compared(file.as_bytes(), 64, PLAIN, PLAIN, |batch| batch.end.byte += 0).unwrap();
    let lost = |batch: &mut Batch| batch.rows = batch.rows.subset([0]);
    let broken = compared(file.as_bytes(), 64, PLAIN, PLAIN, lost).unwrap();

    assert_eq!(found.differences, Vec::<String>::new());
    assert_eq!(broken.differences.len(), 11);
    assert_eq!(broken.differences[10], "… and 91 differences more");
}

/// However long a line is that is skipped, and however many lines are nothing, little is kept.
#[test]
fn what_is_skipped_is_not_kept() {
    let mut reader = SecondReader::new(ingest_core::Dialect::default(), 1 << 10);
    reader.push(b"h,i\n");
    for piece in [&b"no line end, "[..], b"\n", b",,\n", b"\n,,"] {
        for _ in 0..24 {
            reader.push(&piece.repeat((1 << 20) / piece.len()));
        }
        assert!(reader.kept_bytes() < 20 << 20, "{} bytes", reader.kept_bytes());
    }
}
