//! One of the files that a run writes, and the metadata that marks its blobs as this run's.

use std::collections::HashMap;

use blob_store::{AppendBlob, BlobError, BlobStore};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use ingest_core::{Header, RunId, rejects_header};
use job_queue::{Ledger, Output};
use load::{Load, Operation};

use crate::{
    import::{error::OutputError, read_settings::ReadSettings},
    report::output_names::name,
};

/// One of the files that a run writes.
pub(crate) struct OutputFile {
    pub(super) output: Output,
    pub(super) store: BlobStore,
    pub(super) run: RunId,
    /// The version of the file that the rows are of.
    pub(super) source: String,
    /// When the run began: one of the same id and file may have been forgotten before it.
    pub(super) begun: String,
    pub(super) header: Bytes,
    /// What another part took the place of stays: its lines name records that the rows come to a
    /// second time.
    pub(super) keeps_left_overs: bool,
}

impl OutputFile {
    /// The rejects file of a run.
    pub(crate) fn rejects(store: &BlobStore, ledger: &Ledger, settings: &ReadSettings) -> Self {
        let header = rejects_header(&ledger.header, settings.dialect());
        Self::new(Output::Rejects, store, ledger, header)
    }

    /// The ids file of a run; nothing, when its load has none, or as long as it has no load.
    pub(crate) fn ids(
        store: &BlobStore,
        ledger: &Ledger,
        settings: &ReadSettings,
    ) -> Result<Option<Self>, OutputError> {
        let Some(load) = load_with_ids(ledger)? else { return Ok(None) };
        let header = Header::parse(ledger.header.clone(), settings.dialect())?;
        let keeps_left_overs = load.operation == Operation::Insert;
        let ids = Self::new(Output::Ids, store, ledger, load.ids_header(&header));
        Ok(Some(Self { keeps_left_overs, ..ids }))
    }

    fn new(output: Output, store: &BlobStore, ledger: &Ledger, header: Vec<u8>) -> Self {
        Self {
            output,
            store: store.clone(),
            run: ledger.run.clone(),
            source: ledger.etag.trim_matches('"').to_owned(),
            begun: ledger.started_at_ms.to_string(),
            header: header.into(),
            keeps_left_overs: false,
        }
    }

    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Name of its first part.
    pub(crate) fn name(&self) -> String {
        self.name_of(1)
    }

    pub(super) fn name_of(&self, number: u32) -> String {
        name(self.output, &self.run, number)
    }

    /// Whether the blob of this name is this run's file as the producer wrote it: a copy that a
    /// person saved has none of its metadata.
    pub(crate) async fn is_as_written(&self, name: &str) -> Result<bool, OutputError> {
        Ok(match look_at(&self.store, name).await? {
            // Earlier producers wrote no marks.
            Some(there) if there.metadata.is_empty() => name == self.name(),
            Some(there) => self.is_ours(&there),
            None => false,
        })
    }

    /// Metadata that tells the files of this run from those of others: an id can be used again when
    /// its ledger has expired, and `a.2` can be the id of a run.
    pub(super) fn marks(&self, start: u64) -> HashMap<String, String> {
        let marks = [
            ("run", self.run.to_string()),
            ("source", self.source.clone()),
            ("begun", self.begun.clone()),
            ("start", start.to_string()),
        ];
        marks.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn is_ours(&self, there: &AppendBlob) -> bool {
        let mark = |name| there.metadata.get(name).map(String::as_str);
        // Earlier producers did not say when the run began.
        let is_of_this_time = mark("begun").is_none_or(|begun| begun == self.begun);
        mark("run") == Some(self.run.as_ref())
            && mark("source") == Some(&self.source)
            && is_of_this_time
    }

    pub(super) async fn read(&self, name: &str, from: u64, to: u64) -> Result<Bytes, BlobError> {
        let blob = self.store.properties(name).await?;
        let chunks =
            self.store.read(name, &blob.etag, to, from, blob_store::ReadSettings::default());
        let content = chunks.try_fold(BytesMut::new(), async |mut content, chunk| {
            content.extend_from_slice(&chunk);
            Ok(content)
        });
        Ok(content.await?.freeze())
    }
}

/// The run that wrote the file of this name, by the blob's metadata.
pub(crate) async fn run_of(store: &BlobStore, name: &str) -> Result<Option<RunId>, BlobError> {
    let there = look_at(store, name).await?;
    Ok(there.and_then(|there| there.metadata.get("run")?.parse().ok()))
}

/// `None` when there is no append blob of this name.
async fn look_at(store: &BlobStore, name: &str) -> Result<Option<AppendBlob>, BlobError> {
    match store.append_blob(name).await {
        Err(BlobError::OtherType { .. }) => Ok(None),
        there => there,
    }
}

/// The header of each part; nothing, when the run has no such file.
pub(super) fn header(
    output: Output,
    ledger: &Ledger,
    settings: &ReadSettings,
) -> Result<Option<Vec<u8>>, OutputError> {
    match output {
        Output::Rejects => Ok(Some(rejects_header(&ledger.header, settings.dialect()))),
        Output::Ids => ids_header(ledger, settings),
    }
}

/// What the key is called there, the load says.
fn ids_header(ledger: &Ledger, settings: &ReadSettings) -> Result<Option<Vec<u8>>, OutputError> {
    let Some(load) = load_with_ids(ledger)? else { return Ok(None) };
    let header = Header::parse(ledger.header.clone(), settings.dialect())?;
    Ok(Some(load.ids_header(&header)))
}

/// The run's load, if it asks for ids.
fn load_with_ids(ledger: &Ledger) -> Result<Option<Load>, OutputError> {
    if ledger.load_text.is_empty() {
        return Ok(None);
    }
    let load = Load::from_json(&ledger.load_text)?;
    Ok(Some(load).filter(|load| load.ids))
}
