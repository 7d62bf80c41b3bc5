//! A file on its way into the container: from a disk, or over HTTP.

use std::time::Duration;

use blob_store::{BlobError, BlobProperties, BlobStore, BlobWriter, Overwrite};
use ingest_core::PackedFormat;
use serde::Serialize;

use crate::import::compression::Packing;

/// What was uploaded, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Uploaded {
    pub(crate) name: String,
    pub(crate) container: String,
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    pub(crate) seconds: f64,
    pub(crate) blocks: usize,
    pub(crate) blocks_reused: u64,
    /// The container had the same content under this name, and nothing was sent.
    pub(crate) was_there: bool,
}

/// A file of which no run could read a row.
#[derive(Debug, thiserror::Error)]
#[error("it is {0}, not CSV, so nothing was uploaded; {advice}", advice = .0.advice())]
pub(crate) struct NoCsv(PackedFormat);

/// Whether a run could read a file that begins like this. What is too short to tell is looked at when
/// it is loaded.
///
/// # Errors
///
/// When it is in a format that has to be unpacked by hand, or is no table at all.
pub(crate) fn check_start(start: &[u8]) -> Result<(), NoCsv> {
    Packing::told_by(start).map(drop).map_err(NoCsv)
}

/// Begins to upload a file. Nothing is visible before the commit.
pub(crate) async fn begin(
    store: &BlobStore,
    name: &str,
    overwrite: Overwrite,
) -> Result<BlobWriter, BlobError> {
    let writer = store.write_creating_container(name, overwrite).await?;
    Ok(writer.with_content_type(content_type(name)))
}

/// Makes the file visible, all of which has been written.
pub(crate) async fn commit(
    store: &BlobStore,
    mut writer: BlobWriter,
    took: Duration,
) -> Result<Uploaded, BlobError> {
    writer.stage_all().await?;
    let (blocks, blocks_reused) = (writer.blocks(), writer.blocks_reused());
    let was_there = writer.is_there();
    let BlobProperties { name, bytes, etag, .. } = writer.commit().await?;
    Ok(Uploaded {
        name,
        container: store.container().to_owned(),
        bytes,
        etag: etag.to_string(),
        seconds: (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
        blocks,
        blocks_reused,
        was_there,
    })
}

/// For browsers and tools: a run looks at the content itself.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
        Some("gz") => "application/gzip",
        Some("zst") => "application/zstd",
        _ => "text/csv",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_is_not_said_to_be_csv() {
        let cases = [
            ("a.csv", "text/csv"),
            ("a", "text/csv"),
            ("exports.gz/a", "text/csv"),
            ("a.csv.GZ", "application/gzip"),
            ("a.csv.zst", "application/zstd"),
        ];

        for (name, expected) in cases {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }
}
