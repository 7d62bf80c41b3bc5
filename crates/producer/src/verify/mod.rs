//! `producer verify`: reads the file again, by two readers that share nothing, and compares it with
//! the ledger.

mod cells;
mod comparison;
mod cut;
mod lines;
mod rejects;
mod rules;
mod second_reader;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use blob_store::{BlobProperties, BlobStore};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use ingest_core::{Batch, RunId};
use job_queue::{Ledger, Queue, RunState};
use serde::Serialize;

use self::{comparison::Comparison, rejects::Counted};
use crate::{
    VerifyArgs,
    error::{ReadError, SyncError},
    figures::grouped,
    read_settings::ReadSettings,
    source::{ReadProgress, Source, Step, Transfer},
};

/// How many missing batches are named.
const MISSING_NAMED_MAX: usize = 100;

/// Completion bits that are fetched at once, in bytes.
const BITS_BYTES: u64 = 64 << 10;

/// What was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    run: String,
    state: Option<RunState>,
    /// Nothing is wrong, and nothing is left to do.
    proven: bool,
    /// Rows of the file, counted just now.
    file_rows: u64,
    file_batches: u64,
    /// All lines of the file, and those that are nothing: blank, or of delimiters only. A replay is
    /// read by the decoder alone, and has neither.
    file_lines: Option<u64>,
    skipped_lines: Option<u64>,
    /// Of these, rows in batches whose outcome is recorded.
    settled_rows: u64,
    settled_batches: u64,
    /// Batches that are read and have no outcome: kept on the queue, or being delivered.
    queued_batches: u64,
    /// Batches that are not read yet, or never will be.
    unread_batches: u64,
    /// Rows in all parts of the rejects file, counted just now.
    rejects_file_rows: u64,
    #[serde(skip)]
    rejects_file: Counted,
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

pub(crate) async fn verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let store = BlobStore::connect(&args.blob)?;
    let queue = Queue::connect(&args.queue).await?;
    let verification = Box::pin(Verifier { store, queue }.verify(&args)).await?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &verification)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", verification.text())?;
    }
    Ok(if verification.proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Verifier {
    store: BlobStore,
    queue: Queue,
}

impl Verifier {
    async fn verify(&self, args: &VerifyArgs) -> Result<Verification, SyncError> {
        let unknown = || SyncError::UnknownRun { run: args.run.clone() };
        let ledger = self.queue.run(&args.run).await?.ok_or_else(unknown)?;
        let settings: ReadSettings = serde_json::from_str(&ledger.settings)
            .map_err(|_| SyncError::LedgerSettings { run: args.run.clone() })?;
        let blob = self.store.properties(&ledger.file).await.map_err(ReadError::from)?;
        if blob.etag.to_string() != ledger.etag {
            return Err(SyncError::OtherVersion { run: args.run.clone(), file: ledger.file });
        }
        let mut found = Verification { run: args.run.to_string(), ..Verification::default() };
        self.count_file(&blob, &settings, &ledger, &mut found).await?;
        found.rejects_file = rejects::count(&self.store, &ledger, &settings).await?;
        found.rejects_file_rows = found.rejects_file.rows();
        // What was settled while we counted is in this one.
        let now = self.queue.run(&args.run).await?.ok_or_else(unknown)?;
        found.compare(&ledger, &now);
        Ok(found)
    }

    async fn count_file(
        &self,
        blob: &BlobProperties,
        settings: &ReadSettings,
        ledger: &Ledger,
        found: &mut Verification,
    ) -> Result<(), SyncError> {
        let progress = ReadProgress::default();
        let bar = bar(blob.bytes);
        let mut source = Source::start(&self.store, blob, settings, Transfer::default(), &progress);
        let (queue, run) = (&self.queue, &ledger.run);
        let mut bits = SettledBits { queue, run, first: 0, end: 0, bits: Bytes::new() };
        let mut comparison = settings.record_limit().map(|record_bytes_max| {
            Comparison::new(ledger.header.clone(), settings.dialect(), record_bytes_max)
        });
        let mut byte = 0;
        loop {
            match source.step().await? {
                Step::Chunk(chunk) => {
                    if let Some(comparison) = &mut comparison {
                        comparison.push(&chunk);
                        if source.is_read() {
                            comparison.end();
                        }
                    }
                }
                Step::Batch(batch) => {
                    let is_settled = bits.is_set(batch.sequence).await?;
                    found.count(&batch, byte, is_settled, batch.sequence < ledger.batches_fed);
                    if let Some(comparison) = &mut comparison {
                        comparison.compare(&batch);
                    }
                    byte = batch.end.byte;
                    bar.set_position(progress.bytes());
                }
                Step::End => break,
            }
        }
        if let Some(comparison) = comparison {
            let compared = comparison.finish();
            found.file_lines = Some(compared.lines);
            found.skipped_lines = Some(compared.skipped_lines);
            found.problems = compared.differences;
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// The run's completion bits, a piece at a time.
struct SettledBits<'a> {
    queue: &'a Queue,
    run: &'a RunId,
    /// Sequences whose bits are at hand; what is behind the bits is not set.
    first: u64,
    end: u64,
    bits: Bytes,
}

impl SettledBits<'_> {
    /// Sequences are asked for in their order.
    async fn is_set(&mut self, sequence: u64) -> Result<bool, SyncError> {
        if sequence >= self.end {
            self.first = sequence / 8 * 8;
            self.end = self.first + BITS_BYTES * 8;
            self.bits = self.queue.settled_bits(self.run, self.first, BITS_BYTES).await?;
        }
        let at = sequence - self.first;
        let byte = usize::try_from(at / 8).ok().and_then(|byte| self.bits.get(byte));
        // Redis counts bits from the highest one of a byte.
        Ok(byte.is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0))
    }
}

impl Verification {
    fn count(&mut self, batch: &Batch, byte: u64, is_settled: bool, is_fed: bool) {
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
    fn compare(&mut self, before: &Ledger, ledger: &Ledger) {
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
            let in_file = self.rejects_file_rows;
            expect(
                in_file == self.rejected,
                format!("{} rows are rejected, but {in_file} are in their file", self.rejected),
            );
            for (code, there) in &self.rejects_file.by_code {
                let told = ledger.rejected_by_code.get(code).copied().unwrap_or(0);
                expect(
                    told == *there,
                    format!("{told} rows are rejected as {code}, but {there} in their file"),
                );
            }
            let others = self.rejects_file.others;
            expect(
                others == 0,
                format!(
                    "{others} rows of the rejects file have a code that no row was rejected with"
                ),
            );
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
            let missing = self.file_batches - self.settled_batches;
            expect(missing == 0, format!("{missing} batches of the file have no outcome"));
        }
        let is_complete = ledger.state == RunState::Completed && self.unfinished == 0;
        self.proven = is_complete && self.problems.is_empty();
    }

    fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            writeln!(text, "  {name:<16}{value}").expect("a String takes everything");
        };
        let of_batches = format!("{} batches", grouped(self.file_batches));
        line("rows in file", format!("{} ({of_batches})", grouped(self.file_rows)));
        let lines = match (self.file_lines, self.skipped_lines) {
            (Some(lines), Some(skipped)) => {
                format!("{} ({} skipped)", grouped(lines), grouped(skipped))
            }
            _ => "not counted: rejected rows that are replayed are read by one reader".to_owned(),
        };
        line("lines in file", lines);
        line("rows read", grouped(self.read));
        line("delivered", grouped(self.delivered));
        let in_file = grouped(self.rejects_file_rows);
        line("rejected", format!("{} ({in_file} in their file)", grouped(self.rejected)));
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
        line("verdict", self.verdict());
        line(
            "in salesforce",
            format!("not looked at here: `consumer count {}` counts records", self.run),
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

    fn verdict(&self) -> String {
        let is_cancelled = self.state == Some(RunState::Cancelled);
        let left_out = self.file_rows.saturating_sub(self.delivered + self.rejected);
        let words = match (self.proven, self.problems.is_empty()) {
            (true, _) => "every row of the file is delivered or rejected, once",
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

fn bar(bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("counting {bar:30} {binary_bytes} of {binary_total_bytes}")
            .expect("the template is well formed");
    ProgressBar::new(bytes).with_style(style)
}
