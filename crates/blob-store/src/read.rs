use std::{
    collections::VecDeque,
    fmt,
    num::NonZero,
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use azure_core::{
    error::ErrorKind,
    http::{Etag, StatusCode, headers::HeaderName},
};
use azure_storage_blob::{BlobClient, models::BlobClientDownloadOptions};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream::FuturesOrdered};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    BlobError, BlobEtag,
    error::Subject,
    retry::{RetryBudget, TRANSFER},
};

/// How much of a blob is fetched ahead of its reader. Takes up to
/// `chunk_bytes * (window + 1)` bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadSettings {
    /// Length of one ranged request and of each chunk but the last, in bytes.
    /// The default is a little over 4 MiB: Azurite hashes everything up to
    /// there, which makes it two to three times slower.
    pub chunk_bytes: NonZero<u32>,
    /// Requests under way, or answered and not read yet.
    pub window: NonZero<u32>,
    /// How long a connection may be silent before it is given up and opened anew.
    pub stalled_after: Duration,
    /// How long to try on without a single byte before reading fails.
    pub gives_up_after: Duration,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self {
            chunk_bytes: const { NonZero::new((4 << 20) + (64 << 10)).expect("not zero") },
            window: const { NonZero::new(3).expect("not zero") },
            stalled_after: Duration::from_secs(30),
            gives_up_after: TRANSFER,
        }
    }
}

/// One version of a blob as a stream of chunks.
///
/// A few ranged requests run ahead, each on its own task into its own buffer,
/// so that a caller who pauses for hours leaves no connection open for longer
/// than its chunk takes. A request that breaks off or stalls goes on at its last
/// byte; the blob's version is pinned by its `ETag` in each of them.
///
/// The stream ends with the first error: [`BlobError::BlobChanged`],
/// [`BlobError::NoSuchBlob`], [`BlobError::Denied`], or
/// [`BlobError::Unreachable`] after two minutes (see [`ReadSettings`]) without a
/// single byte.
pub struct BlobReader {
    source: Result<Arc<Source>, Option<BlobError>>,
    rest: Range<u64>,
    settings: ReadSettings,
    fetches: FuturesOrdered<AbortOnDropHandle<Result<Bytes, BlobError>>>,
    buffers: Buffers,
}

impl BlobReader {
    pub(crate) fn new(
        client: Result<BlobClient, BlobError>,
        subject: Subject,
        etag: &BlobEtag,
        rest: Range<u64>,
        settings: ReadSettings,
    ) -> Self {
        let source = client.map_err(Some).map(|client| {
            Arc::new(Source {
                client,
                subject,
                etag: Etag::from(etag.to_string()),
                settings,
                retries: AtomicU64::new(0),
            })
        });
        let lent_max = settings.window.get() as usize + 1;
        let buffers = Buffers { lent: VecDeque::new(), lent_max };
        Self { source, rest, settings, fetches: FuturesOrdered::new(), buffers }
    }

    /// Requests that had to be sent again so far.
    pub fn retries(&self) -> u64 {
        self.source.as_ref().map_or(0, |source| source.retries.load(Ordering::Relaxed))
    }

    fn fetch_ahead(&mut self, source: &Arc<Source>) {
        while !self.rest.is_empty() && self.fetches.len() < self.settings.window.get() as usize {
            let chunk_bytes = u64::from(self.settings.chunk_bytes.get());
            let end = self.rest.end.min(self.rest.start.saturating_add(chunk_bytes));
            let range = std::mem::replace(&mut self.rest.start, end)..end;
            let buffer = self.buffers.take(capacity(&range));
            let fetch = Arc::clone(source).fetch(range, buffer);
            self.fetches.push_back(AbortOnDropHandle::new(tokio::spawn(fetch)));
        }
    }

    fn stop(&mut self) {
        self.rest = 0..0;
        self.fetches = FuturesOrdered::new();
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let source = match &mut self.source {
            Ok(source) => Arc::clone(source),
            Err(error) => return Poll::Ready(error.take().map(Err)),
        };
        self.fetch_ahead(&source);
        let chunk = match ready!(self.fetches.poll_next_unpin(context)) {
            None => return Poll::Ready(None),
            Some(Ok(chunk)) => chunk,
            Some(Err(stopped)) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(BlobError::Stopped { name: source.subject.name() }),
            },
        };
        match &chunk {
            Ok(bytes) => self.buffers.lend(bytes.clone()),
            Err(_) => self.stop(),
        }
        Poll::Ready(Some(chunk))
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("rest", &self.rest)
            .field("settings", &self.settings)
            .field("retries", &self.retries())
            .finish_non_exhaustive()
    }
}

/// The memory of chunks that the caller has dropped, for the chunks to come:
/// allocating megabytes again and again leaves holes that look like a leak.
#[derive(Debug)]
struct Buffers {
    lent: VecDeque<Bytes>,
    lent_max: usize,
}

impl Buffers {
    fn take(&mut self, capacity: usize) -> BytesMut {
        for _ in 0..self.lent.len() {
            match self.lent.pop_front().map(Bytes::try_into_mut) {
                Some(Ok(mut returned)) => {
                    returned.clear();
                    return returned;
                }
                Some(Err(still_lent)) => self.lent.push_back(still_lent),
                None => break,
            }
        }
        BytesMut::with_capacity(capacity)
    }

    fn lend(&mut self, chunk: Bytes) {
        self.lent.push_back(chunk);
        if self.lent.len() > self.lent_max {
            // Held on to by the caller, who is now the one to free it.
            self.lent.pop_front();
        }
    }
}

/// What all requests of one reader share.
struct Source {
    client: BlobClient,
    subject: Subject,
    etag: Etag,
    settings: ReadSettings,
    retries: AtomicU64,
}

impl Source {
    /// Fills `buffer` with `range`, with as many requests as it takes.
    async fn fetch(
        self: Arc<Self>,
        range: Range<u64>,
        mut buffer: BytesMut,
    ) -> Result<Bytes, BlobError> {
        let mut budget = RetryBudget::new(self.settings.gives_up_after);
        loop {
            let begun = buffer.len();
            let rest = range.start + begun as u64..range.end;
            if rest.is_empty() {
                return Ok(buffer.freeze());
            }
            let Err(error) = self.request(rest, &mut buffer).await else { continue };
            if buffer.len() > begun {
                budget.progressed();
            }
            if !budget.wait_after(&error).await {
                return Err(self.error(&error));
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                "reading {} goes on at byte {}",
                self.subject,
                range.start + buffer.len() as u64
            );
        }
    }

    /// One request; what has arrived stays in `buffer` when it fails.
    async fn request(&self, range: Range<u64>, buffer: &mut BytesMut) -> azure_core::Result<()> {
        let full = buffer.len() + capacity(&range);
        let expected = format!("bytes {}-{}/", range.start, range.end - 1);
        let options = BlobClientDownloadOptions {
            // One request of one part: the library then hands on the body as it
            // comes, instead of collecting it in a buffer of its own.
            partition_size: NonZero::new(capacity(&range)),
            parallel: NonZero::new(1),
            range: Some(range.into()),
            if_match: Some(self.etag.clone()),
            ..Default::default()
        };
        let mut answer = self.in_time(self.client.download(Some(options))).await?;
        let range = answer.headers.get_optional_str(&HeaderName::from_static("content-range"));
        if !range.is_some_and(|range| range.starts_with(&expected)) {
            return Err(nonsense("the answer is for another range than was asked for"));
        }
        while let Some(piece) = self.in_time(answer.body.try_next()).await? {
            if buffer.len() + piece.len() > full {
                return Err(nonsense("the answer is longer than was asked for"));
            }
            buffer.extend_from_slice(&piece);
        }
        if buffer.len() < full {
            return Err(azure_core::Error::with_message(ErrorKind::Io, "the answer ended early"));
        }
        Ok(())
    }

    async fn in_time<T>(
        &self,
        step: impl Future<Output = azure_core::Result<T>>,
    ) -> azure_core::Result<T> {
        tokio::time::timeout(self.settings.stalled_after, step).await.unwrap_or_else(|_| {
            Err(azure_core::Error::with_message(ErrorKind::Io, "the connection stalled"))
        })
    }

    fn error(&self, error: &azure_core::Error) -> BlobError {
        match error.http_status() {
            Some(StatusCode::PreconditionFailed) => self.subject.changed(),
            _ => self.subject.error(error),
        }
    }
}

fn nonsense(what: &'static str) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::DataConversion, what)
}

/// Length of a range of at most one chunk.
fn capacity(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).expect("a chunk is shorter than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_dropped_chunk_is_used_again() {
        let mut buffers = Buffers { lent: VecDeque::new(), lent_max: 2 };
        let mut first = buffers.take(100);
        let memory = first.as_ptr();
        first.extend_from_slice(b"chunk");
        let lent = first.freeze();
        buffers.lend(lent.clone());

        let while_it_is_lent = buffers.take(100);
        let part_that_is_kept = lent.slice(1..3);
        drop(lent);
        let while_a_part_is_kept = buffers.take(100);
        drop(part_that_is_kept);
        let after = buffers.take(100);

        assert_ne!(while_it_is_lent.as_ptr(), memory);
        assert_ne!(while_a_part_is_kept.as_ptr(), memory);
        assert_eq!((after.as_ptr(), after.len(), after.capacity()), (memory, 0, 100));
    }

    #[test]
    fn a_caller_who_keeps_everything_is_not_kept_account_of() {
        let mut buffers = Buffers { lent: VecDeque::new(), lent_max: 2 };

        for _ in 0..10 {
            buffers.lend(Bytes::from_static(b"kept"));
        }

        assert_eq!(buffers.lent.len(), 2);
    }
}
