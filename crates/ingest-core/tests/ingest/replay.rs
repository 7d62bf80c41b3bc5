//! A rejects file as input: the records are what they were, whatever a spreadsheet did to the file.

use ingest_core::{
    BatchLimits, Dialect, IngestSettings, Reject, RejectCode, reject_line, rejects_header,
};
use proptest::prelude::*;

use crate::support::{Reading, fields, read, replay, replay_copy, replay_of_unknown, settings};

const COMMA: Dialect = Dialect { delimiter: b',', quote: b'"', escape: None };

/// Raw bytes of each record, and the code when it is a reject again.
fn outcome(reading: &Reading) -> Vec<(String, Option<String>)> {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    let records = reading.records();
    let code = |reject: &Reject| reject.code.clone();
    records.iter().map(|read| (text(read.raw), read.reject.map(code))).collect()
}

fn replayed(file: &str) -> Vec<(String, Option<String>)> {
    outcome(&replay(settings(), &[], file).unwrap())
}

fn row(raw: &str) -> (String, Option<String>) {
    (raw.to_owned(), None)
}

fn rejected(raw: &str, code: &str) -> (String, Option<String>) {
    (raw.to_owned(), Some(code.to_owned()))
}

/// The rejects file of an input of which every record was rejected.
fn rejects_file(source: &Reading) -> Vec<u8> {
    let dialect = source.header.dialect();
    let mut file = rejects_header(source.header.raw(), dialect);
    for record in source.records() {
        let reject = record.reject.cloned().unwrap_or_else(|| Reject {
            record: record.record,
            code: "DUPLICATE_VALUE".to_owned(),
            message: "say \"no\", twice".to_owned(),
            raw: record.raw.to_vec().into(),
        });
        file.extend(reject_line(dialect, &reject));
    }
    file
}

/// The same cells as a spreadsheet may write them: all lines as long as the longest one.
fn as_a_spreadsheet_writes(file: &[u8], delimiter: u8, style: csv::QuoteStyle) -> Vec<u8> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(file);
    let lines: Vec<csv::ByteRecord> = reader.byte_records().map(Result::unwrap).collect();
    let width = lines.iter().map(csv::ByteRecord::len).max().unwrap_or_default();
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .quote_style(style)
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xEF\xBB\xBF".to_vec());
    for line in &lines {
        let cells = line.iter().chain(std::iter::repeat(&b""[..])).take(width);
        writer.write_record(cells).unwrap();
    }
    writer.into_inner().unwrap()
}

/// What a person may have made of the three columns.
#[test]
fn cells_that_are_not_the_three_columns_stay_with_the_record() {
    let file = "a,b,_record,_code,_message\n\
                1,2,3,,\n\
                1,2,x,y,z,w\n\
                7,DUPLICATE_VALUE,no\n";

    let expected = [
        rejected("1,2,3,,", "FIELD_COUNT"),
        rejected("1,2,x,y,z,w", "FIELD_COUNT"),
        rejected("", "DUPLICATE_VALUE"),
    ];
    assert_eq!(replayed(file), expected);
}

#[test]
fn records_are_read_as_they_stood_in_the_source() {
    let file = "a,b,_record,_code,_message\n\
                1,\"x\ny\",12,DUPLICATE_VALUE,\"no\"\n\
                2,13,FIELD_COUNT,\"found 1 field\"\n\
                3,4,5,14,FIELD_COUNT,\"found 3 fields\"\n\
                \"5,\"\"open\",14,MISPLACED_QUOTE,\"odd\"\n\
                \"open\n6,\"closed\",15,MISPLACED_QUOTE,\"as earlier versions wrote it\"\n";

    let reading = replay(settings(), &[], file).unwrap();

    assert_eq!(reading.header.columns(), ["a", "b"]);
    assert_eq!(reading.header.raw(), "a,b");
    let expected = [
        row("1,\"x\ny\""),
        rejected("2", "FIELD_COUNT"),
        rejected("3,4,5", "FIELD_COUNT"),
        rejected("5,\"open", "MISPLACED_QUOTE"),
        rejected("\"open", "MISPLACED_QUOTE"),
        row("6,\"closed\""),
    ];
    assert_eq!(outcome(&reading), expected);
}

#[test]
fn only_records_of_the_wanted_codes_are_taken_and_numbered() {
    let file = "a,_record,_code,_message\n1,4,LOCK,m\n2,5,OTHER,m\n3,6,STORAGE,m\n4,7,LOCK,m\n";

    let reading = replay(settings(), &["LOCK", "STORAGE"], file).unwrap();

    let rows: Vec<_> = reading.records().iter().map(|read| (read.record, read.raw)).collect();
    assert_eq!(rows, [(1, &b"1"[..]), (2, b"3"), (3, b"4")]);
    assert_eq!(outcome(&replay(settings(), &["NONE"], file).unwrap()), []);
}

#[test]
fn a_record_whose_text_was_not_kept_is_rejected_again_with_its_first_reason() {
    let lines = [
        ",5,RECORD_TOO_LONG,\"record 5: longer than 10 bytes\"\n",
        "\"\",\"5\",\"RECORD_TOO_LONG\",\"record 5: longer than 10 bytes\"\n",
        ",,5,RECORD_TOO_LONG,record 5: longer than 10 bytes\n",
        ",5,RECORD_TOO_LONG,record 5: longer than 10 bytes,\r\n",
        ",5,UNCLOSED_QUOTE,record 5: longer than 10 bytes\n",
    ];

    for line in lines {
        let file = format!("a,b,_record,_code,_message\n{line}1,2,6,LOCK,m\n");
        let reading = replay(settings(), &[], &file).unwrap();
        let records = reading.records();
        let [first, second] = &records[..] else { panic!("{line:?}: {records:?}") };
        let reject = first.reject.unwrap();
        assert_eq!((first.record, first.raw, second.raw), (1, &b""[..], &b"1,2"[..]), "{line:?}");
        assert!(line.contains(&reject.code), "{line:?}: {reject:?}");
        assert_eq!(
            reject.message,
            "the rejects file does not hold this record's text; mend it in the source \
             (record 5: longer than 10 bytes)"
        );
        let again = format!("a,b,_record,_code,_message\n{}", as_text(&reject_line(COMMA, reject)));
        let again = replay(settings(), &[], again).unwrap();
        assert_eq!(again.records()[0].reject.unwrap().message, reject.message, "said once");
    }
}

#[test]
fn what_is_no_code_in_the_file_is_other_and_stands_in_the_message() {
    for (code, told) in [
        ("lock", "lock: "),
        ("=CMD", "=CMD: "),
        ("A\u{1b}[2J", "A\u{1b}[2J: "),
        (&"A".repeat(81), &format!("{}…: ", "A".repeat(80))),
    ] {
        let file = format!("a,b,_record,_code,_message\n,7,{code},m\n");
        let reading = replay(settings(), &[], &file).unwrap();

        let records = reading.records();
        let reject = records[0].reject.unwrap();
        assert_eq!(reject.code, "OTHER", "{code:?}");
        assert!(reject.message.ends_with(&format!("({told}m)")), "{reject:?}");
    }
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_a_person_made_of_a_line_is_understood() {
    let cases = [
        // Mended, with the three columns left as they were, emptied, or gone.
        ("1,2,12,FIELD_COUNT,m", row("1,2")),
        ("1,2,,,", row("1,2")),
        ("1,2", row("1,2")),
        // Filled up with empty cells by a spreadsheet.
        ("1,12,FIELD_COUNT,m,", rejected("1", "FIELD_COUNT")),
        ("1,2,12,LOCK,m,,,", row("1,2")),
        ("1,2,,,,,", row("1,2")),
        ("1,,12,LOCK,m", row("1,")),
        ("1,12,LOCK,,", rejected("1", "FIELD_COUNT")),
        // Cells of the row that look like the columns.
        ("7,X,12,LOCK,m", row("7,X")),
        ("7,X,Y,12,FIELD_COUNT,m", rejected("7,X,Y", "FIELD_COUNT")),
        // A mended record that was too long.
        ("1,2,12,RECORD_TOO_LONG,m", row("1,2")),
        // A line whose quotes were wrong, mended in its one cell, in part, or as cells of its own.
        ("\"1,\"\"open\"\"\",12,MISPLACED_QUOTE,m", row("1,\"open\"")),
        ("\"1,2\",12,MISPLACED_QUOTE,m,,", row("1,2")),
        ("\"1,2,3\",12,MISPLACED_QUOTE,m", rejected("1,2,3", "FIELD_COUNT")),
        ("\"1,2\n3,4\",12,MISPLACED_QUOTE,m", rejected("1,2\n3,4", "MISPLACED_QUOTE")),
        ("1,open,12,MISPLACED_QUOTE,m", row("1,open")),
        ("\"1,2\",12,FIELD_COUNT,m", rejected("\"1,2\"", "FIELD_COUNT")),
        // Too little to be anything.
        ("1,x,y,z", rejected("1,x,y,z", "FIELD_COUNT")),
        ("1", rejected("1", "FIELD_COUNT")),
    ];

    for (line, expected) in cases {
        let file = format!("a,b,_record,_code,_message\n{line}\n");
        assert_eq!(replayed(&file), [expected], "{line:?}");
    }
}

#[test]
fn cells_of_a_row_that_look_like_a_number_and_a_code_stay_with_it_when_the_three_columns_are_emptied()
 {
    let header = "id,name,zip,country,note,_record,_code,_message\n";

    for mended in ["1,Ann,4930,DE,", "2,Bob,4930,DE,paid", "3,Cy,1,T,x"] {
        let file = format!("{header}{mended},,,\n");
        assert_eq!(replayed(&file), [row(mended)], "{mended}");
    }
    // Those of a row that was too short slide to the left, and the line is filled up.
    let short = format!("{header}4,Dan,4,FIELD_COUNT,record 4: found 2 fields,,,\n");
    assert_eq!(replayed(&short), [rejected("4,Dan", RejectCode::FieldCount.as_str())]);
}

#[test]
fn surplus_cells_that_are_emptied_in_a_spreadsheet_are_none_of_the_row() {
    for (line, expected, of_rejects_file) in [
        ("1,2,,12,FIELD_COUNT,m", row("1,2"), rejected("1,2,", "FIELD_COUNT")),
        ("1,2,\" \",,12,FIELD_COUNT,m,,", row("1,2"), rejected("1,2,\" \",", "FIELD_COUNT")),
        ("1,,,12,FIELD_COUNT,m", row("1,"), rejected("1,,", "FIELD_COUNT")),
        ("1,,3,12,FIELD_COUNT,m", rejected("1,,3", "FIELD_COUNT"), rejected("1,,3", "FIELD_COUNT")),
        ("1,12,FIELD_COUNT,m", rejected("1", "FIELD_COUNT"), rejected("1", "FIELD_COUNT")),
    ] {
        let copy = format!("a,b,_record,_code,_message (for spreadsheets)\n{line}\n");
        assert_eq!(replayed(&copy), [expected], "{line:?}");
        let exact = format!("a,b,_record,_code,_message\n{line}\n");
        assert_eq!(replayed(&exact), [of_rejects_file], "{line:?}");
    }
}

#[test]
fn what_stands_in_one_cell_is_read_as_the_source_was_whatever_the_copy_has_between_cells() {
    let backslash = Dialect { escape: Some(b'\\'), ..COMMA };
    for (source, line, expected) in [
        (COMMA, "\"1,\"\"a;b\"\"\";1;MISPLACED_QUOTE;m", row("\"1\";\"a;b\"")),
        (COMMA, "1,open;1;MISPLACED_QUOTE;m", row("\"1\";\"open\"")),
        (
            COMMA,
            "\"1,\"\"a;b\"\" x\";1;MISPLACED_QUOTE;m",
            rejected("1,\"a;b\" x", "MISPLACED_QUOTE"),
        ),
        (COMMA, "\"1,2,3\";1;MISPLACED_QUOTE;m", rejected("\"1\";\"2\";\"3\"", "FIELD_COUNT")),
        (
            backslash,
            "\"1,\"\"a \\\"\"b\\\"\"\"\"\";1;MISPLACED_QUOTE;m",
            row("\"1\";\"a \"\"b\"\"\""),
        ),
        (COMMA, "1;2;1;LOCK;m", row("1;2")),
    ] {
        let copy = format!("a;b;_record;_code;_message\n{line}\n");

        assert_eq!(outcome(&replay_copy(settings(), source, &copy).unwrap()), [expected], "{line}");
    }
}

#[test]
fn a_line_of_empty_cells_is_no_record() {
    assert_eq!(
        replayed("a,b,_record,_code,_message\n,,,,\n\n1,2,3,LOCK,m\n\"\",,\n"),
        [row("1,2")]
    );
}

/// A replay has no encoding that could be set.
#[test]
fn text_in_another_encoding_is_rejected_with_what_fits_a_replay() {
    let file = b"Key,Name,_record,_code,_message\nK1,M\xFCller,1,INVALID_UTF8,\"x\"\n";

    let reading = replay(settings(), &[], file).unwrap();

    let message = "record 1 (line 2, byte 32): not text at byte 36; rejects files are in UTF-8: mend the text there, or load the source anew";
    assert_eq!(reading.records()[0].reject.unwrap().message, message);
}

#[test]
fn a_file_that_cannot_be_a_rejects_file_is_refused() {
    let files = [
        "a,b\n1,2\n",
        "_record,_code,_message\n1,X,m\n",
        "a,_code,_record,_message\n",
        "a,_record,_code,_message,more\n",
    ];

    for file in files {
        let error = replay(settings(), &[], file).unwrap_err().to_string();
        assert!(error.contains("no rejects file"), "{file:?}: {error}");
    }
    assert_eq!(replayed("a,\"_record\",_code,_message,,\n"), []);
}

#[test]
fn a_record_of_the_longest_kind_is_taken_with_its_reason() {
    let settings = IngestSettings { record_bytes_max: 10, ..settings() };
    let long_reason = "no ".repeat(3_000);

    let file = format!("a,b,_record,_code,_message\n12345,6789,7,LOCK,\"{long_reason}\"\n");

    assert_eq!(outcome(&replay(settings, &[], file).unwrap()), [row("12345,6789")]);
}

#[test]
fn a_quote_that_is_left_open_in_the_file_loses_no_record_silently() {
    let file = "a,b,_record,_code,_message\n1,\"2,3,LOCK,m\n4,5,6,LOCK,m\n";

    for codes in [&[][..], &["LOCK"]] {
        let reading = replay(settings(), codes, file).unwrap();
        let open = rejected("1,\"2,3,LOCK,m", "MISPLACED_QUOTE");
        assert_eq!(outcome(&reading), [open, row("4,5")]);
    }
}

proptest! {
    #[test]
    fn a_replay_reads_what_the_source_had(
        body in "[a,1\"\n\ré\0 \\\\]{0,40}", rows_max in 1..4_usize, limited in any::<bool>(),
        escapes in any::<bool>(),
    ) {
        let settings = IngestSettings {
            record_bytes_max: if limited { 12 } else { 1 << 20 },
            escape: escapes.then_some(b'\\'),
            batch: BatchLimits { rows_max, bytes_max: 1 << 20 },
            ..settings()
        };
        let source = read(settings, format!("h,i\n{body}")).unwrap();

        let again = replay(settings, &[], rejects_file(&source)).unwrap();

        prop_assert_eq!(again.header.raw(), source.header.raw());
        prop_assert_eq!(outcome(&again), outcome(&source));
    }

    #[test]
    fn a_spreadsheet_changes_nothing_but_the_writing(
        rows in prop::collection::vec(prop::collection::vec("[a1X,;\"\né ]{0,4}", 1..5), 0..5),
        delimiter in prop::sample::select(&b",;\t"[..]),
        always in any::<bool>(),
    ) {
        let mut body = csv::WriterBuilder::new().flexible(true).from_writer(b"h,i,j\n".to_vec());
        for cells in rows.iter().filter(|cells| cells.iter().any(|cell| !cell.is_empty())) {
            body.write_record(cells).unwrap();
        }
        let source = read(settings(), body.into_inner().unwrap()).unwrap();
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };

        let edited = as_a_spreadsheet_writes(&rejects_file(&source), delimiter, style);
        let again = replay(settings(), &[], &edited).unwrap();

        let cells = |reading: &Reading, delimiter: u8| -> Vec<_> {
            let records = reading.records();
            let of = |raw: &[u8]| fields(raw, delimiter);
            records.iter().map(|read| (of(read.raw), read.reject.is_some())).collect()
        };
        prop_assert_eq!(cells(&again, delimiter), cells(&source, b','));
    }
}

/// It may be mended or not, and its quotes may be others.
#[test]
fn a_record_in_one_cell_is_rejected_once_more_where_nobody_knows_how_the_source_was_written() {
    let file = "a,b,_record,_code,_message,,\n\
                \"1,'open\",4,MISPLACED_QUOTE,no,,\n\
                \"1,mended\",5,MISPLACED_QUOTE,no,,\n\
                1,in its columns,6,MISPLACED_QUOTE,no, ,\n";

    let reading = replay_of_unknown(settings(), file).unwrap();

    let expected = [
        rejected("1,'open", "MISPLACED_QUOTE"),
        rejected("1,mended", "MISPLACED_QUOTE"),
        row("1,in its columns"),
    ];
    assert_eq!(outcome(&reading), expected);
    assert_eq!(reading.header.raw(), "a,b");
    let message = &reading.records()[0].reject.unwrap().message;
    assert!(message.starts_with("record 1 (line 2, byte "), "{message}");
    assert!(message.contains("producer replay RUN --file") && !message.contains("open"));
}

#[test]
fn the_header_of_a_copy_that_was_joined_to_another_is_told_as_such() {
    let file = "a,b,_record,_code,_message\n\
                1,2,3,LOCK,no\n\
                \"A\",b,_record,_code,_message,,\n\
                x,y,_record,_code,_message\n\
                4,5,6,LOCK,no\n";

    let expected = [
        row("1,2"),
        rejected("\"A\",b", "REPEATED_HEADER"),
        rejected("x,y,_record,_code,_message", "FIELD_COUNT"),
        row("4,5"),
    ];
    assert_eq!(replayed(file), expected);
    assert_eq!(outcome(&replay(settings(), &["LOCK"], file).unwrap()), [row("1,2"), row("4,5")]);
}
