//! What a person wants of a run: pause, resume, cancel.

use ingest_core::RunId;
use job_queue::{Control, Ledger, Queue, RunState};

use crate::{error::SyncError, report::Status};

/// A wish for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Pause,
    Resume,
    Cancel,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is so, and nobody need do anything.
    Done,
    /// It was so before.
    Already,
    /// A server was asked to go on with the run.
    HandedOver,
    /// The run goes on, but nobody is there to read its file or to write its rejects.
    NobodyFeeds,
}

/// Why a wish was not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error("run {run} is {}; only a run that has not ended can be {}", word(*state), wish.done())]
    Refused { run: RunId, state: RunState, wish: Wish },
}

impl Wish {
    /// Does it.
    pub(crate) async fn carry_out(
        self,
        queue: &Queue,
        run: &RunId,
    ) -> Result<Outcome, ControlError> {
        let answer = match self {
            Self::Pause => queue.pause_run(run).await,
            Self::Resume => queue.resume_run(run).await,
            Self::Cancel => queue.cancel_run(run).await,
        };
        let outcome = match answer.map_err(SyncError::from)? {
            Control::Done => Outcome::Done,
            Control::Already => Outcome::Already,
            // Nobody was there at its end to write its rejects file.
            Control::Refused(_) if self == Self::Resume && has_unwritten(queue, run).await? => {
                Outcome::Already
            }
            Control::Refused(state) => {
                return Err(ControlError::Refused { run: run.clone(), state, wish: self });
            }
            Control::Unknown => return Err(SyncError::UnknownRun { run: run.clone() }.into()),
        };
        if self != Self::Resume {
            return Ok(outcome);
        }
        // The claim of a producer that was killed a moment ago looks like a living one's.
        if queue.is_fed_by_somebody(run).await.map_err(SyncError::from)? {
            return Ok(outcome);
        }
        if queue.servers_alive().await.map_err(SyncError::from)? == 0 {
            return Ok(Outcome::NobodyFeeds);
        }
        queue.push_import(run).await.map_err(SyncError::from)?;
        Ok(Outcome::HandedOver)
    }

    /// Whether it makes sense for this run now.
    pub(crate) fn fits(self, ledger: &Ledger) -> bool {
        match self {
            Self::Pause => !ledger.paused && is_open(ledger),
            Self::Resume => {
                matches!(Status::of(ledger), Status::Paused | Status::Interrupted | Status::Failed)
            }
            Self::Cancel => is_open(ledger),
        }
    }

    /// What is told about it.
    pub(crate) fn message(self, run: &RunId, outcome: Outcome) -> String {
        match (self, outcome) {
            (Self::Pause, Outcome::Already) => format!("run {run} is paused already"),
            (Self::Pause, _) => {
                format!("run {run} is paused; go on with: producer resume {run}")
            }
            (Self::Cancel, Outcome::Already) => format!("run {run} is cancelled already"),
            (Self::Cancel, _) => format!(
                "run {run} is cancelled; batches that are being delivered at this moment are seen \
                 through"
            ),
            (Self::Resume, Outcome::Done) => format!("run {run} goes on"),
            (Self::Resume, Outcome::Already) => format!("run {run} is under way already"),
            (Self::Resume, Outcome::HandedOver) => format!(
                "run {run} goes on as soon as a server takes it; watch it: producer show {run}"
            ),
            (Self::Resume, Outcome::NobodyFeeds) => format!(
                "nobody feeds run {run}: no `producer serve` is running; go on with it in a \
                 terminal: producer resume {run}"
            ),
        }
    }

    /// What a person is asked before.
    pub(crate) fn question(self, run: &RunId) -> String {
        match self {
            Self::Pause => format!("Pause run {run}? Nothing is lost; it waits to be resumed."),
            Self::Resume => format!("Resume run {run}?"),
            Self::Cancel => format!(
                "Cancel run {run}? What is queued of it is removed; that cannot be taken back."
            ),
        }
    }

    /// What is wished.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Cancel => "cancelled",
        }
    }
}

async fn has_unwritten(queue: &Queue, run: &RunId) -> Result<bool, SyncError> {
    Ok(!queue.pending_rejects(run, 1).await?.lines.is_empty())
}

/// A run that can be stopped.
fn is_open(ledger: &Ledger) -> bool {
    matches!(ledger.state, RunState::Feeding | RunState::Draining)
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Feeding => "feeding",
        RunState::Draining => "draining",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelling => "being cancelled",
        RunState::Cancelled => "cancelled",
    }
}
