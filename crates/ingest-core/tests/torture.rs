//! The files that other loaders fall over: read to their end, in little memory, and each fault named
//! by where it is. A process of its own, for the figure of its memory is looked at.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use bytes::Bytes;
use ingest_core::{
    Batch, BatchLimits, HeaderLimits, Ingest, IngestError, IngestSettings, RejectCode, Transcoder,
};

const MIB: usize = 1 << 20;

/// As the producer reads, with its limits.
const SETTINGS: IngestSettings = IngestSettings {
    delimiter: None,
    quote: b'"',
    escape: None,
    record_bytes_max: MIB,
    batch: BatchLimits { rows_max: 100, bytes_max: MIB },
};

/// What this process, all of its tests together, may ever hold.
const MEMORY_MAX: usize = 64 * MIB;

/// Reads all chunks; nothing is kept of a batch but what `look` makes of it.
fn read<T>(
    chunks: impl IntoIterator<Item = Bytes>,
    look: impl FnMut(Batch) -> T,
) -> Result<Vec<T>, IngestError> {
    read_with(Ingest::start(SETTINGS), chunks, look)
}

fn read_with<T>(
    mut ingest: Ingest,
    chunks: impl IntoIterator<Item = Bytes>,
    mut look: impl FnMut(Batch) -> T,
) -> Result<Vec<T>, IngestError> {
    let mut seen = Vec::new();
    for chunk in chunks {
        ingest.push(chunk);
        while let Some(batch) = ingest.next_batch()? {
            seen.push(look(batch));
        }
    }
    while let Some(batch) = ingest.finish()? {
        seen.push(look(batch));
    }
    assert_memory_stayed_small();
    Ok(seen)
}

fn read_text(text: impl AsRef<[u8]>) -> Result<Vec<Batch>, IngestError> {
    // In pieces that end in the middle of everything.
    let pieces = text.as_ref().chunks(4_093).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    read(pieces, |batch| batch)
}

fn rows(batches: &[Batch]) -> Vec<(u64, String)> {
    let rows = batches.iter().flat_map(|batch| batch.rows.iter());
    rows.map(|(record, raw)| (record, String::from_utf8(raw.to_vec()).unwrap())).collect()
}

/// Linux counts for us what a process held at most.
fn assert_memory_stayed_small() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib * 1024 <= MEMORY_MAX, "this process has held {kib} KiB");
}

#[test]
fn a_missing_closing_quote_in_a_file_of_one_gigabyte_costs_its_own_line() {
    let head = "id,note\n1,fine\n2,\"open and never closed\n";
    let rest = Bytes::from("3,and so it goes on\n".repeat(MIB / 20));
    let gigabyte = std::iter::repeat_n(rest.clone(), 1024);
    let quote = head.find('"').unwrap();

    let batches = read([Bytes::from(head)].into_iter().chain(gigabyte), |batch| {
        let Batch { rows, rejects, end, .. } = batch;
        for reject in &rejects {
            let named = format!("the quote that opens at byte {quote} is not closed");
            assert!(reject.message.contains(&named), "{}", reject.message);
            assert_eq!(
                (reject.record, reject.code.as_str()),
                (2, RejectCode::MisplacedQuote.as_str())
            );
            assert_eq!(&reject.raw[..], b"2,\"open and never closed");
        }
        (rows.len(), rejects.len(), end)
    });

    let batches = batches.unwrap();
    let lines = 1024 * (MIB / 20);
    let total = (head.len() + 1024 * rest.len()) as u64;
    assert_eq!(batches.iter().map(|(rows, ..)| rows).sum::<usize>(), 1 + lines);
    assert_eq!(batches.iter().map(|(_, rejects, _)| rejects).sum::<usize>(), 1);
    let (.., end) = batches.last().unwrap();
    assert_eq!((end.record, end.byte), (2 + lines as u64, total));
}

/// Were reading to go on at each of them for as long as a record may be, this would take an hour.
#[test]
fn as_many_open_quotes_as_lines_take_no_longer_than_as_many_rows() {
    let kinds = [
        "1,\"open\n",
        "1,\"open \"\"twice\"\" x\n",
        "1,\"a\"\"\n",
        "\"\"\"\n",
        "1,\"a\n2,\"\"\n2,x\n",
    ];
    for line in kinds {
        let chunk = Bytes::from(line.repeat(MIB / line.len()));
        let began = std::time::Instant::now();
        let chunks = [Bytes::from("id,note\n")].into_iter().chain(std::iter::repeat_n(chunk, 16));

        let rejects = read(chunks, |batch| batch.rejects.len()).unwrap();

        assert!(rejects.iter().sum::<usize>() > 0, "{line:?}");
        assert!(began.elapsed().as_secs() < 60, "{line:?} took {:?}", began.elapsed());
    }
}

#[test]
fn a_hundred_thousand_columns_are_counted_one_by_one() {
    let line = |columns: usize, cell: &str| {
        let cells: Vec<String> = (0..columns).map(|column| format!("{cell}{column}")).collect();
        cells.join(",")
    };
    let full = line(100_000, "x");
    let text = format!("{}\n{full}\n{}\n{full},\n{full}\n", line(100_000, "c"), line(99_999, "x"));

    let limits = HeaderLimits { bytes_max: MIB, columns_max: 100_000 };
    let ingest = Ingest::start(SETTINGS).limiting_header(limits);
    let batches = read_with(ingest, [text.into()], |batch| batch).unwrap();

    assert_eq!(rows(&batches), [(1, full.clone()), (4, full)]);
    let rejects: Vec<_> = batches.iter().flat_map(|batch| &batch.rejects).collect();
    let said: Vec<_> = rejects.iter().map(|reject| (reject.record, reject.code.as_str())).collect();
    assert_eq!(said, [(2, RejectCode::FieldCount.as_str()), (3, RejectCode::FieldCount.as_str())]);
    assert!(rejects[0].message.ends_with("found 99999 fields, but the header has 100000"));
    assert!(rejects[1].message.ends_with("found 100001 fields, but the header has 100000"));
}

#[test]
fn a_field_of_fifty_megabytes_is_rejected_and_its_neighbours_are_not() {
    for quote in ["", "\""] {
        let chunk = Bytes::from("x".repeat(MIB));
        let mut chunks = vec![Bytes::from(format!("id,note\n1,a\n2,{quote}"))];
        chunks.extend(std::iter::repeat_n(chunk, 50));
        chunks.push(Bytes::from(format!("{quote}\n3,b\n")));
        let total: usize = chunks.iter().map(Bytes::len).sum();

        let batches = read(chunks, |batch| batch).unwrap();

        assert_eq!(rows(&batches), [(1, "1,a".to_owned()), (3, "3,b".to_owned())]);
        let rejects: Vec<_> = batches.iter().flat_map(|batch| &batch.rejects).collect();
        assert_eq!((rejects.len(), rejects[0].record), (1, 2));
        assert_eq!(rejects[0].code, RejectCode::RecordTooLong.as_str());
        assert!(rejects[0].message.starts_with("record 2 (line 3, byte 12): longer than 1048576"));
        assert_eq!(batches.last().unwrap().end.byte, total as u64);
    }
}

#[test]
fn nul_bytes_are_characters_of_their_row() {
    let batches = read_text("id,note\n1,a\0b\n\0,\n\"\0\",\"\0\n\"\n").unwrap();

    let expected = [(1, "1,a\0b"), (2, "\0,"), (3, "\"\0\",\"\0\n\"")];
    assert_eq!(rows(&batches), expected.map(|(record, raw)| (record, raw.to_owned())));
}

#[test]
fn utf_16_is_read_when_it_is_told_and_named_when_it_is_not() {
    let text = "id,note\r\n1,Zoë\r\n2,日本 😀\r\n";
    for (label, to_bytes) in
        [("utf-16le", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("utf-16be", u16::to_be_bytes)]
    {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        let file: Vec<u8> = units.flat_map(to_bytes).collect();

        let untold = read_text(&file).unwrap_err();
        let mut transcoder = Transcoder::new(label).unwrap();
        let mut told: Vec<Bytes> =
            file.chunks(3).map(|chunk| transcoder.push(Bytes::copy_from_slice(chunk))).collect();
        told.push(transcoder.finish());
        let batches = read(told, |batch| batch).unwrap();

        let expected = [(1, "1,Zoë".to_owned()), (2, "2,日本 😀".to_owned())];
        assert_eq!(rows(&batches), expected);
        assert!(untold.to_string().contains("not UTF-8 at byte 0"), "{untold}");
        assert!(untold.to_string().contains("UTF-16"), "{untold}");
    }
}

#[test]
fn line_ends_of_every_kind_and_mixed_end_the_same_records() {
    let expected: Vec<_> = (1..=600).map(|n| (n, format!("{n},\"a\nb\""))).collect();
    let kinds = ["\n", "\r\n", "\r"];
    for mixture in [&kinds[..], &kinds[..1], &kinds[1..2], &kinds[2..], &kinds[1..]] {
        let mut text = format!("id,note{}", mixture[0]);
        for ((_, row), end) in expected.iter().zip(mixture.iter().cycle()) {
            text.push_str(row);
            text.push_str(end);
        }

        let batches = read_text(&text).unwrap();

        assert_eq!(rows(&batches), expected, "{mixture:?}");
        assert_eq!(batches.last().unwrap().end.line, 1 + 601 + 600, "{mixture:?}");
    }
}

#[test]
fn a_quote_inside_an_unquoted_field_is_a_character_and_opens_nothing() {
    let text = "id,size\n1,5\" pipe\n2,a\"b\"c\n3,\"5\"\" pipe\"\n4,ends with \"\n5,x\n";

    let batches = read_text(text).unwrap();

    let expected: Vec<_> =
        (1..).zip(text.lines().skip(1)).map(|(record, raw)| (record, raw.to_owned())).collect();
    assert_eq!(rows(&batches), expected);
}
