//! The rejects file of one run, and the metadata that marks its blobs as this run's.

use std::collections::HashMap;

use blob_store::{AppendBlob, BlobError, BlobStore};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use ingest_core::{RunId, rejects_header};
use job_queue::Ledger;

use crate::{
    import::{error::RejectsError, read_settings::ReadSettings},
    report::rejects_names::name,
};

/// The rejects file of one run.
pub(crate) struct RejectsFile {
    pub(super) store: BlobStore,
    pub(super) run: RunId,
    /// The version of the file that the rows are of.
    pub(super) source: String,
    pub(super) header: Bytes,
}

impl RejectsFile {
    pub(crate) fn new(store: &BlobStore, ledger: &Ledger, settings: &ReadSettings) -> Self {
        Self {
            store: store.clone(),
            run: ledger.run.clone(),
            source: ledger.etag.trim_matches('"').to_owned(),
            header: rejects_header(&ledger.header, settings.dialect()).into(),
        }
    }

    /// Name of its first part.
    pub(crate) fn name(&self) -> String {
        name(&self.run, 1)
    }

    /// Whether the blob of this name is this run's file as the producer wrote it: a copy that a
    /// person saved has none of its metadata.
    pub(crate) async fn is_as_written(&self, name: &str) -> Result<bool, RejectsError> {
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
        let marks = [("run", self.run.to_string()), ("source", self.source.clone())];
        let start = ("start", start.to_string());
        marks.into_iter().chain([start]).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn is_ours(&self, there: &AppendBlob) -> bool {
        let is = |name, value: &str| there.metadata.get(name).is_some_and(|mark| mark == value);
        is("run", self.run.as_ref()) && is("source", &self.source)
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

/// The run that wrote the rejects file of this name, by the blob's metadata.
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

/// Length of the header of each part.
pub(super) fn header_bytes(ledger: &Ledger, settings: &ReadSettings) -> u64 {
    rejects_header(&ledger.header, settings.dialect()).len() as u64
}
