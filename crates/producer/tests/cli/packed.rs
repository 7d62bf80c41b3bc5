//! How a blob is stored is told by its first bytes, whatever its name says; and so is UTF-16.

use std::io::Write;

use redis::Commands;
use serde_json::Value;

use crate::support::{Fixture, stderr, stdout};

const ROWS: &str = "ExternalId,Name\nE1,Ada\nE2,Grace\nE3,Zoë 日本 😀\n";

/// How many rows a plan counts in a file of this content, and what it says beside it.
fn planned(fixture: &Fixture, name: &str, content: impl Into<Vec<u8>>) -> (u64, String) {
    fixture.put(name, content.into());
    let output = fixture.producer(&["plan", "--file", name, "--count", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(plan["rowsAreCounted"], true, "{name}");
    (plan["rows"].as_u64().unwrap(), stderr(&output))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// As a frame that is stored as it is: no compressor is needed for it.
fn zstd(content: &[u8]) -> Vec<u8> {
    let size = u8::try_from(content.len()).unwrap();
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xB5, 0x2F, 0xFD, 0x20, size][..], &block[..3], content].concat()
}

fn utf_16(content: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{FEFF}{content}").encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn the_first_bytes_say_how_a_file_is_stored_whatever_its_name() {
    let fixture = Fixture::start();
    let (first, second) = ROWS.split_at(20);
    let skipped = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 7, 7];
    for (name, content) in [
        ("gzip.csv", gzip(ROWS.as_bytes())),
        ("two-members.csv", [gzip(first.as_bytes()), gzip(second.as_bytes())].concat()),
        ("zstd.csv", zstd(ROWS.as_bytes())),
        ("padded.csv", [gzip(ROWS.as_bytes()), vec![0; 10_240]].concat()),
        ("two-frames.csv", [zstd(first.as_bytes()), zstd(second.as_bytes())].concat()),
        ("behind-a-skipped-frame.csv", [&skipped[..], &zstd(ROWS.as_bytes())].concat()),
        ("zstd-named.gz", zstd(ROWS.as_bytes())),
        ("named-right.csv.gz", gzip(ROWS.as_bytes())),
        ("little.csv", utf_16(ROWS, u16::to_le_bytes)),
        ("big.csv", utf_16(ROWS, u16::to_be_bytes)),
        ("little-in-gzip.csv", gzip(&utf_16(ROWS, u16::to_le_bytes))),
    ] {
        assert_eq!(planned(&fixture, name, content).0, 3, "{name}");
    }
    let (rows, said) = planned(&fixture, "plain.csv.gz", ROWS);
    assert_eq!(rows, 3);
    assert!(
        said.contains("plain.csv.gz has the name of a compressed file, but is not compressed"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_what_to_do() {
    let fixture = Fixture::start();
    let unmarked = |to_bytes: fn(u16) -> [u8; 2]| utf_16(ROWS, to_bytes).split_off(2);
    let utf_32 = |mark: &str| -> Vec<u8> {
        let text = format!("{mark}{ROWS}");
        text.chars().flat_map(|character| u32::from(character).to_le_bytes()).collect()
    };
    let workbook = [&b"PK\x03\x04"[..], &[20; 26], b"[Content_Types].xml"].concat();
    let cases: [(&str, &[u8], &str); 19] = [
        (
            "little.csv",
            &unmarked(u16::to_le_bytes),
            "name it with --csv-encoding or CSV_ENCODING, such as utf-16le",
        ),
        (
            "big.csv",
            &unmarked(u16::to_be_bytes),
            "name it with --csv-encoding or CSV_ENCODING, such as utf-16le",
        ),
        ("utf-32.csv", &utf_32(""), "UTF-32 is not read: convert it to UTF-8"),
        ("utf-32-marked.csv", &utf_32("\u{FEFF}"), "name it with --csv-encoding or CSV_ENCODING"),
        ("empty.csv", b"", "the input is empty"),
        ("empty.csv.gz", b"", "the input is empty"),
        ("empty-inside.csv", &gzip(b""), "the input is empty"),
        ("one-byte.csv", b"\xFF", "name it with --csv-encoding or CSV_ENCODING"),
        ("half-a-magic.csv", b"\x1F\x8B", "name it with --csv-encoding or CSV_ENCODING"),
        ("cut.csv", b"\x1F\x8B\x08", "ends before its gzip data does"),
        ("twice.csv", &gzip(&gzip(ROWS.as_bytes())), "what is compressed twice"),
        ("book.csv", b"PK\x03\x04\x14\0", "a zip archive or an Excel workbook, not CSV; unpack it"),
        ("book.csv.gz", b"PK\x03\x04\x14\0", "a zip archive or an Excel workbook, not CSV"),
        ("zip-inside.csv", &gzip(b"PK\x03\x04\x14\0"), "a zip archive or an Excel workbook"),
        ("rows.xlsx", &workbook, "an Excel workbook or another office document, not CSV; open it"),
        ("rows.parquet", b"PAR1\x15\x04", "a Parquet file, not CSV; write its rows as CSV"),
        (
            "rows.pdf",
            b"%PDF-1.7\n",
            "a PDF document, not CSV; load the file from which it was made",
        ),
        ("old.csv", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel workbook, not CSV"),
        ("latin.csv", b"Gr\xF6\xDFe\n1\n", "name it with --csv-encoding or CSV_ENCODING"),
    ];
    for (name, content, words) in cases {
        fixture.put(name, content.to_vec());
        let said = fixture.refused(&["sync", "--file", name]);
        assert!(said.contains(name) || said.contains("gzip data"), "{said}");
        assert!(said.contains(words), "{name}: {said}");
    }
    for name in ["a", "\u{1F}", "ab"] {
        assert_eq!(planned(&fixture, "short.csv", name).0, 0, "{name:?}");
    }
}

/// No resume can read it to an end that is not there.
#[test]
fn a_run_of_a_file_that_was_cut_short_fails_for_good() {
    let fixture = Fixture::start();
    let row = |row: u64| format!("E{row},{:x}\n", row.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let rows: String = (1..=20_000).map(row).collect();
    let whole = gzip(format!("ExternalId,Name\n{rows}").as_bytes());
    let frame = zstd(ROWS.as_bytes());
    let frames = [&frame[..], &frame[..frame.len() - 5]].concat();
    for (run, content, format) in [
        ("gzip", &whole[..whole.len() / 2], "gzip"),
        ("trailer", &whole[..whole.len() - 3], "gzip"),
        ("zstd", &frames, "Zstandard"),
    ] {
        let name = format!("{run}.csv");
        fixture.put(&name, content.to_vec());
        let said = fixture.refused(&["sync", "--file", &name, "--run-id", run]);

        let words = format!("the blob ends before its {format} data does: the file was cut short");
        assert!(said.contains(&words) && said.contains("upload all of it again"), "{said}");
        let report = fixture.report(run);
        assert_eq!((&report["status"], &report["resumeCommand"]), (&"failed".into(), &Value::Null));
        assert!(report["reason"].as_str().unwrap().contains(&words), "{report}");
        let resumed = fixture.refused(&["resume", run]);
        assert!(resumed.contains(&format!("run {run} failed: {words}")), "{resumed}");
    }
}

/// For whoever goes on with it, and `verify`. A replay reads another file, and looks for itself.
#[test]
fn a_run_keeps_how_its_file_is_stored() {
    let fixture = Fixture::start();
    let rows: String = (1..=1_000).map(|row| format!("E{row},Name {row}\n")).collect();
    let file = format!("ExternalId,Name\n{rows}");
    for (run, content, kept) in [
        ("gzip", gzip(file.as_bytes()), "\"packing\":\"gzip\""),
        ("utf-16", utf_16(&file, u16::to_be_bytes), "\"packing\":\"plain\""),
        ("both", gzip(&utf_16(&file, u16::to_le_bytes)), "\"encoding\":\"UTF-16LE\""),
    ] {
        let name = format!("{run}.csv");
        fixture.put(&name, content);
        let sync = ["sync", "--file", &name, "--run-id", run, "--no-wait"];
        fixture.told(&sync);
        let settings: String =
            fixture.connection().hget(format!("{{batch-sync}}:run:{run}"), "settings").unwrap();
        assert!(settings.contains(kept), "{settings}");

        fixture.settle(|row| row.starts_with("E7,").then_some("LOCKED"));
        let report = fixture.report(run);
        assert_eq!((&report["read"], &report["rejected"]), (&1_000.into(), &1.into()), "{report}");
        assert_eq!(report["delivered"], 999);
        let _written = fixture.producer(&sync[..5]);
        let verified = fixture.producer(&["verify", run, "--json"]);
        let verified: Value = serde_json::from_str(&stdout(&verified)).unwrap();
        assert_eq!((&verified["fileRows"], &verified["proven"]), (&1_000.into(), &true.into()));
        let again = fixture.producer(&["replay", run, "--no-wait", "--json"]);
        let again: Value = serde_json::from_str(&stdout(&again)).unwrap();
        assert_eq!(again["read"], 1, "{again}");
    }
}

#[test]
fn a_plan_names_the_setting_for_quotes_behind_backslashes() {
    let fixture = Fixture::start();
    let file = "Key__c,Name\nK1,\"The \\\"Big\\\" lamp\"\nK2,Chair\nK3,\"ends in \\\"\nK4,\"a \\\"b\\\"\"\n";
    fixture.put("quotes.csv", file);
    let plan = |more: &[(&str, &str)]| {
        stdout(&fixture.producer_with(more, &["plan", "--file", "quotes.csv"]))
    };

    let said = plan(&[]);
    assert!(said.contains("of the rows read, 2 write a quote"), "{said}");
    assert!(said.contains("set CSV_ESCAPE=backslash"), "{said}");
    let said = plan(&[("CSV_ESCAPE", "backslash")]);
    assert!(!said.contains("CSV_ESCAPE"), "{said}");
}
