//! Records that become rejects, and what is said about them.

use ingest_core::{IngestSettings, Reject, RejectCode};

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
        RejectCode::FieldCount.as_str(),
        "record 2 (line 4, byte 12): found 3 fields, but the header has 2",
        b"1,2,3",
    );
    rejects(
        settings(),
        "a,b\n\"1,2\"",
        RejectCode::FieldCount.as_str(),
        "record 1 (line 2, byte 4): found 1 field, but the header has 2",
        b"\"1,2\"",
    );
    rejects(
        settings(),
        "a,b\n1,2\n3,\"x\n4,\",y\n",
        RejectCode::FieldCount.as_str(),
        "record 2 (line 3, byte 8): found 3 fields, but the header has 2; it spans lines 3 to 4, is a closing quote missing?",
        b"3,\"x\n4,\",y",
    );
}

#[test]
fn a_quote_that_is_not_closed_is_named_by_its_byte_and_its_line_kept() {
    rejects(
        settings(),
        "a,b\n1,2\n3,\"x",
        RejectCode::MisplacedQuote.as_str(),
        "record 2 (line 3, byte 8): the quote that opens at byte 10 is not closed; only this line is rejected, and reading goes on behind it",
        b"3,\"x",
    );
    let reading = read(settings(), "a,b\n1,\"\"\"\n4,y\n").unwrap();
    let records = reading.records();
    assert_eq!((records[0].raw, records[1].raw), (&b"1,\"\"\""[..], &b"4,y"[..]));
}

#[test]
fn text_behind_a_closing_quote_is_rejected_with_what_to_do() {
    rejects(
        settings(),
        "a,b\n3,\"5\" pipe\"\n",
        RejectCode::MisplacedQuote.as_str(),
        "record 1 (line 2, byte 4): the quote that opens at byte 6 is closed in the middle of text; write a quote inside quotes twice",
        b"3,\"5\" pipe\"",
    );
    rejects(
        settings(),
        "a,b\n3,\"The \\\"Big\\\" lamp\"\n",
        RejectCode::MisplacedQuote.as_str(),
        "record 1 (line 2, byte 4): the quote that opens at byte 6 is closed in the middle of text; if the file writes quotes behind a backslash, set CSV_ESCAPE=backslash",
        b"3,\"The \\\"Big\\\" lamp\"",
    );
    rejects(
        settings(),
        "a,b\n1,2\n3,\"two\nlines \"y\"\n",
        RejectCode::MisplacedQuote.as_str(),
        "record 2 (line 3, byte 8): the quote that opens at byte 10 is closed in the middle of text; it spans lines 3 to 4, is its own closing quote missing?",
        b"3,\"two\nlines \"y\"",
    );
}

#[test]
fn many_fields_are_counted_also_in_a_record_that_is_not_plain() {
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
    let message = "record 2 (line 3, byte 10): not text at byte 12; if the file is in another encoding, name it with --csv-encoding or CSV_ENCODING";
    for raw in [&b"2,\xE9"[..], b"2,\xC3", b"2,\xFF\xFF", b"2,\xED\xA0\x80"] {
        let input = [b"a,b\n1,\xC3\xA9x\n", raw, b"\n"].concat();
        rejects(settings(), input, RejectCode::InvalidUtf8.as_str(), message, raw);
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
        RejectCode::RecordTooLong.as_str(),
        "record 1 (line 2, byte 4): longer than 8 bytes, skipped up to line 3, byte 14; set RECORD_BYTES_MAX higher to load it",
        b"",
    );
    rejects(
        settings,
        "a,b\r\n12,45678\r\n1,\"3\n5\",78\",\"9\r\n\r\n",
        RejectCode::RecordTooLong.as_str(),
        "record 2 (line 3, byte 15): longer than 8 bytes, skipped up to line 5, byte 31; is this a CSV file with line ends?",
        b"",
    );
}

#[test]
fn a_record_of_exactly_the_limit_is_a_row() {
    let settings = IngestSettings { record_bytes_max: 8, ..settings() };
    for record in ["1,345678", "1,\"3\r\n6\"", "1,\"3\"\"6\"", "1,34567\u{7f}"] {
        for end in ["\n", "\r\n", "\r", ""] {
            let reading = read(settings, format!("a,b\n{record}{end}")).unwrap();
            assert_eq!(reading.records()[0].reject, None, "{record:?}");

            let reading = read(settings, format!("a,b\n{record}x{end}")).unwrap();
            assert_eq!(
                reading.records()[0].reject.unwrap().code,
                RejectCode::RecordTooLong.as_str()
            );
        }
    }
}

/// There is no line end to go back to, and none of its quotes is trusted to lead over the next one.
#[test]
fn a_line_beyond_the_limit_is_passed_up_to_its_end_whatever_its_quotes() {
    let settings = IngestSettings { record_bytes_max: 12, ..settings() };
    for input in ["a,b\n1,\"never closed here\n3,x\n", "a,b\n1,456789,123456,\"x\n3,x\n"] {
        let reading = read(settings, input).unwrap();
        let records = reading.records();

        assert_eq!(records[0].reject.unwrap().code, RejectCode::RecordTooLong.as_str());
        assert_eq!((records[1].raw, records[1].reject), (&b"3,x"[..], None), "{input:?}");
    }
    let reading = read(settings, "a,b\n1,\"never closed").unwrap();
    assert!(reading.records()[0].reject.unwrap().message.ends_with(
        "the quote that opens at byte 6 was still open there; is its closing quote missing?"
    ));
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
