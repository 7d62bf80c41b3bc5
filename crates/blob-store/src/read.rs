use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;

use crate::BlobError;

/// How much of a blob is fetched ahead of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSettings {
    /// Length of one ranged request, in bytes.
    pub chunk_bytes: u64,
    /// Requests under way or waiting to be read, at most.
    pub window: usize,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self { chunk_bytes: (4 << 20) + (64 << 10), window: 3 }
    }
}

/// The content of a blob as a stream of chunks.
#[derive(Debug)]
pub struct BlobReader {
    retries: u64,
}

impl BlobReader {
    /// Requests that had to be sent again so far.
    pub fn retries(&self) -> u64 {
        self.retries
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        unimplemented!()
    }
}
