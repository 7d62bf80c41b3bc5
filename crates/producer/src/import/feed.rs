//! Pushes the batches of a file to the queue, with backpressure when it is full.

use std::time::Instant;

use futures::FutureExt;
use ingest_core::{Batch, BatchJob, Header, IdLines, ResumePoint, RunId, Tally};
use job_queue::{FeedError, Feeder, Fullness, Queue};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    import::{
        backpressure::{Room, Watermarks},
        error::SyncError,
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
    /// Opens the file where feeding goes on.
    pub(crate) open: Box<dyn Fn(ResumePoint) -> Source + Send + Sync + 'a>,
}

impl Reading<'_> {
    fn source(&mut self, from: ResumePoint) -> &mut Source {
        self.source.get_or_insert_with(|| (self.open)(from))
    }

    /// Gives up the place for another run, `waited` after reading had to stop. Nothing is lost:
    /// what was read is pushed. A compressed file is then read again from its start, so it keeps
    /// its place for as long as that takes.
    fn give_way(&mut self, waited: Duration) {
        let takes = self.source.as_ref().map_or(Duration::ZERO, Source::reopening_takes);
        if self.places.are_wanted() && waited >= takes {
            (self.source, self.place) = (None, None);
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
            let source = reading.source(feeder.resume_point());
            let gathered = self.gather(source, self.watermarks.room(fullness));
            let batches = match self.shutdown.run_until_cancelled(gathered).await {
                Some(batches) => batches?,
                None => return Ok(Fed::Interrupted),
            };
            let Some(last) = batches.last() else {
                self.say_what_was_skipped(source.skipped());
                break source.skipped();
            };
            job_queue::failpoint!("batches-made");
            let end = last.end;
            let jobs: Vec<BatchJob> = batches.into_iter().map(|batch| self.job(batch)).collect();
            let push = self.push(feeder, &jobs, end);
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

    /// Pushes; a person's pause is waited for.
    async fn push(
        &self,
        feeder: &mut Feeder,
        jobs: &[BatchJob],
        end: ResumePoint,
    ) -> Result<Fullness, SyncError> {
        loop {
            match feeder.push(jobs, end).await {
                Err(FeedError::Paused { .. }) => {}
                pushed => return Ok(pushed?),
            }
            while self.queue.ledger(self.run).await?.is_some_and(|ledger| ledger.paused) {
                sleep(PAUSED_POLL).await;
            }
        }
    }

    /// The next batches, as many as are ready and as there is room for; none at
    /// the end of the source.
    async fn gather(&self, source: &mut Source, room: Room) -> Result<Vec<Batch>, SyncError> {
        let mut batches = Vec::new();
        let mut bytes = 0;
        let Some(first) = source.next_batch().await? else { return Ok(batches) };
        let mut next = Some(first);
        while let Some(batch) = next {
            bytes += weight(&batch);
            batches.push(batch);
            next = if room.is_left_by(batches.len(), bytes) {
                // Push what is ready instead of waiting for the next chunk.
                source.next_batch().now_or_never().transpose()?.flatten()
            } else {
                None
            };
        }
        Ok(batches)
    }

    /// Waits until the queue is drained to its low watermark. Other runs may read meanwhile.
    async fn wait_for_room(
        &self,
        feeder: &mut Feeder,
        reading: &mut Reading<'_>,
        full: Fullness,
    ) -> Result<Fullness, SyncError> {
        let started = Instant::now();
        self.display.backpressure_begins(full, self.watermarks.others_fill(full));
        feeder.note_backpressure(Duration::ZERO).await?;
        let mut noted = Duration::ZERO;
        loop {
            sleep(FULL_POLL).await;
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

fn weight(batch: &Batch) -> u64 {
    let rejects: usize = batch.rejects.iter().map(|reject| reject.raw.len() + 256).sum();
    (batch.rows.bytes() + rejects) as u64
}
