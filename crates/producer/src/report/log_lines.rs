//! What happens in a run, in lines for people.

use job_queue::{BatchEvent, EventId, Ledger, RunState};

use crate::report::format::{grouped, per_second};

/// How many batches get a line of their own before one line stands for many.
pub(crate) const BATCHES_SHOWN_SINGLY: u64 = 10;

/// The lines that every run begins with.
pub(crate) fn opening(ledger: &Ledger) -> Vec<String> {
    vec![
        "Worker started job: full-import".to_owned(),
        format!("Downloading stream from Azure: {}...", ledger.file),
    ]
}

/// The lines about batches that were settled between two looks, each with the batch
/// that it ends with.
pub(crate) fn settled<'a>(
    before: Option<&Ledger>,
    now: &Ledger,
    batches: &'a [BatchEvent],
) -> Vec<(&'a EventId, String)> {
    let is_single = |batch: &&BatchEvent| batch.ordinal <= BATCHES_SHOWN_SINGLY;
    let singles = batches.iter().filter(is_single);
    let mut lines: Vec<_> = singles.map(|batch| (&batch.id, batch_line(batch))).collect();
    if let Some(last) = batches.last().filter(|batch| !is_single(batch)) {
        let rate = before.map(|before| rate(before, now)).unwrap_or_default();
        let line = delivered_line(last, now, &rate);
        lines.push((&last.id, line));
    }
    lines
}

/// The last line of a run.
pub(crate) fn closing(ledger: &Ledger) -> Vec<String> {
    let read = ledger.read;
    match ledger.state {
        RunState::Completed => vec![format!("Job Completed! Total Rows Processed: {read}")],
        RunState::Failed => {
            let reason = ledger.reason.as_deref().unwrap_or("no reason is known");
            vec![format!("Job failed: {reason}")]
        }
        RunState::Cancelled => vec![format!("Job cancelled. Rows read: {read}")],
        RunState::Feeding | RunState::Draining | RunState::Cancelling => Vec::new(),
    }
}

/// The line about many batches, of which `last` is the newest; `rate` is what it says of the pace.
pub(crate) fn delivered_line(last: &BatchEvent, ledger: &Ledger, rate: &str) -> String {
    format!(
        "{} {} of {} rows delivered{rate}{}",
        batch_line(last),
        grouped(ledger.delivered()),
        grouped(ledger.read),
        rejected(ledger),
    )
}

pub(crate) fn batch_line(batch: &BatchEvent) -> String {
    format!("Batch #{} processed: {} records.", batch.ordinal, batch.records)
}

fn rate(before: &Ledger, now: &Ledger) -> String {
    let took = std::time::Duration::from_millis(now.now_ms.saturating_sub(before.now_ms));
    let rows = now.delivered().saturating_sub(before.delivered());
    format!(", {} rows/s", grouped(per_second(rows, took)))
}

pub(crate) fn rejected(ledger: &Ledger) -> String {
    match ledger.rejected {
        0 => String::new(),
        rows => format!(", {} rejected", grouped(rows)),
    }
}
