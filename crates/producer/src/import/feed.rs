//! Pushes the batches of a file to the queue, with backpressure when it is full.

use std::{pin::pin, time::Instant};

use futures::FutureExt;
use ingest_core::{Batch, BatchJob, Header, IdLines, ResumePoint, RunId, Tally};
use job_queue::{Depth, FeedError, Feeder, Fullness, Queue};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    import::{
        backpressure::{Room, Watermarks},
        error::{ReadError, SyncError},
        metrics::ImportMetrics,
        places::{Place, Places},
        source::Source,
    },
    report::{console::Display, format::grouped},
};

/// How often a full queue is polled.
const FULL_POLL: Duration = Duration::from_millis(200);

/// How often a paused run is polled.
const PAUSED_POLL: Duration = Duration::from_millis(500);

/// How feeding ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// All of the blob is on the queue.
    Everything,
    /// Shutdown came first; feeding goes on at the checkpoint.
    Interrupted,
    /// Halted between two pushes: what was read is queued, the rest is not.
    Halted,
}

/// What feeding needs besides the source.
pub(crate) struct Feed<'a> {
    pub(crate) queue: &'a Queue,
    pub(crate) run: &'a RunId,
    pub(crate) header: &'a Header,
    pub(crate) watermarks: Watermarks,
    pub(crate) display: &'a Display,
    pub(crate) metrics: &'a ImportMetrics,
    /// Cancelled at shutdown, or when the run has ended elsewhere.
    pub(crate) shutdown: &'a CancellationToken,
    /// Cancelled when no more is to be read, though what is read is wanted.
    pub(crate) halt: &'a CancellationToken,
}

/// A file that is read while there is a place for it.
pub(crate) struct Reading<'a> {
    pub(crate) places: &'a Places,
    pub(crate) place: Option<Place>,
    pub(crate) source: Option<Source>,
    /// What was read while Redis took the batches before it, and is not pushed yet.
    pub(crate) read: Vec<Batch>,
    /// Opens the file where feeding goes on.
    pub(crate) open: Box<dyn Fn(ResumePoint) -> Source + Send + Sync + 'a>,
}

impl Reading<'_> {
    fn source(&mut self, from: ResumePoint) -> &mut Source {
        self.source.get_or_insert_with(|| (self.open)(from))
    }

    /// Gives up the place for another run, `waited` after reading had to stop. Nothing is lost:
    /// what is not pushed is read again from the checkpoint. A compressed file is then read again
    /// from its start, so it keeps its place for as long as that takes.
    fn give_way(&mut self, waited: Duration) {
        let takes = self.source.as_ref().map_or(Duration::ZERO, Source::reopening_takes);
        if self.places.are_wanted() && waited >= takes {
            (self.source, self.place) = (None, None);
            self.read.clear();
        }
    }
}

impl Feed<'_> {
    /// Puts the rest of the file on the queue.
    ///
    /// Shutdown is noticed between pushes only: a push is whole, or goes on from
    /// its checkpoint.
    pub(crate) async fn run(
        &self,
        feeder: &mut Feeder,
        reading: &mut Reading<'_>,
    ) -> Result<Fed, SyncError> {
        let Some(fullness) = self.shutdown.run_until_cancelled(feeder.fullness()).await else {
            return Ok(Fed::Interrupted);
        };
        let mut fullness = fullness?;
        let skipped = loop {
            if self.watermarks.is_reached_by(fullness) {
                let waiting = self.wait_for_room(feeder, reading, fullness);
                let waiting = self.halt.run_until_cancelled(waiting);
                match self.shutdown.run_until_cancelled(waiting).await {
                    Some(Some(room)) => fullness = room?,
                    Some(None) => return Ok(Fed::Halted),
                    None => return Ok(Fed::Interrupted),
                }
            }
            if self.halt.is_cancelled() {
                return Ok(Fed::Halted);
            }
            let mut group = std::mem::take(&mut reading.read);
            let source = reading.source(feeder.resume_point());
            let gathered = gather(source, &mut group, self.watermarks.room(fullness));
            match self.shutdown.run_until_cancelled(gathered).await {
                Some(gathered) => gathered?,
                None => return Ok(Fed::Interrupted),
            }
            if group.is_empty() {
                self.say_what_was_skipped(source.skipped());
                break source.skipped();
            }
            job_queue::failpoint!("batches-made");
            let push = self.push_and_read_on(feeder, group, fullness, reading);
            match self.shutdown.run_until_cancelled(push).await {
                Some(pushed) => fullness = pushed?,
                None => return Ok(Fed::Interrupted),
            }
        };
        match self.shutdown.run_until_cancelled(feeder.finish(skipped)).await {
            Some(finished) => finished.map(|()| Fed::Everything).map_err(Into::into),
            None => Ok(Fed::Interrupted),
        }
    }

    fn say_what_was_skipped(&self, lines: u64) {
        if lines > 0 {
            self.display.print(&format!(
                "run {}: lines without data were skipped: {} (only delimiters and blanks, or a final \
                 Ctrl-Z)",
                self.run,
                grouped(lines)
            ));
        }
    }

    /// Pushes, and reads the next batches meanwhile, as many as there will be room for behind those
    /// that are pushed. `reading` keeps them, also when pushing ends first.
    async fn push_and_read_on(
        &self,
        feeder: &mut Feeder,
        group: Vec<Batch>,
        fullness: Fullness,
        reading: &mut Reading<'_>,
    ) -> Result<Fullness, SyncError> {
        let Some(end) = group.last().map(|last| last.end) else { return Ok(fullness) };
        let pushed = Depth { jobs: group.len() as u64, bytes: weight_of(&group) };
        let expected = fullness.with(pushed);
        let mut jobs: Vec<BatchJob> = group.into_iter().map(|batch| self.job(batch)).collect();
        let mut pushing = pin!(self.push(feeder, &mut jobs, end));
        let mut read = Ok(());
        // A push is checked and kept whole, one after the other: only reading goes on beside it.
        if let Some(source) = &mut reading.source
            && self.watermarks.reads_on_beside(pushed, expected)
        {
            let reading_on = read_on(source, &mut reading.read, self.watermarks.room(expected));
            tokio::select! {
                biased;
                pushed = &mut pushing => return pushed,
                ended = reading_on => read = ended,
            }
        }
        let fullness = pushing.await?;
        read?;
        Ok(fullness)
    }

    /// Pushes; a person's pause is waited for. What Redis has accepted is not held here any more.
    async fn push(
        &self,
        feeder: &mut Feeder,
        jobs: &mut Vec<BatchJob>,
        end: ResumePoint,
    ) -> Result<Fullness, SyncError> {
        let before = feeder.resume_point().record;
        loop {
            match feeder.push(jobs, end).await {
                Err(FeedError::Paused { .. }) => {}
                pushed => {
                    let fullness = pushed?;
                    self.metrics.read(end.record.saturating_sub(before));
                    return Ok(fullness);
                }
            }
            while self.queue.ledger(self.run).await?.is_some_and(|ledger| ledger.paused) {
                sleep(PAUSED_POLL).await;
            }
        }
    }

    /// Waits until the queue is drained to its low watermark. Other runs may read meanwhile.
    async fn wait_for_room(
        &self,
        feeder: &mut Feeder,
        reading: &mut Reading<'_>,
        full: Fullness,
    ) -> Result<Fullness, SyncError> {
        let started = Instant::now();
        let mut backpressure = self.metrics.backpressure();
        self.display.backpressure_begins(full, self.watermarks.others_fill(full));
        feeder.note_backpressure(Duration::ZERO).await?;
        let mut noted = Duration::ZERO;
        loop {
            sleep(FULL_POLL).await;
            backpressure.count();
            reading.give_way(started.elapsed());
            feeder.check().await?;
            let mut fullness = feeder.fullness().await?;
            let mut goes_on = self.watermarks.is_drained_to(fullness);
            if goes_on && reading.place.is_none() {
                reading.place = Some(reading.places.take().await);
                // Other runs have pushed meanwhile.
                fullness = feeder.fullness().await?;
                goes_on = !self.watermarks.is_reached_by(fullness);
            }
            let paused = started.elapsed();
            // A pause may last hours: the ledger shows it as it grows.
            if !goes_on && paused - noted > Duration::from_secs(2) {
                feeder.note_backpressure(paused - noted).await?;
                noted = paused;
            }
            if goes_on {
                feeder.end_backpressure(paused - noted).await?;
                self.display.backpressure_ends(fullness.own, paused);
                return Ok(fullness);
            }
        }
    }

    fn job(&self, batch: Batch) -> BatchJob {
        BatchJob {
            run: self.run.clone(),
            sequence: batch.sequence,
            passes: 0,
            header: self.header.raw().clone(),
            dialect: self.header.dialect(),
            rows: batch.rows,
            rejects: batch.rejects,
            tally: Tally::default(),
            ids: IdLines::default(),
        }
    }
}

/// Adds the next batches, as many as are ready and as there is room for, one at least; none at the
/// end of the source.
async fn gather(source: &mut Source, group: &mut Vec<Batch>, room: Room) -> Result<(), ReadError> {
    if group.is_empty() {
        group.extend(source.next_batch().await?);
    }
    let mut bytes = weight_of(group);
    while !group.is_empty() && room.is_left_by(group.len(), bytes) {
        // Push what is ready instead of waiting for the next chunk.
        let Some(batch) = source.next_batch().now_or_never().transpose()?.flatten() else { break };
        bytes += weight(&batch);
        group.push(batch);
    }
    Ok(())
}

/// Adds the next batches, as many as there is room for, and waits for them.
async fn read_on(source: &mut Source, group: &mut Vec<Batch>, room: Room) -> Result<(), ReadError> {
    let mut bytes = weight_of(group);
    while room.is_left_by(group.len(), bytes) {
        let Some(batch) = source.next_batch().await? else { break };
        bytes += weight(&batch);
        group.push(batch);
        job_queue::failpoint!("read-beside-a-push");
        // What Redis has answered comes first: it waits for the next step of the push.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn weight_of(group: &[Batch]) -> u64 {
    group.iter().map(weight).sum()
}

fn weight(batch: &Batch) -> u64 {
    let rejects: usize = batch.rejects.iter().map(|reject| reject.raw.len() + 256).sum();
    (batch.rows.bytes() + rejects) as u64
}
