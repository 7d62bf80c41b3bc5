//! `rejects/<run>.csv`: the rejected rows as they came, each with its reason.
//!
//! The file is an append blob: its header, then the lines that Redis hands out in
//! order. Whatever dies when, the file's length tells which of them it has, so
//! every line is written exactly once.

use blob_store::{Appended, BlobError, BlobStore, ReadSettings};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use ingest_core::{RunId, rejects_header};
use job_queue::{Ledger, PendingRejects, Queue, QueueError};
use tokio::sync::Semaphore;

use crate::read_settings;

/// Bytes in one append; the service takes 4 MiB.
const APPEND_BYTES_MAX: usize = 1 << 20;

/// A server follows many runs, and what is being appended is in memory: this many at a time.
static WRITERS: Semaphore = Semaphore::const_new(2);

/// What the names of all rejects files begin with.
pub(crate) const FOLDER: &str = "rejects/";

/// Name of a run's rejects file.
pub(crate) fn name(run: &RunId) -> String {
    format!("{FOLDER}{run}.csv")
}

/// Why rejected rows could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RejectsError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(
        "{name} does not go on at byte {start} as this run left it ({length} bytes long); if it is \
         of an earlier run of the same id, move it away, else put back the file that was there"
    )]
    NotOurs { name: String, length: u64, start: u64 },
}

/// Writes the rejects file of one run.
pub(crate) struct RejectsFile {
    store: BlobStore,
    run: RunId,
    name: String,
    header: Bytes,
}

impl RejectsFile {
    pub(crate) fn new(
        store: &BlobStore,
        ledger: &Ledger,
        settings: &read_settings::ReadSettings,
    ) -> Self {
        Self {
            store: store.clone(),
            run: ledger.run.clone(),
            name: name(&ledger.run),
            header: rejects_header(&ledger.header, settings.dialect()).into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Writes the next lines, when there are at least `bytes_min` of them. Gives
    /// whether there may be more.
    pub(crate) async fn write_some(
        &self,
        queue: &Queue,
        bytes_min: usize,
    ) -> Result<bool, RejectsError> {
        let _turn = WRITERS.acquire().await;
        let pending = queue.pending_rejects(&self.run, APPEND_BYTES_MAX).await?;
        let bytes: usize = pending.lines.iter().map(Bytes::len).sum();
        if pending.lines.is_empty() || bytes < bytes_min {
            return Ok(false);
        }
        let written = self.write(&pending).await?;
        job_queue::failpoint!("rejects-appended");
        queue.rejects_drained(&self.run, pending.position, &pending.lines[..written]).await?;
        job_queue::failpoint!("rejects-forgotten");
        Ok(true)
    }

    /// Writes all lines that there are.
    pub(crate) async fn write_all(&self, queue: &Queue) -> Result<(), RejectsError> {
        while self.write_some(queue, 1).await? {}
        Ok(())
    }

    /// Gives how many of the pending lines are in the file now.
    async fn write(&self, pending: &PendingRejects) -> Result<usize, RejectsError> {
        let start = self.header.len() as u64 + pending.position;
        let length = self.store.append_create(&self.name, self.header.clone()).await?;
        if length != start {
            return self.lines_at(start, length, pending).await;
        }
        let mut block = BytesMut::new();
        pending.lines.iter().for_each(|line| block.extend_from_slice(line));
        match self.store.append(&self.name, start, block.freeze()).await? {
            Appended::Done => Ok(pending.lines.len()),
            Appended::PositionTaken { length } => self.lines_at(start, length, pending).await,
        }
    }

    /// A writer that died after it had written, and before it could tell, left
    /// the file longer than Redis knows: by lines of these. How many stand there?
    async fn lines_at(
        &self,
        start: u64,
        length: u64,
        pending: &PendingRejects,
    ) -> Result<usize, RejectsError> {
        let not_ours = || RejectsError::NotOurs { name: self.name.clone(), length, start };
        if length < start {
            return Err(not_ours());
        }
        let wanted: usize = pending.lines.iter().map(Bytes::len).sum();
        let tail = self.read(start, length.min(start + wanted as u64)).await?;
        let mut rest = &tail[..];
        let standing = pending
            .lines
            .iter()
            .take_while(|line| rest.strip_prefix(&line[..]).map(|after| rest = after).is_some());
        match standing.count() {
            0 => Err(not_ours()),
            count if rest.is_empty() => Ok(count),
            _other_bytes_follow => Err(not_ours()),
        }
    }

    async fn read(&self, from: u64, to: u64) -> Result<Bytes, BlobError> {
        let blob = self.store.properties(&self.name).await?;
        let chunks = self.store.read(&self.name, &blob.etag, to, from, ReadSettings::default());
        let content = chunks.try_fold(BytesMut::new(), async |mut content, chunk| {
            content.extend_from_slice(&chunk);
            Ok(content)
        });
        Ok(content.await?.freeze())
    }
}
