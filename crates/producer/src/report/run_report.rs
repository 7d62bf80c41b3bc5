//! The report of a run: its ledger and the figures that follow from it.

use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
    time::Duration,
};

use ingest_core::Tally;
use job_queue::{Ledger, LoadSummary, Outage, Output, RunState};
use serde::Serialize;

use crate::report::{
    command_line::resume_command,
    format::{bytes, duration, grouped, per_second, timestamp},
    outage,
    output_names::names_with_rows,
    reject_limit,
    run_status::{RunStatus, Tone},
    waiting::{Live, waiting_for},
};

/// One run with the figures that follow from its ledger.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    status: RunStatus,
    /// The state in words, its tone, and what a person may do with the run now.
    label: &'static str,
    tone: Tone,
    is_open: bool,
    commands: Vec<&'static str>,
    delivered: u64,
    /// Read, and neither delivered nor rejected.
    unfinished: u64,
    /// Read, and left out because the run was cancelled.
    cancelled: u64,
    /// The command that resumes the run, when no process works on it.
    resume_command: Option<String>,
    /// From the start to the end, or until now.
    seconds: f64,
    rows_per_second: u64,
    /// More rows are rejected than the run's limit allows, and what became of that.
    reject_limit_passed: Option<String>,
    /// Name of the rejects file in the container.
    rejects_file: Option<String>,
    /// Names of all its parts: another is begun when one cannot go on.
    rejects_files: Vec<String>,
    /// Name of the ids file in the container, of a run that has one.
    ids_file: Option<String>,
    /// Names of all its parts.
    ids_files: Vec<String>,
    /// What becomes of its rows; nothing as long as nobody has said it.
    load: Option<LoadSummary>,
    /// Why nothing of it is delivered, where it takes a consumer.
    waiting_for: Option<String>,
    /// What of it stands still, and why: held, paused, without a consumer, or Salesforce is unreachable.
    stands_still: Option<String>,
    /// Most memory that this process had resident.
    #[serde(skip_serializing_if = "Option::is_none")]
    producer_peak_memory_bytes: Option<u64>,
    #[serde(flatten)]
    ledger: Ledger,
}

impl Report {
    pub(crate) fn of(ledger: Ledger) -> Self {
        let (took, status) = (took(&ledger), RunStatus::of(&ledger));
        let is_left = status == RunStatus::Interrupted
            || (status == RunStatus::Failed && !ledger.file_replaced);
        let rejects_files = names_with_rows(Output::Rejects, &ledger);
        let ids_files = names_with_rows(Output::Ids, &ledger);
        Self {
            status,
            label: status.label(),
            tone: status.tone(),
            is_open: status.is_open(),
            commands: RunStatus::commands(&ledger),
            cancelled: ledger.cancelled(),
            resume_command: is_left.then(|| match reject_limit::that_failed(&ledger) {
                None => resume_command(&ledger.run),
                // With the old limit it would fail again at once.
                Some(_) => format!("producer resume {} --max-rejects 100%", ledger.run),
            }),
            delivered: ledger.delivered(),
            unfinished: ledger.unfinished(),
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
            rows_per_second: per_second(ledger.delivered() + ledger.rejected, took),
            reject_limit_passed: reject_limit::passed(&ledger),
            rejects_file: rejects_files.first().cloned(),
            rejects_files,
            ids_file: ids_files.first().cloned(),
            ids_files,
            load: ledger.load.clone(),
            waiting_for: None,
            stands_still: None,
            producer_peak_memory_bytes: None,
            ledger,
        }
    }

    /// Adds what the run waits for, by the consumers that are alive and by what all of these wait for.
    pub(crate) fn among(self, live: &Live, pause: Option<&Outage>) -> Self {
        let report = Self { waiting_for: waiting_for(&self.ledger, live), ..self };
        Self { stands_still: report.outage_text(pause), ..report }
    }

    fn outage_text(&self, pause: Option<&Outage>) -> Option<String> {
        let (what, why) = match (self.status, self.trouble()) {
            (RunStatus::Paused, _) => {
                let what = match self.ledger.state {
                    RunState::Draining => "deliveries",
                    _ => "reading and deliveries",
                };
                (what, "a person paused the run".to_owned())
            }
            (RunStatus::Interrupted, why) => {
                ("reading", why.unwrap_or_else(|| "nobody feeds the run".to_owned()))
            }
            (status, _) if !status.is_under_way() => return None,
            // Consumers that wait at their start deliver nothing yet, but publish their outage all the same.
            (_, why) => ("deliveries", both(pause.map(outage::why), why)?),
        };
        Some(format!("{what}: {why}"))
    }

    /// Why the run does not go on, in a line.
    pub(crate) fn trouble(&self) -> Option<String> {
        let held = self.ledger.held.as_ref().map(|held| held.reason.as_str());
        match self.status {
            RunStatus::Interrupted | RunStatus::Failed => self.ledger.reason.clone(),
            RunStatus::Held => held.map(str::to_owned),
            _ => self.waiting_for.clone(),
        }
    }

    /// Adds what this process knows about itself.
    pub(crate) fn with_own_peak_memory(self) -> Self {
        Self { producer_peak_memory_bytes: service::peak_resident_bytes(), ..self }
    }

    /// Prints it on stdout.
    pub(crate) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = service::stdout();
        if as_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            writeln!(out)
        } else {
            write!(out, "{self}")
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: String| service::shown(&value, service::SENTENCE_MAX);
        self.lines()
            .into_iter()
            .try_for_each(|(name, value)| writeln!(f, "  {name:<16}{}", shown(value)))
    }
}

impl Report {
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How long it took, or has taken so far.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// What it says, each line with its name.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let Self { ledger, .. } = self;
        let mut lines = vec![("run", format!("{} ({})", ledger.run, self.status))];
        // A queued run was resumed since: the reason is out of date.
        let reason = ledger.reason.clone().filter(|_| self.status != RunStatus::Queued);
        lines.extend(reason.map(|reason| ("reason", reason)));
        lines.extend(self.held_line().map(|held| ("held", held)));
        lines.extend(self.waiting_for.clone().map(|what| ("waits", what)));
        lines.extend(self.outage_line().map(|what| ("stands still", what)));
        lines.extend(
            ledger.replay_of.as_ref().map(|of| ("replays", format!("rejected rows of {of}"))),
        );
        lines.push(("file", format!("{} ({})", ledger.file, bytes(ledger.file_bytes))));
        lines.extend(self.load.as_ref().map(|load| ("load", load.to_string())));
        lines.push(("started", timestamp(ledger.started_at_ms)));
        lines.push(("rows read", grouped(ledger.read)));
        let skipped = (ledger.skipped > 0).then(|| grouped(ledger.skipped));
        lines.extend(skipped.map(|lines| ("skipped", format!("{lines} lines without data"))));
        lines.push(("delivered", self.delivered_line()));
        lines.push(("rejected", self.rejected_line()));
        // It is the reason of a run that failed.
        let passed = self.reject_limit_passed.clone().filter(|_| self.status != RunStatus::Failed);
        lines.extend(passed.map(|passed| ("limit passed", passed)));
        let left = [("unfinished", self.unfinished), ("cancelled", self.cancelled)];
        lines.extend(left.iter().filter(|left| left.1 > 0).map(|left| (left.0, grouped(left.1))));
        lines.push(("batches", self.batches_line()));
        lines.push(("sent again", format!("{} rows", grouped(ledger.tally.retried))));
        lines.push(("api calls", grouped(ledger.tally.api_calls)));
        lines.push(("paused", self.paused_line()));
        lines.extend(self.time_line());
        let peak = self.producer_peak_memory_bytes;
        lines.extend(peak.map(|peak| ("peak memory", format!("{} (this producer)", bytes(peak)))));
        let rejects = self.rejects_files.iter();
        lines.extend(rejects.map(|file| ("rejects file", format!("{}/{file}", ledger.container))));
        lines.extend(self.rejects_command().map(|command| ("see rejects", command)));
        let count = (ledger.ids > 0).then(|| grouped(ledger.ids));
        lines.extend(count.map(|rows| ("ids", format!("of {rows} rows"))));
        let ids = self.ids_files.iter();
        lines.extend(ids.map(|file| ("ids file", format!("{}/{file}", ledger.container))));
        lines.extend(self.next_command().map(|command| ("go on with", command)));
        lines
    }

    /// What [`took`](Self::took) says; nothing of a run that waits, whose time says nothing of it.
    pub(crate) fn time_name(&self) -> Option<&'static str> {
        use RunStatus::{Cancelling, Draining, Feeding, Waiting};
        let is_worked_on = self.waiting_for.is_none()
            && matches!(self.status, Feeding | Waiting | Draining | Cancelling);
        match self.ledger.finished_at_ms {
            Some(_) => Some("took"),
            None => is_worked_on.then_some("so far"),
        }
    }

    fn time_line(&self) -> Option<(&'static str, String)> {
        if let Some(name) = self.time_name() {
            let rate = grouped(self.rows_per_second);
            return Some((name, format!("{}, {rate} rows/s", duration(self.took()))));
        }
        // Since when one waits of which something was delivered is not known.
        let is_new = self.delivered + self.ledger.rejected == 0;
        is_new.then(|| ("waiting since", timestamp(self.ledger.started_at_ms)))
    }

    fn next_command(&self) -> Option<String> {
        match self.status {
            RunStatus::Paused | RunStatus::Held => {
                Some(format!("producer resume {}", self.ledger.run))
            }
            _ => self.resume_command.clone(),
        }
    }

    /// What shows the rejected rows of a run that has written them.
    fn rejects_command(&self) -> Option<String> {
        let run = &self.ledger.run;
        let is_written = self.ledger.has_ended() && !self.rejects_files.is_empty();
        is_written.then(|| format!("producer rejects {run} --for-spreadsheet"))
    }

    /// `None` where other lines say it already.
    fn outage_line(&self) -> Option<String> {
        let is_said =
            |what: &String| self.trouble().is_some_and(|why| *what == format!("deliveries: {why}"));
        let is_left = self.status == RunStatus::Interrupted;
        self.stands_still.clone().filter(|what| !is_left && !is_said(what))
    }

    fn held_line(&self) -> Option<String> {
        let held = self.ledger.held.as_ref()?;
        Some(match held.times {
            0 | 1 => held.reason.clone(),
            times => format!("{} ({times} times)", held.reason),
        })
    }

    fn delivered_line(&self) -> String {
        let Tally { created, updated, deleted, .. } = self.ledger.tally;
        let total = grouped(self.delivered);
        let mut text =
            format!("{total} ({} created, {} updated", grouped(created), grouped(updated));
        if deleted > 0 {
            write!(text, ", {} deleted", grouped(deleted)).expect("a String takes everything");
        }
        text + ")"
    }

    fn rejected_line(&self) -> String {
        let mut text = grouped(self.ledger.rejected);
        let by_code = &self.ledger.rejected_by_code;
        for (at, (code, count)) in by_code.iter().take(CODES_NAMED_MAX).enumerate() {
            let before = if at == 0 { " (" } else { ", " };
            write!(text, "{before}{} {code}", grouped(*count)).expect("a String takes everything");
        }
        let others = by_code.len().saturating_sub(CODES_NAMED_MAX);
        if others > 0 {
            let rows: u64 = by_code.values().skip(CODES_NAMED_MAX).sum();
            write!(text, ", {} with {} other codes", grouped(rows), grouped(others as u64))
                .expect("a String takes everything");
        }
        if !by_code.is_empty() {
            text.push(')');
        }
        text
    }

    fn batches_line(&self) -> String {
        let Ledger { batches_fed, batches_settled, .. } = self.ledger;
        // More are settled when a producer that died had pushed them behind its last checkpoint.
        if batches_settled >= batches_fed {
            grouped(batches_fed)
        } else {
            format!("{} of {}", grouped(batches_settled), grouped(batches_fed))
        }
    }

    fn paused_line(&self) -> String {
        let Ledger { backpressure_waits: pauses, backpressure_ms, .. } = self.ledger;
        let times = if pauses == 1 { "once".to_owned() } else { format!("{pauses} times") };
        match pauses {
            0 => "never".to_owned(),
            _ => format!(
                "{}, {times} (the queue was full)",
                duration(Duration::from_millis(backpressure_ms))
            ),
        }
    }
}

/// A run may have a thousand codes: `--json` has them all.
const CODES_NAMED_MAX: usize = 20;

/// What consumers wait for comes first, for it may be why no other one is there.
fn both(pause: Option<String>, trouble: Option<String>) -> Option<String> {
    match (pause, trouble) {
        (Some(pause), Some(trouble)) => Some(format!("{pause}; and {trouble}")),
        (pause, trouble) => pause.or(trouble),
    }
}

/// From the start to the end, or until now, by Redis' clock.
fn took(ledger: &Ledger) -> Duration {
    let end = ledger.finished_at_ms.unwrap_or(ledger.now_ms);
    Duration::from_millis(end.saturating_sub(ledger.started_at_ms))
}

#[cfg(test)]
mod tests {
    use ingest_core::Tally;
    use job_queue::{Held, Ledger, Outage};

    use super::Report;
    use crate::report::{sample, waiting::Live};

    fn reason() -> Option<String> {
        Some("the SAS has expired".to_owned())
    }

    #[test]
    fn why_nobody_works_on_a_run_is_said_until_somebody_is_asked_to() {
        let held = Some(Held { reason: "nobody may".to_owned(), times: 2 });
        let left = Ledger { feeder_alive: false, reason: reason(), ..sample::ledger("nightly") };
        let asked = Ledger { is_to_import: true, ..left.clone() };
        let says =
            |ledger: &Ledger| Report::of(ledger.clone()).among(&Live::default(), None).to_string();

        assert!(says(&left).contains("  reason          the SAS has expired\n"), "{}", says(&left));
        assert!(!says(&asked).contains("expired"), "{}", says(&asked));
        let ledger = Ledger { held, ..sample::ledger("nightly") };
        let stands_still = Report::of(ledger.clone()).among(&Live::default(), None).stands_still;
        assert_eq!(stands_still.as_deref(), Some("deliveries: nobody may"));
        let held = says(&ledger);
        assert!(held.contains("  held            nobody may (2 times)\n"), "{held}");
        assert!(held.contains("  go on with      producer resume nightly\n"), "{held}");
        let waits = says(&sample::ledger("nightly"));
        assert!(waits.contains("  waits           no consumer is running, so nothing"), "{waits}");
    }

    #[test]
    fn of_many_codes_some_are_named() {
        let by_code = (0..1_000).map(|code| (format!("CODE_{code:03}"), 2)).collect();
        let ledger =
            Ledger { rejected: 2_000, rejected_by_code: by_code, ..sample::ledger("many") };
        let line = Report::of(ledger).rejected_line();

        assert!(line.starts_with("2,000 (2 CODE_000, 2 CODE_001, "), "{line}");
        assert!(line.ends_with(", 2 CODE_019, 1,960 with 980 other codes)"), "{line}");
    }

    #[test]
    fn what_consumers_wait_for_is_said_beside_what_the_run_waits_for() {
        let away = Outage {
            reason: "salesforce is not available".to_owned(),
            since_ms: 0,
            until_ms: None,
        };
        let some = Live { consumers: 1, loads: Vec::new() };
        let held = Some(Held { reason: "nobody may".to_owned(), times: 1 });
        let fed = || sample::ledger("nightly");
        for (ledger, live, why) in [
            (Ledger { load: None, ..fed() }, &some, "the run has no load"),
            (fed(), &Live::default(), "no consumer is running"),
            (Ledger { held, ..fed() }, &some, "nobody may"),
        ] {
            let report = Report::of(ledger).among(live, Some(&away));

            let said = report.stands_still.clone().unwrap();
            let both = format!("deliveries: salesforce is not available; and {why}");
            assert!(said.starts_with(&both), "{said}");
            assert!(report.to_string().contains(&format!("  stands still    {both}")), "{report}");
        }
    }

    #[test]
    fn deleted_rows_are_named_when_there_are_any() {
        let stored = Report::of(sample::ledger("nightly"));
        let tally = Tally { deleted: 1_234, ..Tally::default() };
        let ledger = Ledger { tally, ..sample::ledger("purge") };
        let deleted = Report::of(ledger);

        assert_eq!(stored.delivered_line(), "24,900 (20,000 created, 4,900 updated)");
        assert_eq!(deleted.delivered_line(), "1,234 (0 created, 0 updated, 1,234 deleted)");
    }
}
