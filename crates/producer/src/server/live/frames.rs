//! A run as its event streams show it: frames of server-sent events, written once
//! for all streams.

use std::collections::VecDeque;

use axum::body::Bytes;
use job_queue::{BatchEvent, EventId, Ledger};
use serde::Serialize;

use crate::{
    report::{log_lines, run_report::Report},
    server::live::queue_state::QueueState,
};

/// Log frames that a stream which comes late is shown.
const LOG_FRAMES_KEPT: usize = 64;

/// The last frame of a run that has ended.
pub(crate) const END: Bytes = Bytes::from_static(b"event: end\ndata: {}\n\n");

/// Redis does not answer; what was sent before may be out of date.
pub(crate) const STALE: Bytes =
    Bytes::from_static(b"event: stale\ndata: {\"error\":\"no news from redis\"}\n\n");

/// Where a stream has got to: the two numbers of the id of a settled batch.
pub(crate) type Position = (u64, u64);

/// All that a stream may have to send, in the newest version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Grows with each change.
    pub(crate) tick: u64,
    /// Report and queue.
    pub(crate) run: Bytes,
    /// The last log lines.
    pub(crate) log: VecDeque<LogFrame>,
    /// Nothing more will happen.
    pub(crate) has_ended: bool,
    /// The poll after this one takes long, or failed.
    pub(crate) is_stale: bool,
}

/// Log lines that came up together.
#[derive(Clone, Debug)]
pub(crate) struct LogFrame {
    pub(crate) tick: u64,
    pub(crate) at: Position,
    pub(crate) frame: Bytes,
}

/// What one poll has found.
pub(crate) struct Observation<'a> {
    pub(crate) before: Option<&'a Ledger>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) queue: &'a QueueState,
    pub(crate) batches: &'a [BatchEvent],
    /// The last settled batch that was seen, now or before.
    pub(crate) last: &'a EventId,
    /// The run has ended and its rejects are written.
    pub(crate) has_ended: bool,
}

impl Snapshot {
    /// The next snapshot.
    pub(crate) fn after(&self, look: &Observation<'_>) -> Result<Self, serde_json::Error> {
        let Observation { before, ledger, queue, batches, last, has_ended } = *look;
        let mut next = Self { tick: self.tick + 1, has_ended, is_stale: false, ..self.clone() };
        if before.is_none() {
            next.add_log((0, 0), &EventId::default(), log_lines::opening(ledger))?;
        }
        for (batch, line) in log_lines::settled(before, ledger, batches) {
            let at = position(&batch.to_string()).unwrap_or_default();
            next.add_log(at, batch, vec![line])?;
        }
        if has_ended {
            // A client that reconnects for the end has not seen it, whatever its last event was.
            next.add_log((u64::MAX, 0), last, log_lines::closing(ledger))?;
        }
        let pause = queue.outage.as_ref();
        let report = Report::of(ledger.clone()).among(&queue.live(), pause);
        let seen = RunFrame { report, queue };
        next.run = frame("run", last, &seen)?;
        Ok(next)
    }

    fn add_log(
        &mut self,
        at: Position,
        id: &EventId,
        lines: Vec<String>,
    ) -> Result<(), serde_json::Error> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.log.len() == LOG_FRAMES_KEPT {
            self.log.pop_front();
        }
        let frame = frame("log", id, &Lines { lines })?;
        self.log.push_back(LogFrame { tick: self.tick, at, frame });
        Ok(())
    }
}

#[derive(Serialize)]
struct RunFrame<'a> {
    report: Report,
    queue: &'a QueueState,
}

#[derive(Serialize)]
struct Lines {
    lines: Vec<String>,
}

/// JSON has no line breaks outside its strings, and there they are escaped: the
/// data is one line.
fn frame(event: &str, id: &EventId, data: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    Ok(format!("event: {event}\nid: {id}\ndata: {}\n\n", serde_json::to_string(data)?).into())
}

/// Reads the id of a settled batch, as `Last-Event-ID` gives it back.
pub(crate) fn position(id: &str) -> Option<Position> {
    let (first, second) = id.split_once('-')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_two_numbers() {
        assert_eq!(position("1700000000000-3"), Some((1_700_000_000_000, 3)));
        for text in ["", "-", "1", "1-", "-1", "1-2-3", "a-b", "99999999999999999999-0"] {
            assert_eq!(position(text), None, "{text}");
        }
    }
}
