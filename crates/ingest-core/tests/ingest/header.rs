//! Headers that end the reading.

use ingest_core::{Dialect, Header, Ingest, IngestSettings, PackedFormat};

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
        "\u{FEFF}\n,,\n1,2,3\n",
        "header (line 2, byte 4): no column has a name; a line with the names of the columns must come first",
    );
    fails_as(
        "1,ada@example.com\n",
        "header (line 1, byte 0): column 1 is named by a number, so this looks like a row; put a line with the names of the columns before it",
    );
}

#[test]
fn a_header_in_utf_16_or_utf_32_without_a_mark_names_the_setting() {
    let text = "Key,Name\n1,a\n";
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_32: Vec<u8> = text.chars().flat_map(|char| u32::from(char).to_be_bytes()).collect();
    for (input, byte) in [(utf_16, 1), (utf_32, 0), (b"Key,\0\n".to_vec(), 4)] {
        fails_as(
            input,
            &format!(
                "header (line 1, byte 0): null byte at byte {byte}, so this is text in another encoding; name it with --csv-encoding or CSV_ENCODING, such as utf-16le or utf-16be (UTF-32 is not read: convert it to UTF-8)"
            ),
        );
    }
}

#[test]
fn columns_without_a_name_or_with_a_repeated_one_are_no_error() {
    for input in ["id,,x\n1,2,3\n", "id,x,x\n1,2,3\n", "id,id,\"\"\n1,2,3\n"] {
        let reading = read(settings(), input).unwrap();
        assert_eq!(reading.records()[0].reject, None, "{input:?}");
    }
}

#[test]
fn cells_of_unnamed_columns_at_the_end_may_be_missing() {
    let reading = read(settings(), "a,b,, \n1,2\n1,2,\n1,2,3,4\n1\n1,2,3,4,5\n").unwrap();

    let kinds: Vec<_> = reading.records().iter().map(|read| read.reject.is_none()).collect();

    assert_eq!(kinds, [true, true, true, false, false]);
}

#[test]
fn a_sep_line_says_the_delimiter_and_is_no_header() {
    for (input, delimiter, line) in [
        ("sep=;\r\na,b;c\r\n1;2\r\n", b';', 3),
        ("\u{FEFF}\nSEP=|\n\na,b|c\n1|2\n", b'|', 5),
        ("sep=\t\na,b\tc\n1\t2\n", b'\t', 3),
    ] {
        let reading = read(settings(), input).unwrap();
        assert_eq!(reading.header.dialect().delimiter, delimiter, "{input:?}");
        assert_eq!(reading.header.columns(), ["a,b", "c"]);
        assert_eq!(reading.batches[0].end.line, line + 1);
        assert_eq!(reading.batches[0].end.byte, input.len() as u64);

        // A run that goes on before its first batch has the delimiter already.
        let resumed = IngestSettings { delimiter: Some(delimiter), ..settings() };
        assert_eq!(read(resumed, input).unwrap(), reading);
    }
}

#[test]
fn what_only_begins_like_a_sep_line_is_the_header() {
    for (input, columns) in [
        ("se;p\n1;2\n", &["se", "p"][..]),
        ("sep=;b\n1;2\n", &["sep=", "b"]),
        ("sep=\n1\n", &["sep="]),
        ("sep", &["sep"]),
        ("sep=,", &["sep=", ""]),
        ("separate,x\n1,2\n", &["separate", "x"]),
    ] {
        assert_eq!(read(settings(), input).unwrap().header.columns(), columns, "{input:?}");
    }
}

#[test]
fn a_header_that_is_not_utf_8_is_refused_at_its_byte() {
    let message = "header (line 1, byte 0): not UTF-8 at byte 6; if the file is in another encoding, such as windows-1252 or UTF-16, name it with --csv-encoding or CSV_ENCODING";
    fails_as(b"id,Gr\xF6\xDFe\n".map(|byte| byte), &message.replace("byte 6", "byte 5"));
    fails_as(b"\xFF\xFEi\0d\0\n\0", &message.replace("byte 6", "byte 0"));
    fails_as(b"\xEF\xBBid\n", &message.replace("byte 6", "byte 0"));
}

#[test]
fn a_file_that_has_to_be_unpacked_is_named_with_what_to_do() {
    fails_as(
        b"PK\x03\x04\x14\0\0\0big.csv\nx\n",
        "header (line 1, byte 0): this is a zip archive or an Excel workbook, not CSV; unpack it and load the CSV file inside, or save the workbook as CSV; gzip and Zstandard are read as they are",
    );
    fails_as(
        b"\x1F\x8B\x08\0\xFF\"\n,x",
        "header (line 1, byte 0): this is a file that gzip compressed, not CSV; what is compressed twice has to be decompressed once",
    );
    fails_as(
        b"\x28\xB5\x2F\xFD\n",
        "header (line 1, byte 0): this is a file that Zstandard compressed, not CSV; what is compressed twice has to be decompressed once",
    );
}

#[test]
fn a_format_is_told_by_its_first_bytes_and_no_text_is_one() {
    use PackedFormat::{Bzip2, Gzip, OldWorkbook, Parquet, Pdf, SevenZip, Xz, Zip, Zstd};
    let formats: [(&[u8], PackedFormat); 13] = [
        (b"PK\x03\x04", Zip),
        (b"PK\x05\x06", Zip),
        (b"PK\x07\x08", Zip),
        (b"\xD0\xCF\x11\xE0", OldWorkbook),
        (b"\x1F\x8B\x08", Gzip),
        (b"\x28\xB5\x2F\xFD", Zstd),
        (b"\x50\x2A\x4D\x18", Zstd),
        (b"\x5F\x2A\x4D\x18", Zstd),
        (b"BZh91AY&SY", Bzip2),
        (b"\xFD7zXZ\0", Xz),
        (b"7z\xBC\xAF\x27\x1C", SevenZip),
        (b"PAR1\x15", Parquet),
        (b"%PDF-1.", Pdf),
    ];
    for (start, format) in formats {
        assert!(start.len() <= PackedFormat::START_BYTES);
        assert_eq!(PackedFormat::of(start), Some(format));
        assert_eq!(PackedFormat::of(&start[..start.len() - 1]), None, "{format:?} cut short");
    }
    let texts: [&[u8]; 9] = [
        b"",
        b"PK,Name\n",
        b"BZh9,Name\n",
        b"P*M,x\n",
        b"PAR1,PAR2\n",
        b"%PDF-Pages,x\n",
        b"(x)\n",
        b"\xFF\xFEP\0K\0",
        b"\xEF\xBB\xBFid",
    ];
    for text in texts {
        assert_eq!(PackedFormat::of(text), None, "{text:?}");
    }
}

#[test]
fn an_archive_that_begins_as_those_of_office_is_a_workbook() {
    let archive = |first: &[u8]| [&b"PK\x03\x04"[..], &[20; 26], first].concat();
    for first in [
        // Excel, LibreOffice, openpyxl, XlsxWriter, and an .ods.
        &b"[Content_Types].xml"[..],
        b"_rels/.rels",
        b"docProps/app.xml",
        b"xl/worksheets/sheet1.xml",
        b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
    ] {
        let start = archive(first);
        let start = &start[..start.len().min(PackedFormat::START_BYTES)];
        assert_eq!(PackedFormat::of(start), Some(PackedFormat::Workbook), "{start:?}");
    }
    assert_eq!(PackedFormat::of(&archive(b"accounts.csv")), Some(PackedFormat::Zip));
    fails_as(
        archive(b"[Content_Types].xml"),
        "header (line 1, byte 0): this is an Excel workbook or another office document, not CSV; open it and save the sheet with the rows as CSV UTF-8",
    );
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
    ingest.push("id,7\n".into());

    let first = ingest.next_batch().unwrap_err();
    ingest.push("1,2\n".into());

    assert_eq!(ingest.next_batch().unwrap_err(), first);
    assert_eq!(ingest.finish().unwrap_err(), first);
    assert!(ingest.header().is_none());
}

#[test]
fn a_header_is_of_a_rejects_file_whatever_a_spreadsheet_put_behind_it() {
    let quotes = Dialect { quote: b'\'', ..Dialect::default() };
    let cases = [
        ("a,_record,_code,_message", true),
        ("a,_record,_code,_message,,", true),
        ("a,_record,_code,_message (for spreadsheets)", true),
        ("\"a\",\"_record\",\"_code\",\"_message (for spreadsheets)\",\"\"", true),
        ("a,_record,_code,_message (for Excel)", false),
        ("a,_record,_code,_message, ,\"\",\u{A0}", true),
        ("\"a\",\"_record\",\"_code\",\"_message\",\"\",\" \"", true),
        ("a,,_record,_code,_message,''", true),
        ("a,_record,_code,_message,b", false),
        ("a,_record,_code,,_message", false),
        ("a,_record,_message,_code,", false),
        ("_record,_code,_message,,", false),
    ];
    for (raw, expected) in cases {
        for dialect in [Dialect::default(), quotes] {
            let header = Header::parse(raw.into(), dialect).unwrap();
            assert_eq!(header.is_of_rejects_file(), expected, "{raw:?} {dialect:?}");
        }
    }
}
