//! The report of a run: its ledger and the figures that follow from it.

mod lines;

use std::{
    io::{self, Write as _},
    time::Duration,
};

use ingest_core::RunId;
use job_queue::{Ledger, LoadSummary, Outage, Output, RunState};
use serde::Serialize;

use crate::report::{
    command_line::resume_command,
    format::per_second,
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
    /// What a reader looks for first.
    run: RunId,
    file: String,
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
            run: ledger.run.clone(),
            file: ledger.file.clone(),
            status,
            label: status.label(ledger.rejected),
            tone: status.tone(ledger.rejected),
            is_open: status.is_open(),
            commands: RunStatus::commands(&ledger),
            cancelled: ledger.cancelled(),
            resume_command: is_left.then(|| match reject_limit::that_failed(&ledger) {
                None => resume_command(&ledger.run),
                // With the old limit it would fail again at once.
                Some(_) => format!("{} --max-rejects 100%", resume_command(&ledger.run)),
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

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How long it took, or has taken so far.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

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
    fn what_consumers_wait_for_is_said_beside_what_the_run_waits_for() {
        let away = Outage {
            reason: "salesforce is not available".to_owned(),
            since_ms: 0,
            until_ms: None,
        };
        let some = Live { consumers: 1, ..Live::default() };
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
}
