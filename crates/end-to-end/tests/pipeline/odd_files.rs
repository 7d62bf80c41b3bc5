//! Files as other programs write them, and files with faults: each row is where it belongs.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use bytes::Bytes;

use crate::{
    judge::Load,
    kinds::{Kind, LEADS},
    pipeline::Pipeline,
    processes::Program,
};

/// Needs [`GADGET_SCHEMA`].
const GADGETS: Kind = Kind {
    name: "gadgets",
    object: "Gadget__c",
    operation: "upsert",
    external_id: "Key__c",
    mapping: "Key__c=Key__c\nName=Name\n",
};

/// The same as new records.
const NEW_GADGETS: Kind =
    Kind { name: "new-gadgets", operation: "insert", external_id: "", ..GADGETS };

const GADGET_SCHEMA: &str =
    concat!("--schema=", env!("CARGO_MANIFEST_DIR"), "/tests/pipeline/gadget.json");

/// A file, what is set for it, and what becomes of it.
struct Case {
    run: &'static str,
    file: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// Keys and names of the records.
    records: &'static [(&'static str, &'static str)],
    rejects: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        run: "sep",
        file: "sep=;\r\nKey__c;Name;Price__c\r\nA1;Lamp;12.50\r\nA2;Chair;99.00\r\n",
        settings: &[],
        records: &[("A1", "Lamp"), ("A2", "Chair")],
        rejects: &[],
    },
    Case {
        run: "delimiter-at-the-end-of-the-header",
        file: "Key__c,Name,Count__c,\nB1,Lamp,1\nB2,Chair,2,\n",
        settings: &[],
        records: &[("B1", "Lamp"), ("B2", "Chair")],
        rejects: &[],
    },
    Case {
        run: "quotes-behind-backslashes",
        file: "Key__c,Name,Note__c\nD1,\"The \\\"Big\\\" lamp\",first\nD2,Chair,second\n\
               D3,\"ends in backslash \\\",third\nD4,Table,fourth\n",
        settings: &[],
        records: &[("D2", "Chair"), ("D3", "ends in backslash \\"), ("D4", "Table")],
        rejects: &["MISPLACED_QUOTE"],
    },
    Case {
        run: "an-escape-is-set",
        file: "Key__c,Name,Note__c\nE1,\"The \\\"Big\\\" lamp\",first\nE2,Chair,second\n\
               E3,\"ends in backslash \\\\\",third\n",
        settings: &[("CSV_ESCAPE", "backslash")],
        records: &[("E1", "The \"Big\" lamp"), ("E2", "Chair"), ("E3", "ends in backslash \\")],
        rejects: &[],
    },
    Case {
        run: "blanks-around-names",
        file: "Key__c ,  Name,Count__c\u{A0},\"Note__c \"\nF1,Lamp,1,a\nF2,Chair,2,b\n",
        settings: &[],
        records: &[("F1", "Lamp"), ("F2", "Chair")],
        rejects: &[],
    },
    Case {
        run: "a-repeated-name-that-nobody-maps",
        file: "Key__c,Name,Remark,Remark\nG1,Lamp,a,b\nG2,Chair,c,d\n",
        settings: &[],
        records: &[("G1", "Lamp"), ("G2", "Chair")],
        rejects: &[],
    },
    Case {
        run: "joined",
        file: "\u{FEFF}Key__c,Name\r\nH1,Lamp\r\n\u{FEFF}Key__c,Name\r\nH2,Chair\r\n",
        settings: &[],
        records: &[("H1", "Lamp"), ("H2", "Chair")],
        rejects: &["REPEATED_HEADER"],
    },
];

#[test]
fn files_of_other_programs_are_loaded_row_by_row() {
    let pipeline = Pipeline::with_salesforce(&[GADGET_SCHEMA]);
    let _consumer = GADGETS.consumer(&pipeline);
    let mut expected = BTreeMap::new();
    for Case { run, file, settings, records, rejects } in CASES {
        let name = format!("{run}.csv");
        pipeline.put(&name, *file);
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let arguments = ["sync", "--file", &name, "--run-id", run, "--json"];

        let ended = GADGETS.program_with(&pipeline, "producer", &settings, &arguments).end();

        let code = if rejects.is_empty() { 0 } else { 3 };
        assert_eq!(ended.code, Some(code), "{run}: {ended:?}");
        expected.extend(records.iter().copied());
        let codes: Vec<_> = match rejects.is_empty() {
            true => Vec::new(),
            false => pipeline.rejects(run).iter().map(|row| row[row.len() - 2].clone()).collect(),
        };
        assert_eq!(codes, *rejects, "{run}");
        assert_eq!(gadgets(&pipeline), owned(&expected), "{run}");
    }
}

#[test]
fn lines_of_delimiters_become_no_records_and_are_counted() {
    let pipeline = Pipeline::with_salesforce(&[GADGET_SCHEMA]);
    let _consumer = NEW_GADGETS.consumer(&pipeline);
    pipeline
        .put("blank.csv", "Key__c,Name,Count__c\nK1,Lamp,1\n,,\nK2,Chair,2\n,,\n , ,\n,,\n\u{1A}");

    let ended = NEW_GADGETS.sync(&pipeline, "blank", "blank.csv").end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(gadgets(&pipeline), owned(&BTreeMap::from([("K1", "Lamp"), ("K2", "Chair")])));
    assert_eq!(pipeline.records("Gadget__c").len(), 2);
    assert!(ended.stderr.contains("lines without data were skipped: 5"), "{}", ended.stderr);
    assert_eq!(pipeline.report("blank").number("skipped"), 5);
}

#[test]
fn a_repeated_column_that_is_mapped_fails_the_run_and_says_both_places() {
    let pipeline = Pipeline::with_salesforce(&[GADGET_SCHEMA]);
    let _consumer = GADGETS.consumer(&pipeline);
    pipeline.put("twice.csv", "Key__c,Name,Name\nK1,a,b\n");

    let ended = GADGETS.sync(&pipeline, "twice", "twice.csv").end();

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("columns 2 and 3"), "{}", ended.stderr);
    assert!(gadgets(&pipeline).is_empty());
}

/// Keys and names.
fn gadgets(pipeline: &Pipeline) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let records = pipeline.records("Gadget__c");
    records.iter().map(|gadget| (text(&gadget["Key__c"]), text(&gadget["Name"]))).collect()
}

fn owned(records: &BTreeMap<&str, &str>) -> BTreeMap<String, String> {
    records.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect()
}

const ROWS: usize = 10_000;

/// A sheet without quotes.
fn sheet(prefix: &str) -> String {
    let mut sheet = "Key,Name,Email,Company,Note\n".to_owned();
    for row in 1..=ROWS {
        let key = format!("{prefix}{row}");
        writeln!(sheet, "{key},Zoë 日本 {row},{key}@example.com,Company {row},a note").unwrap();
    }
    sheet
}

/// Loads a file with producers that are killed in the midst of it, and one that is not. Gives the
/// rejected rows. All rows of the sheet are leads then, written once, and the report counts the lines
/// that are skipped.
fn load_with_kills(sheet: String, file: impl Into<Bytes>, skipped: usize) -> Vec<Vec<String>> {
    // So slow that the producer is in the midst of the file, however long it takes to kill it.
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=800"]);
    let _consumer = LEADS.consumer(&pipeline);
    pipeline.put("sheet.csv", sheet);
    pipeline.put("file.csv", file);
    let settings = [("QUEUE_DEPTH_HIGH", "20".to_owned()), ("RECORD_BYTES_MAX", "4096".to_owned())];
    let arguments = ["sync", "--file", "file.csv", "--run-id", "odd", "--json"];
    let sync = || LEADS.program_with(&pipeline, "producer", &settings, &arguments);
    for round in 0..2 {
        let producer: Program = sync();
        pipeline.wait_until_rows_arrive(1_500 * (round + 1));
        producer.kill();
    }
    let read = pipeline.report("odd").number("read");
    assert!(read < ROWS as u64, "it died in the middle of the file: {read} rows");

    let ended = sync().end();

    assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
    assert_eq!(pipeline.report("odd").number("skipped"), skipped as u64);
    pipeline.assert_holds(&LEADS, &["sheet.csv"]);
    let leads = pipeline.records("Lead");
    let twice = leads.iter().filter(|lead| lead["_writes"] != 1).count();
    assert_eq!(twice, 0, "no consumer died");
    if ended.code == Some(0) {
        return Vec::new();
    }
    pipeline.assert_every_row_is_in_its_place(&LEADS, &[Load::of("odd", "file.csv")]);
    pipeline.rejects("odd")
}

fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn a_file_in_utf_16_survives_producers_killed_in_mid_file() {
    let sheet = sheet("U");
    let mut padded = String::new();
    for (row, line) in sheet.lines().enumerate() {
        writeln!(padded, "{line}").unwrap();
        if row > 0 && row % 100 == 0 {
            writeln!(padded, ",,, ,").unwrap();
        }
    }
    let file = utf_16(&padded, u16::to_be_bytes);

    assert_eq!(load_with_kills(sheet, file, ROWS / 100), Vec::<Vec<String>>::new());
}

#[test]
fn a_compressed_file_without_a_name_for_it_survives_producers_killed_in_mid_file() {
    let sheet = sheet("G");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&utf_16(&sheet, u16::to_le_bytes)).unwrap();

    assert_eq!(load_with_kills(sheet, gzip.finish().unwrap(), 0), Vec::<Vec<String>>::new());
}

/// Nothing closes the quotes; each is open for longer than a record may be.
#[test]
fn a_file_with_open_quotes_survives_producers_killed_in_mid_file() {
    let sheet = sheet("Q");
    let open = |row: usize| format!("X{row},\"open {row},x@example.com,Company,a note");
    let is_open = |row: &usize| row % 500 == 250;
    let mut file = String::new();
    for (row, line) in sheet.lines().enumerate() {
        writeln!(file, "{line}").unwrap();
        if is_open(&row) {
            writeln!(file, "{}", open(row)).unwrap();
        }
    }

    let rejects = load_with_kills(sheet, file, 0);

    let mut lines: Vec<String> = rejects.into_iter().map(|row| row[0].clone()).collect();
    lines.sort();
    let mut expected: Vec<String> = (0..=ROWS).filter(is_open).map(open).collect();
    expected.sort();
    assert_eq!(lines, expected, "each open quote costs its own line, with its text");
}
