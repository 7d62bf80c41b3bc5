//! How a blob is compressed, detected by its first bytes.

use blob_store::{BlobError, BlobProperties, Compression, decompress};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use ingest_core::PackedFormat;
use serde::{Deserialize, Serialize};

pub(crate) type Chunks = BoxStream<'static, Result<Bytes, BlobError>>;

/// How the bytes of a blob are stored. Kept with the run: one that goes on does not ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Packing {
    /// As they are read.
    Plain,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by Zstandard.
    Zstd,
}

impl Packing {
    /// What the first [`PackedFormat::START_BYTES`] of a blob say, or all bytes of a shorter one.
    /// Neither its name nor its `Content-Encoding` counts: browsers and tools unpack files and keep
    /// their names, and compress files and keep theirs.
    ///
    /// # Errors
    ///
    /// The format that has to be unpacked by hand.
    pub(crate) fn told_by(start: &[u8]) -> Result<Self, PackedFormat> {
        match PackedFormat::of(start) {
            None => Ok(Self::Plain),
            Some(PackedFormat::Gzip) => Ok(Self::Gzip),
            Some(PackedFormat::Zstd) => Ok(Self::Zstd),
            Some(other) => Err(other),
        }
    }

    /// What a blob's `Content-Encoding` and name say: for runs of producers that went by them.
    pub(crate) fn named(blob: &BlobProperties) -> Self {
        match Compression::of(blob) {
            None => Self::Plain,
            Some(Compression::Gzip) => Self::Gzip,
            Some(Compression::Zstd) => Self::Zstd,
        }
    }

    /// What the chunks hold.
    pub(crate) fn unpack(self, chunks: Chunks) -> Chunks {
        match self {
            Self::Plain => chunks,
            Self::Gzip => decompress(chunks, Compression::Gzip).boxed(),
            Self::Zstd => decompress(chunks, Compression::Zstd).boxed(),
        }
    }

    /// Says it when a blob is something else than it is called.
    pub(crate) fn compare_with_name(self, file: &str, named: Self) {
        if self == named {
            return;
        }
        match self {
            Self::Plain => tracing::warn!(
                "{file} has the name of a compressed file, but is not compressed; it is read as text; if that is wrong, \
                 name its encoding with CSV_ENCODING"
            ),
            Self::Gzip => {
                tracing::info!("{file} is compressed with gzip, although its name does not say so");
            }
            Self::Zstd => {
                tracing::info!(
                    "{file} is compressed with Zstandard, although its name does not say so"
                );
            }
        }
    }
}
