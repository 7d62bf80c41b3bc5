//! Decoding speed beside the `csv` crate's fastest loop, on the same bytes.
//!
//! The ratio is what counts: `csv` decodes every record into a reused `ByteRecord` and forgets it;
//! `ingest` checks it (fields, UTF-8), copies it into a batch and keeps where it was.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest_core::{BatchLimits, Ingest, IngestSettings};

const INPUT_BYTES: usize = 16 << 20;
const CHUNK_BYTES: usize = 256 << 10;

fn decode(criterion: &mut Criterion) {
    for (name, line) in lines() {
        let input = input(line);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(input.len() as u64)).sample_size(20);
        let rows = csv_rows(&input);
        assert_eq!(rows, ingest_rows(&input), "both read the same");
        group.bench_function("csv", |bencher| bencher.iter(|| csv_rows(black_box(&input))));
        group.bench_function("ingest", |bencher| bencher.iter(|| ingest_rows(black_box(&input))));
        group.finish();
    }
}

/// Writes the row with this number.
type Line = fn(usize) -> String;

/// Shapes of rows: how much is quoted is what decides.
fn lines() -> [(&'static str, Line); 5] {
    [
        ("generated", |n| {
            format!("EXT-{n:09},Jane Doe {n},jane.doe.{n}@example.com,Company Number {n} Ltd\n")
        }),
        ("awkward-10-percent", |n| match n % 10 {
            0 => {
                format!("EXT-{n:09},\"Doe, \"\"J\"\"\nJané\",jane.{n}@example.com,\"Ünal, Ltd\"\n")
            }
            _ => format!("EXT-{n:09},Jane Doe {n},jane.doe.{n}@example.com,Company {n} Ltd\n"),
        }),
        ("ten-columns-two-quoted", |n| {
            format!(
                "{n},0017F00002abcDE,\"Doe, Jane\",jane.doe.{n}@example.com,+1 555 0100 {n},\"12 Main Street, Springfield\",2024-05-17,1234.50,true,some free text\n"
            )
        }),
        ("all-quoted", |n| {
            format!(
                "\"EXT-{n:09}\",\"Jane Doe {n}\",\"jane.doe.{n}@example.com\",\"Company {n} Ltd\"\n"
            )
        }),
        ("not-ascii-crlf", |n| {
            format!("EXT-{n:09},Zoë Müller-Ångström {n},zoë.{n}@example.com,Żółć & Søn № {n}\r\n")
        }),
    ]
}

fn input(line: Line) -> Bytes {
    let columns = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line(1).as_bytes())
        .byte_records()
        .next()
        .expect("a line is a record")
        .expect("a slice has no I/O errors")
        .len();
    let header: Vec<_> = (0..columns).map(|column| format!("column {column}")).collect();
    let mut input = header.join(",") + "\n";
    for number in 0.. {
        if input.len() >= INPUT_BYTES {
            break;
        }
        input.push_str(&line(number));
    }
    input.into()
}

fn csv_rows(input: &[u8]) -> u64 {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(CHUNK_BYTES).from_reader(input);
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).expect("a slice has no I/O errors") {
        rows += 1;
    }
    rows
}

fn ingest_rows(input: &Bytes) -> u64 {
    let mut ingest = Ingest::start(IngestSettings {
        delimiter: None,
        quote: b'"',
        escape: None,
        record_bytes_max: 1 << 20,
        batch: BatchLimits { rows_max: 100, bytes_max: 1 << 20 },
    });
    let mut rows = 0;
    for start in (0..input.len()).step_by(CHUNK_BYTES) {
        ingest.push(input.slice(start..input.len().min(start + CHUNK_BYTES)));
        while let Some(batch) = ingest.next_batch().expect("the header is good") {
            rows += batch.rows.len() as u64;
        }
    }
    while let Some(batch) = ingest.finish().expect("the header is good") {
        rows += batch.rows.len() as u64;
    }
    rows
}

criterion_group!(benches, decode);
criterion_main!(benches);
