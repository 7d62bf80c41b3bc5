//! Headers that end the reading.

use ingest_core::{Ingest, IngestSettings};

use crate::support::{read, settings};

fn fails_as(input: impl AsRef<[u8]>, message: &str) {
    let error = read(settings(), input).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn an_input_without_a_header_is_refused() {
    let message = "the input is empty; a header line with the names of the columns is needed";
    for input in ["", "\n\r\n", "\u{FEFF}", "\u{FEFF}\r\n\n"] {
        fails_as(input, message);
    }
}

#[test]
fn a_header_that_cannot_name_columns_is_refused() {
    fails_as(
        "id,,x\n1,2,3\n",
        "header (line 1, byte 0): column 2 has no name; every column needs one",
    );
    fails_as(
        "\u{FEFF}\nid,name,id\n",
        "header (line 2, byte 4): columns 1 and 3 have the same name \"id\"; every column needs its own",
    );
    fails_as(
        "1,ada@example.com\n",
        "header (line 1, byte 0): column 1 is named by a number, so this looks like a row; put a line with the names of the columns before it",
    );
}

#[test]
fn a_long_or_odd_name_does_not_spoil_the_message() {
    let name = "x\n\u{1b}[31m".repeat(20);

    let error = read(settings(), format!("\"{name}\",\"{name}\"\n")).unwrap_err().to_string();

    assert!(error.len() < 350 && !error.contains(['\n', '\u{1b}']), "{error}");
}

#[test]
fn a_header_that_is_not_utf_8_is_refused_at_its_byte() {
    let message = "header (line 1, byte 0): not UTF-8 at byte 6; is the file in another encoding, such as windows-1252 or UTF-16?";
    fails_as(b"id,Gr\xF6\xDFe\n".map(|byte| byte), &message.replace("byte 6", "byte 5"));
    fails_as(b"\xFF\xFEi\0d\0\n\0", &message.replace("byte 6", "byte 0"));
    fails_as(b"\xEF\xBBid\n", &message.replace("byte 6", "byte 0"));
}

#[test]
fn a_header_beyond_the_limit_is_refused() {
    let settings = IngestSettings { record_bytes_max: 8, ..settings() };

    let long = read(settings, "a,b,c,d,e\n").unwrap_err();
    let open = read(settings, "a,\"b,c,d,e\n1\n2\n").unwrap_err();
    let closed = read(settings, "a,\"b,c,d,e\n1\n2\"\n1,2\n").unwrap_err();
    let fits = read(settings, "a,b,c,de\n");

    assert_eq!(
        long.to_string(),
        "header (line 1, byte 0): longer than 8 bytes; is this a CSV file with line ends?"
    );
    assert_eq!(
        open.to_string(),
        "header (line 1, byte 0): longer than 8 bytes; the quote that opens at byte 2 was still open there; is its closing quote missing?"
    );
    assert_eq!(closed, open);
    assert!(fits.is_ok());
}

#[test]
fn a_header_beyond_the_limit_is_refused_before_the_input_ends() {
    for start in ["a,b,c", "a,\"b,c", "\"a\"b,c"] {
        for delimiter in [None, Some(b',')] {
            let settings = IngestSettings { record_bytes_max: 8, delimiter, ..settings() };
            let mut ingest = Ingest::start(settings);
            ingest.push(start.into());
            assert_eq!(ingest.next_batch(), Ok(None));

            ingest.push("d,e,f,g,h".into());

            assert!(ingest.next_batch().is_err(), "{start:?} {delimiter:?}");
        }
    }
}

#[test]
fn a_header_that_is_never_closed_is_refused() {
    for input in ["id,\"name\n1,Ada\n", "id,\"name\n1,\"Ada\"\n"] {
        fails_as(
            input,
            "header (line 1, byte 0): the quote that opens at byte 3 is not closed where its column's name ends",
        );
    }
}

#[test]
fn bytes_with_two_meanings_are_refused() {
    for (delimiter, quote) in [(b'"', b'"'), (b'\n', b'"'), (b',', b'\r'), (0xC3, b'"')] {
        let settings = IngestSettings { delimiter: Some(delimiter), quote, ..settings() };

        let error = read(settings, "id,x\n").unwrap_err();

        assert!(error.to_string().contains("cannot be used"), "{error}");
    }
}

#[test]
fn an_error_is_given_again_and_again() {
    let mut ingest = Ingest::start(settings());
    ingest.push("id,id\n".into());

    let first = ingest.next_batch().unwrap_err();
    ingest.push("1,2\n".into());

    assert_eq!(ingest.next_batch().unwrap_err(), first);
    assert_eq!(ingest.finish().unwrap_err(), first);
    assert!(ingest.header().is_none());
}
