//! Files on their way into the container.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use blob_store::BlobError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use test_support::azurite_connection_string;

use crate::{
    gate::Gate,
    support::{Fixture, block_on, command, signal, stderr, stdout},
};

const MIB: usize = 1 << 20;

/// A file on disk, and a container.
struct Place {
    fixture: Fixture,
    folder: TempDir,
    content: String,
}

impl Place {
    /// With `big.csv` of about so many bytes, in which no two lines are the same.
    fn with(bytes: usize) -> Self {
        let lines = (0..bytes / 32).map(|row| format!("{row:020},{:010}\n", row.wrapping_mul(31)));
        let place = Self {
            fixture: Fixture::start(),
            folder: tempfile::tempdir().unwrap(),
            content: format!("id,name\n{}", lines.collect::<String>()),
        };
        fs::write(place.path(), &place.content).unwrap();
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("big.csv")
    }

    /// `producer upload` in the folder of the file, through a gate.
    fn start(&self, gate: &Gate, arguments: &[&str]) -> Child {
        let azurite = azurite_connection_string(&gate.address);
        command(&[("AZURE_STORAGE_CONNECTION_STRING", &azurite)], &["upload"])
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn upload(&self, arguments: &[&str]) -> Output {
        let gate = Gate::open(&self.fixture);
        self.start(&gate, arguments).wait_with_output().unwrap()
    }

    /// What is in the container under a name, read without the program.
    fn is_visible(&self, name: &str) -> bool {
        let found = block_on(async { self.fixture.store().properties(name).await });
        assert!(matches!(
            found,
            Ok(_) | Err(BlobError::NoSuchBlob { .. } | BlobError::NoSuchContainer { .. })
        ));
        found.is_ok()
    }
}

fn hash(content: &str) -> Vec<u8> {
    Sha256::digest(content).to_vec()
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_was_uploaded_is_the_file_and_the_next_command_loads_it() {
    let place = Place::with(10 * MIB);

    let uploaded = place.upload(&["big.csv"]);

    let said = stdout(&uploaded);
    assert_eq!(uploaded.status.code(), Some(0), "{}", stderr(&uploaded));
    assert!(said.starts_with("big.csv: 10.0 MiB in "), "{said}");
    assert!(said.ends_with(", in container high-volume-ingest\n"), "{said}");
    assert_eq!(hash(&place.fixture.get("big.csv")), hash(&place.content));
    let next = stderr(&uploaded);
    let words = "check it: producer check --file big.csv; load it: producer sync --file big.csv\n";
    assert_eq!(next, words);
    let planned = place.fixture.producer(&["plan", "--file", "big.csv", "--count", "--json"]);
    let rows = place.content.lines().count() - 1;
    assert_eq!(json_of(&planned)["rows"], json!(rows), "{}", stdout(&planned));
}

#[test]
fn an_upload_killed_in_its_middle_goes_on_with_what_is_staged() {
    let place = Place::with(39 * MIB);
    let gate = Gate::closed_after(&place.fixture, 25 * MIB);
    let mut killed = place.start(&gate, &["big.csv"]);
    gate.has_passed(25 * MIB);

    signal(&killed, "-KILL");

    killed.wait().unwrap();
    assert!(!place.is_visible("big.csv"));
    let gate = Gate::open(&place.fixture);
    let again = place.start(&gate, &["big.csv", "--json"]).wait_with_output().unwrap();
    let report = json_of(&again);
    assert_eq!(hash(&place.fixture.get("big.csv")), hash(&place.content));
    let (blocks, reused) = (report["blocks"].as_u64(), report["blocksReused"].as_u64());
    assert_eq!(blocks, Some(10), "{report}");
    // Four were under way, of which any may have arrived.
    assert!((Some(2)..=Some(6)).contains(&reused), "{report}");
    let sent = 39 * MIB - usize::try_from(reused.unwrap()).unwrap() * 4 * MIB;
    assert!((sent..sent + MIB).contains(&gate.passed()), "{} bytes: {report}", gate.passed());
}

#[test]
fn ctrl_c_keeps_what_is_staged_and_the_same_command_goes_on() {
    let place = Place::with(20 * MIB);
    let gate = Gate::closed_after(&place.fixture, 18 * MIB);
    let stopped = place.start(&gate, &["big.csv"]);
    gate.has_passed(18 * MIB);

    signal(&stopped, "-INT");

    let stopped = stopped.wait_with_output().unwrap();
    assert_eq!((stopped.status.code(), stdout(&stopped)), (Some(130), String::new()));
    assert!(stderr(&stopped).contains("The same command goes on"), "{}", stderr(&stopped));
    let report = json_of(&place.upload(&["big.csv", "--json"]));
    assert!(report["blocksReused"].as_u64() >= Some(1), "{report}");
    assert_eq!(hash(&place.fixture.get("big.csv")), hash(&place.content));
}

#[test]
fn ctrl_c_ends_an_upload_that_waits_for_standard_input() {
    let place = Place::with(0);
    let gate = Gate::open(&place.fixture);
    let waiting = place.start(&gate, &["-", "--as", "a.csv"]);
    gate.has_passed(1);

    signal(&waiting, "-TERM");

    let (began, mut waiting) = (Instant::now(), waiting);
    let open = waiting.stdin.take();
    assert_eq!(waiting.wait().unwrap().code(), Some(143));
    assert!(began.elapsed() < Duration::from_secs(10));
    drop(open);
}

#[test]
fn a_blob_is_replaced_only_by_force_and_then_it_has_another_etag() {
    let place = Place::with(100);
    place.fixture.put("big.csv", "id\nold\n");

    let refused = place.upload(&["big.csv"]);

    assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()));
    let words = stderr(&refused);
    assert!(words.contains("already exists") && words.contains("--force"), "{words}");
    assert_eq!(place.fixture.get("big.csv"), "id\nold\n");
    let report = json_of(&place.upload(&["big.csv", "--force", "--json"]));
    assert_eq!(place.fixture.get("big.csv"), place.content);
    let now = block_on(async { place.fixture.store().properties("big.csv").await }).unwrap();
    let expected = json!({
        "name": "big.csv",
        "container": "high-volume-ingest",
        "bytes": place.content.len(),
        "etag": now.etag.to_string(),
        "seconds": report["seconds"],
        "blocks": 1,
        "blocksReused": 0,
        "wasThere": false,
    });
    assert_eq!(report, expected);
}

#[test]
fn of_two_uploads_at_once_one_wins_and_the_other_is_told() {
    let place = Place::with(0);
    place.fixture.put("other.csv", "id\n1\n");
    let gate = Gate::open(&place.fixture);
    let content = |mark: &str| format!("id,name\n{}", mark.repeat(5 * MIB / mark.len()));
    let contents = [content("1,a\n"), content("2,b\n")];
    let mut uploads = [0, 1].map(|_| place.start(&gate, &["-", "--as", "one.csv"]));
    for (upload, content) in uploads.iter_mut().zip(&contents) {
        upload.stdin.as_mut().unwrap().write_all(content.as_bytes()).unwrap();
    }
    // Each has staged a block, so both have seen that there is no such blob.
    gate.has_passed(8 * MIB);

    let ended = uploads.map(|upload| upload.wait_with_output().unwrap());

    let codes = ended.each_ref().map(|output| output.status.code());
    let won = codes.iter().position(|code| *code == Some(0)).unwrap();
    assert_eq!(codes[1 - won], Some(1), "{codes:?}");
    assert!(stderr(&ended[1 - won]).contains("already exists"), "{}", stderr(&ended[1 - won]));
    assert_eq!(hash(&place.fixture.get("one.csv")), hash(&contents[won]));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_uploaded() {
    let place = Place::with(20 * MIB);
    let gate = Gate::closed_after(&place.fixture, 5 * MIB);
    let upload = place.start(&gate, &["big.csv"]);
    gate.has_passed(5 * MIB);

    let mut file = fs::OpenOptions::new().append(true).open(place.path()).unwrap();
    file.write_all(b"one,more\n").unwrap();
    gate.opens();

    let refused = upload.wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    let words = stderr(&refused);
    assert!(words.contains("big.csv was changed while it was read"), "{words}");
    assert!(!place.is_visible("big.csv"));
}

#[test]
fn what_cannot_be_uploaded_is_refused_by_name() {
    let place = Place::with(100);
    fs::create_dir(place.folder.path().join("exports")).unwrap();
    let fifo = place.folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let book = [&b"PK\x03\x04"[..], &[20; 26], b"[Content_Types].xml"].concat();
    fs::write(place.folder.path().join("book.csv"), book).unwrap();
    fs::write(place.folder.path().join("rows.parquet"), b"PAR1\x15\x04").unwrap();
    fs::write(place.folder.path().join("empty.csv"), "").unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["empty.csv"], 1, "empty.csv is empty, so nothing was uploaded"),
        (
            &["book.csv"],
            1,
            "book.csv: it is an Excel workbook or another office document, not CSV, so nothing was \
             uploaded; open it and save the sheet",
        ),
        (&["rows.parquet"], 1, "a Parquet file, not CSV, so nothing was uploaded; write its rows"),
        (&["none.csv"], 1, "none.csv cannot be read"),
        (&["exports"], 1, "exports is no regular file"),
        (&["fifo"], 1, "pipe it to -"),
        (&["big.csv", "--as", "a/../b.csv"], 2, "give another one with --as"),
        (&["big.csv", "--as", ""], 2, "is not a blob name"),
        (&[".."], 2, "give one with --as"),
    ];

    for (arguments, code, words) in cases {
        let refused = place.upload(arguments);

        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn what_comes_through_a_pipe_arrives_too() {
    let place = Place::with(9 * MIB);
    let gate = Gate::open(&place.fixture);

    let mut piped = place.start(&gate, &["-", "--as", "dir/piped.csv"]);
    piped.stdin.take().unwrap().write_all(place.content.as_bytes()).unwrap();
    let piped = piped.wait_with_output().unwrap();

    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert!(stderr(&piped).ends_with("producer sync --file dir/piped.csv\n"));
    assert_eq!(hash(&place.fixture.get("dir/piped.csv")), hash(&place.content));
}

/// So whoever starts a load again may begin with the upload.
#[test]
fn a_file_that_is_there_with_the_same_content_is_left_as_it_is() {
    let place = Place::with(20 * MIB);
    assert_eq!(place.upload(&["big.csv"]).status.code(), Some(0));
    let version = || block_on(async { place.fixture.store().properties("big.csv").await }).unwrap();
    let before = version().etag;
    let gate = Gate::open(&place.fixture);

    let again = place.start(&gate, &["big.csv"]).wait_with_output().unwrap();

    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    let said =
        "big.csv: 20.0 MiB with the same content are in container high-volume-ingest already\n";
    assert_eq!(stdout(&again), said);
    assert!(gate.passed() < MIB, "{} bytes were sent", gate.passed());
    assert_eq!(version().etag, before, "a run that loads it goes on");

    for other in [&place.content[..10 * MIB], &format!("{}1,x\n", place.content)] {
        fs::write(place.path(), other).unwrap();
        let refused = place.upload(&["big.csv"]);
        assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
        assert!(stderr(&refused).contains("already exists"), "{}", stderr(&refused));
        assert!(
            stderr(&refused).contains("is not known to have the same content"),
            "{}",
            stderr(&refused)
        );
    }
    assert_eq!(version().etag, before);
    // Somebody else wrote it, in no blocks of ours.
    place.fixture.put("other.csv", place.content.clone());
    fs::write(place.path(), &place.content).unwrap();
    let same = place.upload(&["big.csv", "--as", "other.csv"]);
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
}
