//! How a run stands, in one word, as people and programs read it.

use std::fmt;

use job_queue::{Ledger, RunState};
use serde::Serialize;

/// How a run stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    /// A server was asked to read it, and has not begun.
    Queued,
    Feeding,
    /// Feeding, but the queue is full.
    Waiting,
    /// A person stopped it for a while.
    Paused,
    /// Nobody can deliver it until a person or time has changed something.
    Held,
    /// The producer that fed the run is gone, or cannot go on: the reason says why.
    Interrupted,
    Draining,
    Completed,
    Failed,
    Cancelling,
    Cancelled,
}

impl Status {
    /// Every one there is, as a run may go through them. The page and `openapi.json` have them too.
    pub(crate) const ALL: [Self; 11] = [
        Self::Queued,
        Self::Feeding,
        Self::Waiting,
        Self::Paused,
        Self::Held,
        Self::Interrupted,
        Self::Draining,
        Self::Completed,
        Self::Failed,
        Self::Cancelling,
        Self::Cancelled,
    ];

    pub(crate) fn of(ledger: &Ledger) -> Self {
        match ledger.state {
            RunState::Feeding | RunState::Draining if ledger.paused => Self::Paused,
            RunState::Feeding if !ledger.feeder_alive && is_asked_for(ledger) => Self::Queued,
            RunState::Feeding if !ledger.feeder_alive && ledger.reason.is_some() => {
                Self::Interrupted
            }
            RunState::Feeding | RunState::Draining if ledger.held.is_some() => Self::Held,
            RunState::Feeding if ledger.waits_for_room => Self::Waiting,
            RunState::Feeding if ledger.feeder_alive => Self::Feeding,
            RunState::Feeding => Self::Interrupted,
            RunState::Draining => Self::Draining,
            RunState::Completed => Self::Completed,
            RunState::Failed => Self::Failed,
            RunState::Cancelling => Self::Cancelling,
            RunState::Cancelled => Self::Cancelled,
        }
    }

    /// Rows of it are on their way, or are to be.
    pub(crate) fn is_under_way(self) -> bool {
        use Status::{Cancelling, Draining, Feeding, Held, Queued, Waiting};
        matches!(self, Queued | Feeding | Waiting | Held | Draining | Cancelling)
    }

    /// As people and programs read it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Feeding => "feeding",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::Interrupted => "interrupted",
            Self::Draining => "draining",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A server is to begin with it, or to go on though there was a reason not to: a run that is given up
/// is taken off the servers' queue, so somebody has asked for it since.
fn is_asked_for(ledger: &Ledger) -> bool {
    ledger.is_to_import && (ledger.batches_fed == 0 || ledger.reason.is_some())
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use job_queue::{Held, Ledger, RunState};

    use super::Status;
    use crate::report::sample;

    fn reason() -> Option<String> {
        Some("the SAS has expired".to_owned())
    }

    #[test]
    fn a_run_is_in_the_one_state_that_says_what_it_takes() {
        let fed = || sample::ledger("nightly");
        let left = || Ledger { feeder_alive: false, ..fed() };
        let draining = || Ledger { state: RunState::Draining, ..left() };
        let new = || Ledger { batches_fed: 0, read: 0, ..left() };
        let held = || Some(Held { reason: "nobody may".to_owned(), times: 2 });
        let cases = [
            (fed(), Status::Feeding),
            (Ledger { waits_for_room: true, ..fed() }, Status::Waiting),
            (Ledger { held: held(), ..fed() }, Status::Held),
            (Ledger { held: held(), paused: true, ..fed() }, Status::Paused),
            (Ledger { held: held(), ..draining() }, Status::Held),
            (Ledger { held: held(), state: RunState::Failed, ..fed() }, Status::Failed),
            (left(), Status::Interrupted),
            (Ledger { reason: reason(), held: held(), ..left() }, Status::Interrupted),
            (Ledger { reason: reason(), ..fed() }, Status::Feeding),
            (Ledger { is_to_import: true, ..left() }, Status::Interrupted),
            (Ledger { is_to_import: true, reason: reason(), ..left() }, Status::Queued),
            (Ledger { is_to_import: true, ..new() }, Status::Queued),
            (Ledger { is_to_import: true, paused: true, ..new() }, Status::Paused),
            (Ledger { is_to_import: true, feeder_alive: true, ..new() }, Status::Feeding),
            (new(), Status::Interrupted),
            (draining(), Status::Draining),
        ];

        for (ledger, status) in cases {
            assert_eq!(Status::of(&ledger), status, "{ledger:?}");
        }
    }

    /// The page and the API's description have lists of their own.
    #[test]
    fn every_status_is_known_to_the_page_and_described() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../server/routes/openapi.json")).unwrap();
        let described =
            &document["components"]["schemas"]["Report"]["properties"]["status"]["enum"];
        let page = include_str!("../../web/status.js");

        assert_eq!(*described, serde_json::json!(Status::ALL));
        for status in Status::ALL {
            assert!(
                page.contains(&format!("\n  {status}: [\"")),
                "the page has no word for {status}"
            );
            assert_eq!(serde_json::json!(status), status.word());
        }
    }
}
