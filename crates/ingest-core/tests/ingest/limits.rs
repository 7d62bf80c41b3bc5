//! What an input may have before there is a header, and between records.

use bytes::Bytes;
use ingest_core::{Ingest, IngestError, IngestSettings, RejectCode, Replay, rejects_header};

use crate::support::{read_chunks, settings};

const HEADER_BYTES_MAX: usize = 64 << 10;
const COLUMNS_MAX: usize = 2_000;
const EMPTY_LINES_BYTES_MAX: usize = 64 << 20;

/// A header of so many columns and bytes, and a row.
fn file(columns: usize, bytes: usize) -> String {
    let mut header: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    let rest = bytes.saturating_sub(header.join(",").len());
    header[0].push_str(&"x".repeat(rest));
    format!("{}\n{}\n", header.join(","), ",".repeat(columns - 1) + "1")
}

/// What becomes of an input, however it is cut.
fn outcome(input: impl Into<Bytes>) -> Result<usize, String> {
    let input = input.into();
    let outcome = |size: usize| {
        let chunks = (0..input.len()).step_by(size);
        let chunks = chunks.map(|at| input.slice(at..input.len().min(at + size)));
        let reading = read_chunks(settings(), chunks).map_err(|error| error.to_string());
        reading.map(|reading| reading.records().len())
    };
    let whole = outcome(input.len());
    for size in [(4 << 20) - 1, 65_521] {
        assert_eq!(outcome(size), whole, "in chunks of {size}");
    }
    whole
}

#[test]
fn a_header_may_have_64_kib_and_2000_columns_and_no_more() {
    let fits = [file(1, HEADER_BYTES_MAX), file(COLUMNS_MAX, 0), file(COLUMNS_MAX, 65_536)];
    for fits in fits {
        assert_eq!(outcome(fits), Ok(1));
    }
    let advice = "leave columns out or shorten their names, or set HEADER_BYTES_MAX higher";
    let has = "header (line 1, byte 0): the header has";
    for bytes in [HEADER_BYTES_MAX + 1, 4 * HEADER_BYTES_MAX] {
        let message =
            format!("{has} {bytes} bytes, and may have 65536 (HEADER_BYTES_MAX); {advice}");
        assert_eq!(outcome(file(1, bytes)), Err(message));
    }
    for bytes in [4 * HEADER_BYTES_MAX + 1, 1 << 20, 3 << 20] {
        let message = format!(
            "{has} more than 262144 bytes, and may have 65536 (HEADER_BYTES_MAX); {advice}"
        );
        assert_eq!(outcome(file(1, bytes)), Err(message));
    }
    let message = format!(
        "{has} 2001 columns, and may have 2000 (HEADER_COLUMNS_MAX); leave columns out, or set \
         HEADER_COLUMNS_MAX higher"
    );
    assert_eq!(outcome(file(COLUMNS_MAX + 1, 0)), Err(message));
}

#[test]
fn a_header_that_is_too_large_says_where_its_quote_is_open() {
    let message = "header (line 1, byte 0): the header has more than 262144 bytes, and may have \
                   65536 (HEADER_BYTES_MAX); the quote that opens at byte 3 was still open there; is \
                   its closing quote missing?";

    assert_eq!(outcome(format!("id,\"{}", "name\n".repeat(100_000))), Err(message.to_owned()));
}

#[test]
fn the_header_of_a_rejects_file_may_have_as_much_as_its_source_had() {
    let replayed = |columns: usize, bytes: usize| {
        let source = file(columns, bytes);
        let header = source.lines().next().unwrap().to_owned();
        let mut ingest = Ingest::start(settings()).replaying(Replay::default());
        ingest.push(rejects_header(header.as_bytes(), ingest_core::Dialect::default()).into());
        ingest.finish().map(|_| ())
    };

    assert_eq!(replayed(COLUMNS_MAX, HEADER_BYTES_MAX), Ok(()));
    let columns = replayed(COLUMNS_MAX + 1, 0);
    assert!(matches!(columns, Err(IngestError::TooManyColumns { columns: 2_001, .. })));
    let bytes = replayed(1, 4 * HEADER_BYTES_MAX);
    assert!(matches!(bytes, Err(IngestError::HeaderTooLarge { is_all: true, .. })), "{bytes:?}");
}

#[test]
fn more_than_64_mib_of_empty_lines_in_a_row_end_the_reading() {
    let lines = |bytes: usize| "\r\n".repeat(bytes / 2) + &"\n".repeat(bytes % 2);
    let marks = "\u{FEFF}".repeat(EMPTY_LINES_BYTES_MAX / 3 + 1);
    let (some, many) = (lines(EMPTY_LINES_BYTES_MAX), lines(EMPTY_LINES_BYTES_MAX + 1));
    let from = |byte: u32| {
        Err(format!(
            "from byte {byte} on there are only empty lines, for more than 67108864 bytes; is this the \
             file that was meant? What stands behind them is not read"
        ))
    };

    assert_eq!(outcome(format!("id\n1{some}2\n")), Ok(2));
    assert_eq!(outcome(format!("{some}id\n1\n")), Ok(1));
    assert_eq!(outcome(format!("{many}id\n1\n")), from(0));
    assert_eq!(outcome(many.clone()), from(0));
    assert_eq!(outcome(format!("\u{FEFF}{marks}id\n1\n")), from(3));
    assert_eq!(outcome(format!("id\n1\n{many}2\n")), from(5));
    assert_eq!(outcome(format!("id\n1\n{many}")), from(5));
}

#[test]
fn records_before_too_many_empty_lines_are_given_first() {
    let many = IngestSettings {
        batch: ingest_core::BatchLimits { rows_max: 10, bytes_max: 1 << 20 },
        ..settings()
    };
    let mut ingest = Ingest::start(many);
    ingest.push(format!("id\n1\n2,2\n{}", "\n".repeat(EMPTY_LINES_BYTES_MAX + 1)).into());

    let batch = ingest.next_batch().unwrap().expect("two records were read");

    let codes: Vec<_> = batch.rejects.iter().map(|reject| reject.code.as_str()).collect();
    assert_eq!((batch.rows.len(), codes), (1, vec![RejectCode::FieldCount.as_str()]));
    assert!(matches!(ingest.next_batch(), Err(IngestError::OnlyEmptyLines { byte: 9, .. })));
}

/// Pushes this many copies of a piece behind the header, and gives how many records came and how
/// reading ended.
fn of_copies(piece: &str, copies: usize) -> (u64, Result<(), String>) {
    let piece = Bytes::copy_from_slice(piece.as_bytes());
    let mut ingest = Ingest::start(settings());
    ingest.push("a,b\n".into());
    let mut records = 0;
    for _ in 0..copies {
        ingest.push(piece.clone());
        loop {
            match ingest.next_batch() {
                Ok(Some(batch)) => records += batch.records(),
                Ok(None) => break,
                Err(error) => return (records, Err(error.to_string())),
            }
        }
    }
    (records, Ok(()))
}

#[test]
fn a_gigabyte_without_a_row_ends_the_reading_unless_a_tenth_of_the_rest_is_rows() {
    const MIB: usize = 1 << 20;
    let blank = ",".repeat(63) + "\n";
    let blanks = blank.repeat(MIB / blank.len());
    let long = "x".repeat(2 * MIB - 1) + "\n";
    let some_rows = blank.repeat((MIB - 110_000) / blank.len()) + &"1,2\n".repeat(110_000 / 4);
    let end = |byte: usize| {
        Err(format!(
            "up to byte {byte} there are {} bytes without a row: empty lines, lines of delimiters, or \
             records that are too long; is this the file that was meant? What stands behind them is not \
             read",
            byte - 4
        ))
    };

    assert_eq!(of_copies(&blanks, 1_024), (0, Ok(())));
    assert_eq!(of_copies(&blanks, 1_025), (0, end(4 + 1_024 * MIB + blank.len())));
    assert_eq!(of_copies(&long, 513), (513, end(4 + 1_026 * MIB)));
    assert_eq!(of_copies(&some_rows, 1_200), (1_200 * 110_000 / 4, Ok(())));
}
