//! One run, from start to report.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use blob_store::{BlobError, BlobProperties, BlobStore};
use ingest_core::{Header, RunId};
use job_queue::{FeedError, Feeder, Ledger, NewRun, Queue, RunState};
use tokio_util::sync::CancellationToken;

use crate::{
    SyncArgs,
    display::Display,
    error::{ReadError, SyncError, resume_command},
    feed::{Fed, Feed},
    follow::Follow,
    read_settings::ReadSettings,
    rejects_file::RejectsFile,
    report::Report,
    source::{ReadProgress, Source},
    watermark::Watermarks,
};

/// Everything `producer sync` works with.
pub(crate) struct Sync {
    pub(crate) args: SyncArgs,
    pub(crate) watermarks: Watermarks,
    pub(crate) settings: ReadSettings,
    pub(crate) store: BlobStore,
    pub(crate) queue: Queue,
    pub(crate) display: Display,
    pub(crate) shutdown: CancellationToken,
}

/// A run that is in the ledger, with what it takes to feed it.
struct Entered {
    ledger: Ledger,
    blob: BlobProperties,
    settings: ReadSettings,
    /// Only of a run that was entered just now: its source, already opened.
    source: Option<Source>,
}

impl Sync {
    pub(crate) async fn run(mut self) -> Result<ExitCode, SyncError> {
        let shutdown = self.shutdown.clone();
        let Some(entered) = shutdown.run_until_cancelled(self.enter()).await else {
            return Ok(service::interrupted());
        };
        let mut entered = entered?;
        loop {
            let run = entered.ledger.run.clone();
            let Some(feeder) = self.take_up(&run).await? else {
                return Ok(service::interrupted());
            };
            if let Err(error) = self.check_version(&feeder, &entered).await {
                feeder.release().await;
                return Err(error);
            }
            entered.ledger = self.ledger(&run).await?;
            self.display.started(&entered.ledger);
            let (fed, followed) = self.feed_and_follow(feeder, &mut entered).await;
            let went_back = matches!(fed, Ok(Fed::Everything))
                && matches!(&followed, Ok(ledger) if ledger.state == RunState::Feeding);
            if went_back && !self.args.no_wait && !self.shutdown.is_cancelled() {
                tracing::warn!("run {run}: redis lost its last writes; feeding it again");
                continue;
            }
            self.display.end();
            return self.conclude(&run, fed, followed);
        }
    }

    /// Both at once; the end of one that leaves nothing to do ends the other.
    async fn feed_and_follow(
        &self,
        feeder: Feeder,
        entered: &mut Entered,
    ) -> (Result<Fed, SyncError>, Result<Ledger, SyncError>) {
        let read = entered.source.as_ref().map(|source| source.progress().clone());
        let read = read.unwrap_or_default();
        let (ledger, run) = (entered.ledger.clone(), entered.ledger.run.clone());
        let is_fed = AtomicBool::new(false);
        let follow = Follow {
            queue: &self.queue,
            run: &run,
            rejects: RejectsFile::new(&self.store, &ledger, &entered.settings),
            read: read.clone(),
            display: &self.display,
            is_fed: &is_fed,
        };
        let (stop_feeding, stop_following) =
            (self.shutdown.child_token(), self.shutdown.child_token());
        let feeding = async {
            let fed = self.feed(feeder, entered, &read, &stop_feeding).await;
            is_fed.store(matches!(fed, Ok(Fed::Everything)), Ordering::Release);
            if self.args.no_wait || !matches!(fed, Ok(Fed::Everything)) {
                stop_following.cancel();
            }
            fed
        };
        let following = async {
            let followed = follow.to_the_end(ledger, &stop_following).await;
            stop_feeding.cancel();
            followed
        };
        tokio::join!(feeding, following)
    }

    /// Finds the run that is to go on, or enters a new one into the ledger.
    async fn enter(&mut self) -> Result<Entered, SyncError> {
        let blob = self.store.properties(&self.args.file).await.map_err(ReadError::from)?;
        if let Some(run) = &self.args.run_id
            && let Some(ledger) = self.queue.run(run).await?
        {
            return self.go_on_with(ledger, blob);
        }
        let container = self.store.container();
        let etag = blob.etag.to_string();
        if let Some(run) = self.queue.unfinished_run_of(container, &blob.name, &etag).await? {
            return Err(SyncError::UnderWay { file: blob.name, run });
        }
        self.begin(blob).await
    }

    async fn begin(&self, blob: BlobProperties) -> Result<Entered, SyncError> {
        let progress = ReadProgress::default();
        let mut source = Source::start(&self.store, &blob, &self.settings, &progress);
        let header = source.header().await?;
        let settings = self.settings.clone().with(header.dialect());
        let run = self.args.run_id.clone().unwrap_or_else(new_run_id);
        let new = NewRun {
            run: run.clone(),
            container: self.store.container().to_owned(),
            file: blob.name.clone(),
            etag: blob.etag.to_string(),
            file_bytes: blob.bytes,
            header: header.raw().clone(),
            settings: serde_json::to_string(&settings).expect("plain fields can be written"),
        };
        // Somebody may have entered the same id a moment ago: then we go on with theirs.
        let is_new = self.queue.create_run(&new).await?;
        let ledger = self.ledger(&run).await?;
        if is_new {
            return Ok(Entered { ledger, blob, settings, source: Some(source) });
        }
        self.go_on_with(ledger, blob)
    }

    fn go_on_with(&self, ledger: Ledger, blob: BlobProperties) -> Result<Entered, SyncError> {
        let run = ledger.run.clone();
        if ledger.file != blob.name || ledger.container != self.store.container() {
            return Err(SyncError::OtherFile { run, file: blob.name, of: ledger.file });
        }
        let settings = serde_json::from_str(&ledger.settings)
            .map_err(|_| SyncError::LedgerSettings { run })?;
        Ok(Entered { ledger, blob, settings, source: None })
    }

    /// A run reads one version of its file. What is all queued, and not
    /// delivered yet, does not need the file any more.
    async fn check_version(&self, feeder: &Feeder, entered: &Entered) -> Result<(), SyncError> {
        let Entered { ledger, blob, .. } = entered;
        if ledger.etag == blob.etag.to_string() || ledger.state == RunState::Draining {
            return Ok(());
        }
        let (run, file) = (ledger.run.clone(), blob.name.clone());
        let error = SyncError::OtherVersion { run, file };
        if !feeder.is_fed() {
            self.queue.fail_run(&ledger.run, &error.to_string()).await?;
        }
        Err(error)
    }

    async fn ledger(&self, run: &RunId) -> Result<Ledger, SyncError> {
        let unknown = || SyncError::UnknownRun { run: run.clone() };
        self.queue.run(run).await?.ok_or_else(unknown)
    }

    /// Feeds the run until all of it is queued, again from the checkpoint when the
    /// ledger goes back or the claim on the run is lost.
    async fn feed(
        &self,
        mut feeder: Feeder,
        entered: &mut Entered,
        read: &ReadProgress,
        stop: &CancellationToken,
    ) -> Result<Fed, SyncError> {
        loop {
            if feeder.is_fed() {
                feeder.release().await;
                return Ok(Fed::Everything);
            }
            let fed = self.feed_from_checkpoint(&mut feeder, entered, read, stop).await;
            feeder.release().await;
            match fed {
                // Redis came back without its last writes, or was away for longer than a claim
                // lasts: the checkpoint is the truth.
                Err(SyncError::Feed(
                    error @ (FeedError::Rewound { .. } | FeedError::LockLost { .. }),
                )) => tracing::warn!("{error}"),
                Err(SyncError::Read(ReadError::Blob(error @ BlobError::BlobChanged { .. }))) => {
                    self.queue.fail_run(&entered.ledger.run, &error.to_string()).await?;
                    return Err(ReadError::from(error).into());
                }
                fed => return fed,
            }
            feeder = match self.take_up(&entered.ledger.run).await? {
                Some(feeder) => feeder,
                None => return Ok(Fed::Interrupted),
            };
        }
    }

    async fn feed_from_checkpoint(
        &self,
        feeder: &mut Feeder,
        entered: &mut Entered,
        read: &ReadProgress,
        stop: &CancellationToken,
    ) -> Result<Fed, SyncError> {
        let Entered { ledger, blob, settings, .. } = entered;
        let from = feeder.resume_point();
        let csv = |source| ReadError::Csv { file: blob.name.clone(), source };
        let header = Header::parse(ledger.header.clone(), settings.dialect()).map_err(csv)?;
        let mut source = match entered.source.take().filter(|_| from.sequence == 0) {
            Some(source) => source,
            None => Source::resume(&self.store, blob, settings, read, header.clone(), from),
        };
        let feed = Feed {
            run: &ledger.run,
            header: &header,
            watermarks: self.watermarks,
            display: &self.display,
            shutdown: stop,
        };
        feed.run(feeder, &mut source).await
    }

    /// Claims the run. The claim of a producer that died ends by itself: that is
    /// waited for.
    async fn take_up(&self, run: &RunId) -> Result<Option<Feeder>, SyncError> {
        let mut waited = Duration::ZERO;
        loop {
            let Some(feeder) = self.shutdown.run_until_cancelled(self.queue.feeder(run)).await
            else {
                return Ok(None);
            };
            match feeder {
                Err(FeedError::HeldByAnother { for_at_most, .. })
                    if waited + for_at_most < Duration::from_secs(11) =>
                {
                    if waited.is_zero() {
                        self.display
                            .say("waiting for the claim of another producer on this run to end");
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

    /// Says how it ended.
    fn conclude(
        &self,
        run: &RunId,
        fed: Result<Fed, SyncError>,
        followed: Result<Ledger, SyncError>,
    ) -> Result<ExitCode, SyncError> {
        // A run that somebody ended fails with that one's reason, below.
        let fed = match fed {
            Err(SyncError::Feed(FeedError::RunEnded { .. })) => None,
            fed => Some(fed?),
        };
        let ledger = followed?;
        let state = ledger.state;
        let rejected = ledger.rejected;
        let resume = resume_command(&ledger.file, run);
        if state == RunState::Completed {
            self.display.completed(&ledger);
        }
        let reason = ledger.reason.clone().unwrap_or_default();
        let report = Report::of(ledger).with_own_peak_memory();
        // Nobody may be reading stdout; the run is what it is.
        let _closed = report.print(self.args.json);
        match (state, fed) {
            (RunState::Completed, _) if rejected > 0 => Ok(service::DONE_WITH_REJECTS.into()),
            (RunState::Completed, _) => Ok(ExitCode::SUCCESS),
            (RunState::Failed, _) => Err(SyncError::Failed { run: run.clone(), reason }),
            (_, Some(Fed::Everything)) if self.args.no_wait && !self.shutdown.is_cancelled() => {
                self.display.say(&format!(
                    "everything is queued; watch it: producer show {run}. At its end this writes \
                     the rejected rows to their file: {resume}"
                ));
                Ok(ExitCode::SUCCESS)
            }
            _ => {
                self.display.say(&format!("interrupted; nothing is lost. Go on with: {resume}"));
                Ok(service::interrupted())
            }
        }
    }
}

/// The time, for people who look for it, and four characters against chance.
fn new_run_id() -> RunId {
    let now = time::OffsetDateTime::now_utc();
    let format = time::macros::format_description!("[year][month][day]-[hour][minute][second]");
    let time = now.format(&format).expect("a date of our time can be written");
    let chance: String = std::iter::repeat_with(fastrand::lowercase).take(4).collect();
    format!("{time}-{chance}").parse().expect("digits, dashes and letters make a run id")
}
