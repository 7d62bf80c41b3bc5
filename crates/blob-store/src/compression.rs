use std::{fmt, io};

use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::{BlobError, BlobProperties, cause::Cause};

/// Length of a chunk of decompressed content, at most.
const CHUNK_BYTES: usize = 128 << 10;

/// Zstandard's own levels need up to 8 MiB; only `--long` and `--ultra` ask for
/// more, as much as 2 GiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// How the content of a blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard, of one or more frames, with a window of up to 16 MiB.
    Zstd,
}

impl Compression {
    /// Goes by the `Content-Encoding` and, without one, by the ending of the
    /// name: `.gz` or `.zst`.
    pub fn of(blob: &BlobProperties) -> Option<Self> {
        match blob.content_encoding.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("gzip" | "x-gzip") => Some(Self::Gzip),
            Some("zstd") => Some(Self::Zstd),
            _ => {
                let name = blob.name.to_ascii_lowercase();
                let of_ending = [(".gz", Self::Gzip), (".zst", Self::Zstd)];
                of_ending.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, is)| is)
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        })
    }
}

/// The decompressed content of `chunks`, in bounded memory: some 128 KiB plus
/// the decompressor's window (gzip 32 KiB, Zstandard up to 16 MiB).
///
/// An error of `chunks` comes through as it is; content that is cut short or
/// damaged gives [`BlobError::Corrupt`]. (Zstandard can tell damage for certain
/// only where the content has a checksum, as that of the program `zstd` has.)
pub fn decompress(
    chunks: impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    compression: Compression,
) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + Unpin + 'static {
    let compressed = StreamReader::new(chunks.map_err(io::Error::other).boxed());
    let content: Box<dyn AsyncRead + Send + Unpin> = match compression {
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(compressed);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Zstd => {
            let window = DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX);
            let mut decoder = ZstdDecoder::with_params(compressed, &[window]);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    };
    ReaderStream::with_capacity(content, CHUNK_BYTES)
        .map_err(move |error| blob_error(error, compression))
}

/// An error of the blob travels through the decompressor inside an I/O error.
fn blob_error(error: io::Error, compression: Compression) -> BlobError {
    match error.downcast::<BlobError>() {
        Ok(error) => error,
        Err(error) => BlobError::Corrupt { compression, source: Cause::any(&error) },
    }
}
