use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::{BlobError, BlobProperties};

/// How a blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`, also of several members.
    Gzip,
    /// `.zst`.
    Zstd,
}

impl Compression {
    /// Told by the name's ending or the `Content-Encoding`.
    pub fn of(_blob: &BlobProperties) -> Option<Self> {
        None
    }
}

/// The decompressed content of a stream of chunks.
pub fn decompress(
    chunks: impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    _compression: Compression,
) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + Unpin + 'static {
    chunks.boxed()
}
