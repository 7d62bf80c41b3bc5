//! What `producer watch` knows, and what a key does. No I/O, no clock.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ingest_core::RunId;
use job_queue::{Depth, Ledger, Outage};

use crate::{
    import::{backpressure::Watermarks, control::RunCommand},
    report::{
        pace::{RunPace, whole},
        run_status::RunStatus,
        waiting::Live,
    },
};

/// Rates of a run that are kept for its chart, one a look.
const RATES_KEPT: usize = 240;

/// One sample of the queue and the runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) runs: Vec<Ledger>,
    pub(crate) depth: Depth,
    pub(crate) live: Live,
    pub(crate) outage: Option<Outage>,
}

/// Everything that is on the screen.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) watermarks: Watermarks,
    pub(crate) now: Snapshot,
    paces: HashMap<RunId, Paces>,
    /// The run that the cursor is on.
    chosen: Option<RunId>,
    /// Only this one is shown.
    pub(crate) is_open: bool,
    /// A command that needs a yes.
    pub(crate) question: Option<(RunCommand, RunId)>,
    /// What became of the last command.
    pub(crate) note: Option<String>,
    /// Redis has not answered for so long.
    pub(crate) silent_for: Option<Duration>,
}

/// How fast a run is read and delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paces {
    pub(crate) pace: RunPace,
    /// Rows per second, delivered or rejected, the newest last.
    pub(crate) rates: VecDeque<u64>,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing but drawing again.
    Draw,
    /// To be asked of the queue.
    Do(RunCommand, RunId),
    Quit,
    /// Ctrl-C.
    Interrupt,
}

impl Model {
    pub(crate) fn new(watermarks: Watermarks) -> Self {
        Self {
            watermarks,
            now: Snapshot::default(),
            paces: HashMap::new(),
            chosen: None,
            is_open: false,
            question: None,
            note: None,
            silent_for: None,
        }
    }

    /// Takes a sample, `at` after the start.
    pub(crate) fn look(&mut self, snapshot: Snapshot, at: Duration) {
        self.paces.retain(|run, _| snapshot.runs.iter().any(|ledger| ledger.run == *run));
        for ledger in &snapshot.runs {
            let paces = self.paces.entry(ledger.run.clone()).or_default();
            paces.note(ledger, at);
        }
        self.silent_for = None;
        self.now = snapshot;
    }

    /// The run that the cursor is on.
    pub(crate) fn chosen(&self) -> Option<&Ledger> {
        self.now.runs.get(self.cursor())
    }

    /// Its place in the list.
    pub(crate) fn cursor(&self) -> usize {
        let chosen = self.chosen.as_ref();
        let place = |chosen: &RunId| self.now.runs.iter().position(|ledger| ledger.run == *chosen);
        chosen.and_then(place).unwrap_or(0)
    }

    pub(crate) fn paces(&self, run: &RunId) -> Paces {
        self.paces.get(run).cloned().unwrap_or_default()
    }

    /// What a key does.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Action {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Action::Interrupt;
        }
        if let Some((command, run)) = self.question.take() {
            return if key.code == KeyCode::Char('y') {
                Action::Do(command, run)
            } else {
                Action::Draw
            };
        }
        self.note = None;
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Esc if !self.is_open => return Action::Quit,
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.is_open = false,
            KeyCode::Enter | KeyCode::Right => self.is_open = self.chosen().is_some(),
            KeyCode::Up | KeyCode::Char('k') => self.move_to(self.cursor().saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.move_to(self.cursor() + 1),
            KeyCode::Home => self.move_to(0),
            KeyCode::End => self.move_to(usize::MAX),
            KeyCode::PageUp => self.move_to(self.cursor().saturating_sub(10)),
            KeyCode::PageDown => self.move_to(self.cursor() + 10),
            KeyCode::Char('p') => self.ask(RunCommand::Pause),
            KeyCode::Char('r') => self.ask(RunCommand::Resume),
            KeyCode::Char('c') => self.ask(RunCommand::Cancel),
            _ => {}
        }
        Action::Draw
    }

    fn ask(&mut self, command: RunCommand) {
        let Some(ledger) = self.chosen() else { return };
        let run = ledger.run.clone();
        if command.is_allowed(ledger) {
            self.question = Some((command, run));
        } else {
            let status = RunStatus::of(ledger);
            self.note = Some(format!("run {run} is {status}: nothing to {}", command.word()));
        }
    }

    fn move_to(&mut self, place: usize) {
        let last = self.now.runs.len().saturating_sub(1);
        self.chosen = self.now.runs.get(place.min(last)).map(|ledger| ledger.run.clone());
    }
}

impl Paces {
    fn note(&mut self, ledger: &Ledger, at: Duration) {
        self.pace.note(ledger, at);
        if let Some(rate) = self.pace.delivered.per_second() {
            self.rates.push_back(whole(rate));
        }
        while self.rates.len() > RATES_KEPT {
            self.rates.pop_front();
        }
    }
}
