//! All files that one run writes.

use std::sync::OnceLock;

use blob_store::BlobStore;
use job_queue::{Ledger, Queue};

use super::file::OutputFile;
use crate::import::{error::OutputError, read_settings::ReadSettings};

/// All files that one run writes.
pub(crate) struct Outputs {
    store: BlobStore,
    settings: ReadSettings,
    rejects: OutputFile,
    /// Known from when the run has a load.
    ids: OnceLock<Option<OutputFile>>,
}

impl Outputs {
    pub(crate) fn new(store: &BlobStore, ledger: &Ledger, settings: &ReadSettings) -> Self {
        Self {
            store: store.clone(),
            settings: settings.clone(),
            rejects: OutputFile::rejects(store, ledger, settings),
            ids: OnceLock::new(),
        }
    }

    pub(crate) fn rejects(&self) -> &OutputFile {
        &self.rejects
    }

    /// The ids file, if the run has one.
    pub(crate) fn ids(&self, ledger: &Ledger) -> Result<Option<&OutputFile>, OutputError> {
        if let Some(known) = self.ids.get() {
            return Ok(known.as_ref());
        }
        let ids = OutputFile::ids(&self.store, ledger, &self.settings)?;
        if ledger.load.is_none() {
            return Ok(None);
        }
        Ok(self.ids.get_or_init(|| ids).as_ref())
    }

    /// Writes all lines of a run that has ended. A file that cannot be written keeps no other from
    /// being written; the error is that of the first one.
    pub(crate) async fn write_all(
        &self,
        queue: &Queue,
        ledger: &Ledger,
    ) -> Result<(), (job_queue::Output, OutputError)> {
        let of = |file: &OutputFile, error| (file.output(), error);
        let rejects = self.rejects.write_all(queue).await.map_err(|error| of(&self.rejects, error));
        let ids = match self.ids(ledger) {
            Ok(Some(ids)) => ids.write_all(queue).await.map_err(|error| of(ids, error)),
            Ok(None) => Ok(()),
            Err(error) => Err((job_queue::Output::Ids, error)),
        };
        rejects.and(ids)
    }
}
