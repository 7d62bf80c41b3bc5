//! What must hold for any bytes at all. The fuzz targets in `fuzz/` call these functions, and the
//! tests below replay the corpus through them.

use bytes::Bytes;

use crate::{
    Batch, BatchJob, BatchLimits, Dialect, Header, HeaderLimits, Ingest, IngestError,
    IngestSettings, Replay, Transcoder, rejects_header,
};

/// The first four bytes choose settings and cuts, the rest is the file. However it is cut, and from
/// the end of whatever batch it goes on, the batches are the same; all records are numbered, and
/// every limit is kept.
pub fn decoder(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first_chunk::<4>() else { return };
    let settings = settings(*choice);
    let start = || in_its_manner(Ingest::start(settings), *choice);
    let whole = read(start(), file, file.len().max(1));
    let chunk = usize::from(choice[3] % 61) + 1;
    let cut = read(start(), file, chunk);
    assert_eq!(whole, cut, "in chunks of {chunk}");

    let Ok((header, batches)) = whole else { return };
    check_batches(settings, replay(*choice).is_some(), file, &batches);
    for (done, batch) in batches.iter().enumerate().take(8) {
        let ingest = in_its_manner(Ingest::resume(settings, header.clone(), batch.end), *choice);
        let rest = &file[usize::try_from(batch.end.byte).expect("it is within the file")..];
        let (_, resumed) = read(ingest, rest, chunk).expect("the header was read before");
        assert_eq!(resumed, batches[done + 1..], "from batch {}", done + 1);
    }
}

/// The first four bytes choose settings, cuts and limits, the rest is the beginning of a file. However
/// it is cut, it has the same header, which keeps its limits and is the same when it is read again: as
/// the ledger keeps it, and as it stands in a rejects file.
pub fn header(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first_chunk::<4>() else { return };
    let settings = settings([choice[0], 0, 0, 0]);
    let limits = HeaderLimits {
        bytes_max: [20, 1 << 16, 7, 200][usize::from(choice[1] % 4)],
        columns_max: [3, 2_000, 1, 20][usize::from(choice[1] / 4 % 4)],
    };
    let header_of = |file: &[u8], chunk: usize, replay: Option<Replay>| {
        let ingest = Ingest::start(settings).limiting_header(limits);
        let ingest = match replay {
            None => ingest,
            Some(replay) => ingest.replaying(replay),
        };
        read(ingest, file, chunk).map(|(header, _)| header)
    };
    let whole = header_of(file, file.len().max(1), None);
    assert_eq!(header_of(file, usize::from(choice[3] % 61) + 1, None), whole);

    let Ok(header) = whole else { return };
    let (raw, dialect) = (header.raw(), header.dialect());
    assert!(raw.len() <= limits.bytes_max && header.columns().len() <= limits.columns_max);
    assert_eq!(Header::parse(raw.clone(), dialect).as_ref(), Ok(&header));
    // One that has the three columns itself, or ends without a name, is told apart by what follows.
    if header.columns().last().is_some_and(|name| !name.trim().is_empty()) {
        let again = header_of(&rejects_header(raw, dialect), 9, Some(Replay::default()));
        assert!(again.is_ok_and(|again| again.columns() == header.columns()));
    }
}

/// The first four bytes choose settings, codes and cuts, the rest are the lines of a rejects file.
/// However it is cut, and from the end of whatever batch it goes on, the same rows are replayed, and
/// all of them are text within the limits.
pub fn replayed(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first_chunk::<4>() else { return };
    let settings = settings(*choice);
    let dialect = Dialect {
        delimiter: settings.delimiter.unwrap_or(b','),
        quote: settings.quote,
        escape: settings.escape,
    };
    let file = [&rejects_header(&[b'a', dialect.delimiter, b'b'], dialect), lines].concat();
    let codes = if choice[1] & 4 == 0 { Vec::new() } else { vec!["FIELD_COUNT".to_owned()] };
    let source = (choice[1] & 8 != 0).then_some(Dialect::default());
    let manner = |ingest: Ingest| {
        ingest.replaying(Replay { codes: codes.clone(), source, ..Replay::default() })
    };
    let chunk = usize::from(choice[3] % 61) + 1;

    let whole = read(manner(Ingest::start(settings)), &file, file.len());
    assert_eq!(read(manner(Ingest::start(settings)), &file, chunk), whole, "in chunks of {chunk}");

    let Ok((header, batches)) = whole else { return };
    assert_eq!(header.columns(), ["a", "b"]);
    check_batches(settings, true, &file, &batches);
    for (done, batch) in batches.iter().enumerate().take(8) {
        let ingest = manner(Ingest::resume(settings, header.clone(), batch.end));
        let rest = &file[usize::try_from(batch.end.byte).expect("it is within the file")..];
        let (_, resumed) = read(ingest, rest, chunk).expect("the header was read before");
        assert_eq!(resumed, batches[done + 1..], "from batch {}", done + 1);
    }
}

/// The first byte chooses an encoding, the second a cut: however the rest is cut, it is the same
/// text, and it is as long as its encoding allows.
pub fn transcoder(bytes: &[u8]) {
    const LABELS: [&str; 8] = [
        "utf-8",
        "utf-16le",
        "utf-16be",
        "windows-1252",
        "shift_jis",
        "gb18030",
        "iso-2022-jp",
        "euc-kr",
    ];
    let Some((&[label, chunk], file)) = bytes.split_first_chunk::<2>() else { return };
    let decoded = |chunk: usize| {
        let label = LABELS[usize::from(label) % LABELS.len()];
        let mut transcoder = Transcoder::new(label).expect("it is a label");
        let mut text = Vec::new();
        for chunk in file.chunks(chunk) {
            text.extend_from_slice(&transcoder.push(Bytes::copy_from_slice(chunk)));
        }
        text.extend_from_slice(&transcoder.finish());
        text
    };
    let whole = decoded(file.len().max(1));
    assert_eq!(decoded(usize::from(chunk) + 1), whole);
    assert!(whole.len() <= 3 * file.len() + 3, "{} of {}", whole.len(), file.len());
}

/// Bytes are no job, or one that is the same after another encoding; it is not larger than they are.
pub fn batch_codec(bytes: &[u8]) {
    let header = Bytes::new();
    let Ok(job) = BatchJob::decode(bytes, &header) else { return };
    assert!(job.rows.bytes() <= bytes.len());
    assert!(job.rows.len() + job.rejects.len() <= bytes.len());
    assert_eq!(BatchJob::decode(&job.encode(), &header).as_ref(), Ok(&job));
}

fn settings([delimiter, limit, batch, _]: [u8; 4]) -> IngestSettings {
    IngestSettings {
        delimiter: [None, Some(b','), Some(b';'), Some(b'\t')][usize::from(delimiter % 4)],
        quote: [b'"', b'\''][usize::from(delimiter / 4 % 2)],
        escape: [None, Some(b'\\')][usize::from(delimiter / 8 % 2)],
        record_bytes_max: [1 << 20, 8, 17, 64][usize::from(limit % 4)],
        batch: BatchLimits {
            rows_max: usize::from(batch % 5),
            bytes_max: [1 << 20, 1, 30, 200][usize::from(batch / 5 % 4)],
        },
    }
}

/// One of four reads the input as a rejects file.
fn replay([_, limit, ..]: [u8; 4]) -> Option<Replay> {
    let codes = if limit & 16 == 0 { Vec::new() } else { vec!["FIELD_COUNT".to_owned()] };
    let for_spreadsheets = limit & 32 != 0;
    (limit & 12 == 12).then_some(Replay { codes, for_spreadsheets, ..Replay::default() })
}

/// Half of the inputs keep rows together by a column that many of them have.
fn in_its_manner(ingest: Ingest, choice: [u8; 4]) -> Ingest {
    let ingest = match replay(choice) {
        Some(replay) => ingest.replaying(replay),
        None => ingest,
    };
    if choice[2] & 128 == 0 { ingest } else { ingest.keeping_together("note".to_owned()) }
}

fn read(
    mut ingest: Ingest,
    file: &[u8],
    chunk: usize,
) -> Result<(Header, Vec<Batch>), IngestError> {
    let mut batches = Vec::new();
    for chunk in file.chunks(chunk) {
        ingest.push(Bytes::copy_from_slice(chunk));
        while let Some(batch) = ingest.next_batch()? {
            batches.push(batch);
        }
    }
    while let Some(batch) = ingest.finish()? {
        batches.push(batch);
    }
    Ok((ingest.header().expect("without one there is an error").clone(), batches))
}

fn check_batches(settings: IngestSettings, is_replay: bool, file: &[u8], batches: &[Batch]) {
    let BatchLimits { rows_max, bytes_max } = settings.batch;
    let (mut record, mut byte) = (0, 0);
    for (batch, sequence) in batches.iter().zip(0..) {
        assert_eq!((batch.sequence, batch.end.sequence), (sequence, sequence + 1));
        assert!(batch.records() > 0 && batch.records() <= rows_max.max(1) as u64);
        assert!(batch.rows.bytes() <= bytes_max || batch.records() == 1);
        let mut numbers: Vec<u64> = batch.rows.iter().map(|(record, _)| record).collect();
        numbers.extend(batch.rejects.iter().map(|reject| reject.record));
        numbers.sort_unstable();
        let expected: Vec<u64> = (record + 1..=record + batch.records()).collect();
        assert_eq!(numbers, expected, "every record is there once");
        record += batch.records();
        assert!(batch.end.record == record && batch.end.byte > byte);
        byte = batch.end.byte;
        for (_, raw) in batch.rows.iter() {
            assert!(raw.len() <= settings.record_bytes_max || is_replay);
            assert!(std::str::from_utf8(raw).is_ok(), "a row is text");
        }
    }
    assert!(byte <= file.len() as u64);
}

#[cfg(test)]
mod tests {
    use test_support::replay_corpus;

    use super::*;

    #[test]
    fn any_cut_and_any_resume_point_give_the_same_batches_of_the_corpus() {
        replay_corpus("decoder", 5, decoder);
    }

    #[test]
    fn headers_of_the_corpus_keep_their_limits_however_they_are_cut() {
        replay_corpus("header", 5, header);
    }

    #[test]
    fn rejects_files_of_the_corpus_are_replayed_the_same_however_they_are_cut() {
        replay_corpus("replay", 5, replayed);
    }

    #[test]
    fn the_corpus_is_the_same_text_however_it_is_cut() {
        replay_corpus("transcoder", 5, transcoder);
    }

    #[test]
    fn jobs_of_the_corpus_are_refused_or_encoded_again_as_they_were() {
        replay_corpus("batch_codec", 5, batch_codec);
    }
}
