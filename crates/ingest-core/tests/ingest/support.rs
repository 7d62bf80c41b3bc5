//! The one place that drives `Ingest`, so that the tests do not know how.

use std::cell::Cell;

use bytes::Bytes;
use ingest_core::{
    Batch, BatchLimits, Header, Ingest, IngestError, IngestSettings, Reject, Replay, ResumePoint,
};

/// One record a batch, so that every record has its own `end`.
pub(crate) fn settings() -> IngestSettings {
    IngestSettings {
        delimiter: None,
        quote: b'"',
        escape: None,
        record_bytes_max: 1 << 20,
        batch: BatchLimits { rows_max: 1, bytes_max: 1 << 20 },
    }
}

/// What came of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) header: Header,
    pub(crate) batches: Vec<Batch>,
}

impl Reading {
    /// All records in order.
    pub(crate) fn records(&self) -> Vec<Read<'_>> {
        let rows = self.batches.iter().flat_map(|batch| batch.rows.iter());
        let rejects = self.batches.iter().flat_map(|batch| &batch.rejects);
        let mut records: Vec<_> = rows
            .map(|(record, raw)| Read { record, raw, reject: None })
            .chain(rejects.map(Read::rejected))
            .collect();
        records.sort_by_key(|read| read.record);
        records
    }
}

/// One record: a row, or a reject.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub(crate) record: u64,
    pub(crate) raw: &'a [u8],
    pub(crate) reject: Option<&'a Reject>,
}

impl<'a> Read<'a> {
    fn rejected(reject: &'a Reject) -> Self {
        Self { record: reject.record, raw: &reject.raw, reject: Some(reject) }
    }
}

/// Reads an input that is cut into these chunks.
pub(crate) fn read_chunks(
    settings: IngestSettings,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Result<Reading, IngestError> {
    let mut ingest = Ingest::start(settings);
    let batches = drain(&mut ingest, chunks)?;
    Ok(Reading { header: ingest.header().unwrap().clone(), batches })
}

/// Goes on at `from` with the rest of the input, in these chunks.
pub(crate) fn resume_chunks(
    settings: IngestSettings,
    header: &Header,
    from: ResumePoint,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Vec<Batch> {
    drain(&mut Ingest::resume(settings, header.clone(), from), chunks).unwrap()
}

fn drain(
    ingest: &mut Ingest,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Result<Vec<Batch>, IngestError> {
    let mut batches = Vec::new();
    for chunk in chunks {
        ingest.push(chunk);
        while let Some(batch) = ingest.next_batch()? {
            batches.push(batch);
        }
    }
    while let Some(batch) = ingest.finish()? {
        batches.push(batch);
    }
    assert_eq!(ingest.finish(), Ok(None), "the end is the end");
    Ok(batches)
}

/// Chunks of this size, with an empty one before and behind each.
pub(crate) fn chunks_of(input: &[u8], size: usize) -> Vec<Bytes> {
    let full = input.chunks(size).map(Bytes::copy_from_slice);
    full.flat_map(|chunk| [Bytes::new(), chunk, Bytes::new()]).collect()
}

/// Reads the input in one piece, and then at every chunk size and from every batch's end: all of
/// these must be the same, and account for every byte.
pub(crate) fn read(
    settings: IngestSettings,
    input: impl AsRef<[u8]>,
) -> Result<Reading, IngestError> {
    let input = input.as_ref();
    let whole = read_chunks(settings, chunks_of(input, input.len().max(1)));
    for size in 1..=input.len() {
        let cut = read_chunks(settings, chunks_of(input, size));
        assert_eq!(cut, whole, "in chunks of {size}: {:?}", String::from_utf8_lossy(input));
    }
    if let Ok(reading) = &whole {
        check_accounts(reading, input);
        check_resumes(settings, reading, input);
    }
    whole
}

/// Reads the input as a rejects file, of which the records with these codes are wanted.
pub(crate) fn replay(
    settings: IngestSettings,
    codes: &[&str],
    input: impl AsRef<[u8]>,
) -> Result<Reading, IngestError> {
    let codes = || codes.iter().map(|&code| code.to_owned()).collect();
    let replay =
        |for_spreadsheets| Replay { codes: codes(), for_spreadsheets, ..Replay::default() };
    read_in(settings, |ingest, copy| ingest.replaying(replay(copy)), input.as_ref())
}

/// Reads the input as a copy of a rejects file of which the source was written in this dialect.
pub(crate) fn replay_copy(
    settings: IngestSettings,
    source: ingest_core::Dialect,
    input: impl AsRef<[u8]>,
) -> Result<Reading, IngestError> {
    let replay =
        |for_spreadsheets| Replay { source: Some(source), for_spreadsheets, ..Replay::default() };
    read_in(settings, |ingest, copy| ingest.replaying(replay(copy)), input.as_ref())
}

/// Reads the input as a copy of a rejects file of which nobody knows the run.
pub(crate) fn replay_of_unknown(
    settings: IngestSettings,
    input: impl AsRef<[u8]>,
) -> Result<Reading, IngestError> {
    let replay = |for_spreadsheets| Replay {
        is_source_unknown: true,
        for_spreadsheets,
        ..Replay::default()
    };
    read_in(settings, |ingest, copy| ingest.replaying(replay(copy)), input.as_ref())
}

/// Reads the input with rows kept together by a column.
pub(crate) fn read_together(
    settings: IngestSettings,
    column: &str,
    input: impl AsRef<[u8]>,
) -> Result<Reading, IngestError> {
    read_in(settings, |ingest, _| ingest.keeping_together(column.to_owned()), input.as_ref())
}

/// Reads the input in some manner: in one piece, at every chunk size and from every batch's end. All
/// of these must be the same. The manner is told what was found of a copy for spreadsheets.
fn read_in(
    settings: IngestSettings,
    manner: impl Fn(Ingest, bool) -> Ingest,
    input: &[u8],
) -> Result<Reading, IngestError> {
    let is_copy = Cell::new(false);
    let read_in = |size: usize| {
        let mut ingest = manner(Ingest::start(settings), false);
        let batches = drain(&mut ingest, chunks_of(input, size))?;
        is_copy.set(ingest.is_for_spreadsheets());
        Ok(Reading { header: ingest.header().unwrap().clone(), batches })
    };
    let whole = read_in(input.len().max(1));
    for size in 1..=input.len().min(40) {
        assert_eq!(
            read_in(size),
            whole,
            "in chunks of {size}: {:?}",
            String::from_utf8_lossy(input)
        );
    }
    let Ok(reading) = &whole else { return whole };
    for (done, batch) in reading.batches.iter().enumerate() {
        assert_eq!((batch.sequence, batch.end.sequence), (done as u64, done as u64 + 1));
        let rest = &input[usize::try_from(batch.end.byte).unwrap()..];
        for size in [1, 7, rest.len().max(1)] {
            let ingest = Ingest::resume(settings, reading.header.clone(), batch.end);
            let mut ingest = manner(ingest, is_copy.get());
            let resumed = drain(&mut ingest, chunks_of(rest, size)).unwrap();
            assert_eq!(resumed, reading.batches[done + 1..], "from {:?} by {size}", batch.end);
        }
    }
    whole
}

/// Nothing between two ends but the record and line ends, and every end where it says it is.
pub(crate) fn check_accounts(reading: &Reading, input: &[u8]) {
    let mut record = 0;
    let mut start = None;
    for (batch, sequence) in reading.batches.iter().zip(0..) {
        assert_eq!(batch.sequence, sequence);
        assert_eq!(batch.end.sequence, sequence + 1);
        record += batch.records();
        assert_eq!(batch.end.record, record);
        let end = usize::try_from(batch.end.byte).unwrap();
        assert_eq!(batch.end.line, line_at(input, end), "line at byte {end}");
        if let (Some(start), [only]) = (start, &records_of(batch)[..])
            && !only.raw.is_empty()
        {
            let between: &[u8] = &input[start..end];
            let rest = records_behind_nothing(between, reading.header.dialect().delimiter)
                .find_map(|rest| rest.strip_prefix(only.raw))
                .expect("the raw record is there");
            let is_end = |byte: &u8| *byte == 0x1A;
            assert!(matches!(rest, b"\n" | b"\r" | b"\r\n") || rest.iter().all(is_end), "{rest:?}");
        }
        start = Some(end);
    }
}

/// What is left behind 0, 1, 2 … lines of nothing, byte order marks and `sep=` lines.
fn records_behind_nothing(bytes: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let is_nothing =
        move |byte: &u8| [delimiter, b' ', b'\t', b'\r', b'\n', 0xEF, 0xBB, 0xBF].contains(byte);
    let (mut nothing, mut places) = (0, vec![0]);
    loop {
        match &bytes[nothing..] {
            [byte, ..] if is_nothing(byte) => nothing += 1,
            [b's', b'e', b'p', b'=', _, b'\r' | b'\n', ..] => nothing += 5,
            _ => break,
        }
        places.push(nothing);
    }
    places.into_iter().rev().map(move |nothing| &bytes[nothing..])
}

fn records_of(batch: &Batch) -> Vec<Read<'_>> {
    let rows = batch.rows.iter().map(|(record, raw)| Read { record, raw, reject: None });
    rows.chain(batch.rejects.iter().map(Read::rejected)).collect()
}

fn check_resumes(settings: IngestSettings, reading: &Reading, input: &[u8]) {
    for (done, batch) in reading.batches.iter().enumerate() {
        let rest = &input[usize::try_from(batch.end.byte).unwrap()..];
        for size in [1, 2, 3, rest.len().max(1)] {
            let chunks = chunks_of(rest, size);
            let resumed = resume_chunks(settings, &reading.header, batch.end, chunks);
            assert_eq!(resumed, reading.batches[done + 1..], "from {:?} by {size}", batch.end);
        }
    }
}

/// The line of this byte, counted simply.
fn line_at(input: &[u8], byte: usize) -> u64 {
    let text = String::from_utf8_lossy(&input[..byte]).replace("\r\n", "\n").replace('\r', "\n");
    1 + text.matches('\n').count() as u64
}

/// The fields of one raw record, as the `csv` crate reads them.
pub(crate) fn fields(raw: &[u8], delimiter: u8) -> Vec<String> {
    // Behind a header, so that nothing in the record is at the start of the file.
    let file = [b"h\n", raw, b"\n"].concat();
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(&file[..]);
    let mut records = reader.byte_records();
    let record = records.next().expect("a raw record is a record").unwrap();
    assert!(records.next().is_none(), "a raw record is one record: {raw:?}");
    record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect()
}
