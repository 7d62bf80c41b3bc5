//! Text of others in what each command prints: it may steer a terminal, forge lines, and turn the
//! direction of reading.

use std::process::Output;

use redis::Commands;

use crate::support::{Fixture, stderr, stdout};

const HOSTILE: &str = "a\u{1b}]0;owned\u{7}\u{9b}2J\r\nforged: all rows are lost\nb\u{202e}vsc.\u{2066}\u{200b}\u{e0041}";

/// Nothing of it is left but words.
fn assert_harmless(what: &str, text: &str) {
    let steers = |character: char| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || "\u{202e}\u{2066}\u{200b}\u{e0041}".contains(character)
    };
    assert!(!text.contains(steers), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("forged")), "{what}: {text}");
}

/// What it printed on both streams.
fn assert_all_harmless(what: &str, output: &Output) -> String {
    let all = stdout(output) + &stderr(output);
    assert_harmless(what, &all);
    all
}

#[test]
fn what_a_ledger_says_of_a_file_steers_no_terminal() {
    let fixture = Fixture::with_rows(200);
    fixture.complete("r", |row| row.starts_with("E7").then_some("BAD"));
    let mut redis = fixture.connection();
    let run = "{batch-sync}:run:r";
    for field in ["file", "reason", "container"] {
        let () = redis.hset(run, field, HOSTILE).unwrap();
    }
    let () = redis.hset(format!("{run}:codes"), HOSTILE, 11).unwrap();
    let () = redis.hset(run, "state", "failed").unwrap();

    for arguments in [
        &["runs"][..],
        &["runs", "--json"],
        &["show", "r"],
        &["show", "r", "--json"],
        &["verify", "r"],
        &["verify", "r", "--json"],
        &["replay", "r", "--no-wait"],
        &["resume", "r"],
        &["cancel", "r", "--yes"],
    ] {
        let all = assert_all_harmless(&format!("{arguments:?}"), &fixture.producer(arguments));
        let shows_it = arguments.contains(&"runs") || arguments.contains(&"show");
        assert!(!shows_it || all.contains(r"a\u001b]0;owned\u0007\u009b2J"), "{all}");
    }
    let report = fixture.report("r");
    assert_eq!(report["file"], HOSTILE, "JSON has the text as it is");
}

#[test]
fn names_and_columns_of_files_steer_neither_terminal_nor_log() {
    let fixture = Fixture::start();
    let name = HOSTILE.replace(|character: char| character.is_control(), "") + ".csv";
    let column = HOSTILE.replace('"', "");
    let dates = "1/2/2026\n13/5/2026\n5/13/2026\n".replace('\n', ",x\n");
    fixture.put(&name, format!("\"{column}\",Name\n{dates}"));

    for (more, arguments) in [
        (&[][..], &["plan", "--file", &name][..]),
        (&[], &["plan", "--file", &name, "--json"]),
        (&[], &["plan", "--file", &name, "--key", &column]),
        (&[("BATCH_KEEP_TOGETHER", "other")], &["sync", "--file", &name, "--no-wait"]),
        (&[("RUST_LOG", "debug")], &["sync", "--file", &name, "--run-id", "r", "--no-wait"]),
        (&[], &["sync", "--file", HOSTILE]),
        (&[], &["plan", "--file", HOSTILE]),
        (&[], &["runs"]),
        (&[], &["show", "r"]),
    ] {
        let output = fixture.producer_with(more, arguments);
        assert_all_harmless(&format!("{arguments:?}"), &output);
    }
}
