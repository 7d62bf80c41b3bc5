//! Polls a run once for all the streams that show it.
//!
//! ```text
//! ledger, batch events ──every 500 ms──▶ watcher ──Snapshot──▶ stream, stream, …
//! ```
//!
//! A run is watched while at least one stream shows it. A stream that is late or
//! slow gets the newest snapshot and skips what came between.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ingest_core::RunId;
use job_queue::{EventId, Ledger, Queue};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::server::live::{
    frames::{Observation, Snapshot},
    queue_state::{QueueState, QueueWatch},
};

/// How often a watched run is polled.
const LOOK: Duration = Duration::from_millis(500);

/// When a poll takes longer, the streams are told that their data is stale.
const LATE: Duration = Duration::from_secs(3);

/// The watched runs.
#[derive(Clone, Debug)]
pub(crate) struct Broadcaster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Queue,
    queue_watch: Arc<QueueWatch>,
    stop: CancellationToken,
    watched: Mutex<HashMap<RunId, Arc<watch::Sender<Snapshot>>>>,
}

impl Broadcaster {
    pub(crate) fn new(queue: Queue, queue_watch: Arc<QueueWatch>, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared { queue, queue_watch, stop, watched: Mutex::default() }))
    }

    /// The snapshots of a run, the newest first of all when there is one already.
    /// They end when the run has ended, or this program is stopped.
    pub(crate) fn watch(&self, run: &RunId) -> watch::Receiver<Snapshot> {
        let mut watched = self.0.watched();
        if let Some(snapshots) = watched.get(run) {
            let mut receiver = snapshots.subscribe();
            if snapshots.borrow().tick > 0 {
                receiver.mark_changed();
            }
            return receiver;
        }
        let (snapshots, receiver) = watch::channel(Snapshot::default());
        let snapshots = Arc::new(snapshots);
        watched.insert(run.clone(), Arc::clone(&snapshots));
        let watcher = Watcher {
            shared: Arc::clone(&self.0),
            run: run.clone(),
            snapshots,
            last: EventId::default(),
            before: None,
        };
        tokio::spawn(watcher.watch());
        receiver
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, HashMap<RunId, Arc<watch::Sender<Snapshot>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a run when no stream shows it. Under the lock under which streams
    /// come, so none is left without its watcher.
    fn forget_if_unwatched(&self, run: &RunId, snapshots: &watch::Sender<Snapshot>) -> bool {
        let mut watched = self.watched();
        let is_unwatched = snapshots.receiver_count() == 0;
        if is_unwatched {
            watched.remove(run);
        }
        is_unwatched
    }

    /// Later streams of the run start a new watcher.
    fn forget(&self, run: &RunId) {
        self.watched().remove(run);
    }
}

/// Polls one run.
struct Watcher {
    shared: Arc<Shared>,
    run: RunId,
    snapshots: Arc<watch::Sender<Snapshot>>,
    last: EventId,
    before: Option<(Ledger, Arc<QueueState>)>,
}

impl Watcher {
    async fn watch(mut self) {
        let stop = self.shared.stop.clone();
        loop {
            match stop.run_until_cancelled(self.look_or_say_stale()).await {
                Some(Ok(true)) => {}
                Some(Ok(false)) | None => return self.shared.forget(&self.run),
                Some(Err(error)) => {
                    let causes = service::with_causes(error.as_ref());
                    tracing::warn!(run = %self.run, "could not look at run {}: {causes}", self.run);
                    say_stale(&self.snapshots);
                }
            }
            stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
            if self.shared.forget_if_unwatched(&self.run, &self.snapshots) {
                return;
            }
        }
    }

    /// Redis being away is waited out, but not in silence.
    async fn look_or_say_stale(&mut self) -> anyhow::Result<bool> {
        let snapshots = Arc::clone(&self.snapshots);
        let look = self.look();
        tokio::pin!(look);
        if let Ok(looked) = tokio::time::timeout(LATE, &mut look).await {
            return looked;
        }
        say_stale(&snapshots);
        look.await
    }

    /// One look, and the snapshot that follows when something has changed. Gives
    /// whether there will be more to see.
    async fn look(&mut self) -> anyhow::Result<bool> {
        let queue = &self.shared.queue;
        let Some(ledger) = queue.ledger(&self.run).await? else { return Ok(false) };
        // After the ledger: of a run that has ended, these are all there are.
        let batches = queue.batch_events(&self.run, &self.last).await?;
        let queue_state = self.shared.queue_watch.state().await?;
        let has_ended = ledger.has_ended() && queue.all_lines_are_written(&self.run).await?;
        if let Some(last) = batches.last() {
            self.last = last.id.clone();
        }
        let before = self.before.as_ref();
        let is_news = has_ended || self.snapshots.borrow().is_stale;
        if before.is_none_or(|before| is_news || !is_same(before, &ledger, &queue_state)) {
            let look = Observation {
                before: before.map(|(ledger, _)| ledger),
                ledger: &ledger,
                queue: &queue_state,
                batches: &batches,
                last: &self.last,
                has_ended,
            };
            let snapshot = self.snapshots.borrow().after(&look)?;
            self.snapshots.send_replace(snapshot);
        }
        self.before = Some((ledger, queue_state));
        Ok(!has_ended)
    }
}

/// Marks the snapshot as stale, once.
fn say_stale(snapshots: &watch::Sender<Snapshot>) {
    snapshots.send_if_modified(|snapshot| !std::mem::replace(&mut snapshot.is_stale, true));
}

/// The clock alone is no change.
fn is_same(before: &(Ledger, Arc<QueueState>), ledger: &Ledger, queue: &QueueState) -> bool {
    let (ledger_before, queue_before) = before;
    let then = Ledger { now_ms: ledger.now_ms, ..ledger_before.clone() };
    then == *ledger && **queue_before == *queue
}
