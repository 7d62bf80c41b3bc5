//! A file that can be loaded, as lists of files have it.

use std::time::UNIX_EPOCH;

use blob_store::BlobProperties;
use serde::Serialize;

/// A file that can be loaded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) last_modified_ms: u64,
    pub(crate) etag: String,
}

impl ListedFile {
    pub(crate) fn of(blob: BlobProperties) -> Self {
        let since_epoch = blob.last_modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            name: blob.name,
            bytes: blob.bytes,
            last_modified_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            etag: blob.etag.to_string(),
        }
    }
}
