//! What becomes of well-formed and of odd input. Every case runs at every chunk size, and from
//! every record's end.

use ingest_core::IngestSettings;

use crate::support::{chunks_of, fields, read, settings};

/// The header and each row as its fields between bars; a reject as its code.
fn reads_as(input: &str, expected: &[&str]) {
    reads_with(settings(), input, expected);
}

fn reads_with(settings: IngestSettings, input: &str, expected: &[&str]) {
    let reading = read(settings, input).unwrap();
    let delimiter = reading.header.dialect().delimiter;
    let records = reading.records().into_iter().map(|read| match read.reject {
        Some(reject) => reject.code.clone(),
        None => fields(read.raw, delimiter).join("|"),
    });
    let lines: Vec<_> =
        std::iter::once(reading.header.columns().join("|")).chain(records).collect();
    assert_eq!(lines, expected, "{input:?}");
}

#[test]
fn simple_records_are_read() {
    reads_as("id,name\n1,Ada\n2,Alan\n", &["id|name", "1|Ada", "2|Alan"]);
    reads_as("id\n1\n2\n", &["id", "1", "2"]);
    reads_as("id,name,note\n1,,\n,,x\n", &["id|name|note", "1||", "||x"]);
}

#[test]
fn quotes_hold_delimiters_line_breaks_and_doubled_quotes() {
    reads_as("id,note\n1,\"a,b\"\n", &["id|note", "1|a,b"]);
    reads_as("id,note\n1,\"two\nlines\"\n", &["id|note", "1|two\nlines"]);
    reads_as("id,note\n1,\"two\r\nlines\"\r\n", &["id|note", "1|two\r\nlines"]);
    reads_as("id,note\n1,\"a\rb\"\n", &["id|note", "1|a\rb"]);
    reads_as("id,note\n1,\"say \"\"hi\"\"\"\n", &["id|note", "1|say \"hi\""]);
    reads_as("id,note\n\"\",\"\"\"\"\n", &["id|note", "|\""]);
    reads_as("id,note\n1,\"\n\n,\"\"\n\"\n2,x\n", &["id|note", "1|\n\n,\"\n", "2|x"]);
    reads_as("\"id\",\"a,\nb\"\n1,2\n", &["id|a,\nb", "1|2"]);
}

#[test]
fn a_quote_inside_an_unquoted_field_is_a_character() {
    reads_as("id,size\n1,5\" pipe\n2,6\"\n", &["id|size", "1|5\" pipe", "2|6\""]);
    reads_as("id,size\n1,\"5\"\" pipe\"\n", &["id|size", "1|5\" pipe"]);
    reads_as("id,size\n1, \"x\"\n2,y\n", &["id|size", "1| \"x\"", "2|y"]);
}

#[test]
fn nothing_but_blanks_stands_behind_a_closing_quote() {
    reads_as(
        "id,note\n1,\"a\"b\n2,\"c\"d\"e\"\n3,\"f\" \n4,\"g\" h,\n\"5\"\t,i\n",
        &["id|note", "MISPLACED_QUOTE", "MISPLACED_QUOTE", "3|f ", "MISPLACED_QUOTE", "5\t|i"],
    );
}

/// Each line opens a quote that nothing closes; or the quote of the next line does, where one opens.
#[test]
fn a_quote_that_is_not_closed_costs_its_own_line_only() {
    let misplaced = "MISPLACED_QUOTE";
    reads_as("a,b\n1,\"x\n2,y\n3,z", &["a|b", misplaced, "2|y", "3|z"]);
    reads_as("a,b\r\n1,\"x\r\n2,y\r\n", &["a|b", misplaced, "2|y"]);
    reads_as("a,b\r1,\"x\r\r\n2,y\r", &["a|b", misplaced, "2|y"]);
    reads_as("a,b\n1,\"x\n2,\"y\"\n3,z\n", &["a|b", misplaced, "2|y", "3|z"]);
    reads_as("a,b\n1,\"x\n\"2\",\"y\"\n", &["a|b", misplaced, "2|y"]);
    reads_as("a,b\n1,\"x\n2,\"y\n3,\"z\n", &["a|b", misplaced, misplaced, misplaced]);
    reads_as("a,b\n\"1\n1\",\"x\n2,\"\"\"y\"\n", &["a|b", misplaced, "2|\"y"]);
    let limited = IngestSettings { record_bytes_max: 12, ..settings() };
    reads_with(
        limited,
        "a,b\n1,\"open\n2,x\n3,x\n4,\"y\"\n",
        &["a|b", misplaced, "2|x", "3|x", "4|y"],
    );
}

/// Lines that have not as many cells as the header: they are no records.
#[test]
fn lines_inside_a_cell_that_is_longer_than_a_record_may_be_are_no_rows() {
    let too_long = "RECORD_TOO_LONG";
    let limited = IngestSettings { record_bytes_max: 12, ..settings() };
    let reads_as = |input: &str, expected: &[&str]| reads_with(limited, input, expected);
    reads_as("a,b\n1,\"x\nthree\n4,x\nfive\"\n2,x\n", &["a|b", too_long, "2|x"]);
    reads_as("a,b\n1,\"x\nthree\nfour\n5,\"\"x\"\"\"\n2,x\n", &["a|b", too_long, "2|x"]);
    reads_as("a,b\n1,\"long before its line end\nx\"\n2,x", &["a|b", too_long, "2|x"]);
    reads_as("a,b\n\"x\nthree\nfour\nx\",\"y\nsix\"\r\n2,x", &["a|b", too_long, "2|x"]);
    reads_as("a,b\nlong and longer,\"y\n6,x\"\n2,x\n", &["a|b", too_long, "2|x"]);
    reads_as("a,b\n1,\"x\nthree\nfour\nfive\"\u{1A}", &["a|b", too_long]);
}

/// What is behind an open quote has the quotes of other records, or none.
#[test]
fn a_quote_that_is_closed_beyond_the_limit_by_chance_costs_its_own_line_only() {
    let misplaced = "MISPLACED_QUOTE";
    let limited = IngestSettings { record_bytes_max: 12, ..settings() };
    let reads_as = |input: &str, expected: &[&str]| reads_with(limited, input, expected);
    reads_as("a,b\n1,\"x\n3,x\n4,x\n5,x\n2,x\n", &["a|b", misplaced, "3|x", "4|x", "5|x", "2|x"]);
    reads_as(
        "a,b\n1,\"x\n3,x\n4,x\n5,\"x\"\n2,x\n",
        &["a|b", misplaced, "3|x", "4|x", "5|x", "2|x"],
    );
    // It closes the open one at the end of a cell, and as many fields as the header has are there.
    let open = ["a|b", misplaced, "3|x", "4|x", "5|x\"", "2|x"];
    for line_end in ["\n", "\r\n", "\r"] {
        let input = "a,b\n1,\"x\n3,x\n4,x\n5,x\"\n2,x\n".replace('\n', line_end);
        reads_as(&input, &open);
        reads_as(input.strip_suffix(line_end).unwrap(), &open);
    }
    reads_as("a,b\n1,\"x\n3,x\n4,x\n5,x\"\u{1A}", &["a|b", misplaced, "3|x", "4|x", "5|x\""]);
    reads_as(
        "a,b\n1,\"long before its line end\n3,x\"\n2,x",
        &["a|b", "RECORD_TOO_LONG", "3|x\"", "2|x"],
    );
    // It closes the open one, and there are too many fields then.
    reads_as(
        "a,b,c\n1,\"x,\n3,x,\n4,x,x\"\n2,x,y\n",
        &["a|b|c", misplaced, "3|x|", "4|x|x\"", "2|x|y"],
    );
    // The limit lies between two quotes of an empty cell.
    reads_as("a,b\n1,\"xx\n333,\"\"\n4,x\n", &["a|b", misplaced, "333|", "4|x"]);
    // Nothing closes it as far as it is looked for.
    let far = "3,x\n".repeat(13);
    let rows: Vec<_> = std::iter::repeat_n("3|x", 13).chain(["5|x\""]).collect();
    let expected = [&["a|b", misplaced][..], &rows].concat();
    reads_as(&format!("a,b\n1,\"x\n{far}5,x\"\n"), &expected);
}

/// It stands in the middle of text, and the lines before it are records: none of them is swallowed.
#[test]
fn an_open_quote_that_a_stray_one_closes_costs_its_own_line_only() {
    let misplaced = "MISPLACED_QUOTE";
    reads_as("a,b\n1,\"x\n2,5\" pipe\n3,z\n", &["a|b", misplaced, "2|5\" pipe", "3|z"]);
    for line_end in ["\n", "\r\n", "\r"] {
        let input = "a,b\n1,\"x\n2,y\n3,\"\"\n4,5\" pipe\n5,z\n".replace('\n', line_end);
        let expected = ["a|b", misplaced, "2|y", "3|", "4|5\" pipe", "5|z"];
        reads_as(&input, &expected);
        reads_as(input.strip_suffix(&format!("5,z{line_end}")).unwrap(), &expected[..5]);
    }
    reads_as("a,b\n1,\"x\n2,5\" pipe", &["a|b", misplaced, "2|5\" pipe"]);
    reads_as("a,b\n1,\"x\n2,5\" pipe\u{1A}", &["a|b", misplaced, "2|5\" pipe"]);
    // A bad line among them is rejected as one.
    reads_as(
        "a,b\n1,\"x\n2,y,y\n3,y\n4,5\" pipe\n",
        &["a|b", misplaced, "FIELD_COUNT", "3|y", "4|5\" pipe"],
    );
    // Behind the stray quote, another one is open, or goes over lines as it should.
    reads_as(
        "a,b,c\n1,\"x,\n2,5\" pipe,\"open\n3,y,z\n",
        &["a|b|c", misplaced, misplaced, "3|y|z"],
    );
    reads_as(
        "a,b,c\n1,\"x,\n2,5\" pipe,\"two\nlines\"\n3,y,z\n",
        &["a|b|c", misplaced, "2|5\" pipe|two\nlines", "3|y|z"],
    );
    let limited = IngestSettings { record_bytes_max: 12, ..settings() };
    reads_with(
        limited,
        "a,b\n1,\"x\n2,x\n3,x\n4,x\n5,5\" pipe\n6,x\n",
        &["a|b", misplaced, "2|x", "3|x", "4|x", "5|5\" pipe", "6|x"],
    );
}

/// Text that is quoted itself, inside a cell over several lines: most of these have not as many cells
/// as the header, so none of them is a row.
#[test]
fn a_quote_in_the_middle_of_a_cell_over_lines_makes_no_row_of_them() {
    let misplaced = "MISPLACED_QUOTE";
    reads_as("a,b\n1,\"one\ntwo\nand\nsaid, \"yes\" so\n2,y\n", &["a|b", misplaced, "2|y"]);
    reads_as("a,b\n1,\"first\nsaid \"yes\" so\n2,y\n", &["a|b", misplaced, "2|y"]);
    reads_as(
        "a,b\n1,\"first\nsaid \"yes\" so\nthe end\"\n2,y\n",
        &["a|b", misplaced, "FIELD_COUNT", "2|y"],
    );
    // In a record that is rejected for another quote, a cell over lines stays one.
    reads_as("a,b\n\"x,\ny\",\"5\" pipe\"\n2,y\n", &["a|b", misplaced, "2|y"]);
    // All its quotes stand in pairs: too many cells are no reason to read lines of it as rows.
    reads_as("a,b\n1,\"x\n2,y\nz\",w\n2,y\n", &["a|b", "FIELD_COUNT", "2|y"]);
}

#[test]
fn an_escape_character_makes_a_quote_of_a_quote_inside_quotes() {
    let escaping = IngestSettings { escape: Some(b'\\'), ..settings() };
    let says = |cell: &str, expected: &str| {
        let reading = read(escaping, format!("\"i\\\"d\",x\n1,{cell}\n")).unwrap();
        assert_eq!(reading.header.columns(), ["i\"d", "x"]);
        let cells = ingest_core::Cells::of(&reading.header, "x");
        assert_eq!(reading.records()[0].reject, None, "{cell}");
        assert_eq!(cells.unwrap().read(reading.records()[0].raw), expected.as_bytes(), "{cell}");
    };

    says(r#""The \"Big\" lamp""#, "The \"Big\" lamp");
    says(r#""ends in backslash \\""#, r"ends in backslash \");
    says(r#""\"\"""#, "\"\"");
    says(r#""two ""kinds\"""#, "two \"kinds\"");
    says("\"a\\\n\\\",b\"", "a\\\n\",b");
    says(r#""C:\temp, \n""#, r"C:\temp, \n");
    says(r#"C:\\temp \"x"#, r#"C:\\temp \"x"#);
    reads_with(escaping, "id,x\n1,\"opens \\\"\n2,y\n", &["id|x", "MISPLACED_QUOTE", "2|y"]);
}

#[test]
fn every_line_end_ends_a_record() {
    reads_as("id,x\r\n1,a\r\n2,b\r\n", &["id|x", "1|a", "2|b"]);
    reads_as("id,x\r1,a\r2,b\r", &["id|x", "1|a", "2|b"]);
    reads_as("id,x\r\n1,a\n2,b\r3,c\n\r4,d\r\n", &["id|x", "1|a", "2|b", "3|c", "4|d"]);
    reads_as("id,x\r\n\"1\",\"a\"\r\n\"2\",\"b\"\r\"3\",c\r", &["id|x", "1|a", "2|b", "3|c"]);
}

#[test]
fn the_last_line_end_may_be_missing() {
    reads_as("id,x\n1,a", &["id|x", "1|a"]);
    reads_as("id,x\n1,\"a\"", &["id|x", "1|a"]);
    reads_as("id,x\n1,", &["id|x", "1|"]);
    reads_as("id,x\r\n1,a\r", &["id|x", "1|a"]);
    reads_as("id,x", &["id|x"]);
}

#[test]
fn blank_lines_are_no_records() {
    reads_as("\n\r\n\rid,x\n\n\n1,a\n\r\n\n2,b\n\n\n", &["id|x", "1|a", "2|b"]);
    reads_as("id\r\n\r\n1\r\r\r2\n\n\r\n", &["id", "1", "2"]);
}

#[test]
fn a_byte_order_mark_is_left_out_and_counted() {
    reads_as("\u{FEFF}id,x\n1,a\n", &["id|x", "1|a"]);
    reads_as("\u{FEFF}\"id,\",x\n1,a\n", &["id,|x", "1|a"]);
    reads_as("\u{FEFF}\n\nid,x\n1,a\n", &["id|x", "1|a"]);

    let reading = read(settings(), "\u{FEFF}id\n1\n").unwrap();

    assert_eq!(reading.header.raw(), "id");
    assert_eq!(reading.batches[0].end.byte, 8);
}

#[test]
fn a_line_of_delimiters_and_blanks_is_no_record_and_has_no_number() {
    let input = "a,b,c\n1,x,\n,,\n2,y,\n , \t,\n,\n \n\"\",,\n3,z,\n,,";

    let reading = read(settings(), input).unwrap();

    let rows: Vec<_> = reading.records().iter().map(|read| (read.record, read.raw)).collect();
    assert_eq!(rows, [(1, &b"1,x,"[..]), (2, b"2,y,"), (3, b"\"\",,"), (4, b"3,z,")]);
    let semicolons = read(settings(), "a;b\n;\n,\n1;2\n").unwrap();
    assert_eq!(semicolons.records()[0].raw, b",");
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_record_is_no_data() {
    let joined = "\u{FEFF}Key,Name\r\nK1,Lamp\r\n\u{FEFF}Key,Name\r\nK2,Chair\r\n";
    reads_as(joined, &["Key|Name", "K1|Lamp", "REPEATED_HEADER", "K2|Chair"]);
    reads_as(
        "id,x\n\u{FEFF}\"2,b\",c\n\u{FEFF}\u{FEFF}\n\u{FEFF}3,\u{FEFF}\n\u{FEFF}",
        &["id|x", "2,b|c", "3|\u{FEFF}"],
    );
    reads_as("id,x\n\u{FF0C},1\n2,\u{FF0C}", &["id|x", "\u{FF0C}|1", "2|\u{FF0C}"]);
}

#[test]
fn a_header_is_repeated_whatever_stands_around_its_names() {
    let repeated = ["a,b,", "a,b", "\"a\",\"b\"", " a , b ,", "\"a \",b,\"\"", "A,b,", "\"a\", B"];
    let others = ["a,b,c", "a,c,", "b,a,", "a", "ab,b,", "\"a,b\",,"];

    for line in repeated.iter().chain(&others) {
        let text = format!("a,b,\n1,2,\n{line}\n");
        let reading = read(settings(), &text).unwrap();

        let code = reading.records()[1].reject.map(|reject| reject.code.as_str());
        assert_eq!(code == Some("REPEATED_HEADER"), repeated.contains(line), "{line:?}: {code:?}");
    }
}

/// As Excel writes one at the head of each file that is joined.
#[test]
fn a_sep_line_before_a_repeated_header_is_no_record_and_counted() {
    let rejected = "REPEATED_HEADER";
    let joined = "sep=;\r\nKey;Name\r\n1;a\r\n\u{FEFF}sep=;\r\nKey;Name\r\n2;b\r\n";
    reads_as(joined, &["Key|Name", "1|a", rejected, "2|b"]);
    reads_as("a,b\nSEP=;\n\n\u{FEFF}\"A\",b\n2,y\n", &["a|b", rejected, "2|y"]);
    reads_as("a;b\nsep=;\nsep=;\nA;b\n;\nsep=;", &["a|b", "sep=|", rejected, "sep=|"]);
    // Anywhere else it may be a row.
    reads_as("a;b\nsep=;\n1;x\nsep=;\n;\na;b\n", &["a|b", "sep=|", "1|x", "sep=|", rejected]);
    reads_as("a\nsep=;\nA\nsep=é\nsep=\na\n", &["a", rejected, "sep=é", "sep=", rejected]);

    let reading = read(settings(), "a,b\n1,x\nsep=,\na,b\n2,y\n").unwrap();
    let ends = reading.batches.iter().map(|batch| (batch.end.record, batch.end.skipped));
    assert_eq!(ends.collect::<Vec<_>>(), [(1, 0), (2, 1), (3, 1)]);
}

#[test]
fn a_repeated_header_is_rejected_as_such() {
    let reading = read(settings(), "a,b\n1,2\na,b\na,c\n").unwrap();

    let records = reading.records();
    let reject = records[1].reject.unwrap();
    assert_eq!((reject.code.as_str(), &reject.raw[..]), ("REPEATED_HEADER", &b"a,b"[..]));
    let said =
        "record 2 (line 3, byte 8): it repeats the header; were files with a header each joined?";
    assert_eq!(reject.message, said);
    assert_eq!(records[2].reject, None);
}

#[test]
fn a_ctrl_z_at_the_end_of_the_file_is_no_data() {
    reads_as("id,x\n1,a\r\n\u{1A}", &["id|x", "1|a"]);
    reads_as("id,x\n1,a\u{1A}\u{1A}", &["id|x", "1|a"]);
    reads_as("id,x\n1,\"a\"\u{1A}", &["id|x", "1|a"]);
    reads_as("id,x\n1,\u{1A}\n2,\"b\u{1A}\"\n", &["id|x", "1|\u{1A}", "2|b\u{1A}"]);
    reads_as("id,x\n1,\"open\n2,b\n\u{1A}", &["id|x", "MISPLACED_QUOTE", "2|b"]);
}

/// The quote before it closes its cell, even where one in the midst of the file would open another.
#[test]
fn a_ctrl_z_at_the_end_of_the_file_is_no_text_behind_a_closing_quote() {
    let ctrl_z = "\u{1A}";
    reads_as(&format!("id,x\n1,\"a\n\"{ctrl_z}"), &["id|x", "1|a\n"]);
    reads_as(&format!("id,x\n1,\"a\n,\" {ctrl_z}{ctrl_z}"), &["id|x", "1|a\n, "]);
    let torn = ["id|x", "MISPLACED_QUOTE", "MISPLACED_QUOTE"];
    reads_as(&format!("id,x\n1,\"a\n\"{ctrl_z}y\n"), &torn);
    reads_as(&format!("id,x\n1,\"a\n\"{ctrl_z}\n"), &torn);
}

#[test]
fn a_ctrl_z_at_the_end_of_the_file_makes_no_record_too_long() {
    let limited = IngestSettings { record_bytes_max: 7, ..settings() };
    let reads_as = |input: &str, expected: &[&str]| reads_with(limited, input, expected);
    reads_as("id,x\n1,abcde\u{1A}", &["id|x", "1|abcde"]);
    reads_as("id,x\n1,\"ab\n\"\u{1A}\u{1A}", &["id|x", "1|ab\n"]);
    reads_as("id,x\n1,\"abc\n\"\u{1A}", &["id|x", "RECORD_TOO_LONG"]);
    reads_as("id,x\n1,abcdef\u{1A}", &["id|x", "RECORD_TOO_LONG"]);
}

#[test]
fn lines_without_data_are_counted() {
    let cases = [
        ("a,b\n1,x\n", 0),
        ("a,b\n\n1,x\n\r\n\n", 0),
        ("a,b\n,\n1,x\n , \n,\n\"\",\n2,y\n,", 4),
        ("a,b\n1,x\n\u{1A}", 1),
        ("sep=,\na,b\n1,x\nsep=,\na,b\n", 1),
        ("a,b\n1,x\u{1A}", 0),
        ("a,b\n1,\"x\n\"\u{1A}", 0),
        ("a,b\n1,x\n, \u{1A}\u{1A}", 1),
        ("a,b\n,\n\u{1A}\u{1A}", 2),
    ];

    for (input, skipped) in cases {
        for size in 1..=input.len() {
            let mut ingest = ingest_core::Ingest::start(settings());
            for chunk in chunks_of(input.as_bytes(), size) {
                ingest.push(chunk);
                while ingest.next_batch().unwrap().is_some() {}
            }
            while ingest.finish().unwrap().is_some() {}
            assert_eq!(ingest.skipped(), skipped, "{input:?} in chunks of {size}");
        }
    }
}

#[test]
fn half_a_byte_order_mark_is_no_mark() {
    reads_as("\u{FF0C}id,x\n1,a\n", &["\u{FF0C}id|x", "1|a"]);
}

#[test]
fn bytes_of_every_kind_pass() {
    reads_as("id,x\n1,\0\n\0,\"\0\"\n", &["id|x", "1|\0", "\0|\0"]);
    reads_as("id,x\n1,Zoë\n2,名前🙂\n", &["id|x", "1|Zoë", "2|名前🙂"]);
}

#[test]
fn the_delimiter_is_found_in_the_header_line() {
    reads_as("id;x\n1;a,b\n", &["id|x", "1|a,b"]);
    reads_as("id\tx\n1\ta,b\n", &["id|x", "1|a,b"]);
    reads_as("id|x\n1|a,b\n", &["id|x", "1|a,b"]);
    reads_as("\"id;x;y\",x\n1,a\n", &["id;x;y|x", "1|a"]);
    reads_as("id\n1\n", &["id", "1"]);
    reads_as("\r\n\u{e9};\"x\n,,,\"\n1;a\n", &["\u{e9}|x\n,,,", "1|a"]);
}

#[test]
fn a_given_delimiter_and_quote_are_used() {
    let semicolon = IngestSettings { delimiter: Some(b';'), ..settings() };
    reads_with(semicolon, "a,b,c;d\n1;2\n", &["a,b,c|d", "1|2"]);

    let apostrophe = IngestSettings { quote: b'\'', ..settings() };
    let reading = read(apostrophe, "'a,b',c\n'1,\n2',\"3\n").unwrap();
    assert_eq!(reading.header.columns(), ["a,b", "c"]);
    assert_eq!(reading.records()[0].raw, b"'1,\n2',\"3");
}

#[test]
fn a_header_without_rows_is_not_an_error() {
    for input in ["id,x", "id,x\n", "id,x\r\n\r\n"] {
        assert!(read(settings(), input).unwrap().batches.is_empty(), "{input:?}");
    }
}
