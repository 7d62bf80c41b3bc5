//! Random content, cut at random: the `csv` crate reads the same. `PROPTEST_CASES` asks for more.

use bytes::Bytes;
use ingest_core::{BatchLimits, IngestSettings, RejectCode, Transcoder};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{check_accounts, read_chunks, resume_chunks, settings};

/// Everything that has a meaning, more often than by chance.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(&b","[..]),
        4 => Just(&b"\""[..]),
        3 => Just(&b"\n"[..]),
        2 => Just(&b"\r\n"[..]),
        1 => Just(&b"\r"[..]),
        2 => Just(&b"a"[..]),
        2 => Just(&b"\\"[..]),
        1 => Just(&b" "[..]),
        2 => Just(&b"1,\"open\n"[..]),
        2 => Just(&b"x,y\n"[..]),
        2 => Just(&b"\"q\",\"r\"\n"[..]),
        1 => Just("é".as_bytes()),
        1 => Just("\u{FEFF}".as_bytes()),
        1 => Just(&b"\xEF\xBB"[..]),
        1 => Just(&b"\x1A"[..]),
        1 => Just(&b"\n, ,\n"[..]),
        1 => Just(&b"one,two\n"[..]),
        1 => Just(&b"ONE,two\n"[..]),
        1 => Just(&b"\nsep=,\nONE,two\n"[..]),
        1 => Just(&b"z\n"[..]),
        1 => Just(&b"5\" pipe\n"[..]),
        1 => Just(&b"\0"[..]),
        1 => Just(&b"\xFF"[..]),
        1 => Just(&b"long enough to be looked at in more than one step"[..]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

/// Cut at these places, some of which may be the same: an empty chunk.
fn cut(input: &[u8], cuts: &[Index]) -> Vec<Bytes> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
    places.extend([0, input.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| Bytes::copy_from_slice(&input[pair[0]..pair[1]])).collect()
}

fn limits() -> impl Strategy<Value = IngestSettings> {
    let record_bytes_max = prop_oneof![Just(1 << 20), 4..20_usize];
    let batch = (1..5_usize, prop_oneof![Just(1 << 20), 1..200_usize])
        .prop_map(|(rows_max, bytes_max)| BatchLimits { rows_max, bytes_max });
    (record_bytes_max, batch).prop_map(|(record_bytes_max, batch)| IngestSettings {
        record_bytes_max,
        batch,
        ..settings()
    })
}

/// What stands behind a header of two columns: each record's raw bytes, and its code when it is a
/// reject. All is at hand here, and nothing is fast.
fn simply_read(text: &[u8], settings: IngestSettings) -> Vec<(Vec<u8>, Option<String>)> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if is_line_end(text[at]) {
            at += 1;
            continue;
        }
        if text[at..].starts_with("\u{FEFF}".as_bytes()) {
            at += 3;
            continue;
        }
        let max = settings.record_bytes_max;
        let rest = simply_without_ctrl_z(&text[at..], max);
        if rest.is_empty() {
            break;
        }
        let window = &rest[..rest.len().min(max + 1)];
        let is_last = window.len() <= max;
        let (end, code, open) = simply_end(window, rest.get(max + 1).copied(), settings);
        if end == window.len() && !is_last {
            let (raw, code, passed) = simply_too_long(rest, open, settings);
            at += passed;
            records.push((raw.to_vec(), Some(code.to_owned())));
            continue;
        }
        let raw = &window[..end];
        if raw.iter().all(|byte| matches!(byte, b',' | b' ' | b'\t')) {
            at += raw.len();
            continue;
        }
        let (raw, code) = match code {
            None if says_the_header(raw) => (raw, Some(RejectCode::RepeatedHeader.as_str())),
            None | Some("FIELD_COUNT") if std::str::from_utf8(raw).is_err() => {
                (raw, Some(RejectCode::InvalidUtf8.as_str()))
            }
            code => (raw, code),
        };
        at += raw.len();
        let is_behind_sep = |(last, _): &(Vec<u8>, _)| matches!(&last[..], [b's', b'e', b'p', b'=', delimiter] if delimiter.is_ascii());
        if code == Some(RejectCode::RepeatedHeader.as_str())
            && records.last().is_some_and(is_behind_sep)
        {
            records.pop();
        }
        records.push((raw.to_vec(), code.map(str::to_owned)));
    }
    records
}

/// Whether its two cells are the names, with quotes or blanks around them or without.
fn says_the_header(raw: &[u8]) -> bool {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(raw);
    let mut record = csv::StringRecord::new();
    let is_read = reader.read_record(&mut record).unwrap_or_default();
    is_read && record.iter().map(|cell| cell.trim().to_lowercase()).eq(["one", "two"])
}

/// The file's last bytes without Ctrl-Z, when it ends within four limits.
fn simply_without_ctrl_z(rest: &[u8], max: usize) -> &[u8] {
    let text = rest.iter().rposition(|&byte| byte != 0x1A).map_or(0, |last| last + 1);
    if rest.len() <= 4 * max { &rest[..text] } else { rest }
}

/// What becomes of a record that is longer than the limit, and how many bytes that are: it is given
/// up as one when it has two fields, and ends as far away as four limits, and not most of its lines
/// have two fields. Else it ends with a line.
fn simply_too_long(
    rest: &[u8],
    open: Option<usize>,
    settings: IngestSettings,
) -> (&[u8], &'static str, usize) {
    let max = settings.record_bytes_max;
    let ahead = &rest[..rest.len().min(4 * max + 1)];
    let is_last = ahead.len() <= 4 * max;
    let (end, code, _) = simply_end(ahead, None, settings);
    let from = open.unwrap_or(max + 1);
    let line = rest[from..].iter().take_while(|&&byte| !is_line_end(byte)).count();
    let line_end = from + line;
    if code.is_none() && (end < ahead.len() || is_last) {
        let are_records = |lines| are_simply_records(lines, settings.escape);
        if open.is_none() || line_end >= end || !are_records(&ahead[line_end..end]) {
            return (b"", RejectCode::RecordTooLong.as_str(), end);
        }
    }
    let end = line_end;
    match open {
        Some(_) if end <= max => (&rest[..end], RejectCode::MisplacedQuote.as_str(), end),
        _ => (b"", RejectCode::RecordTooLong.as_str(), end),
    }
}

/// Whether at least half of these lines have two fields.
fn are_simply_records(lines: &[u8], escape: Option<u8>) -> bool {
    let lines = lines.split(|&byte| is_line_end(byte)).filter(|line| !line.is_empty());
    let counts: Vec<_> = lines
        .map(|line| {
            let mut csv = csv::ReaderBuilder::new();
            let mut reader = csv.has_headers(false).escape(escape).from_reader(line);
            reader.byte_records().next().map_or(0, |record| record.unwrap().len())
        })
        .collect();
    let alike = counts.iter().filter(|&&count| count == 2).count();
    !counts.is_empty() && 2 * alike >= counts.len()
}

/// Where the record ends, and what is wrong with it; the end of the window when it is not over there.
/// Also where the quote stands that is open there, `next` being the byte behind the window.
fn simply_end(
    window: &[u8],
    next: Option<u8>,
    IngestSettings { escape, record_bytes_max, .. }: IngestSettings,
) -> (usize, Option<&'static str>, Option<usize>) {
    let ends = |from: usize, byte: fn(u8) -> bool| {
        window[from..].iter().position(|&found| byte(found)).map_or(window.len(), |at| from + at)
    };
    let (mut at, mut fields, mut misplaced) = (0, 1, None);
    loop {
        if window.get(at) == Some(&b'"') {
            let mut line_end = None;
            let mut inside = at + 1;
            let closing = loop {
                let pair = [window.get(inside), window.get(inside + 1)].map(Option::<&u8>::copied);
                inside += match pair {
                    [None, _] => break None,
                    [Some(b'"'), None] if next == Some(b'"') => break None,
                    [Some(b'"'), Some(b'"')] => 2,
                    [Some(b'"'), _] => break Some(inside),
                    [Some(b'\\'), Some(b'"' | b'\\')] if escape.is_some() => 2,
                    [Some(byte), _] => {
                        if is_line_end(byte) {
                            line_end.get_or_insert(inside);
                        }
                        1
                    }
                };
            };
            let Some(closing) = closing else {
                // Beyond the limit this is looked at again.
                let end = line_end.filter(|_| next.is_none()).unwrap_or(window.len());
                return (end, Some(RejectCode::MisplacedQuote.as_str()), Some(at));
            };
            let inside = window[at + 1..closing].iter().rev();
            let before = closing - 1 - inside.take_while(|&&byte| byte == b'"').count();
            let opens_another =
                before > at && (window[before] == b',' || is_line_end(window[before]));
            at = ends(closing + 1, |byte| !matches!(byte, b' ' | b'\t'));
            match (window.get(at), line_end) {
                (None, _) | (Some(b',' | b'\r' | b'\n'), _) => {}
                (_, Some(line_end)) if opens_another => {
                    return (line_end, Some(RejectCode::MisplacedQuote.as_str()), None);
                }
                (_, Some(line_end)) => {
                    let end = ends(at, is_line_end);
                    let is_over = end < window.len() || end <= record_bytes_max;
                    let is_torn = is_over && are_simply_records(&window[line_end..end], escape);
                    let end = if is_torn { line_end } else { end };
                    return (end, Some(RejectCode::MisplacedQuote.as_str()), None);
                }
                _ => misplaced = Some(RejectCode::MisplacedQuote.as_str()),
            }
        }
        at = ends(at, |byte| byte == b',' || is_line_end(byte));
        if window.get(at) != Some(&b',') {
            let count = (fields != 2).then_some(RejectCode::FieldCount.as_str());
            return (at, misplaced.or(count), None);
        }
        (at, fields) = (at + 1, fields + 1);
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The one record these bytes are.
fn csv_record(raw: &[u8]) -> csv::ByteRecord {
    let file = [b"h\n", raw, b"\n"].concat();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&file[..]);
    let records: Vec<_> = reader.byte_records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 1, "{raw:?}");
    records.into_iter().next().unwrap()
}

proptest! {
    #[test]
    fn records_are_those_of_a_simple_reader_that_sees_the_whole_file(
        body in body(), limits in limits(), escapes in any::<bool>(), cuts in cuts(),
    ) {
        let settings = IngestSettings { escape: escapes.then_some(b'\\'), ..limits };
        let settings = IngestSettings {
            record_bytes_max: settings.record_bytes_max.max(7),
            ..settings
        };
        let reading = read_chunks(settings, cut(&[b"one,two\n", &body[..]].concat(), &cuts)).unwrap();

        let records = reading.records();
        let found: Vec<_> = records
            .iter()
            .map(|read| (read.raw.to_vec(), read.reject.map(|reject| reject.code.clone())))
            .collect();
        prop_assert_eq!(found, simply_read(&body, settings));
    }

    #[test]
    fn rows_are_what_the_csv_crate_reads(body in body(), cuts in cuts()) {
        let input = [b"one,two\n", &body[..]].concat();
        let reading = read_chunks(settings(), cut(&input, &cuts)).unwrap();
        check_accounts(&reading, &input);

        for read in reading.records().iter().filter(|read| read.reject.is_none()) {
            let record = csv_record(read.raw);
            prop_assert_eq!(record.len(), 2);
            let mut cells = Vec::new();
            let dialect = reading.header.dialect();
            dialect.for_each_cell(read.raw, &mut Vec::new(), |cell| cells.push(cell.to_vec()));
            prop_assert_eq!(cells, record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        }
    }

    #[test]
    fn cuts_change_nothing(body in body(), settings in limits(), one in cuts(), other in cuts()) {
        let input = [b"one,\"two\"\n", &body[..]].concat();

        let first = read_chunks(settings, cut(&input, &one));
        let second = read_chunks(settings, cut(&input, &other));

        prop_assert_eq!(&first, &second);
        if let Ok(reading) = first {
            check_accounts(&reading, &input);
        }
    }

    #[test]
    fn resuming_gives_the_same_batches(
        body in body(), settings in limits(), cuts in cuts(), at in any::<Index>(),
    ) {
        let input = [b"a,b\r\n", &body[..]].concat();
        let whole = read_chunks(settings, [Bytes::copy_from_slice(&input)]).unwrap();
        prop_assume!(!whole.batches.is_empty());

        let done = at.index(whole.batches.len());
        let end = whole.batches[done].end;
        let rest = cut(&input[usize::try_from(end.byte).unwrap()..], &cuts);
        let resumed = resume_chunks(settings, &whole.header, end, rest);

        prop_assert_eq!(&resumed[..], &whole.batches[done + 1..]);
    }

    #[test]
    fn any_bytes_at_all_are_read_to_their_end(input: Vec<u8>, settings in limits(), cuts in cuts()) {
        if let Ok(reading) = read_chunks(settings, cut(&input, &cuts)) {
            check_accounts(&reading, &input);
        }
    }

    /// The limit of a record falls on every place in an open quote, a pair of quotes, a line end.
    #[test]
    fn an_open_quote_near_the_limit_is_the_same_for_every_cut_and_resume_point(
        before in "[a-z]{0,4}", lines in prop::collection::vec("[a-z]{1,3},(\"\"|[a-z]{0,3})", 0..9),
        closes in any::<bool>(), limit in 7..40_usize, ends in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        cuts in cuts(),
    ) {
        let closing = if closes { "x\"" } else { "x" };
        let lines = lines.iter().map(|line| format!("{line}{ends}")).collect::<String>();
        let body = format!("{before},\"open{ends}{lines}y,{closing}{ends}last,row");
        let settings = IngestSettings { record_bytes_max: limit, ..settings() };
        let input = [b"one,two\n", body.as_bytes()].concat();

        let reading = read_chunks(settings, cut(&input, &cuts)).unwrap();

        let found: Vec<_> = reading
            .records()
            .iter()
            .map(|read| (read.raw.to_vec(), read.reject.map(|reject| reject.code.clone())))
            .collect();
        prop_assert_eq!(found, simply_read(body.as_bytes(), settings));
        for (done, batch) in reading.batches.iter().enumerate() {
            let rest = cut(&input[usize::try_from(batch.end.byte).unwrap()..], &cuts);
            let resumed = resume_chunks(settings, &reading.header, batch.end, rest);
            prop_assert_eq!(&resumed[..], &reading.batches[done + 1..]);
        }
    }

    /// As a producer goes on with a file whose bytes are not those of its text: decoded from its
    /// start, and passed up to the resume point. The first one knows the encoding by its mark, and
    /// all others by its name.
    #[test]
    fn utf_16_is_the_same_text_for_every_cut_and_resume_point(
        body in "(a|é|日|😀|,|\"|\n|\r\n|\u{FEFF}|1,2\n){0,60}", is_big in any::<bool>(),
        first in cuts(), second in cuts(), at in any::<Index>(),
    ) {
        let text = format!("one,two\n{body}");
        let marked = format!("\u{FEFF}{text}");
        let units = marked.encode_utf16();
        let file: Vec<u8> = match is_big {
            true => units.flat_map(u16::to_be_bytes).collect(),
            false => units.flat_map(u16::to_le_bytes).collect(),
        };
        let decoded = |label: &str, cuts: &[Index]| {
            let mut transcoder = Transcoder::new(label).unwrap();
            let mut chunks: Vec<Bytes> =
                cut(&file, cuts).into_iter().map(|chunk| transcoder.push(chunk)).collect();
            chunks.push(transcoder.finish());
            (chunks, transcoder.told_by_start())
        };

        let (chunks, told) = decoded("utf-8", &first);
        let whole = read_chunks(settings(), chunks).unwrap();
        let told = told.expect("there is a mark");
        prop_assert_eq!(&whole, &read_chunks(settings(), [Bytes::from(text)]).unwrap());

        prop_assume!(!whole.batches.is_empty());
        let end = whole.batches[at.index(whole.batches.len())].end;
        let mut passed = usize::try_from(end.byte).unwrap();
        let rest = decoded(told, &second).0.into_iter().map(|mut chunk: Bytes| {
            let now = passed.min(chunk.len());
            passed -= now;
            chunk.split_off(now)
        });
        let resumed = resume_chunks(settings(), &whole.header, end, rest.collect::<Vec<_>>());
        prop_assert_eq!(&resumed[..], &whole.batches[usize::try_from(end.sequence).unwrap()..]);
    }
}
