//! What `producer verify` says of files of all sorts, and of runs that are not complete.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use redis::Commands;

use crate::support::{FILE, Fixture, stderr, stdout};

/// A run of 1,000 rows, two batches of which have their outcome.
fn begun() -> Fixture {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);
    fixture.settle_some(2);
    fixture
}

fn verified(fixture: &Fixture) -> (String, serde_json::Value) {
    let told = fixture.producer(&["verify", "r"]);
    assert_eq!(told.status.code(), Some(1), "it is not complete: {told:?}");
    let found = fixture.producer(&["verify", "r", "--json"]);
    (stdout(&told), serde_json::from_slice(&found.stdout).unwrap())
}

#[test]
fn what_a_failed_or_paused_run_keeps_is_explained_and_not_missing() {
    let fixture = begun();

    fixture.told(&["pause", "r"]);
    let (told, found) = verified(&fixture);
    assert!(told.contains("on the queue    8 batches, which have no outcome yet\n"), "{told}");
    assert!(told.contains("`consumer count r`"), "it does not look into Salesforce: {told}");
    assert_eq!(found["missing"], serde_json::json!([]));

    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.resume_run(&run).await.unwrap());
    fixture.on_queue(async |queue| queue.fail_run(&run, "because").await.unwrap());
    let (told, found) = verified(&fixture);
    let kept = "on the queue    8 batches, kept until the run is resumed or cancelled\n";
    assert!(told.contains(kept), "{told}");
    assert!(told.contains("the run is not complete; what it has done so far adds up"), "{told}");
    let figures = ["settledBatches", "queuedBatches", "unreadBatches"].map(|name| &found[name]);
    assert_eq!(serde_json::json!(figures), serde_json::json!([2, 8, 0]));
    assert_eq!(
        (&found["missing"], &found["problems"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );

    fixture.told(&["cancel", "r", "--yes"]);
    let (told, _) = verified(&fixture);
    assert!(told.contains("cancelled       800\n") && !told.contains("on the queue"), "{told}");
    let verdict = "verdict         the run was cancelled: what it delivered and rejected before adds up; \
                   that every row of the file was loaded cannot be proven, 800 were left out\n";
    assert!(told.contains(verdict), "{told}");
}

#[test]
fn of_a_cancelled_run_what_does_not_add_up_is_said_all_the_same() {
    let fixture = begun();
    fixture.told(&["cancel", "r", "--yes"]);
    let () = fixture.connection().hincr("{batch-sync}:run:r", "rejected", 1).unwrap();

    let (told, _) = verified(&fixture);

    let verdict = "verdict         the run was cancelled, and what it did before does not add up\n";
    assert!(told.contains(verdict), "{told}");
}

#[test]
fn a_batch_that_is_nowhere_is_missing_though_the_run_is_not_complete() {
    let fixture = begun();
    let mut redis = fixture.connection();
    let queue = "{batch-sync}:run:r";
    let () = redis.zrem(format!("{queue}:queued"), 7).unwrap();
    let () = redis.hdel(format!("{queue}:data"), 7).unwrap();

    let (told, found) = verified(&fixture);

    assert!(told.contains("1 batches have no outcome and are not on the queue either"), "{told}");
    assert!(told.contains("missing         batch 7: records 701 to 800, at byte "), "{told}");
    assert_eq!(found["missing"].as_array().map(Vec::len), Some(8), "it is one of them");
}

/// A file, how it is read, and what is in it.
struct Odd {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    content: Vec<u8>,
    rows: u64,
    lines: u64,
    skipped: u64,
    codes: &'static [(&'static str, u64)],
}

impl Odd {
    fn new(name: &'static str, content: impl Into<Vec<u8>>, figures: [u64; 3]) -> Self {
        let [rows, lines, skipped] = figures;
        Self { name, settings: &[], content: content.into(), rows, lines, skipped, codes: &[] }
    }
}

fn odd_files() -> Vec<Odd> {
    let quoted = "id,note\r\n1,\"two\r\nlines\"\r\n2,\"say \"\"x\"\", \ny\"\r\n3,\"\"\r\n";
    let utf_16 = "\u{FEFF}id,note\n1,Zoë\n2,\"山\n田\"\n".encode_utf16();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(quoted.as_bytes()).unwrap();
    let open = "id,note\n1,\"open\n2,\"b\"\n3,c\n4,\"text\"behind\n5,\"never closed\n6,f\n7,g";
    let joined = "id,note\n1,a\n\u{FEFF}id,note\n2,b\n\u{FEFF}3,c\n4,d,e\n";
    let long = format!(
        "id,note\n1,\"{}\"\n2,b\n3,\"x\n{}\"\n4,\"x\n{}\"\n5,d\n",
        "x".repeat(3_000),
        "y\n".repeat(1_000),
        "y\n".repeat(2_500)
    );
    let mut bytes = b"id,note\n1,Bo\xFFo\n2,b\n".to_vec();
    bytes.extend_from_slice(b"sep=,\n");
    let stray = "id,note\n1,\"open\n2,b\n3,5\" pipe\nsep=;\nID,note\n4,d\n";
    vec![
        Odd {
            codes: &[("MISPLACED_QUOTE", 1), ("REPEATED_HEADER", 1)],
            ..Odd::new("stray.csv", stray, [5, 7, 1])
        },
        Odd::new("quoted.csv", quoted, [3, 6, 0]),
        Odd::new("cr.csv", "sep=;\rid;note\r1;\"two\rlines\"\r2;b", [2, 5, 0]),
        Odd::new("utf-16.csv", utf_16.flat_map(u16::to_be_bytes).collect::<Vec<u8>>(), [2, 4, 0]),
        Odd::new("packed.csv.gz", gzip.finish().unwrap(), [3, 6, 0]),
        Odd {
            settings: &[("CSV_ESCAPE", "backslash")],
            ..Odd::new(
                "escaped.csv",
                "id,note\n1,\"a \\\"b\\\"\n\\\\\"\n2,C:\\\n3,\"\\n\"\n",
                [3, 5, 0],
            )
        },
        Odd::new("blank.csv", "\n\nid,note\n\n1,a\n,,,\n \t,\n2,b\r\n\r\n,\n\x1A", [2, 11, 4]),
        Odd::new("ctrl-z.csv", "id,note\n1,a\n ,\t\n2,b\x1A", [2, 4, 1]),
        Odd::new("last.csv", "id,note\n1,a\n\n,,\x1A\x1A", [1, 4, 1]),
        Odd::new("mark.csv", "id,note\n\u{FEFF}\n\u{FEFF},\n1,a\n\u{FEFF}", [1, 5, 1]),
        Odd {
            codes: &[("REPEATED_HEADER", 1), ("FIELD_COUNT", 1)],
            ..Odd::new("joined.csv", joined, [5, 6, 0])
        },
        Odd { codes: &[("MISPLACED_QUOTE", 3)], ..Odd::new("open.csv", open, [7, 8, 0]) },
        Odd {
            settings: &[("RECORD_BYTES_MAX", "1024")],
            codes: &[("RECORD_TOO_LONG", 2), ("MISPLACED_QUOTE", 2), ("FIELD_COUNT", 2_500)],
            ..Odd::new("long.csv", long, [2_506, 3_508, 0])
        },
        Odd {
            codes: &[("INVALID_UTF8", 1), ("FIELD_COUNT", 0)],
            ..Odd::new("bytes.csv", bytes, [3, 4, 0])
        },
    ]
}

#[test]
fn files_of_every_oddity_are_proven_by_two_readers() {
    let fixture = Fixture::start();
    let files = odd_files();
    for file in &files {
        fixture.put(file.name, file.content.clone());
        let run = file.name.replace('.', "-");
        let sync = ["sync", "--file", file.name, "--run-id", &run, "--no-wait"];
        let ended = fixture.producer_with(file.settings, &sync);
        assert_eq!(ended.status.code(), Some(0), "{}: {}", file.name, stderr(&ended));
    }
    fixture.settle(|_| None);

    for file in files {
        let run = file.name.replace('.', "-");
        // Writes its rejects file.
        let _ended = fixture.producer(&["sync", "--file", file.name, "--run-id", &run]);
        let verified = fixture.producer(&["verify", &run, "--json"]);

        let found = stdout(&verified);
        assert_eq!(verified.status.code(), Some(0), "{}: {found}", file.name);
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let figures = ["fileRows", "fileLines", "skippedLines"].map(|name| found[name].as_u64());
        let expected = [file.rows, file.lines, file.skipped].map(Some);
        assert_eq!(figures, expected, "{}", file.name);
        let report = fixture.report(&run);
        assert_eq!(report["skipped"].as_u64(), Some(file.skipped), "{}", file.name);
        for (code, rows) in file.codes {
            let rejected = report["rejectedByCode"][code].as_u64().unwrap_or_default();
            assert_eq!(rejected, *rows, "{}: {code}", file.name);
        }
    }
}

#[test]
fn rejected_rows_that_are_in_their_file_with_other_codes_are_no_proof() {
    let fixture = Fixture::with_rows(10);
    fixture.complete("codes", |row| match row {
        "E1,Name 1" | "E2,Name 2" => Some("LOCK"),
        "E3,Name 3" => Some("STORAGE"),
        _ => None,
    });
    let _written = fixture.producer(&["resume", "codes"]);
    assert_eq!(fixture.producer(&["verify", "codes"]).status.code(), Some(0));
    let codes = "{batch-sync}:run:codes:codes";
    let () = fixture.connection().hincr(codes, "LOCK", -1).unwrap();
    let () = fixture.connection().hincr(codes, "OTHER", 1).unwrap();

    let refuted = fixture.producer(&["verify", "codes"]);

    assert_eq!(refuted.status.code(), Some(1));
    let told = stdout(&refuted);
    assert!(told.contains("1 rows are rejected as LOCK, but 2 in their file"), "{told}");
    assert!(told.contains("1 rows are rejected as OTHER, but 0 in their file"), "{told}");
}

#[test]
fn lines_without_data_that_were_counted_otherwise_are_no_proof() {
    let fixture = Fixture::start();
    fixture.put("blank.csv", "id,note\n\n1,a\n,\n2,b\n\x1A");
    fixture.told(&["sync", "--file", "blank.csv", "--run-id", "blank", "--no-wait"]);
    fixture.settle(|_| None);
    let proven = fixture.producer(&["verify", "blank"]);
    assert_eq!(proven.status.code(), Some(0), "{}", stdout(&proven));
    assert!(stdout(&proven).contains("lines in file   6 (2 without data, 1 empty)\n"));

    let () = fixture.connection().hset("{batch-sync}:run:blank", "fed_skipped", 3).unwrap();

    let refuted = stdout(&fixture.producer(&["verify", "blank"]));
    let words = "wrong           the file has 2 lines without data, but 3 were skipped\n";
    assert!(refuted.contains(words), "{refuted}");
}
