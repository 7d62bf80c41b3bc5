//! One run, from its checkpoint to its end: reading and following at once.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use blob_store::BlobProperties;
use ingest_core::{Header, RunId};
use job_queue::{FeedError, Feeder, Ledger, RunState};
use service::{SpanRole, TraceSpan};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Span, error_span, field::Empty, warn};

use crate::{
    import::{
        backpressure::Watermarks,
        error::{ReadError, SyncError},
        feed::{Fed, Feed, Reading},
        follow::{Follow, Followed},
        output_file::Outputs,
        places::{Place, Places},
        read_settings::ReadSettings,
        run_store::{OpenedRun, RunStore, is_to_be_read},
        source::{ReadProgress, Source},
    },
    report::{console::Display, output_names::rows},
};

/// How long to wait for the lock of another producer.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(11);

/// How often a run that waits for a place is polled.
const PLACE_LOOK: Duration = Duration::from_millis(500);

/// How long Redis is asked how a run ended.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// How long a place is waited for where there are other servers.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(2);

/// What a run needs to be imported.
pub(crate) struct Importer<'a> {
    pub(crate) runs: &'a RunStore,
    pub(crate) watermarks: Watermarks,
    pub(crate) display: &'a Display,
    pub(crate) until: Until,
    /// A run that is held for longer is not followed any more.
    pub(crate) held_max: Option<Duration>,
    /// A run holds one while it is read.
    pub(crate) places: &'a Places,
    /// Cancelled at shutdown.
    pub(crate) shutdown: &'a CancellationToken,
}

/// When an import has nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The run has ended. A pause is waited for.
    Ended,
    /// The run has ended, or somebody paused it.
    EndedOrPaused,
    /// All of the file is queued.
    Queued,
}

/// Whether a run may be read now.
pub(crate) enum Turn {
    Place(Place),
    /// All of it is queued, or the run has ended.
    NothingToRead,
    Over(Box<Imported>),
}

/// How an import ended without an error.
#[derive(Debug)]
pub(crate) enum Imported {
    /// Completed, failed or cancelled; its files are whole.
    Ended(Ledger),
    /// All of it is queued, and the caller asked to wait for no more.
    Queued(Ledger),
    /// A person paused the run.
    Paused,
    /// No place became free in time, and another server may have one.
    NoPlace,
    /// Shutdown came first; the run goes on at its checkpoint.
    Interrupted(Option<Ledger>),
}

/// For all that is logged about a run: JSON has its fields in each event. No filter leaves a span of this
/// level out.
pub(crate) fn run_span(run: &RunId) -> Span {
    error_span!("run", run = %run, object = Empty)
}

impl Importer<'_> {
    /// `place` is the run's, if it has one already.
    pub(crate) async fn run(
        &self,
        opened: OpenedRun,
        place: Option<Place>,
    ) -> Result<Imported, SyncError> {
        let span = TraceSpan::root("run", SpanRole::Internal);
        span.set_text("batch_sync.run", opened.ledger.run.as_ref());
        if let Some(load) = &opened.ledger.load {
            span.set_text("batch_sync.object", &load.object);
        }
        let imported = span.clone().scope(Box::pin(self.import(opened, place))).await;
        if imported.is_err() {
            span.set_failed("the run did not come to its end");
        }
        imported
    }

    async fn import(
        &self,
        mut opened: OpenedRun,
        mut place: Option<Place>,
    ) -> Result<Imported, SyncError> {
        let run = opened.ledger.run.clone();
        loop {
            if place.is_none() {
                place = match self.place_for(&opened.ledger).await? {
                    Turn::Place(place) => Some(place),
                    Turn::NothingToRead => None,
                    Turn::Over(imported) => return Ok(*imported),
                };
            }
            let Some(feeder) = self.acquire(&run).await? else {
                return Ok(Imported::Interrupted(None));
            };
            if let Err(error) =
                self.check_version(&feeder, &opened.ledger, opened.blob.as_ref()).await
            {
                feeder.release().await;
                self.write_lines_left(&opened.ledger, &opened.settings).await;
                self.count_end(&opened.ledger, None).await;
                return Err(error);
            }
            opened.ledger = self.runs.find_ledger(&run).await?;
            if let Some(load) = &opened.ledger.load {
                Span::current().record("object", &load.object);
            }
            let begun = opened.ledger.clone();
            let has_lines_left =
                begun.has_ended() && !self.runs.queue.all_lines_are_written(&run).await?;
            self.display.started(&begun, has_lines_left);
            let (fed, followed) =
                Box::pin(self.feed_and_follow(feeder, place.take(), &mut opened)).await;
            self.count_end(&begun, followed.as_ref().ok().map(|followed| &followed.ledger)).await;
            let went_back = matches!(fed, Ok(Fed::Everything))
                && matches!(&followed, Ok(followed) if followed.ledger.state == RunState::Feeding);
            if went_back && self.until != Until::Queued && !self.shutdown.is_cancelled() {
                warn!(run = %run, "run {run}: redis lost its last writes; feeding it again");
                opened.ledger = self.runs.find_ledger(&run).await?;
                continue;
            }
            return self.conclude(&begun, fed, followed?);
        }
    }

    /// A place for a run that is to be read. Nobody has taken it up meanwhile, and a person may
    /// change their mind.
    pub(crate) async fn place_for(&self, ledger: &Ledger) -> Result<Turn, SyncError> {
        let asked = Instant::now();
        let mut now = ledger.clone();
        let mut taking = pin!(self.places.take());
        loop {
            if !is_to_be_read(&now) {
                return Ok(Turn::NothingToRead);
            }
            if now.paused && self.until == Until::EndedOrPaused {
                return Ok(Turn::Over(Box::new(Imported::Paused)));
            }
            tokio::select! {
                biased;
                place = &mut taking => return Ok(Turn::Place(place)),
                () = self.shutdown.cancelled() => {
                    return Ok(Turn::Over(Box::new(Imported::Interrupted(None))));
                }
                () = tokio::time::sleep(PLACE_LOOK) => {}
            }
            if asked.elapsed() > WAIT_FOR_PLACE && self.runs.queue.live_servers().await? > 1 {
                return Ok(Turn::Over(Box::new(Imported::NoPlace)));
            }
            now = self.runs.find_ledger(&ledger.run).await?;
        }
    }

    /// Writes the lines that arrived while no process followed the run.
    async fn write_lines_left(&self, ledger: &Ledger, settings: &ReadSettings) {
        let outputs = Outputs::new(&self.runs.store, ledger, settings);
        if let Err((output, error)) = outputs.write_all(&self.runs.queue, ledger).await {
            let (rows, causes) = (rows(output), service::with_causes(&error));
            let run = &ledger.run;
            warn!(run = %run, error = causes, "could not write the {rows} of run {run}");
        }
    }

    /// Counts a run that was under way and has ended.
    async fn count_end(&self, before: &Ledger, followed: Option<&Ledger>) {
        if before.has_ended() {
            return;
        }
        match followed.filter(|ledger| ledger.has_ended()) {
            Some(ledger) => self.runs.metrics.ended(ledger),
            // What fails a run may end its follower first. A Redis that is away is not waited for.
            None if self.shutdown.is_cancelled() => {}
            None => {
                let looked = timeout(LAST_LOOK, self.runs.find_ledger(&before.run)).await;
                if let Ok(Ok(ledger)) = looked {
                    self.runs.metrics.ended(&ledger);
                }
            }
        }
    }

    fn conclude(
        &self,
        begun: &Ledger,
        fed: Result<Fed, SyncError>,
        Followed { ledger, is_whole }: Followed,
    ) -> Result<Imported, SyncError> {
        // A run that was ended elsewhere has its reason in the ledger.
        let fed = match fed {
            Err(SyncError::Feed(FeedError::RunEnded { .. })) => None,
            fed => Some(fed?),
        };
        if ledger.state == RunState::Completed && is_whole && !begun.has_ended() {
            self.display.completed(&ledger);
        }
        Ok(match fed {
            _ if is_whole => Imported::Ended(ledger),
            _ if self.shutdown.is_cancelled() => Imported::Interrupted(Some(ledger)),
            Some(Fed::Everything) if self.until == Until::Queued => Imported::Queued(ledger),
            _ if ledger.paused => Imported::Paused,
            _ => Imported::Interrupted(Some(ledger)),
        })
    }

    /// Both at once; the end of one that leaves nothing to do ends the other.
    async fn feed_and_follow(
        &self,
        feeder: Feeder,
        place: Option<Place>,
        opened: &mut OpenedRun,
    ) -> (Result<Fed, SyncError>, Result<Followed, SyncError>) {
        let read = opened.source.as_ref().map(|source| source.progress().clone());
        let read = read.unwrap_or_default();
        if let Some(doubt) = opened.source.as_ref().and_then(Source::doubt) {
            self.display.print(&format!("warning: {doubt}"));
        }
        let (ledger, run) = (opened.ledger.clone(), opened.ledger.run.clone());
        let (is_fed, is_halted) = (AtomicBool::new(false), AtomicBool::new(false));
        let halt = CancellationToken::new();
        let follow = Follow {
            queue: &self.runs.queue,
            run: &run,
            outputs: Outputs::new(&self.runs.store, &ledger, &opened.settings),
            read: read.clone(),
            display: self.display,
            is_fed: &is_fed,
            is_halted: &is_halted,
            halt: &halt,
            ends_when_paused: self.until == Until::EndedOrPaused,
            held_max: self.held_max,
        };
        let (stop_feeding, stop_following) =
            (self.shutdown.child_token(), self.shutdown.child_token());
        let feeding = async {
            let fed = self.feed(feeder, place, opened, &read, &stop_feeding, &halt).await;
            is_fed.store(matches!(fed, Ok(Fed::Everything)), Ordering::Release);
            is_halted.store(matches!(fed, Ok(Fed::Halted)), Ordering::Release);
            let is_all = matches!(fed, Ok(Fed::Everything | Fed::Halted));
            // Cancelled, the run still has batches under way: they are followed.
            let is_ended = matches!(fed, Err(SyncError::Feed(FeedError::RunEnded { .. })));
            // A run with too many rejected rows is followed on: only the follower records that it failed.
            let is_done = self.until == Until::Queued && !matches!(fed, Ok(Fed::Halted));
            if is_done || !(is_all || is_ended) {
                stop_following.cancel();
            }
            fed
        };
        let following = async {
            let followed = Box::pin(follow.to_the_end(ledger, &stop_following)).await;
            stop_feeding.cancel();
            followed
        };
        tokio::join!(feeding, following)
    }

    /// A run reads one version of its file. What is all queued, and not
    /// delivered yet, does not need the file any more.
    async fn check_version(
        &self,
        feeder: &Feeder,
        ledger: &Ledger,
        blob: Option<&BlobProperties>,
    ) -> Result<(), SyncError> {
        let Some(blob) = blob else { return Ok(()) };
        if ledger.etag == blob.etag.to_string() {
            return Ok(());
        }
        let (run, file) = (ledger.run.clone(), blob.name.clone());
        let error = SyncError::OtherVersion { run, file };
        if !feeder.is_fed() {
            let (queue, reason) = (&self.runs.queue, error.to_string());
            queue.fail_run_of_replaced_file(&ledger.run, &reason).await?;
        }
        Err(error)
    }

    /// Feeds the run until all of it is queued, again from the checkpoint when the
    /// ledger goes back or the lock on the run is lost.
    async fn feed(
        &self,
        mut feeder: Feeder,
        mut place: Option<Place>,
        opened: &mut OpenedRun,
        read: &ReadProgress,
        stop: &CancellationToken,
        halt: &CancellationToken,
    ) -> Result<Fed, SyncError> {
        loop {
            if feeder.is_fed() {
                feeder.release().await;
                return Ok(Fed::Everything);
            }
            let fed =
                self.feed_from_checkpoint(&mut feeder, &mut place, opened, read, stop, halt).await;
            feeder.release().await;
            match fed {
                // Redis came back without its last writes, or was away for longer than a lock
                // lasts: the checkpoint is the truth.
                Err(SyncError::Feed(
                    error @ (FeedError::Rewound { .. } | FeedError::LockLost { .. }),
                )) => warn!("{error}"),
                Err(SyncError::Read(error)) if error.is_for_good() => {
                    let (run, reason) = (&opened.ledger.run, error.to_string());
                    self.runs.queue.fail_run_of_replaced_file(run, &reason).await?;
                    return Err(error.into());
                }
                fed => return fed,
            }
            feeder = match self.acquire(&opened.ledger.run).await? {
                Some(feeder) => feeder,
                None => return Ok(Fed::Interrupted),
            };
        }
    }

    async fn feed_from_checkpoint(
        &self,
        feeder: &mut Feeder,
        place: &mut Option<Place>,
        opened: &mut OpenedRun,
        read: &ReadProgress,
        stop: &CancellationToken,
        halt: &CancellationToken,
    ) -> Result<Fed, SyncError> {
        if opened.blob.is_none() {
            // All of it was queued when the run was opened; since then Redis has lost its last writes.
            *opened = self.runs.find(&opened.ledger.run).await?;
        }
        let OpenedRun { ledger, blob: Some(blob), settings, .. } = opened else {
            return Ok(Fed::Everything);
        };
        let from = feeder.resume_point();
        let csv = |source| ReadError::Csv { file: blob.name.clone(), source };
        let header = Header::parse(ledger.header.clone(), settings.dialect()).map_err(csv)?;
        let (store, transfer) = (&self.runs.store, self.runs.transfer);
        let open =
            |from| Source::resume(store, blob, settings, transfer, read, header.clone(), from);
        if place.is_none() {
            *place = stop.run_until_cancelled(self.places.take()).await;
        }
        let mut reading = Reading {
            places: self.places,
            place: place.take(),
            source: opened.source.take().filter(|_| from.sequence == 0),
            read: Vec::new(),
            open: Box::new(open),
        };
        let feed = Feed {
            queue: &self.runs.queue,
            run: &ledger.run,
            header: &header,
            watermarks: self.watermarks,
            display: self.display,
            metrics: &self.runs.metrics,
            shutdown: stop,
            halt,
        };
        let fed = feed.run(feeder, &mut reading).await;
        *place = reading.place;
        fed
    }

    /// Acquires the run. The lock of a producer that died ends by itself: that is
    /// waited for.
    async fn acquire(&self, run: &RunId) -> Result<Option<Feeder>, SyncError> {
        let mut waited = Duration::ZERO;
        loop {
            let acquiring = self.runs.queue.acquire_run(run);
            let Some(feeder) = self.shutdown.run_until_cancelled(acquiring).await else {
                return Ok(None);
            };
            match feeder {
                Err(FeedError::HeldByAnother { for_at_most, .. })
                    if waited + for_at_most < WAIT_FOR_LOCK =>
                {
                    if waited.is_zero() {
                        self.display
                            .print("waiting for the lock of another producer on this run to end");
                    }
                    let pause = for_at_most + Duration::from_millis(100);
                    waited += pause;
                    let slept = self.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
                    if slept.is_none() {
                        return Ok(None);
                    }
                }
                feeder => return Ok(Some(feeder?)),
            }
        }
    }
}
