//! Random content, cut at random: the `csv` crate reads the same. `PROPTEST_CASES` asks for more.

use bytes::Bytes;
use ingest_core::{BatchLimits, IngestSettings, Reject};
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
        2 => Just(&b"x,y\n"[..]),
        2 => Just(&b"\"q\",\"r\"\n"[..]),
        1 => Just("é".as_bytes()),
        1 => Just("\u{FEFF}".as_bytes()),
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

/// The records of a file as the `csv` crate reads them, the header left out.
fn csv_records(input: &[u8]) -> Vec<csv::ByteRecord> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    reader.byte_records().map(|record| record.unwrap()).collect()
}

/// The one record these bytes are.
fn csv_record(raw: &[u8]) -> csv::ByteRecord {
    let records = csv_records(&[b"h\n", raw, b"\n"].concat());
    assert_eq!(records.len(), 1, "{raw:?}");
    records.into_iter().next().unwrap()
}

proptest! {
    #[test]
    fn records_are_those_of_the_csv_crate(body in body(), cuts in cuts()) {
        let input = [b"one,two\n", &body[..]].concat();
        let reading = read_chunks(settings(), cut(&input, &cuts)).unwrap();
        check_accounts(&reading, &input);

        let expected = csv_records(&input);
        let records = reading.records();
        prop_assert_eq!(records.len(), expected.len());
        for (index, (read, expected)) in records.iter().zip(&expected).enumerate() {
            prop_assert_eq!(read.record, index as u64 + 1);
            let code = read.reject.map(|reject| reject.code.as_str());
            let text = expected.iter().all(|field| std::str::from_utf8(field).is_ok());
            match code {
                Some(Reject::UNCLOSED_QUOTE) => {
                    prop_assert_eq!(index, records.len() - 1);
                    prop_assert!(read.raw.is_empty());
                    continue;
                }
                Some(Reject::INVALID_UTF8) => prop_assert!(!text),
                Some(Reject::MISPLACED_QUOTE) => {
                    prop_assert!(text && expected.iter().any(|field| field.contains(&b'\n') || field.contains(&b'\r')));
                }
                Some(Reject::FIELD_COUNT) => prop_assert!(text && expected.len() != 2),
                Some(other) => prop_assert!(false, "{}", other),
                None => prop_assert!(text && expected.len() == 2),
            }
            prop_assert_eq!(&csv_record(read.raw), expected);
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
    fn the_limit_rejects_longer_records_and_no_others(
        body in body(), cuts in cuts(), record_bytes_max in 7..30_usize,
    ) {
        let input = [b"one,two\n", &body[..]].concat();
        let limited = IngestSettings { record_bytes_max, ..settings() };

        let all = read_chunks(settings(), [Bytes::copy_from_slice(&input)]).unwrap();
        let some = read_chunks(limited, cut(&input, &cuts)).unwrap();

        prop_assert_eq!(all.batches.len(), some.batches.len());
        for (all, some) in all.batches.iter().zip(&some.batches) {
            prop_assert_eq!(all.end, some.end);
            let long = all.rows.bytes() + all.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>();
            if long > record_bytes_max {
                prop_assert_eq!(&some.rejects[0].code, Reject::RECORD_TOO_LONG);
            } else {
                prop_assert_eq!(all, some);
            }
        }
    }

    #[test]
    fn any_bytes_at_all_are_read_to_their_end(input: Vec<u8>, settings in limits(), cuts in cuts()) {
        if let Ok(reading) = read_chunks(settings, cut(&input, &cuts)) {
            check_accounts(&reading, &input);
        }
    }
}
