//! A report as lines of text.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use ingest_core::{Tally, commands::producer};
use job_queue::Ledger;

use super::Report;
use crate::report::command_line::resume_command;
use crate::report::{
    format::{bytes, duration, grouped, timestamp},
    run_status::RunStatus,
};

/// A run may have a thousand codes: `--json` has them all.
const CODES_NAMED_MAX: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: String| service::shown(&value, service::SENTENCE_MAX);
        self.lines()
            .into_iter()
            .try_for_each(|(name, value)| writeln!(f, "  {name:<16}{}", shown(value)))
    }
}

impl Report {
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
        lines.push(("queue full", self.queue_full_line()));
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
            RunStatus::Paused | RunStatus::Held => Some(resume_command(&self.ledger.run)),
            _ => self.resume_command.clone(),
        }
    }

    /// What shows the rejected rows of a run that has written them.
    fn rejects_command(&self) -> Option<String> {
        let run = &self.ledger.run;
        let is_written = self.ledger.has_ended() && !self.rejects_files.is_empty();
        is_written.then(|| format!("{} rejects {run} --for-spreadsheet", producer()))
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

    fn queue_full_line(&self) -> String {
        let Ledger { backpressure_waits: pauses, backpressure_ms, .. } = self.ledger;
        let times = if pauses == 1 { "once".to_owned() } else { format!("{pauses} times") };
        match pauses {
            0 => "never".to_owned(),
            _ => format!(
                "{}, {times}; reading waited",
                duration(Duration::from_millis(backpressure_ms))
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use ingest_core::Tally;
    use job_queue::Ledger;

    use super::Report;
    use crate::report::sample;

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
    fn deleted_rows_are_named_when_there_are_any() {
        let stored = Report::of(sample::ledger("nightly"));
        let tally = Tally { deleted: 1_234, ..Tally::default() };
        let ledger = Ledger { tally, ..sample::ledger("purge") };
        let deleted = Report::of(ledger);

        assert_eq!(stored.delivered_line(), "24,900 (20,000 created, 4,900 updated)");
        assert_eq!(deleted.delivered_line(), "1,234 (0 created, 0 updated, 1,234 deleted)");
    }
}
