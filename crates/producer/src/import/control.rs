//! What a person wants of a run: pause, resume, cancel.

use ingest_core::{RunId, commands::producer};
use job_queue::{Control, Ledger, Queue, QueueError, RunState};

use crate::report::command_line::resume_command;
use crate::{
    import::error::SyncError,
    report::{reject_limit, run_status::RunStatus},
};

/// A command for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunCommand {
    Pause,
    Resume,
    Cancel,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; no further action is needed.
    Done,
    /// It was so before.
    Already,
    /// The run has ended, and one of its files is not complete yet.
    LinesLeft,
    /// A server was asked to go on with the run.
    HandedToServer,
    /// The run may go on, but no producer is running to read its file or to write its files.
    NobodyFeeds,
}

/// Why a command was not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The command does not go with the state of the run; only a run that has not ended can be
    /// paused or cancelled.
    #[error("run {run} is {}, so it cannot be {}", word(*state), command.done())]
    Refused { run: RunId, state: RunState, command: RunCommand },
    /// Redis is at its `maxmemory`, so a part of the resume could not be stored.
    #[error(
        "run {run} is resumed: what is queued of it is delivered; but redis is full, so no server was told \
         to read on. Raise its maxmemory, or let consumers deliver what is queued, and resume the run again"
    )]
    NotHandedOver { run: RunId },
}

impl RunCommand {
    /// Executes the command.
    pub(crate) async fn execute(self, queue: &Queue, run: &RunId) -> Result<Outcome, ControlError> {
        if self == Self::Resume
            && let Some(ledger) = queue.ledger(run).await.map_err(SyncError::from)?
            && let Some(reason) = reject_limit::that_failed(&ledger)
        {
            return Err(SyncError::LimitPassed { run: run.clone(), reason }.into());
        }
        let outcome = self.tell(queue, run).await?;
        match self {
            Self::Resume => hand_to_server(queue, run, outcome).await,
            Self::Pause | Self::Cancel => Ok(outcome),
        }
    }

    /// Writes the command to the ledger, where every process that works on the run reads it.
    async fn tell(self, queue: &Queue, run: &RunId) -> Result<Outcome, ControlError> {
        let answer = match self {
            Self::Pause => queue.pause_run(run).await,
            Self::Resume => queue.resume_run(run).await,
            Self::Cancel => queue.cancel_run(run).await,
        };
        match answer.map_err(SyncError::from)? {
            Control::Done => Ok(Outcome::Done),
            Control::Already => Ok(Outcome::Already),
            // Of a run that failed since its file was replaced, a server writes them.
            Control::Refused(state)
                if self == Self::Resume
                    && state != RunState::Failed
                    && !queue.all_lines_are_written(run).await.map_err(SyncError::from)? =>
            {
                Ok(Outcome::LinesLeft)
            }
            Control::UnderWay(other) => {
                let file =
                    queue.ledger(run).await.map_err(SyncError::from)?.map(|ledger| ledger.file);
                let file = file.unwrap_or_default();
                Err(SyncError::UnderWay { file, run: other }.into())
            }
            Control::Refused(state) => Err(self.refused(queue, run, state).await?),
            Control::Unknown => Err(SyncError::UnknownRun { run: run.clone() }.into()),
        }
    }

    /// In words that say what to do instead, where there is something.
    async fn refused(
        self,
        queue: &Queue,
        run: &RunId,
        state: RunState,
    ) -> Result<ControlError, SyncError> {
        let run = run.clone();
        Ok(match queue.ledger(&run).await? {
            Some(Ledger { file_replaced: true, reason, .. }) if self == Self::Resume => {
                SyncError::Failed { run, reason: reason.unwrap_or_default() }.into()
            }
            _ => ControlError::Refused { run, state, command: self },
        })
    }

    /// Whether it makes sense for this run now.
    pub(crate) fn is_allowed(self, ledger: &Ledger) -> bool {
        RunStatus::commands(ledger).contains(&self.word())
    }

    /// The outcome in words for people.
    pub(crate) fn message(self, run: &RunId, outcome: Outcome) -> String {
        match (self, outcome) {
            (Self::Pause, Outcome::Already) => format!("run {run} is paused already"),
            (Self::Pause, _) => {
                format!("run {run} is paused; go on with: {}", resume_command(run))
            }
            (Self::Cancel, Outcome::Already) => format!("run {run} is cancelled already"),
            (Self::Cancel, _) => {
                format!("run {run} is cancelled; calls that are under way are finished")
            }
            (Self::Resume, Outcome::Done) => format!("run {run} goes on"),
            (Self::Resume, Outcome::Already) => format!("run {run} is under way already"),
            (Self::Resume, Outcome::LinesLeft) => {
                format!("the last lines of run {run} are being written to its files")
            }
            (Self::Resume, Outcome::HandedToServer) => format!(
                "run {run} goes on as soon as a server takes it; watch it: {} show {run}",
                producer()
            ),
            (Self::Resume, Outcome::NobodyFeeds) => format!(
                "nobody feeds run {run}: no `{} serve` is running; go on with it in a \
                 terminal: {}",
                producer(),
                resume_command(run)
            ),
        }
    }

    /// The question that a person confirms.
    pub(crate) fn question(self, run: &RunId) -> String {
        match self {
            Self::Pause => format!("Pause run {run}? Nothing is lost; it waits to be resumed."),
            Self::Resume => format!("Resume run {run}?"),
            Self::Cancel => format!(
                "Cancel run {run}? What is queued of it is removed; that cannot be taken back."
            ),
        }
    }

    /// The name of the command.
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

/// Hands the run to a server. Also when the run looks fed: the lock of a producer that was killed a
/// moment ago looks like a live one's.
async fn hand_to_server(
    queue: &Queue,
    run: &RunId,
    outcome: Outcome,
) -> Result<Outcome, ControlError> {
    let is_fed = queue.has_live_feeder(run).await.map_err(SyncError::from)?;
    if queue.live_servers().await.map_err(SyncError::from)? == 0 {
        return Ok(if is_fed { outcome } else { Outcome::NobodyFeeds });
    }
    // If this push is lost, the next resume repeats it.
    match queue.for_a_person().push_import(run).await {
        Err(QueueError::Full { .. }) => {
            return Err(ControlError::NotHandedOver { run: run.clone() });
        }
        pushed => drop(pushed.map_err(SyncError::from)?),
    }
    Ok(if is_fed { outcome } else { Outcome::HandedToServer })
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Feeding => "being read",
        RunState::Draining => "being delivered",
        RunState::Completed => "completed",
        RunState::Failed => "failed",
        RunState::Cancelling => "being cancelled",
        RunState::Cancelled => "cancelled",
    }
}
