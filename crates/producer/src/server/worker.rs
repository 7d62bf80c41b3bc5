//! Runs that were started over HTTP: this server takes them from the queue
//! `full-import`, reads some at a time, and follows all it has to their ends.

use std::{sync::Arc, time::Duration};

use apalis::{layers::WorkerBuilderExt, prelude::*};
use job_queue::{ClaimedImport, ImportBackend, QueueError};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, warn};

use crate::{
    import::{
        backpressure::Watermarks,
        error::SyncError,
        importer::{Imported, Importer, Turn, Until, run_span},
        places::Places,
        run_store::RunStore,
    },
    report::console::Display,
};

/// How often a run is claimed before it is interrupted: with the delays between, about two hours.
const DELIVERIES_MAX: u32 = 30;

/// Another producer has the run: `producer sync`, or a server that has not released it yet.
const HELD_DELAY: Duration = Duration::from_secs(5);

/// This server reads from another container than the run's.
const ELSEWHERE_DELAY: Duration = Duration::from_secs(60);

/// Runs that a server has at a time. Following one is cheap; how many are read is another matter, see
/// [`Places`].
const RUNS_MAX: usize = 64;

/// A run that found no place here may be claimed by any server.
const NO_PLACE_DELAY: Duration = Duration::from_secs(1);

/// Imports runs, several at a time.
pub(crate) struct ImportWorker {
    pub(crate) runs: RunStore,
    pub(crate) watermarks: Watermarks,
    /// For those that are being read.
    pub(crate) places: Places,
    pub(crate) shutdown: CancellationToken,
}

/// Claims runs until shutdown, and then puts back those that it has, to go on at their checkpoints.
pub(crate) async fn run_worker(worker: Arc<ImportWorker>) -> Result<(), WorkerError> {
    let name = service::unique_name("server");
    let backend = ImportBackend::new(worker.runs.queue.clone(), &name);
    let stop = worker.shutdown.clone();
    WorkerBuilder::new(name)
        .backend(backend)
        .data(worker)
        .concurrency(RUNS_MAX)
        .build(import)
        .run_until(async move {
            stop.cancelled().await;
            Ok::<_, WorkerError>(())
        })
        .await
}

async fn import(claimed: ClaimedImport, worker: Data<Arc<ImportWorker>>) -> Result<(), QueueError> {
    let span = run_span(claimed.run());
    Box::pin(worker.import(&claimed)).instrument(span).await
}

impl ImportWorker {
    async fn import(&self, claimed: &ClaimedImport) -> Result<(), QueueError> {
        let run = claimed.run();
        if claimed.deliveries() > DELIVERIES_MAX {
            let reason = format!("its import was begun {DELIVERIES_MAX} times and broke off");
            return self.interrupt(claimed, &reason).await;
        }
        match self.try_import(claimed).await {
            Ok(Imported::Ended(_) | Imported::Queued(_)) => claimed.ack().await.map(drop),
            Ok(Imported::Paused) if claimed.ack_if_paused().await? => Ok(()),
            Ok(Imported::Paused | Imported::Interrupted(_)) => {
                claimed.release(Duration::ZERO).await.map(drop)
            }
            Ok(Imported::NoPlace) => claimed.release(NO_PLACE_DELAY).await.map(drop),
            Err(error) => match what_next(&error, claimed.deliveries()) {
                Next::Wait(delay) => {
                    info!(run = %run, "run {run} waits: {error}");
                    claimed.release(delay).await.map(drop)
                }
                Next::TryAgain(delay) => {
                    let causes = service::with_causes(&error);
                    warn!(run = %run, "run {run} is tried again in {} s: {causes}", delay.as_secs());
                    claimed.retry(delay).await.map(drop)
                }
                Next::Interrupt => self.interrupt(claimed, &service::with_causes(&error)).await,
                Next::Done => {
                    warn!(run = %run, "run {run}: {}", service::with_causes(&error));
                    claimed.ack().await.map(drop)
                }
            },
        }
    }

    async fn try_import(&self, claimed: &ClaimedImport) -> Result<Imported, SyncError> {
        let display = Display::Log(claimed.run().clone());
        let import = Importer {
            runs: &self.runs,
            watermarks: self.watermarks,
            display: &display,
            until: Until::EndedOrPaused,
            held_max: None,
            places: &self.places,
            shutdown: &self.shutdown,
        };
        let looked = self.shutdown.run_until_cancelled(self.runs.find_ledger(claimed.run())).await;
        let Some(ledger) = looked.transpose()? else { return Ok(Imported::Interrupted(None)) };
        self.runs.check_container(&ledger)?;
        let place = match import.place_for(&ledger).await? {
            Turn::Place(place) => Some(place),
            Turn::NothingToRead => None,
            Turn::Over(imported) => return Ok(*imported),
        };
        // Only now: the file may have been replaced while the run waited for its turn.
        let found = self.shutdown.run_until_cancelled(self.runs.find(claimed.run())).await;
        let Some(opened) = found else { return Ok(Imported::Interrupted(None)) };
        Box::pin(import.run(opened?, place)).await
    }

    /// Interrupts the run until a person resumes it. What is queued is still delivered.
    async fn interrupt(&self, claimed: &ClaimedImport, reason: &str) -> Result<(), QueueError> {
        let run = claimed.run();
        error!(run = %run, "run {run} is interrupted: {reason}");
        // Before the job is removed, so that the run is never seen without a server and without the reason.
        self.runs.queue.note_interruption(run, reason).await?;
        claimed.ack().await.map(drop)
    }
}

/// What to do with a run whose import failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another producer has the run, or must take it.
    Wait(Duration),
    /// Retryable: the cause may pass by itself.
    TryAgain(Duration),
    /// A person has to fix the cause.
    Interrupt,
    /// The run has ended, or another run loads its file: not retryable.
    Done,
}

fn what_next(error: &SyncError, deliveries: u32) -> Next {
    match error {
        SyncError::Feed(job_queue::FeedError::HeldByAnother { .. }) => Next::Wait(HELD_DELAY),
        // A server that reads from that container may take it.
        SyncError::OtherContainer { .. } => Next::Wait(ELSEWHERE_DELAY),
        error if error.may_heal() && deliveries < DELIVERIES_MAX => {
            Next::TryAgain(backoff(deliveries))
        }
        error if error.interrupts() => Next::Interrupt,
        _ => Next::Done,
    }
}

/// Five seconds, doubled each time, five minutes at most.
fn backoff(deliveries: u32) -> Duration {
    Duration::from_secs(5 << deliveries.saturating_sub(1).min(10)).min(Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_further_and_further_apart() {
        let delays = [1, 2, 3, 6, 7, 30].map(|deliveries| backoff(deliveries).as_secs());

        assert_eq!(delays, [5, 10, 20, 160, 300, 300]);
    }
}
