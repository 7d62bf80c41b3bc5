//! What needs a terminal, on a real one: `script` of util-linux gives it.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{FILE, Fixture, producer, stderr};

/// Leaves the other screen.
const RESTORED: &str = "\u{1b}[?1049l";

pub(crate) struct Typed {
    pub(crate) code: Option<i32>,
    pub(crate) screen: String,
}

/// Runs `producer` on a terminal of 120 columns. Once `sees` is on the screen, `does` happens: it
/// is given the keyboard, the process id, and all that was on the screen so far.
pub(crate) fn on_a_terminal(
    fixture: &Fixture,
    arguments: &str,
    sees: &str,
    does: impl FnOnce(&mut dyn Write, &str, &dyn Fn() -> String),
) -> Typed {
    let folder = tempfile::tempdir().unwrap();
    let (log, pid) = (folder.path().join("screen"), folder.path().join("pid"));
    let program = env!("CARGO_BIN_EXE_producer");
    let line =
        format!("stty cols 120 rows 30; echo $$ > {}; exec {program} {arguments}", pid.display());
    let mut script = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command", &line])
        .arg(&log)
        .envs(fixture.settings())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    let screen = || String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
    wait_until(&screen, |screen| screen.contains(sees));
    does(&mut keyboard, std::fs::read_to_string(&pid).unwrap().trim(), &screen);
    let code = script.wait().unwrap().code();
    drop(keyboard);
    Typed { code, screen: screen() }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn wait_until(screen: &dyn Fn() -> String, is_so: impl Fn(&str) -> bool) {
    let started = Instant::now();
    while !is_so(&screen()) {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", screen());
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn type_in(keyboard: &mut dyn Write, keys: &str) {
    keyboard.write_all(keys.as_bytes()).unwrap();
    keyboard.flush().unwrap();
}

#[test]
fn watch_without_a_terminal_says_what_to_do_instead() {
    let output = producer(&[], &["watch"]);

    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("needs a terminal; `producer runs` prints"));
}

#[test]
fn watch_shows_the_runs_and_gives_the_terminal_back() {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "nightly-7", "--no-wait"]);

    let quit =
        on_a_terminal(&fixture, "watch", "nightly-7", |keyboard, _, _| type_in(keyboard, "q"));
    assert_eq!(quit.code, Some(0), "{:?}", quit.screen);
    assert!(quit.screen.contains(RESTORED), "{:?}", quit.screen);

    let interrupted =
        on_a_terminal(&fixture, "watch", "draining", |keyboard, _, _| type_in(keyboard, "\u{3}"));
    assert_eq!((interrupted.code, interrupted.screen.contains(RESTORED)), (Some(130), true));

    let ended = on_a_terminal(&fixture, "watch", "draining", |_, pid, _| {
        assert!(Command::new("kill").args(["-TERM", pid]).status().unwrap().success());
    });
    assert_eq!((ended.code, ended.screen.contains(RESTORED)), (Some(143), true));
}

#[test]
fn watch_says_calmly_that_redis_is_silent_and_goes_on() {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "nightly-7", "--no-wait"]);

    let watched = on_a_terminal(&fixture, "watch", "draining", |keyboard, _, screen| {
        fixture.redis.stand_still();
        wait_until(screen, |screen| screen.contains("redis has not answered"));
        fixture.redis.go_on();
        fixture.told(&["pause", "nightly-7"]);
        wait_until(screen, |screen| screen.contains("paused"));
        type_in(keyboard, "q");
    });

    assert_eq!((watched.code, watched.screen.contains(RESTORED)), (Some(0), true));
}

#[test]
fn watch_pauses_a_run_after_a_yes() {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "nightly-7", "--no-wait"]);

    on_a_terminal(&fixture, "watch", "draining", |keyboard, _, _| {
        type_in(keyboard, "py");
        wait_until(&|| fixture.report("nightly-7")["status"].to_string(), |status| {
            status.contains("paused")
        });
        type_in(keyboard, "q");
    });
}

#[test]
fn cancel_asks_on_a_terminal() {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);

    let no = on_a_terminal(&fixture, "cancel r", "[y/N]", |keyboard, _, _| type_in(keyboard, "\n"));
    assert_eq!(no.code, Some(1), "{:?}", no.screen);
    assert!(no.screen.contains("not cancelled; the run goes on"), "{:?}", no.screen);
    assert_eq!(fixture.report("r")["status"], "draining");

    let yes =
        on_a_terminal(&fixture, "cancel r", "[y/N]", |keyboard, _, _| type_in(keyboard, "y\n"));
    assert_eq!(yes.code, Some(0), "{:?}", yes.screen);
    assert_eq!(fixture.report("r")["status"], "cancelled");
}

#[test]
fn an_upload_on_a_terminal_has_a_bar_and_ends_with_the_next_command() {
    let fixture = Fixture::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("big.csv");
    std::fs::write(&file, "id\n1\n".repeat(2 << 20)).unwrap();

    let arguments = format!("upload {}", file.display());
    let uploaded = on_a_terminal(&fixture, &arguments, "of 10.00 MiB", |_, _, _| {});

    assert_eq!(uploaded.code, Some(0), "{:?}", uploaded.screen);
    for words in ["big.csv: 10.0 MiB in", "load it: producer sync --file big.csv"] {
        assert!(uploaded.screen.contains(words), "{words:?} in {:?}", uploaded.screen);
    }
}

#[test]
fn a_load_on_a_terminal_has_two_bars_and_ends_with_its_report() {
    let fixture = Fixture::with_rows(1_000);

    let loaded =
        on_a_terminal(&fixture, &format!("sync --file {FILE}"), "0 of 1,000", |_, _, _| {
            fixture.settle(|_| None);
        });

    assert_eq!(loaded.code, Some(0), "{:?}", loaded.screen);
    for words in ["read      ", "rows/s", "Total Rows Processed: 1000", "(completed)"] {
        assert!(loaded.screen.contains(words), "{words:?} in {:?}", loaded.screen);
    }
}
