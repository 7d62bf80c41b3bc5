//! Runs that cannot be undone start after a yes only.

use load::{Load, LoadSettings, Operation};
use serde_json::Value;

use crate::{
    support::{FILE, Fixture, stderr, stdout},
    terminal::{on_a_terminal, type_in},
};

const INSERT: [&str; 8] = [
    "sync",
    "--file",
    FILE,
    "--no-wait",
    "--json",
    "--object=Task",
    "--operation=insert",
    "--run-id=r",
];

/// What `producer runs` knows.
fn runs(fixture: &Fixture) -> usize {
    let listed = stdout(&fixture.producer(&["runs", "--json"]));
    let runs: Vec<Value> = serde_json::from_str(&listed).unwrap();
    runs.len()
}

#[test]
fn without_a_terminal_they_take_a_yes_and_nothing_is_entered_before() {
    let fixture = Fixture::with_rows(10);
    for (operation, words) in [
        ("insert", "each row becomes a new record"),
        ("delete", "the recycle bin keeps them"),
        ("hard-delete", "nobody can restore them"),
    ] {
        let operation = format!("--operation={operation}");
        let line = ["sync", "--file", FILE, "--no-wait", "--object=Task", &operation];

        let refused = fixture.producer(&line);

        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = stderr(&refused);
        for part in [" Task ", FILE, words, "confirm it with --yes"] {
            assert!(said.contains(part), "{part:?} in {said}");
        }
        assert_eq!(stdout(&refused), "");
        assert_eq!(runs(&fixture), 0);
    }
    // What can be repeated asks nobody, and what is not there is not asked about.
    let update = ["--object=Task", "--operation=update", "--run-id=u"];
    fixture.told(&[&["sync", "--file", FILE, "--no-wait"], &update[..]].concat());
    fixture.told(&["cancel", "u", "--yes"]);
    let nowhere = ["sync", "--file", "none.csv", "--object=Task", "--operation=delete"];
    assert!(!fixture.refused(&nowhere).contains("--yes"));

    let started = fixture.producer(&[&INSERT[..], &["--yes"]].concat());
    assert_eq!(started.status.code(), Some(0), "{started:?}");
    // It goes on as it is.
    let again = fixture.producer(&INSERT);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
}

#[test]
fn the_default_load_of_consumers_is_asked_about_too() {
    let fixture = Fixture::with_rows(10);
    let settings = LoadSettings {
        object: Some("Task".to_owned()),
        operation: Some(Operation::Insert),
        ..LoadSettings::default()
    };
    let load = Load::new(&settings).unwrap();
    fixture.show_consumer(&job_queue::RunLoad::new("default", &load));

    let refused = fixture.producer(&["sync", "--file", FILE, "--no-wait"]);

    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(stderr(&refused).contains("insert Task (load default)"), "{refused:?}");
    assert_eq!(runs(&fixture), 0);
}

#[test]
fn a_replay_asks_for_the_run_that_it_begins() {
    let fixture = Fixture::with_rows(10);
    fixture.told(&[&INSERT[..], &["--yes"]].concat());
    fixture.complete("r", |_| Some("BAD"));
    let ended = fixture.producer(&["resume", "r"]);
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");

    let refused = fixture.producer(&["replay", "r", "--no-wait"]);

    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(stderr(&refused).contains("confirm it with --yes"), "{refused:?}");
    assert_eq!(runs(&fixture), 1);
    fixture.told(&["replay", "r", "--no-wait", "--yes"]);
    assert_eq!(runs(&fixture), 2);
}

#[test]
fn a_terminal_is_asked() {
    let fixture = Fixture::with_rows(10);
    let line = INSERT.join(" ");
    let answered = |keys: &str| {
        on_a_terminal(&fixture, &line, "[y/N]", |keyboard, _, _| type_in(keyboard, keys))
    };

    let no = answered("\n");
    assert_eq!(no.code, Some(1), "{:?}", no.screen);
    let question = "insert Task (load flags) from big.csv: each row becomes a new record";
    assert!(no.screen.contains(question), "{:?}", no.screen);
    assert!(no.screen.contains("not started; nothing was loaded"), "{:?}", no.screen);
    assert_eq!(runs(&fixture), 0);
    let gone = answered("\u{3}");
    assert_eq!(gone.code, Some(130), "{:?}", gone.screen);
    assert_eq!(runs(&fixture), 0);
    let yes = answered("y\n");
    assert_eq!(yes.code, Some(0), "{:?}", yes.screen);
    assert_eq!(fixture.report("r")["load"]["operation"], "insert");
}
