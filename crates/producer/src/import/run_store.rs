//! Opens runs: creates new ones in the ledger, and finds those that go on.

use std::time::Duration;

use blob_store::{BlobProperties, BlobStore};
use ingest_core::RunId;
use job_queue::{Created, Ledger, NewRun, Queue, RunLoad, RunState};

use crate::{
    cli::reject_limit::RejectLimit,
    import::{
        error::{ReadError, SyncError},
        load_choice::{Chosen, SaidLoad},
        load_difference::difference,
        metrics::{ImportMetrics, StartedBy},
        open_file::{FileOpener, OpenedFile},
        output_file::Outputs,
        read_settings::{Calls, ReadSettings},
        run_request::RunRequest,
        source::{Source, Transfer},
    },
    org::Precheck,
    report::reject_limit,
};

/// The files and the ledger that runs are opened from.
#[derive(Clone, Debug)]
pub(crate) struct RunStore {
    pub(crate) store: BlobStore,
    pub(crate) queue: Queue,
    pub(crate) transfer: Transfer,
    /// See [`NewRun::keep`].
    pub(crate) keep: Duration,
    /// Asked before a run is entered.
    pub(crate) precheck: Precheck,
    pub(crate) started_by: StartedBy,
    pub(crate) metrics: ImportMetrics,
}

/// A run that is in the ledger, with what it takes to feed it.
pub(crate) struct OpenedRun {
    pub(crate) ledger: Ledger,
    /// `None` when the file is not needed any more: all of it is queued.
    pub(crate) blob: Option<BlobProperties>,
    pub(crate) settings: ReadSettings,
    /// The source of a new run, which was opened to read the header.
    pub(crate) source: Option<Source>,
}

impl RunStore {
    /// Resumes the run that the request names, or creates a new one in the ledger.
    pub(crate) async fn open(&self, request: &RunRequest) -> Result<OpenedRun, SyncError> {
        if let Some(run) = &request.run
            && let Some(ledger) = self.queue.ledger(run).await?
        {
            let opened = self.resume(ledger, Some(&request.file)).await?;
            check_load(&opened.ledger, &request.load)?;
            self.change_guard(run, request.settings.rejects_max()).await?;
            // It would load a little more each time.
            let ledger = self.find_ledger(run).await?;
            if let Some(reason) = reject_limit::that_failed(&ledger) {
                // Whoever followed it may have died before they were in their file.
                let outputs = Outputs::new(&self.store, &ledger, &opened.settings);
                let written = outputs.write_all(&self.queue, &ledger).await;
                written.map_err(|(output, error)| SyncError::output(output, &ledger, error))?;
                return Err(SyncError::LimitPassed { run: run.clone(), reason });
            }
            return Ok(opened);
        }
        // Checked before the load is chosen: the consumers may have changed since the first request.
        if let Some(key) = &request.start_key
            && let Some(run) = self.queue.run_of_start_key(key).await?
            && let Some(ledger) = self.queue.ledger(&run).await?
        {
            let opened = self.resume(ledger, Some(&request.file)).await?;
            check_load(&opened.ledger, &request.load.of_the_request())?;
            return Ok(opened);
        }
        let chosen = request.load.choose(&self.queue.live_loads().await?)?;
        let blob = self.store.properties(&request.file).await.map_err(ReadError::from)?;
        let (files, settings) = (self.files(), request.settings.clone());
        let calls = chosen.as_ref().map_or_else(Calls::default, |chosen| Calls::of(&chosen.load));
        let settings = Box::pin(files.in_batches_for(&blob, settings, calls)).await?;
        let opened = Box::pin(files.open(&blob, settings)).await?;
        let OpenedFile { source, header, settings } = opened;
        if let Some(chosen) = &chosen {
            request.confirmed.check(&chosen.load.summary, &blob.name)?;
        }
        if let Some(Chosen { load, .. }) = &chosen {
            let checked = Box::pin(self.precheck.check(load, &header)).await;
            checked.map_err(|reason| SyncError::Misfit { file: blob.name.clone(), reason })?;
        }
        let run = request.run.clone().unwrap_or_else(new_run_id);
        let new = NewRun {
            run: run.clone(),
            container: self.store.container().to_owned(),
            file: blob.name.clone(),
            etag: blob.etag.to_string(),
            file_bytes: blob.bytes,
            header: header.raw().clone(),
            settings: settings.as_kept(),
            load: chosen.as_ref().map(|chosen| chosen.load.clone()),
            replay_of: request.replay_of.clone(),
            start_key: request.start_key.clone(),
            keep: self.keep,
        };
        match self.queue.create_run(&new).await? {
            Created::New => {
                let is_replay = request.replay_of.is_some();
                self.metrics.started(if is_replay { StartedBy::Replay } else { self.started_by });
                if chosen.is_some_and(|chosen| chosen.is_assumed) {
                    self.queue.note_assumed_load(&run).await?;
                }
                job_queue::failpoint!("run-entered");
                let ledger = self.find_ledger(&run).await?;
                Ok(OpenedRun { ledger, blob: Some(blob), settings, source: Some(source) })
            }
            // Another request created the same id or key a moment ago: that run is used.
            Created::Exists => {
                let ledger = self.find_ledger(&run).await?;
                check_load(&ledger, &request.load)?;
                self.resume(ledger, Some(&request.file)).await
            }
            Created::Repeated(other) => {
                self.resume(self.find_ledger(&other).await?, Some(&request.file)).await
            }
            Created::UnderWay(run) => Err(SyncError::UnderWay { file: blob.name, run }),
        }
    }

    /// What opens the files of the container.
    pub(crate) fn files(&self) -> FileOpener<'_> {
        FileOpener { store: &self.store, queue: Some(&self.queue), transfer: self.transfer }
    }

    /// Changes the reject limit of a run that is resumed; all other settings stay, for its batches
    /// must be cut alike. Without a new limit the run keeps its own.
    pub(crate) async fn change_guard(
        &self,
        run: &RunId,
        rejects_max: Option<RejectLimit>,
    ) -> Result<(), SyncError> {
        if rejects_max.is_none() {
            return Ok(());
        }
        let settings = ReadSettings::of(&self.find_ledger(run).await?)?;
        let settings = settings.with_rejects_max(rejects_max).as_kept();
        Ok(self.queue.keep_settings(run, &settings).await?)
    }

    /// A run that is in the ledger already.
    pub(crate) async fn find(&self, run: &RunId) -> Result<OpenedRun, SyncError> {
        self.resume(self.find_ledger(run).await?, None).await
    }

    async fn resume(&self, ledger: Ledger, file: Option<&str>) -> Result<OpenedRun, SyncError> {
        let run = ledger.run.clone();
        if let Some(file) = file.filter(|file| **file != ledger.file) {
            return Err(SyncError::OtherFile { run, file: file.to_owned(), of: ledger.file });
        }
        self.check_container(&ledger)?;
        let settings = ReadSettings::of(&ledger)?;
        let properties = self.store.properties(&ledger.file).await;
        let reads = is_to_be_read(&ledger);
        let blob = match (ledger.state, properties) {
            (_, blob) if reads => Some(blob.map_err(ReadError::from)?),
            // The caller may mean a newer version of the file, which this run does not load.
            (RunState::Completed, Ok(blob)) if file.is_some() => Some(blob),
            _all_is_queued => None,
        };
        Ok(OpenedRun { ledger, blob, settings, source: None })
    }

    /// Another producer may read from the run's container.
    pub(crate) fn check_container(&self, ledger: &Ledger) -> Result<(), SyncError> {
        let (container, of) = (self.store.container().to_owned(), ledger.container.clone());
        if container == of {
            return Ok(());
        }
        Err(SyncError::OtherContainer { run: ledger.run.clone(), container, of })
    }

    /// The ledger's entry of a run that must be there.
    pub(crate) async fn find_ledger(&self, run: &RunId) -> Result<Ledger, SyncError> {
        let unknown = || SyncError::UnknownRun { run: run.clone() };
        self.queue.ledger(run).await?.ok_or_else(unknown)
    }
}

/// Whether a run has the load that is said of it. What nobody said is the run's.
fn check_load(ledger: &Ledger, said: &SaidLoad) -> Result<(), SyncError> {
    let run = ledger.run.clone();
    let kept =
        ledger.load.clone().map(|summary| RunLoad { summary, text: ledger.load_text.clone() });
    let Some(said) = said.of_run(kept.as_ref())? else { return Ok(()) };
    let Some(kept) = kept else {
        let summary = said.summary;
        let how = format!("it waits for that of a consumer, and now it is to {summary}");
        return Err(SyncError::OtherLoad { run, how });
    };
    match difference(&kept, &said, "in the run", "now") {
        // Such as a mapping file of another name.
        how if how.is_empty() => Ok(()),
        how => Err(SyncError::OtherLoad { run, how }),
    }
}

/// Part of the run's file is not queued yet. A failed run is read on when it is resumed.
pub(crate) fn is_to_be_read(ledger: &Ledger) -> bool {
    match ledger.state {
        RunState::Feeding => true,
        RunState::Failed => ledger.fed_at_ms.is_none(),
        _ => false,
    }
}

/// The time, so that people find the run, and four random characters against a collision.
fn new_run_id() -> RunId {
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let chance: String = std::iter::repeat_with(fastrand::lowercase).take(4).collect();
    format!("{time}-{chance}").parse().expect("digits, dashes and letters make a run id")
}
