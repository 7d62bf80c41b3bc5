//! Files that are meant to stop whoever reads them.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::GzEncoder};

/// What begins a Zstandard frame with a window of 128 KiB, and one block of it that is this byte over
/// and over: <https://www.rfc-editor.org/rfc/rfc8878>, 3.1.1.
const FRAME: [u8; 6] = [0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3];
fn block(byte: u8, is_last: bool) -> [u8; 4] {
    let [low, middle, high, _] = ((128 << 10) << 3 | 1 << 1 | u32::from(is_last)).to_le_bytes();
    [low, middle, high, byte]
}

/// By name, with the content.
pub(super) fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("long-header.csv", long_header()),
        ("wide.csv", wide()),
        ("empty-lines.csv.zst", empty_lines()),
        ("lines-without-data.csv.gz", lines_without_data()),
        ("codes.csv", codes()),
        ("\u{202e}\u{2066}names.csv", b"\x1b[2Ja,\x07b\n1,2\n".to_vec()),
        ("open-quote.csv", open_quote()),
    ]
}

/// Rows with too few cells: they are in the rejects file, which is somewhat long then.
pub(super) fn rejected() -> Vec<u8> {
    let note = "x".repeat(200);
    let mut content = "Key,Name,Email,Company,Note\n".to_owned();
    for row in 1..=40_000 {
        writeln!(content, "{row}{note}").unwrap();
    }
    content.into_bytes()
}

/// One column name of a megabyte, and 20,000 short rows.
fn long_header() -> Vec<u8> {
    format!("id,{}\n{}", "x".repeat(1 << 20), "1,2\n".repeat(20_000)).into_bytes()
}

fn wide() -> Vec<u8> {
    let columns: Vec<String> = (0..159_767).map(|column| format!("c{column}")).collect();
    format!("{}\n", columns.join(",")).into_bytes()
}

/// 60 GB of empty lines in 1.84 MB.
fn empty_lines() -> Vec<u8> {
    let blocks = (0..460_000).flat_map(|_| block(b'\n', false));
    [&FRAME[..], &blocks.collect::<Vec<u8>>(), &block(b'\n', true)].concat()
}

/// Four gigabytes of lines without data.
fn lines_without_data() -> Vec<u8> {
    let gzip = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let lines = gzip(" ,\n".repeat(4 << 20).as_bytes());
    [gzip(b"a,b\n"), lines.repeat(340)].concat()
}

/// A rejects file with 300,000 reject codes, of rows whose text it does not have.
fn codes() -> Vec<u8> {
    let mut content = "Key,_record,_code,_message\n".to_owned();
    for row in 1..=300_000 {
        writeln!(content, ",{row},CODE_{row},{}", "m".repeat(40)).unwrap();
    }
    content.into_bytes()
}

/// A cell that never ends.
fn open_quote() -> Vec<u8> {
    format!("Key,Name\n1,\"{}", "a,b\n".repeat(8 << 20)).into_bytes()
}
