//! Writes rejected rows, and ids, that arrive when no process follows the run any more: it ended while it was
//! paused, was cancelled after an interruption, or failed while batches were being delivered. Ends cancelled
//! runs whose consumers died.

use std::{collections::HashSet, time::Duration};

use ingest_core::RunId;
use job_queue::{Ledger, RunState};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::import::{output_file::Outputs, read_settings::ReadSettings, run_store::RunStore};

/// How often the runs are swept.
const INTERVAL: Duration = Duration::from_secs(5);

/// Until then the process that follows the run writes them.
const LATE_MS: u64 = 5_000;

/// How many runs are swept, the newest first.
const RUNS: usize = 100;

/// Writes them until `stop`.
pub(crate) async fn sweep_lines(runs: RunStore, stop: CancellationToken) {
    // Warn once per run: a broken file stays broken until a person fixes it.
    let mut told = HashSet::new();
    let looking = async {
        loop {
            tokio::time::sleep(INTERVAL).await;
            match runs.queue.runs(RUNS).await {
                Ok(ledgers) => {
                    write_those_of(&runs, &ledgers, &mut told).await;
                    end_cancelled(&runs, &ledgers).await;
                }
                Err(error) => warn!("could not sweep for unwritten lines: {error}"),
            }
        }
    };
    stop.run_until_cancelled(looking).await;
}

async fn end_cancelled(runs: &RunStore, ledgers: &[Ledger]) {
    for ledger in ledgers.iter().filter(|ledger| ledger.state == RunState::Cancelling) {
        if let Err(error) = runs.queue.cancel_run(&ledger.run).await {
            warn!(run = %ledger.run, "could not go on cancelling run {}: {error}", ledger.run);
        }
    }
}

async fn write_those_of(runs: &RunStore, ledgers: &[Ledger], told: &mut HashSet<RunId>) {
    told.retain(|run| ledgers.iter().any(|ledger| ledger.run == *run));
    for ledger in ledgers.iter().filter(|ledger| is_nobodys(ledger, runs.store.container())) {
        match write(runs, ledger).await {
            Ok(()) => _ = told.remove(&ledger.run),
            Err(error) if told.insert(ledger.run.clone()) => {
                let causes = service::with_causes(error.as_ref());
                warn!(run = %ledger.run, "could not write what is left of run {}: {causes}", ledger.run);
            }
            Err(_told) => {}
        }
    }
}

/// The run has ended a while ago, and its container is this server's.
fn is_nobodys(ledger: &Ledger, container: &str) -> bool {
    let ended_for = ledger.finished_at_ms.map_or(0, |at| ledger.now_ms.saturating_sub(at));
    ledger.has_ended() && ended_for >= LATE_MS && ledger.container == container
}

async fn write(runs: &RunStore, ledger: &Ledger) -> anyhow::Result<()> {
    if runs.queue.all_lines_are_written(&ledger.run).await? {
        return Ok(());
    }
    // Lists of runs are without headers.
    let ledger = runs.find_ledger(&ledger.run).await?;
    let settings = ReadSettings::of(&ledger)?;
    let outputs = Outputs::new(&runs.store, &ledger, &settings);
    Ok(outputs.write_all(&runs.queue, &ledger).await.map_err(|(_, error)| error)?)
}
