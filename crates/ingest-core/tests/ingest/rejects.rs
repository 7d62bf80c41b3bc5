//! Records that become rejects, and what is said about them.

use ingest_core::{IngestSettings, Reject};

use crate::support::{read, settings};

/// Everything but the last record is a row; that one is this reject.
fn rejects(
    settings: IngestSettings,
    input: impl AsRef<[u8]>,
    code: &str,
    message: &str,
    raw: &[u8],
) {
    let reading = read(settings, input).unwrap();
    let records = reading.records();
    let rejects: Vec<_> = records.iter().filter_map(|read| read.reject).collect();
    let expected = Reject {
        record: records.len() as u64,
        code: code.to_owned(),
        message: message.to_owned(),
        raw: raw.to_vec().into(),
    };
    assert_eq!(rejects, [&expected]);
}

#[test]
fn a_record_with_another_number_of_fields_is_rejected_as_it_came() {
    rejects(
        settings(),
        "a,b\r\n1,2\r\n\r\n1,2,3\r\n",
        Reject::FIELD_COUNT,
        "record 2 (line 4, byte 12): found 3 fields, but the header has 2",
        b"1,2,3",
    );
    rejects(
        settings(),
        "a,b\n\"1,2\"",
        Reject::FIELD_COUNT,
        "record 1 (line 2, byte 4): found 1 field, but the header has 2",
        b"\"1,2\"",
    );
    rejects(
        settings(),
        "a,b\n1,2\n3,\"x\n4,\",y\n",
        Reject::FIELD_COUNT,
        "record 2 (line 3, byte 8): found 3 fields, but the header has 2; it spans lines 3 to 4, is a closing quote missing?",
        b"3,\"x\n4,\",y",
    );
}

/// csv-core takes these two lines for one record with the right number of fields.
#[test]
fn two_lines_that_a_missing_closing_quote_has_joined_are_rejected() {
    rejects(
        settings(),
        "a,b\n1,2\n3,\"open\n4,\"y\"\n",
        Reject::MISPLACED_QUOTE,
        "record 2 (line 3, byte 8): it spans lines 3 to 4, and the quote that opens at byte 10 is closed in the middle of text; is its own closing quote missing?",
        b"3,\"open\n4,\"y\"",
    );
}

/// Field 1 of a record of 40 fields: csv-core is asked in several steps.
#[test]
fn many_fields_are_counted_also_when_csv_core_reads_them() {
    let header: Vec<_> = (0..40).map(|column| format!("c{column}")).collect();
    let row = "x\"y,".repeat(40);

    let reading =
        read(settings(), format!("{}\n{}\n{row}\n", header.join(","), &row[..159])).unwrap();

    assert_eq!(reading.records()[0].reject, None);
    let message = &reading.records()[1].reject.unwrap().message;
    assert!(message.ends_with("found 41 fields, but the header has 40"), "{message}");
}

#[test]
fn a_record_that_is_not_utf_8_is_rejected_at_its_byte() {
    let message =
        "record 2 (line 3, byte 10): not text at byte 12; is the file in another encoding?";
    for raw in [&b"2,\xE9"[..], b"2,\xC3", b"2,\xFF\xFF", b"2,\xED\xA0\x80"] {
        let input = [b"a,b\n1,\xC3\xA9x\n", raw, b"\n"].concat();
        rejects(settings(), input, Reject::INVALID_UTF8, message, raw);
    }
}

#[test]
fn a_good_record_behind_one_that_is_not_utf_8_is_a_row() {
    let reading =
        read(settings(), b"a,b\n1,\xE9\n2,x\n3,\xE9\n4,\xC3\xA9\n5,\"y\"z\xE9\n").unwrap();

    let kinds: Vec<_> = reading.records().iter().map(|read| read.reject.is_none()).collect();

    assert_eq!(kinds, [false, true, false, true, false]);
}

#[test]
fn a_record_beyond_the_limit_is_rejected_without_its_bytes() {
    let settings = IngestSettings { record_bytes_max: 8, ..settings() };

    rejects(
        settings,
        "a,b\n1,3456789\n",
        Reject::RECORD_TOO_LONG,
        "record 1 (line 2, byte 4): longer than 8 bytes, skipped up to line 3, byte 14; is this a CSV file with line ends?",
        b"",
    );
    rejects(
        settings,
        "a,b\r\n12,45678\r\n1,\"3\n5\",78\",\"9\r\n\"\r\n",
        Reject::RECORD_TOO_LONG,
        "record 2 (line 3, byte 15): longer than 8 bytes, skipped up to line 6, byte 34; is this a CSV file with line ends?",
        b"",
    );
}

#[test]
fn a_record_of_exactly_the_limit_is_a_row() {
    let settings = IngestSettings { record_bytes_max: 8, ..settings() };
    for record in ["1,345678", "1,\"3\r\n6\"", "1,\"3\"5\"7", "1,34567\u{7f}"] {
        for end in ["\n", "\r\n", "\r", ""] {
            let reading = read(settings, format!("a,b\n{record}{end}")).unwrap();
            assert_eq!(reading.records()[0].reject, None, "{record:?}");

            let reading = read(settings, format!("a,b\n{record}x{end}")).unwrap();
            assert_eq!(reading.records()[0].reject.unwrap().code, Reject::RECORD_TOO_LONG);
        }
    }
}

#[test]
fn a_missing_closing_quote_is_named_by_the_byte_of_the_opening_one() {
    let settings = IngestSettings { record_bytes_max: 12, ..settings() };
    let reading = read(settings, "a,b\n1,\"open\n2,x\n3,x\n4,\"y\"\n5,z\n").unwrap();

    let records = reading.records();

    let reject = records[0].reject.unwrap();
    assert_eq!(reject.code, Reject::RECORD_TOO_LONG);
    assert_eq!(
        reject.message,
        "record 1 (line 2, byte 4): longer than 12 bytes, skipped up to line 6, byte 26; the quote that opens at byte 6 was still open there; is its closing quote missing?"
    );
    assert_eq!((records[1].raw, records[1].reject), (&b"5,z"[..], None));
}

#[test]
fn a_record_that_the_input_leaves_inside_quotes_is_rejected() {
    rejects(
        settings(),
        "a,b\n1,2\n3,\"x\n4,y\n",
        Reject::UNCLOSED_QUOTE,
        "record 2 (line 3, byte 8): the quote that opens at byte 10 is never closed; everything from there to the end of the input (line 5, byte 17) is in this record",
        b"",
    );
    rejects(
        settings(),
        "a,b\n1,\"\"\"",
        Reject::UNCLOSED_QUOTE,
        "record 1 (line 2, byte 4): the quote that opens at byte 6 is never closed; everything from there to the end of the input (line 2, byte 9) is in this record",
        b"",
    );
}

#[test]
fn the_quote_that_stays_open_is_named_also_beyond_the_limit() {
    let settings = IngestSettings { record_bytes_max: 12, ..settings() };
    for input in ["a,b\n1,\"open\n2,x\n3,x\n", "a,b\n1,456789,123456,\"x\n3,x\n"] {
        let reading = read(settings, input).unwrap();

        let reject = reading.records()[0].reject.unwrap().clone();

        assert_eq!(reject.code, Reject::UNCLOSED_QUOTE);
        let quote = input.find('"').unwrap();
        assert!(reject.message.contains(&format!("opens at byte {quote} is never")), "{reject:?}");
    }
}

#[test]
fn nothing_of_a_rejected_record_is_in_its_message_or_in_debug_output() {
    let settings = IngestSettings { record_bytes_max: 16, ..settings() };
    let input = b"a,b\nsecret\nsecret,\xFF\nsecret,secretsecret\nsecret,x\n\"secret\n";

    let reading = read(settings, input).unwrap();

    assert_eq!(reading.records().iter().filter(|read| read.reject.is_some()).count(), 4);
    for batch in &reading.batches {
        assert!(!format!("{batch:?}").contains("secret"));
        assert!(batch.rejects.iter().all(|reject| !reject.message.contains("secret")));
    }
}
