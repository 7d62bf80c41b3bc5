//! The rejects file can be read again, and gives the records back.

use ingest_core::{Dialect, Reject, RejectCode, reject_line, rejects_header, strip_reject_columns};
use proptest::prelude::*;

use crate::support::{fields, read, settings};

const COMMA: Dialect = Dialect { delimiter: b',', quote: b'"', escape: None };

fn reject(raw: &str, code: &str, message: &str) -> Reject {
    let raw = raw.to_owned().into();
    Reject { record: 12, code: code.to_owned(), message: message.to_owned(), raw }
}

#[test]
fn a_line_is_the_record_as_it_came_and_three_columns() {
    let cases = [
        (reject("1,\"a\nb\"", "X_1", "no"), "1,\"a\nb\",12,X_1,\"no\"\n"),
        (reject("1", "X", "say \"hi\", bye"), "1,12,X,\"say \"\"hi\"\", bye\"\n"),
        (reject("1", "X", "two\nlines\r\nmore"), "1,12,X,\"two lines  more\"\n"),
        (reject("", "X", ""), ",12,X,\"\"\n"),
        (reject("1", "X", "=cmd()"), "1,12,X,\"message: =cmd()\"\n"),
        (reject("1", "X", "\t+1"), "1,12,X,\"message: \t+1\"\n"),
        (reject("1", "X", "＝1"), "1,12,X,\"message: ＝1\"\n"),
        (reject("1", "X", "Über 5"), "1,12,X,\"Über 5\"\n"),
        (reject("1,", "odd,code", "no"), "1,,12,\"odd,code\",\"no\"\n"),
    ];

    for (reject, line) in cases {
        assert_eq!(String::from_utf8(reject_line(COMMA, &reject)).unwrap(), line);
    }
    assert_eq!(rejects_header(b"id,\"a b\"", COMMA), b"id,\"a b\",_record,_code,_message\n");
}

#[test]
fn the_file_is_written_in_the_dialect_of_the_source() {
    let dialect = Dialect { delimiter: b';', quote: b'\'', escape: None };

    let line = reject_line(dialect, &reject("'a;b';2", "X", "it's; so"));

    assert_eq!(line, b"'a;b';2;12;X;'it''s; so'\n");
    assert_eq!(rejects_header(b"a;b", dialect), b"a;b;_record;_code;_message\n");
    assert_eq!(strip_reject_columns(&line, dialect), Some(b"'a;b';2"[..].into()));
}

#[test]
fn a_line_with_too_few_fields_has_no_columns_to_take_off() {
    for (line, stripped) in [
        ("", None),
        ("1,X,\"m\"\n", None),
        (",1,X,\"m\"\n", Some("")),
        ("a,1,X,\"m\"", Some("a")),
        ("a,b,,,", Some("a,b")),
        ("a\nb,1,X,m", None),
    ] {
        let found = strip_reject_columns(line.as_bytes(), COMMA);
        assert_eq!(found.as_deref(), stripped.map(str::as_bytes), "{line:?}");
    }
}

proptest! {
    #[test]
    fn taking_the_columns_off_gives_the_record_back(
        body in "[a,\"\n\ré\0\\\\]{0,30}", escapes in any::<bool>(), code in "[A-Z,\"\n]{0,8}", message in "(?s).{0,30}",
    ) {
        let escape = escapes.then_some(b'\\');
        let settings = ingest_core::IngestSettings { escape, ..settings() };
        let reading = read(settings, format!("h,i\n{body}")).unwrap();

        for record in reading.records() {
            let raw = record.raw.to_vec().into();
            let code = match record.reject {
                Some(reject) if reject.code == RejectCode::MisplacedQuote.as_str() => reject.code.clone(),
                _ => code.clone(),
            };
            let reject = Reject { record: record.record, code: code.clone(), message: message.clone(), raw };
            let dialect = Dialect { escape, ..COMMA };
            let line = reject_line(dialect, &reject);
            let stripped = strip_reject_columns(&line, dialect);
            prop_assert_eq!(stripped.as_deref(), Some(record.raw));
            if escape.is_some() {
                continue;
            }

            let all = fields(line.strip_suffix(b"\n").unwrap(), b',');
            let [.., number, found_code, found_message] = &all[..] else { panic!("{all:?}") };
            prop_assert_eq!(number, &record.record.to_string());
            let one_line = |text: &str| text.replace(['\r', '\n'], " ");
            prop_assert_eq!(found_code, &one_line(&code));
            let said = found_message.strip_prefix("message: ").unwrap_or(found_message);
            prop_assert_eq!(said, one_line(&message));
            let is_word = found_message.chars().next().is_none_or(char::is_alphanumeric);
            prop_assert!(is_word, "{found_message:?}");
        }
    }
}

#[test]
fn what_is_read_is_what_can_be_read_again() {
    let source = "a,b\n1,\"x\ny\",3\n2\n\"open,4\n\"5\"x,6\n";
    let rejected = read(settings(), source).unwrap();
    let mut file = rejects_header(rejected.header.raw(), COMMA);
    for record in rejected.records() {
        file.extend(reject_line(COMMA, record.reject.unwrap()));
    }

    let again = read(settings(), &file).unwrap();

    let raw: Vec<_> = again
        .records()
        .iter()
        .map(|record| strip_reject_columns(record.raw, COMMA).unwrap())
        .collect();
    assert_eq!(raw, [&b"1,\"x\ny\",3"[..], b"2", b"\"open,4", b"\"5\"x,6"]);
}
