//! The statuses of a run as people and programs see them, derived from what the ledger has
//! (`job_queue::RunState` among it): name, label, tone, and what a person may do in each.

use std::fmt;

use job_queue::{Ledger, RunState};
use serde::Serialize;

use crate::report::reject_limit;

/// The state of a run as people and programs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RunStatus {
    /// A server was asked to read it, and has not begun.
    Queued,
    Feeding,
    /// Feeding, but the queue is full.
    Waiting,
    /// A person stopped it for a while.
    Paused,
    /// No consumer can deliver it until a person acts, or time passes.
    Held,
    /// The producer that fed the run is gone, or cannot go on: the reason says why.
    Interrupted,
    Draining,
    Completed,
    Failed,
    Cancelling,
    Cancelled,
}

/// How a state looks: as colours on a terminal and on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    Rest,
    Run,
    Warn,
    Bad,
    Good,
}

impl RunStatus {
    /// Every one there is, as a run may go through them. `openapi.json` has them too.
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

    /// Its name for programs, its label for people, and its tone.
    fn presentation(self) -> (&'static str, &'static str, Tone) {
        match self {
            Self::Queued => ("queued", "Queued", Tone::Rest),
            Self::Feeding => ("feeding", "Feeding", Tone::Run),
            Self::Waiting => ("waiting", "Waiting for room", Tone::Warn),
            Self::Paused => ("paused", "Paused", Tone::Rest),
            Self::Held => ("held", "Held", Tone::Warn),
            Self::Interrupted => ("interrupted", "Interrupted", Tone::Bad),
            Self::Draining => ("draining", "Draining", Tone::Run),
            Self::Completed => ("completed", "Completed", Tone::Good),
            Self::Failed => ("failed", "Failed", Tone::Bad),
            Self::Cancelling => ("cancelling", "Cancelling", Tone::Rest),
            Self::Cancelled => ("cancelled", "Cancelled", Tone::Rest),
        }
    }

    /// As programs read it, and people in lists.
    pub(crate) fn word(self) -> &'static str {
        self.presentation().0
    }

    /// As people read it on a page, of a run with so many rejected rows.
    pub(crate) fn label(self, rejected: u64) -> &'static str {
        match self {
            Self::Completed if rejected > 0 => "Completed with rejects",
            _ => self.presentation().1,
        }
    }

    /// Whether a person has to worry about a run with so many rejected rows.
    pub(crate) fn tone(self, rejected: u64) -> Tone {
        match self {
            Self::Completed if rejected > 0 => Tone::Warn,
            _ => self.presentation().2,
        }
    }

    /// It may still go on by itself: it has not ended.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Rows of it are on their way, or are to be.
    pub(crate) fn is_under_way(self) -> bool {
        self.is_open() && !matches!(self, Self::Paused | Self::Interrupted)
    }

    /// What a person may do with the run now, in the words of the commands.
    pub(crate) fn commands(ledger: &Ledger) -> Vec<&'static str> {
        let status = Self::of(ledger);
        let is_stoppable = status.is_open() && status != Self::Cancelling;
        let can_go_on =
            matches!(status, Self::Paused | Self::Held | Self::Interrupted | Self::Failed)
                && !ledger.file_replaced
                && reject_limit::that_failed(ledger).is_none();
        let commands = [
            ("pause", is_stoppable && status != Self::Paused),
            ("resume", can_go_on),
            ("cancel", is_stoppable || status == Self::Failed),
            ("replay", !status.is_open() && ledger.rejected > 0),
        ];
        commands.into_iter().filter(|(_, is_allowed)| *is_allowed).map(|(name, _)| name).collect()
    }
}

/// The run is on the servers' queue and has not been read yet, or it was interrupted and has been
/// resumed since: an interruption takes it off that queue.
fn is_asked_for(ledger: &Ledger) -> bool {
    ledger.is_to_import && (ledger.batches_fed == 0 || ledger.reason.is_some())
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use job_queue::{Held, Ledger, RunState};

    use super::{RunStatus, Tone};
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
            (fed(), RunStatus::Feeding),
            (Ledger { waits_for_room: true, ..fed() }, RunStatus::Waiting),
            (Ledger { held: held(), ..fed() }, RunStatus::Held),
            (Ledger { held: held(), paused: true, ..fed() }, RunStatus::Paused),
            (Ledger { held: held(), ..draining() }, RunStatus::Held),
            (Ledger { held: held(), state: RunState::Failed, ..fed() }, RunStatus::Failed),
            (left(), RunStatus::Interrupted),
            (Ledger { reason: reason(), held: held(), ..left() }, RunStatus::Interrupted),
            (Ledger { reason: reason(), ..fed() }, RunStatus::Feeding),
            (Ledger { is_to_import: true, ..left() }, RunStatus::Interrupted),
            (Ledger { is_to_import: true, reason: reason(), ..left() }, RunStatus::Queued),
            (Ledger { is_to_import: true, ..new() }, RunStatus::Queued),
            (Ledger { is_to_import: true, paused: true, ..new() }, RunStatus::Paused),
            (Ledger { is_to_import: true, feeder_alive: true, ..new() }, RunStatus::Feeding),
            (new(), RunStatus::Interrupted),
            (draining(), RunStatus::Draining),
        ];

        for (ledger, status) in cases {
            assert_eq!(RunStatus::of(&ledger), status, "{ledger:?}");
        }
    }

    /// The API's description has a list of its own.
    #[test]
    fn every_status_is_described() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../server/routes/openapi.json")).unwrap();
        let report = &document["components"]["schemas"]["Report"]["properties"];

        assert_eq!(report["status"]["enum"], serde_json::json!(RunStatus::ALL));
        for status in RunStatus::ALL {
            assert_eq!(serde_json::json!(status), status.word());
            let tones = report["tone"]["enum"].as_array().unwrap();
            assert!(tones.contains(&serde_json::json!(status.tone(0))), "{status}");
        }
    }

    #[test]
    fn only_a_run_without_rejects_is_all_well() {
        let look = |status: RunStatus, rejected| (status.label(rejected), status.tone(rejected));

        assert_eq!(look(RunStatus::Completed, 0), ("Completed", Tone::Good));
        assert_eq!(look(RunStatus::Completed, 1), ("Completed with rejects", Tone::Warn));
        assert_eq!(look(RunStatus::Draining, 1), ("Draining", Tone::Run));
    }

    #[test]
    fn a_person_may_do_what_changes_something() {
        let fed = || sample::ledger("nightly");
        let left = || Ledger { feeder_alive: false, ..fed() };
        let failed = || Ledger { state: RunState::Failed, rejected: 0, ..fed() };
        let cases: [(Ledger, &[&str]); 8] = [
            (fed(), &["pause", "cancel"]),
            (Ledger { paused: true, ..fed() }, &["resume", "cancel"]),
            (left(), &["pause", "resume", "cancel"]),
            (Ledger { state: RunState::Draining, ..left() }, &["pause", "cancel"]),
            (Ledger { state: RunState::Cancelling, ..left() }, &[]),
            (failed(), &["resume", "cancel"]),
            (Ledger { file_replaced: true, ..failed() }, &["cancel"]),
            (Ledger { rejected: 1, ..sample::completed("nightly") }, &["replay"]),
        ];

        for (ledger, commands) in cases {
            assert_eq!(RunStatus::commands(&ledger), commands, "{ledger:?}");
        }
    }
}
