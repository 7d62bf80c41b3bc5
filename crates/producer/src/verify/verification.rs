//! The result of a verification: what was found, and whether it proves the run.

use ingest_core::{
    Batch,
    commands::{consumer, producer},
};
use job_queue::{Ledger, RunState};
use serde::Serialize;

use super::{comparison::Compared, ids::IdsFound, rejects::RejectsFound};
use crate::report::format::grouped;

/// How many missing batches are named.
const MISSING_NAMED_MAX: usize = 100;

/// What was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verification {
    run: String,
    state: Option<RunState>,
    /// Nothing is wrong, and nothing is left to do.
    pub(super) proven: bool,
    /// Rows of the file, counted just now.
    file_rows: u64,
    file_batches: u64,
    /// All lines of the file. A replay is read by the decoder alone, and they are not counted.
    file_lines: Option<u64>,
    /// Lines without data, as the report has them: of delimiters and blanks only, and a last one
    /// with nothing but a Ctrl-Z.
    pub(super) skipped_lines: u64,
    /// Lines with nothing at all in them, and one that says `sep=;` to Excel.
    empty_lines: Option<u64>,
    /// Of these, rows in batches whose outcome is recorded.
    settled_rows: u64,
    settled_batches: u64,
    /// Batches that are read and have no outcome: kept on the queue, or being delivered.
    queued_batches: u64,
    /// Batches that are not read yet, or never will be.
    unread_batches: u64,
    /// Rows in all parts of the rejects file, counted just now.
    pub(super) rejects_file_rows: u64,
    #[serde(skip)]
    pub(super) rejects: RejectsFound,
    /// The same of the ids file, of a run whose load asks for one.
    pub(super) ids_file_rows: Option<u64>,
    #[serde(skip)]
    pub(super) ids: IdsFound,
    /// The ledger's figures.
    read: u64,
    delivered: u64,
    rejected: u64,
    cancelled: u64,
    unfinished: u64,
    /// Batches that should have an outcome, or be on the queue: the first hundred.
    missing: Vec<Missing>,
    /// What does not add up, in words.
    problems: Vec<String>,
    /// How the rejects file differs from what the run rejected, since the run had written all of it
    /// and somebody changed it. That may be as it should be: rows can be mended there.
    rejects_changed: Vec<String>,
    /// How the ids file differs from what the run delivered, since the run had written all of it.
    ids_changed: Vec<String>,
    /// The same before that, which is a fault and among the problems.
    #[serde(skip)]
    rejects_differ: bool,
    #[serde(skip)]
    file: String,
}

/// A batch that is nowhere, or one of those among which it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Missing {
    sequence: u64,
    first_record: u64,
    records: u64,
    /// Where the batch begins in the decoded file.
    byte: u64,
}

impl Verification {
    /// Nothing is counted yet.
    pub(super) fn of(ledger: &Ledger) -> Self {
        Self { run: ledger.run.to_string(), file: ledger.file.clone(), ..Self::default() }
    }

    /// Takes what a second reader says of the file.
    pub(super) fn take(&mut self, compared: Compared) {
        self.file_lines = Some(compared.lines);
        self.empty_lines = Some(compared.empty_lines);
        self.problems = compared.differences;
    }

    pub(super) fn count(&mut self, batch: &Batch, byte: u64, is_settled: bool, is_fed: bool) {
        let records = batch.records();
        let first_record = self.file_rows + 1;
        self.file_rows += records;
        self.file_batches += 1;
        if is_settled {
            self.settled_rows += records;
            self.settled_batches += 1;
            return;
        }
        *(if is_fed { &mut self.queued_batches } else { &mut self.unread_batches }) += 1;
        if is_fed && self.missing.len() < MISSING_NAMED_MAX {
            self.missing.push(Missing { sequence: batch.sequence, first_record, records, byte });
        }
    }

    /// Compares what was counted with what the ledger says, `before` and after it was.
    pub(super) fn compare(&mut self, before: &Ledger, ledger: &Ledger) {
        // What is read and has no outcome is kept until the run goes on, unless it is nowhere.
        let nowhere = self.queued_batches.saturating_sub(ledger.batches_queued);
        let stands_still = (before.batches_fed, before.batches_settled)
            == (ledger.batches_fed, ledger.batches_settled);
        let is_lost = stands_still && nowhere > 0;
        if !is_lost {
            self.missing.clear();
        }
        self.state = Some(ledger.state);
        (self.read, self.delivered) = (ledger.read, ledger.delivered());
        (self.rejected, self.cancelled) = (ledger.rejected, ledger.cancelled());
        self.unfinished = ledger.unfinished();
        let by_code: u64 = ledger.rejected_by_code.values().sum();
        let with_outcome = self.delivered + self.rejected;
        let mut expect = |is_so: bool, problem: String| {
            if !is_so {
                self.problems.push(problem);
            }
        };
        expect(
            with_outcome <= self.read,
            format!("{with_outcome} rows have an outcome, but only {} were read", self.read),
        );
        expect(
            by_code == self.rejected,
            format!("{} rows are rejected, but {by_code} by code", self.rejected),
        );
        expect(
            !is_lost,
            format!("{nowhere} batches have no outcome and are not on the queue either"),
        );
        if ledger.has_ended() {
            let settled = self.settled_rows;
            // A cancelled run's batches are settled without the rows that are left out.
            expect(
                settled == with_outcome || self.cancelled > 0 && settled > with_outcome,
                format!("settled batches have {settled} rows, but {with_outcome} have an outcome"),
            );
        }
        if ledger.state == RunState::Completed {
            let counted = self.file_rows;
            expect(
                counted == self.read,
                format!("the file has {counted} rows, but {} were read", self.read),
            );
            let (counted, told) = (self.skipped_lines, ledger.skipped);
            expect(
                counted == told,
                format!("the file has {counted} lines without data, but {told} were skipped"),
            );
            let missing = self.file_batches - self.settled_batches;
            expect(missing == 0, format!("{missing} batches of the file have no outcome"));
        }
        if ledger.has_ended() {
            let differs = self.compare_rejects(ledger);
            // What is not so from here on, a person changed.
            match ledger.rejects_parts.done {
                true => self.rejects_changed = differs,
                false => {
                    self.rejects_differ = !differs.is_empty();
                    self.problems.extend(differs);
                }
            }
            let differs = self.ids.differs(ledger);
            match ledger.ids_parts.done {
                true => self.ids_changed = differs,
                false => self.problems.extend(differs),
            }
        }
        let is_complete = ledger.state == RunState::Completed && self.unfinished == 0;
        let is_right = self.problems.is_empty()
            && self.rejects_changed.is_empty()
            && self.ids_changed.is_empty();
        self.proven = is_complete && is_right;
    }

    /// How the rejects file differs from what the run rejected.
    fn compare_rejects(&self, ledger: &Ledger) -> Vec<String> {
        let RejectsFound { counted, differing } = &self.rejects;
        let (rejected, in_file) = (ledger.rejected, self.rejects_file_rows);
        let mut differs = counted.other_parts.clone();
        if in_file != rejected {
            differs.push(format!("{rejected} rows are rejected, but {in_file} are in their file"));
        }
        for (code, there) in &counted.by_code {
            let told = ledger.rejected_by_code.get(code).copied().unwrap_or(0);
            if told != *there {
                differs
                    .push(format!("{told} rows are rejected as {code}, but {there} in their file"));
            }
        }
        let others = [
            (counted.others, "have a code that no row was rejected with"),
            (counted.unplaced, "do not have the number of a record of the file"),
            (counted.twice, "are of a record that another one is of"),
        ];
        let others = others.iter().filter(|(rows, _)| *rows > 0);
        differs
            .extend(others.map(|(rows, what)| format!("{rows} rows of the rejects file {what}")));
        differs.extend(differing.iter().cloned());
        differs
    }

    pub(super) fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let value = service::shown(&value, service::SENTENCE_MAX);
            writeln!(text, "  {name:<16}{value}").expect("a String takes everything");
        };
        let of_batches = format!("{} batches", grouped(self.file_batches));
        line("rows in file", format!("{} ({of_batches})", grouped(self.file_rows)));
        let lines = match (self.file_lines, self.empty_lines) {
            (Some(lines), Some(empty)) => {
                let skipped = grouped(self.skipped_lines);
                format!("{} ({skipped} without data, {} empty)", grouped(lines), grouped(empty))
            }
            _ => "not counted: rejected rows that are replayed are read by one reader".to_owned(),
        };
        line("lines in file", lines);
        line("rows read", grouped(self.read));
        line("delivered", grouped(self.delivered));
        let in_file = grouped(self.rejects_file_rows);
        line("rejected", format!("{} ({in_file} in their file)", grouped(self.rejected)));
        if let Some(rows) = self.ids_file_rows {
            line("ids", format!("{} in their file", grouped(rows)));
        }
        if self.cancelled > 0 {
            line("cancelled", grouped(self.cancelled));
        }
        line("unfinished", grouped(self.unfinished));
        if self.queued_batches > 0 && self.missing.is_empty() {
            line("on the queue", self.on_the_queue());
        }
        if self.unread_batches > 0 {
            let never = self.state == Some(RunState::Cancelled);
            let when = if never { "not read: the run was cancelled" } else { "not read yet" };
            line("", format!("{} batches are {when}", grouped(self.unread_batches)));
        }
        for missing in &self.missing {
            let Missing { sequence, first_record, records, byte } = missing;
            let last = first_record + records - 1;
            line(
                "missing",
                format!("batch {sequence}: records {first_record} to {last}, at byte {byte}"),
            );
        }
        let named = self.missing.len() as u64;
        if named > 0 && self.queued_batches > named {
            let more = grouped(self.queued_batches - named);
            line("", format!("… and {more} batches more"));
        }
        self.problems.iter().for_each(|problem| line("wrong", problem.clone()));
        let changed = self.rejects_changed.iter().chain(&self.ids_changed);
        changed.for_each(|change| line("changed", change.clone()));
        if let Some(next) = self.what_next() {
            line("what next", next);
        }
        line("verdict", self.verdict());
        line(
            "in salesforce",
            format!("not looked at here: `{} count {}` counts records", consumer(), self.run),
        );
        text
    }

    fn on_the_queue(&self) -> String {
        let batches = format!("{} batches", grouped(self.queued_batches));
        match self.state {
            Some(RunState::Failed) => {
                format!("{batches}, kept until the run is resumed or cancelled")
            }
            _ => format!("{batches}, which have no outcome yet"),
        }
    }

    /// What to do about a rejects file that differs.
    fn what_next(&self) -> Option<String> {
        let Self { run, file, .. } = self;
        if !self.rejects_changed.is_empty() {
            return Some(format!(
                "the rejects file was changed after the run had written it: if somebody mended its \
                 rows, load them with {} replay {run}; if nobody did, take them from {file}, \
                 where they are as they came",
                producer()
            ));
        }
        if !self.ids_changed.is_empty() {
            return Some(
                "the ids file was changed after the run had written it: nothing else keeps the ids; an \
                 upsert of the same file with --ids writes them again"
                    .to_owned(),
            );
        }
        self.rejects_differ.then(|| {
            format!(
                "if rows are missing, {} resume {run} writes those that wait in redis; take the \
                 rejected rows from {file}, where they are as they came",
                producer()
            )
        })
    }

    fn verdict(&self) -> String {
        let is_cancelled = self.state == Some(RunState::Cancelled);
        let left_out = self.file_rows.saturating_sub(self.delivered + self.rejected);
        let words = match (self.proven, self.problems.is_empty()) {
            (true, _) => "every row of the file is delivered or rejected, once",
            (false, true) if self.rejects_changed.is_empty() && !self.ids_changed.is_empty() => {
                "the run adds up; its ids file was changed since, so that it is not proven to have \
                 the id of every delivered row, once"
            }
            (false, true) if !self.rejects_changed.is_empty() => {
                "the run adds up; its rejects file was changed since, so that it is not proven to \
                 have every rejected row as it came"
            }
            (false, true) if is_cancelled && left_out == 0 => {
                "the run was cancelled when every row of the file had been delivered or rejected"
            }
            (false, true) if is_cancelled => {
                return format!(
                    "the run was cancelled: what it delivered and rejected before adds up; that \
                     every row of the file was loaded cannot be proven, {} were left out",
                    grouped(left_out)
                );
            }
            (false, false) if is_cancelled => {
                "the run was cancelled, and what it did before does not add up"
            }
            (false, true) => "the run is not complete; what it has done so far adds up",
            (false, false) => "the run and the file do not add up",
        };
        words.to_owned()
    }
}
