//! What is in the container, from a shell.

use serde_json::{Value, json};

use crate::support::{Fixture, producer, stderr, stdout};

fn names(fixture: &Fixture, arguments: &[&str]) -> Vec<String> {
    let listed = fixture.producer(&[&["files", "--json"], arguments].concat());
    assert_eq!(listed.status.code(), Some(0), "{}", stderr(&listed));
    let files: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    files.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn files_are_listed_by_name_and_what_runs_wrote_when_it_is_asked_for() {
    let fixture = Fixture::start();
    for name in ["rejects/r.csv", "ids/r.csv", "exports/b.csv", "exports/a b.csv", "z.csv.gz"] {
        fixture.put(name, "a,b\n1,2\n");
    }

    assert_eq!(names(&fixture, &[]), ["exports/a b.csv", "exports/b.csv", "z.csv.gz"]);
    assert_eq!(names(&fixture, &["--prefix", "exports/b"]), ["exports/b.csv"]);
    assert_eq!(names(&fixture, &["--prefix", "rejects/"]), ["rejects/r.csv"]);
    assert_eq!(names(&fixture, &["--prefix", "nothing"]), [""; 0]);
    let lines = stdout(&fixture.producer(&["files"]));
    let first = lines.lines().next().unwrap();
    assert!(first.trim_start().starts_with("8 B  20"), "{lines}");
    assert!(first.ends_with(" UTC  exports/a b.csv"), "{lines}");
    let files: Value =
        serde_json::from_slice(&fixture.producer(&["files", "--json"]).stdout).unwrap();
    assert_eq!(files[0]["bytes"], json!(8));
    assert!(files[0]["lastModifiedMs"].as_u64() > Some(1_700_000_000_000), "{files}");
    let nothing = fixture.producer(&["files", "--prefix", "nothing"]);
    assert_eq!(stdout(&nothing), "");
    let said = "no file in container high-volume-ingest whose name begins with nothing; upload one: \
                producer upload FILE\n";
    assert_eq!(stderr(&nothing), said);
}

#[test]
fn whoever_names_a_file_that_is_not_there_is_told_how_to_see_what_is() {
    let fixture = Fixture::with_rows(1);
    for command in [&["sync", "--file", "bigg.csv"][..], &["plan", "--file", "bigg.csv"]] {
        assert_eq!(
            fixture.refused(command),
            "error: there is no blob `bigg.csv` in container `high-volume-ingest`; see what is there: \
             producer files"
        );
    }
}

#[test]
fn a_file_among_rejects_and_one_of_this_folder_are_looked_for_where_they_are() {
    let fixture = Fixture::with_rows(1);
    let words = fixture.refused(&["sync", "--file", "rejects/mended.csv"]);
    assert!(words.ends_with("; see what is there: producer files --prefix rejects/"), "{words}");

    let name = "lies-in-the-folder-of-the-tests.csv";
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, "a\n1\n").unwrap();
    let words = fixture.refused(&["sync", "--file", name]);
    std::fs::remove_file(path).unwrap();
    let expected = format!("; there is a file of this name here: producer upload {name}");
    assert!(words.ends_with(&expected), "{words}");
}

#[test]
fn a_container_that_is_not_there_and_settings_that_are_missing_are_named() {
    let fixture = Fixture::start();
    let words = fixture.refused(&["files"]);
    assert!(words.contains("there is no container `high-volume-ingest`"), "{words}");
    let unset = producer(&[], &["files"]);
    assert_eq!(unset.status.code(), Some(2), "{}", stderr(&unset));
    assert!(stderr(&unset).contains("AZURE_STORAGE_CONNECTION_STRING is not set"));
}
