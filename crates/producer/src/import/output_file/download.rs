//! Downloads a file that a run wrote, all its parts as one.

use std::{collections::VecDeque, num::NonZero, time::Duration};

use blob_store::{BlobError, BlobProperties, BlobReader, BlobStore};
use bytes::Bytes;
use futures::StreamExt;
use ingest_core::{RunId, SpreadsheetCopy};
use job_queue::{Ledger, Output, Queue};
use tokio::time::{Instant, sleep};

use super::file::header;
use crate::{
    import::{
        error::{ReadError, SyncError},
        read_settings::ReadSettings,
    },
    report::output_names,
};

/// One chunk is on its way to the client while the next one is fetched.
const CHUNK_BYTES: NonZero<u32> = NonZero::new(256 << 10).expect("not zero");

/// How long a download waits for the last rows of a run that has ended: a little more than the
/// interval of the sweeper.
const LAST_ROWS_WAIT: Duration = Duration::from_secs(15);

const LAST_ROWS_POLL: Duration = Duration::from_millis(100);

/// A run, and whether its files have all rows of this output. Waits for the last rows of a run
/// that has ended; the files of a run that goes on still grow.
///
/// # Errors
///
/// When Redis refuses, or there is no such run.
pub(crate) async fn with_last_rows(
    queue: &Queue,
    run: &RunId,
    output: Output,
) -> Result<(Ledger, bool), SyncError> {
    let unknown = || SyncError::UnknownRun { run: run.clone() };
    let started = Instant::now();
    loop {
        let ledger = queue.ledger(run).await?.ok_or_else(unknown)?;
        // After the ledger: no batch of a run that has ended brings more.
        let is_whole = queue.lines_are_written(run, output).await?;
        if is_whole {
            // Other files may hold them by now.
            return Ok((queue.ledger(run).await?.ok_or_else(unknown)?, is_whole));
        }
        if !ledger.has_ended() || started.elapsed() > LAST_ROWS_WAIT {
            return Ok((ledger, is_whole));
        }
        sleep(LAST_ROWS_POLL).await;
    }
}

/// The files up to the length that they had at the start of the download.
pub(crate) struct Download {
    store: BlobStore,
    file: BlobProperties,
    /// What follows, without its header.
    next: VecDeque<BlobProperties>,
    header_bytes: u64,
    read_bytes: u64,
    reader: BlobReader,
    /// What they are turned into, until it has ended.
    copy: Option<SpreadsheetCopy>,
}

impl Download {
    /// As the files are, byte for byte; `None` when there is none.
    pub(crate) async fn of(
        store: &BlobStore,
        ledger: &Ledger,
        output: Output,
    ) -> Result<Option<Self>, SyncError> {
        let mut next = VecDeque::new();
        for name in output_names::names(output, ledger) {
            match store.properties(&name).await {
                Err(BlobError::NoSuchBlob { .. }) => {}
                file => next.push_back(file.map_err(ReadError::from)?),
            }
        }
        let Some(file) = next.pop_front() else { return Ok(None) };
        let header_bytes = match next.is_empty() {
            true => 0,
            false => {
                let header = header(output, ledger, &ReadSettings::of(ledger)?);
                let unreadable = |source| SyncError::output(output, ledger, source);
                header.map_err(unreadable)?.map_or(0, |header| header.len() as u64)
            }
        };
        let (store, reader) = (store.clone(), read(store, &file, 0));
        let copy = None;
        Ok(Some(Self { store, file, next, header_bytes, read_bytes: 0, reader, copy }))
    }

    /// The same of a rejects file as a copy for spreadsheets, which has no formulas.
    pub(crate) fn for_spreadsheets(self, ledger: &Ledger) -> Result<Self, SyncError> {
        let settings = ReadSettings::of(ledger)?.of_rejects_file();
        let record_bytes_max = settings.record_limit().unwrap_or(usize::MAX);
        Ok(Self { copy: Some(SpreadsheetCopy::new(settings.dialect(), record_bytes_max)), ..self })
    }

    /// Length of the download, before its first chunk; unknown for a copy for spreadsheets.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let without_header = |file: &BlobProperties| file.bytes.saturating_sub(self.header_bytes);
        let bytes = self.file.bytes + self.next.iter().map(without_header).sum::<u64>();
        self.copy.is_none().then_some(bytes)
    }

    /// The next ones; `None` when that was all.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        loop {
            let chunk = self.next_of_files().await;
            let copied = match (&mut self.copy, chunk) {
                (None, chunk) => return chunk,
                (Some(_), Some(Err(error))) => return Some(Err(error)),
                (Some(copy), Some(Ok(chunk))) => copy.push(chunk),
                (Some(copy), None) => {
                    let rest = copy.finish();
                    self.copy = None;
                    rest
                }
            };
            if !copied.is_empty() {
                return Some(Ok(copied.into()));
            }
        }
    }

    async fn next_of_files(&mut self) -> Option<Result<Bytes, BlobError>> {
        loop {
            let Some(chunk) = self.reader.next().await else {
                self.file = self.next.pop_front()?;
                self.read_bytes = self.header_bytes.min(self.file.bytes);
                self.reader = read(&self.store, &self.file, self.read_bytes);
                continue;
            };
            match chunk {
                Ok(chunk) => {
                    self.read_bytes += chunk.len() as u64;
                    return Some(Ok(chunk));
                }
                // The run has appended rows, which changes the ETag; the bytes so far stay as they
                // are.
                Err(BlobError::BlobChanged { .. }) => match self.go_on().await {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn go_on(&mut self) -> Result<(), BlobError> {
        let now = self.store.properties(&self.file.name).await?;
        if now.bytes < self.file.bytes {
            return Err(BlobError::BlobChanged { name: now.name });
        }
        self.file.etag = now.etag;
        self.reader = read(&self.store, &self.file, self.read_bytes);
        Ok(())
    }
}

fn read(store: &BlobStore, file: &BlobProperties, from_byte: u64) -> BlobReader {
    let settings = blob_store::ReadSettings {
        chunk_bytes: CHUNK_BYTES,
        window: NonZero::<u32>::MIN,
        ..blob_store::ReadSettings::default()
    };
    store.read(&file.name, &file.etag, file.bytes, from_byte, settings)
}
