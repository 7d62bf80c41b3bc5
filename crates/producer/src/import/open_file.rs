//! Opens a file at its first byte, as a new run of it reads it.

use blob_store::{BlobProperties, BlobStore};
use ingest_core::{Header, RunId};
use job_queue::{Ledger, Output, Queue};

use crate::{
    import::{
        error::{ReadError, SyncError},
        output_file,
        read_settings::ReadSettings,
        source::{ReadProgress, Source, Transfer},
    },
    report::output_names::folder,
};

/// Opens files of a container.
pub(crate) struct FileOpener<'a> {
    pub(crate) store: &'a BlobStore,
    /// Where it says how the run was read that wrote a file; without it nobody knows.
    pub(crate) queue: Option<&'a Queue>,
    pub(crate) transfer: Transfer,
}

/// A file whose header was read.
pub(crate) struct OpenedFile {
    pub(crate) source: Source,
    pub(crate) header: Header,
    /// How it is read, with what its first bytes and its header have told.
    pub(crate) settings: ReadSettings,
}

impl FileOpener<'_> {
    /// Reads the header. A rejects file, or a copy of one, may be loaded like any other file: it
    /// has a dialect of its own, and its rows are those of a replay, whose cells need not be where
    /// the header has them.
    pub(crate) async fn open(
        &self,
        blob: &BlobProperties,
        settings: ReadSettings,
    ) -> Result<OpenedFile, SyncError> {
        let settings = self.settings_of_ids(blob, settings).await?;
        let as_rejects = match settings.is_replay() {
            true => None,
            false => Some(self.settings_of_rejects(blob, &settings).await?),
        };
        // A rejects file under its own name is opened in the dialect of its run.
        let (mut source, mut header) = match &as_rejects {
            Some((as_rejects, true)) => {
                self.open_source(blob, &as_rejects.clone().of_all_columns()).await?
            }
            _ => self.open_source(blob, &settings).await?,
        };
        let mut settings = settings;
        if let Some((as_rejects, _)) = as_rejects
            && header.is_of_rejects_file()
        {
            settings = as_rejects;
            (source, header) = self.open_source(blob, &settings).await?;
        }
        let (packing, encoding) = (source.packing(), source.told_encoding());
        let settings = settings.with(header.dialect(), packing, encoding);
        let settings = settings.with_guarded_cells(source.is_for_spreadsheets());
        Ok(OpenedFile { source, header, settings })
    }

    /// How this file is read if it is a rejects file or a copy of one, and whether it is the file
    /// of a known run.
    pub(super) async fn settings_of_rejects(
        &self,
        blob: &BlobProperties,
        settings: &ReadSettings,
    ) -> Result<(ReadSettings, bool), SyncError> {
        let settings = settings.clone();
        if !blob.name.starts_with(folder(Output::Rejects)) {
            return Ok((settings.for_saved_copy(), false));
        }
        let Some(run) = self.run_of(blob).await? else {
            return Ok((settings.for_saved_copy(), false));
        };
        Ok(match self.ledger(&run).await? {
            None => (settings.for_rejects_of_unknown(), false),
            Some(ledger) => {
                (settings.for_rejects_of(&ReadSettings::of(&ledger)?, Vec::new()), true)
            }
        })
    }

    /// How this file is read if it is the ids file of a known run: in the dialect of that run, and in
    /// UTF-8.
    pub(super) async fn settings_of_ids(
        &self,
        blob: &BlobProperties,
        settings: ReadSettings,
    ) -> Result<ReadSettings, SyncError> {
        if !blob.name.starts_with(folder(Output::Ids)) {
            return Ok(settings);
        }
        let Some(run) = self.run_of(blob).await? else { return Ok(settings) };
        Ok(match self.ledger(&run).await? {
            Some(ledger) => settings.for_ids_of(&ReadSettings::of(&ledger)?),
            None => settings,
        })
    }

    async fn run_of(&self, blob: &BlobProperties) -> Result<Option<RunId>, SyncError> {
        let run = output_file::run_of(self.store, &blob.name).await;
        Ok(run.map_err(ReadError::from)?)
    }

    async fn ledger(&self, run: &RunId) -> Result<Option<Ledger>, SyncError> {
        match self.queue {
            Some(queue) => Ok(queue.ledger(run).await?),
            None => Ok(None),
        }
    }

    async fn open_source(
        &self,
        blob: &BlobProperties,
        settings: &ReadSettings,
    ) -> Result<(Source, Header), SyncError> {
        let progress = ReadProgress::default();
        let mut source = Source::start(self.store, blob, settings, self.transfer, &progress);
        let header = source.header().await?;
        Ok((source, header))
    }
}
