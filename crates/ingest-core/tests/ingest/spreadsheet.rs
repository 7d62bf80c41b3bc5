//! A copy of a rejects file for spreadsheets runs nothing there, and its replay is that of the file.

use bytes::Bytes;
use ingest_core::{Dialect, Reject, RejectCode, SpreadsheetCopy, reject_line, rejects_header};
use proptest::prelude::*;

use crate::support::{Reading, read, replay, replay_copy, settings};

const COMMA: Dialect = Dialect { delimiter: b',', quote: b'"', escape: None };

/// The copy, which is the same whatever chunks the file comes in.
fn copied(dialect: Dialect, file: &[u8]) -> String {
    let copied = |size: usize| {
        let mut copy = SpreadsheetCopy::new(dialect, 1 << 20);
        let chunks = file.chunks(size).map(Bytes::copy_from_slice);
        let mut copied: Vec<u8> = chunks.flat_map(|chunk| copy.push(chunk)).collect();
        copied.extend(copy.finish());
        copied
    };
    let whole = copied(file.len().max(1));
    for size in [1, 2, 7] {
        assert_eq!(copied(size), whole, "in chunks of {size}");
    }
    String::from_utf8(whole).unwrap()
}

/// The rejects file of an input of which every record was rejected.
fn rejects_file(source: &Reading, message: &str) -> Vec<u8> {
    let dialect = source.header.dialect();
    let mut file = rejects_header(source.header.raw(), dialect);
    for record in source.records() {
        let reject = record.reject.cloned().unwrap_or_else(|| Reject {
            record: record.record,
            code: "LOCK".to_owned(),
            message: message.to_owned(),
            raw: record.raw.to_vec().into(),
        });
        file.extend(reject_line(dialect, &reject));
    }
    file
}

#[test]
fn cells_that_would_run_are_text_and_the_last_column_says_so() {
    let file = r#"=a,b,_record,_code,_message
=1,-12.5,1,LOCK,"no; =x"
"@x",,2,LOCK,m
3,'=1,3,LOCK,m
"=4,""open",4,MISPLACED_QUOTE,"odd"
"#;

    let copy = copied(COMMA, file.as_bytes());

    let expected = r#""'=a","b","_record","_code","_message (for spreadsheets)"
"'=1","-12.5","1","LOCK","no;' =x"
"'@x","","2","LOCK","m"
"3","''=1","3","LOCK","m"
"'=4,""open","","4","MISPLACED_QUOTE","odd"
"#;
    assert_eq!(copy, format!("\u{feff}{}", expected.replace('\n', "\r\n")));
}

#[test]
fn the_copy_is_written_as_spreadsheets_read() {
    let odd = Dialect { delimiter: b'^', quote: b'\'', escape: Some(b'\\') };
    let file = "a^b^_record^_code^_message\n'x^\\'=1'^=2^1^LOCK^'m'\n";

    let copy = copied(odd, file.as_bytes());

    let line = r#""x^'=1","'=2","1","LOCK","m""#;
    assert_eq!(copy.lines().nth(1), Some(line));
    let semicolon = Dialect { delimiter: b';', ..COMMA };
    let semicolon = copied(semicolon, b"a;_record;_code;_message\n");
    assert!(semicolon.contains(r#""a";"_record""#), "{semicolon}");
}

#[test]
fn a_replay_takes_off_what_was_added_and_nothing_else() {
    // As a spreadsheet saves the copy: with quotes where they are needed.
    let saved = r#"'=a,b,_record,_code,_message (for spreadsheets)
'=1,''=2,1,LOCK,m
'tis,'''=3,2,LOCK,m
"'=4,""open",3,MISPLACED_QUOTE,odd
"5;'=6",mine,4,LOCK,m
"#;

    let reading = replay(settings(), &[], saved).unwrap();

    let records = reading.records();
    let raw: Vec<_> = records.iter().map(|read| std::str::from_utf8(read.raw).unwrap()).collect();
    assert_eq!(reading.header.columns(), ["=a", "b"]);
    let expected = [r#""=1","'=2""#, r#"'tis,"''=3""#, "=4,\"open", r#""5;=6",mine"#];
    assert_eq!(raw, expected);
    // A file that is no such copy keeps its cells.
    let file = "a,_record,_code,_message\n'=1,1,LOCK,m\n";
    assert_eq!(replay(settings(), &[], file).unwrap().records()[0].raw, b"'=1");
}

/// A spreadsheet shows number, code and message of each row below their names. What fills a row up is
/// not loaded, unless somebody fills it in.
#[test]
fn a_short_row_is_filled_up_in_the_copy_and_its_replay_is_that_of_the_file() {
    let source = read(settings(), "a,b,c,d\n1,2\n1,\n\"x\n3,4,5,6,7\n").unwrap();
    let file = rejects_file(&source, "m");
    let dialect = source.header.dialect();

    let copy = copied(dialect, &file);

    let lines: Vec<&str> = copy.lines().collect();
    assert!(lines[1].starts_with(r#""1","2","","","1","FIELD_COUNT","#), "{copy}");
    assert!(lines[2].starts_with(r#""1","","","","2","FIELD_COUNT","#), "{copy}");
    assert!(lines[3].contains(r#","","","3","MISPLACED_QUOTE","#), "{copy}");
    assert!(lines[4].starts_with(r#""3","4","5","6","7","4","FIELD_COUNT","#), "{copy}");
    let again = |copy: &str| told(&replay_copy(settings(), dialect, copy).unwrap());
    assert_eq!(again(&copy), told(&replay(settings(), &[], &file).unwrap()));
    // As a spreadsheet saves it, which knows no quotes around nothing.
    assert_eq!(again(&copy.replace(r#","""#, ",")), again(&copy));

    let mended = copy.replace(r#""1","2","","","1","#, r#""1","2","","4","1","#);
    let (cells, code) = again(&mended).remove(0);
    assert_eq!((cells.concat().as_slice(), code), (&b"124"[..], None), "filled in");
    let cleared = format!("{}\r\n1,2,,,,,\r\n", lines[0]);
    let (cells, code) = again(&cleared).remove(0);
    assert_eq!((cells.len(), code), (4, None), "number, code and message were cleared");
}

#[test]
fn a_line_that_is_too_long_for_the_copy_is_named_there() {
    let mut copy = SpreadsheetCopy::new(COMMA, 40);
    let file = format!("a,_record,_code,_message\n{},1,LOCK,m\n2,2,LOCK,m\n", "x".repeat(60));

    let mut copied = copy.push(file.into());
    copied.extend(copy.finish());

    let copied = String::from_utf8(copied).unwrap();
    let lines: Vec<&str> = copied.lines().collect();
    assert_eq!(lines.len(), 3, "{copied}");
    let begin = ",1,RECORD_TOO_LONG,line 2 of the rejects file is longer than 40 bytes";
    assert!(lines[1].starts_with(begin), "{copied}");
    assert!(lines[2].starts_with(r#""2","2","LOCK""#), "{copied}");
}

type Told = Vec<(Vec<Vec<u8>>, Option<String>)>;

/// The cells of each record, and the code when it is a reject again.
fn told(reading: &Reading) -> Told {
    let dialect = reading.header.dialect();
    let cells = |raw: &[u8]| {
        let mut cells = Vec::new();
        dialect.for_each_cell(raw, &mut Vec::new(), |cell| cells.push(cell.to_vec()));
        cells
    };
    let code = |reject: &Reject| reject.code.clone();
    let records = reading.records();
    records.iter().map(|read| (cells(read.raw), read.reject.map(code))).collect()
}

/// As a copy is understood: blank cells behind the two columns of a row are none of it.
fn without_surplus(mut told: Told) -> Told {
    for (cells, code) in &mut told {
        let is_blank = |cell: &Vec<u8>| cell.trim_ascii().is_empty();
        if code.as_deref() == Some(RejectCode::FieldCount.as_str()) && cells.len() > 2 {
            while cells.len() > 2 && cells.last().is_some_and(is_blank) {
                cells.pop();
            }
            *code = code.take().filter(|_| cells.len() > 2);
        }
    }
    told
}

proptest! {
    #[test]
    fn the_replay_of_the_copy_is_that_of_the_file(
        body in "[a1',;=\"\n\t@-]{0,30}", message in "[a=,;'\n]{0,6}", header in "[=a'@-]{1,3}",
    ) {
        let source = read(settings(), format!("{header},i\n{body}")).unwrap();
        let file = rejects_file(&source, &message);
        let dialect = source.header.dialect();

        let copy = copied(dialect, &file);
        let of_copy = replay_copy(settings(), dialect, &copy).unwrap();

        let of_file = replay(settings(), &[], &file).unwrap();
        prop_assert_eq!(of_copy.header.columns(), of_file.header.columns());
        prop_assert_eq!(told(&of_copy), without_surplus(told(&of_file)), "{}", copy);
    }
}
