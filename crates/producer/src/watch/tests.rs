//! What is on the screen, character by character, and what keys do.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ingest_core::Tally;
use job_queue::{Depth, Ledger, Outage};
use ratatui::{Terminal, backend::TestBackend};

use super::{
    draw::draw,
    model::{Action, Model, Snapshot},
};
use crate::{
    cli::import_args::WatermarkArgs,
    import::{backpressure::Watermarks, control::RunCommand},
    report::{
        sample::{completed, ledger, load},
        waiting::Live,
    },
};

fn model(runs: Vec<Ledger>) -> Model {
    let watermarks = Watermarks::new(&WatermarkArgs {
        queue_depth_high: 2_000,
        queue_depth_low: None,
        queue_bytes_high: 64 << 20,
    });
    let mut model = Model::new(watermarks.unwrap());
    model.look(snapshot(runs), Duration::ZERO);
    model
}

fn snapshot(runs: Vec<Ledger>) -> Snapshot {
    let depth = Depth { jobs: 1_234, bytes: 12 << 20 };
    let live = Live { consumers: 2, starting: 0, loads: vec![load()] };
    Snapshot { runs, depth, live, outage: None }
}

fn screen(model: &Model) -> String {
    screen_of(model, 120)
}

fn screen_of(model: &Model, width: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    terminal.backend().to_string()
}

fn press(model: &mut Model, key: KeyCode) -> Action {
    model.press(KeyEvent::new(key, KeyModifiers::NONE))
}

/// Two looks, two seconds apart, with 10,000 rows between them.
fn moving() -> Model {
    let now = ledger("nightly-7");
    let tally = Tally { created: 10_000, ..now.tally };
    let at_first = Ledger { tally, bytes_fed: 2 << 20, ..now };
    let mut model = model(vec![at_first, completed("nightly-6")]);
    let runs = vec![ledger("nightly-7"), completed("nightly-6")];
    model.look(snapshot(runs), Duration::from_secs(2));
    model
}

#[test]
fn all_runs_fit_on_one_screen() {
    insta::assert_snapshot!(screen(&moving()));
}

#[test]
fn a_narrow_screen_keeps_what_matters() {
    insta::assert_snapshot!(screen_of(&moving(), 80));
}

#[test]
fn one_run_has_the_screen_to_itself() {
    let mut model = moving();

    press(&mut model, KeyCode::Enter);

    insta::assert_snapshot!(screen(&model));
}

#[test]
fn no_runs_and_no_consumers_come_with_what_to_do() {
    let mut model = model(Vec::new());
    model.now.live.consumers = 0;

    let screen = screen(&model);

    assert!(screen.contains("no runs yet; start one: producer sync"), "{screen}");
    assert!(screen.contains("no consumer is running; start one: consumer"), "{screen}");
}

#[test]
fn a_consumer_that_waits_for_salesforce_is_not_missed() {
    let mut model = model(Vec::new());
    (model.now.live.consumers, model.now.live.starting) = (0, 1);

    let screen = screen(&model);

    assert!(screen.contains("1 consumer waits for salesforce"), "{screen}");
    assert!(!screen.contains("no consumer is running"), "{screen}");
}

#[test]
fn a_silent_redis_is_told_calmly_and_forgotten_when_it_answers() {
    let mut model = moving();
    model.silent_for = Some(Duration::from_secs(75));
    assert!(screen(&model).contains("redis has not answered for 1 min 15 s; trying on"));
    assert!(screen(&model).contains("nightly-7"), "what was seen last stays");

    model.look(snapshot(vec![ledger("nightly-7")]), Duration::from_secs(80));

    assert!(!screen(&model).contains("redis"));
}

#[test]
fn a_large_figure_is_not_cut() {
    let tally = Tally { created: 9_000_000_000, ..ledger("r").tally };
    let large = Ledger { rejected: 12_345_678_901, read: 30_000_000_000, tally, ..ledger("r") };
    let mut model = model(vec![large, completed("nightly-6")]);

    assert!(screen_of(&model, 92).contains("12,345,678,901"), "{}", screen_of(&model, 92));
    assert!(screen(&model).contains("12,345,678,901"), "{}", screen(&model));
    press(&mut model, KeyCode::Enter);
    assert!(screen(&model).contains("of 30,000,000,000 rows"), "{}", screen(&model));
}

#[test]
fn words_of_others_are_made_visible() {
    let hostile = "a\u{1b}]0;owned\u{7}\u{9b}2J\r\nb\u{202e}c";
    let shown = r"a\u001b]0;owned\u0007\u009b2J\u000d\nb\u202ec";
    let told = Ledger { file: hostile.to_owned(), reason: Some(hostile.to_owned()), ..ledger("r") };
    let mut model = model(vec![told]);
    model.now.outage = Some(Outage { reason: hostile.to_owned(), since_ms: 0, until_ms: None });
    model.note = Some(hostile.to_owned());

    for opens in [false, true] {
        model.is_open = opens;
        let screen = screen_of(&model, 240);
        assert_eq!(screen.matches(shown).count(), 3 + usize::from(opens), "{screen}");
        assert!(!screen.contains('\u{202e}') && !screen.contains("owned\u{7}"), "{screen:?}");
    }
}

#[test]
fn deliveries_that_stand_still_come_with_the_reason_on_any_screen() {
    let mut model = moving();
    model.now.outage = Some(Outage {
        reason: "900 of the day's 1000 api calls are used, and 10% are kept for others".to_owned(),
        since_ms: 1_795_440_000_000,
        until_ms: Some(1_795_440_300_000),
    });

    insta::assert_snapshot!(screen_of(&model, 80));
}

#[test]
fn the_cursor_stays_on_its_run_when_newer_ones_come() {
    let mut model = moving();
    press(&mut model, KeyCode::Down);
    assert_eq!(model.chosen().unwrap().run.as_str(), "nightly-6");

    let runs = vec![ledger("nightly-8"), ledger("nightly-7"), completed("nightly-6")];
    model.look(snapshot(runs), Duration::from_secs(3));

    assert_eq!(model.chosen().unwrap().run.as_str(), "nightly-6");
    for (key, run) in [
        (KeyCode::Down, "nightly-6"),
        (KeyCode::Up, "nightly-7"),
        (KeyCode::Home, "nightly-8"),
        (KeyCode::Up, "nightly-8"),
        (KeyCode::End, "nightly-6"),
    ] {
        press(&mut model, key);
        assert_eq!(model.chosen().unwrap().run.as_str(), run, "{key}");
    }
}

#[test]
fn nothing_is_done_to_a_run_without_a_yes() {
    let run = "nightly-7".parse().unwrap();
    let mut model = moving();
    press(&mut model, KeyCode::Char('c'));
    insta::assert_snapshot!(screen(&model));

    assert_eq!(press(&mut model, KeyCode::Enter), Action::Draw, "any other key is a no");
    assert!(!screen(&model).contains("Cancel run"));

    press(&mut model, KeyCode::Char('c'));
    assert_eq!(press(&mut model, KeyCode::Char('y')), Action::Do(RunCommand::Cancel, run));
}

#[test]
fn a_wish_that_does_not_fit_the_run_is_answered_at_once() {
    let mut model = moving();
    press(&mut model, KeyCode::Char('r'));
    assert!(screen(&model).contains("run nightly-7 is feeding: nothing to resume"));

    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char('p'));

    assert!(screen(&model).contains("run nightly-6 is completed: nothing to pause"));
}

#[test]
fn keys_that_leave() {
    let mut model = moving();
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(model.press(control_c), Action::Interrupt);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Action::Quit);

    press(&mut model, KeyCode::Enter);
    assert_eq!(press(&mut model, KeyCode::Esc), Action::Draw, "back to all runs first");
    assert_eq!(press(&mut model, KeyCode::Esc), Action::Quit);
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    for (width, height) in [(1, 1), (10, 3), (40, 10), (80, 24), (250, 70)] {
        for is_open in [false, true] {
            let mut model = moving();
            model.is_open = is_open;
            press(&mut model, KeyCode::Char('c'));
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(frame, &model)).unwrap();
        }
    }
}
