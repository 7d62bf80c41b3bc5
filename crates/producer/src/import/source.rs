//! A blob as a series of batches, from its start or from where a run stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) use blob_store::ReadSettings as Transfer;
use blob_store::{BlobProperties, BlobStore};
use bytes::{Buf, Bytes};
use futures::{StreamExt, TryStreamExt, stream};
use ingest_core::{
    Batch, Header, Ingest, IngestError, PackedFormat, Position, ResumePoint, Transcoder,
};

use crate::import::{
    compression::{Chunks, Packing},
    error::ReadError,
    read_settings::ReadSettings,
};

/// Decompressed bytes that are skipped in a millisecond, at least.
const REREAD_BYTES_PER_MS: u64 = 50 << 10;

/// So many bytes are decoded before others have their turn: what is compressed, and was read, never has
/// to be waited for, and may be hours of work. Some milliseconds of it.
const STRETCH_BYTES: usize = 1 << 20;

/// Batches of one version of one blob.
pub(crate) struct Source {
    file: String,
    /// As they are stored, until that is known.
    chunks: Chunks,
    /// How they are stored. `None` before enough of the first bytes were read.
    packing: Option<Packing>,
    /// The first bytes, until then.
    start: Vec<u8>,
    named: Packing,
    transcoder: Transcoder,
    ingest: Ingest,
    /// Decoded bytes that were pushed before: only where the blob cannot be
    /// entered in the middle.
    skip: u64,
    /// The settings name no encoding of which the bytes are other ones than those of the text.
    keeps_bytes: bool,
    /// Bytes that were decoded.
    decoded: u64,
    /// Bytes that were decoded since others had their turn.
    at_a_stretch: usize,
    ended: bool,
    ready: Option<Batch>,
    progress: ReadProgress,
}

/// What reading came to.
pub(crate) enum Step {
    /// Decoded bytes.
    Chunk(Bytes),
    Batch(Batch),
    End,
}

/// How far reading is. Shared with those who show it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadProgress(Arc<AtomicU64>);

impl ReadProgress {
    /// Bytes of the blob as stored, compressed or not.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Source {
    /// Reads `blob` from its first byte.
    pub(crate) fn start(
        store: &BlobStore,
        blob: &BlobProperties,
        settings: &ReadSettings,
        transfer: Transfer,
        progress: &ReadProgress,
    ) -> Self {
        Self::open(store, blob, settings, transfer, progress, 0, settings.start())
    }

    /// Reads `blob` from where a run stopped.
    pub(crate) fn resume(
        store: &BlobStore,
        blob: &BlobProperties,
        settings: &ReadSettings,
        transfer: Transfer,
        progress: &ReadProgress,
        header: Header,
        from: ResumePoint,
    ) -> Self {
        let ingest = settings.resume(header, from);
        Self::open(store, blob, settings, transfer, progress, from.byte, ingest)
    }

    fn open(
        store: &BlobStore,
        blob: &BlobProperties,
        settings: &ReadSettings,
        transfer: Transfer,
        progress: &ReadProgress,
        from_byte: u64,
        ingest: Ingest,
    ) -> Self {
        let named = Packing::named(blob);
        // The first bytes tell. A run that is under way was read as its producer went about it.
        let packing = settings.packing.or((from_byte > 0).then_some(named));
        let seeks = packing == Some(Packing::Plain) && settings.keeps_bytes();
        let start = if seeks { from_byte } else { 0 };
        let stored = store.read(&blob.name, &blob.etag, blob.bytes, start, transfer);
        progress.0.store(start, Ordering::Relaxed);
        let count = progress.clone();
        let stored = stored.inspect_ok(move |chunk| {
            count.0.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        Self {
            file: blob.name.clone(),
            chunks: match packing {
                None => stored.boxed(),
                Some(packing) => packing.unpack(stored.boxed()),
            },
            packing,
            start: Vec::new(),
            named,
            transcoder: match settings.transcoder().expect("the settings were checked") {
                transcoder if start > 0 => transcoder.entered_later(),
                transcoder => transcoder,
            },
            ingest,
            skip: from_byte - start,
            keeps_bytes: settings.keeps_bytes(),
            decoded: 0,
            at_a_stretch: 0,
            ended: false,
            ready: None,
            progress: progress.clone(),
        }
    }

    /// The next batch; `None` at the end of the blob. Dropping the future loses
    /// nothing.
    pub(crate) async fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        loop {
            match self.step().await? {
                Step::Chunk(_) => {}
                Step::Batch(batch) => return Ok(Some(batch)),
                Step::End => return Ok(None),
            }
        }
    }

    /// The same in smaller steps, for who wants to see the decoded bytes too: those of a batch come
    /// before it.
    pub(crate) async fn step(&mut self) -> Result<Step, ReadError> {
        if self.decode()? {
            return Ok(self.ready.take().map_or(Step::End, Step::Batch));
        }
        if self.ended {
            return Ok(Step::End);
        }
        self.read_chunk().await.map(Step::Chunk)
    }

    /// Whether all bytes were given to the decoder.
    pub(crate) fn is_read(&self) -> bool {
        self.ended
    }

    /// The header; reads as far as it takes.
    pub(crate) async fn header(&mut self) -> Result<Header, ReadError> {
        loop {
            self.decode()?;
            if let Some(header) = self.ingest.header() {
                return Ok(header.clone());
            }
            let _read = self.read_chunk().await?;
        }
    }

    /// The header, if it has been read.
    pub(crate) fn header_so_far(&self) -> Option<&Header> {
        self.ingest.header()
    }

    /// Bytes that were decoded so far.
    pub(crate) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// The encoding that the beginning of the file told, once the header was read.
    pub(crate) fn told_encoding(&self) -> Option<&'static str> {
        self.transcoder.told_by_start()
    }

    /// What is to be known of what was read so far, in a sentence.
    pub(crate) fn doubt(&self) -> Option<String> {
        let encoding = self.transcoder.is_mistaken_for()?;
        Some(format!(
            "the file is read as {encoding} (CSV_ENCODING), but it is UTF-8 as far as was seen; if letters \
             come out wrong, such as \u{c3}\u{bc} for \u{fc}, give --csv-encoding utf-8"
        ))
    }

    /// See [`Ingest::is_for_spreadsheets`].
    pub(crate) fn is_for_spreadsheets(&self) -> bool {
        self.ingest.is_for_spreadsheets()
    }

    /// See [`Ingest::skipped`].
    pub(crate) fn skipped(&self) -> u64 {
        self.ingest.skipped()
    }

    /// How the blob is stored, once the header was read.
    pub(crate) fn packing(&self) -> Option<Packing> {
        self.packing
    }

    /// Whether bytes of the blob and of what is read from it are the same ones, so that reading can
    /// begin anywhere.
    pub(crate) fn keeps_bytes(&self) -> bool {
        let is_plain = self.packing == Some(Packing::Plain);
        is_plain && self.keeps_bytes && self.told_encoding().is_none()
    }

    /// How long it takes, about, to come to this place again. Most files are entered in the middle.
    pub(crate) fn reopening_takes(&self) -> Duration {
        let bytes = if self.keeps_bytes() { 0 } else { self.decoded };
        Duration::from_millis(bytes / REREAD_BYTES_PER_MS)
    }

    pub(crate) fn progress(&self) -> &ReadProgress {
        &self.progress
    }

    /// Decodes what was read. Gives whether a batch is ready.
    fn decode(&mut self) -> Result<bool, ReadError> {
        if self.ready.is_none() {
            let decoded = if self.ended { self.ingest.finish() } else { self.ingest.next_batch() };
            self.ready =
                decoded.map_err(|source| ReadError::Csv { file: self.file.clone(), source })?;
        }
        Ok(self.ready.is_some())
    }

    /// Gives what it handed to the decoder. All that is decoded, for whatever purpose, comes this way:
    /// here shutdown, a cancelled run and other requests are seen.
    async fn read_chunk(&mut self) -> Result<Bytes, ReadError> {
        if self.at_a_stretch >= STRETCH_BYTES {
            self.at_a_stretch = 0;
            tokio::task::yield_now().await;
        }
        if self.packing.is_none() {
            self.look_how_it_is_stored().await?;
            return Ok(Bytes::new());
        }
        let mut chunk = match self.chunks.try_next().await? {
            Some(chunk) => self.transcoder.push(chunk),
            None => {
                self.ended = true;
                self.transcoder.finish()
            }
        };
        job_queue::failpoint!("chunk-read");
        self.decoded += chunk.len() as u64;
        self.at_a_stretch += chunk.len();
        let skipped = self.skip.min(chunk.len() as u64);
        chunk.advance(usize::try_from(skipped).expect("it is within a chunk"));
        self.skip -= skipped;
        self.ingest.push(chunk.clone());
        Ok(chunk)
    }

    /// Reads the first bytes, or more of them, and puts them back when they are enough.
    async fn look_how_it_is_stored(&mut self) -> Result<(), ReadError> {
        let chunk = self.chunks.try_next().await?;
        self.start.extend_from_slice(chunk.as_deref().unwrap_or_default());
        if chunk.is_some() && self.start.len() < PackedFormat::START_BYTES {
            return Ok(());
        }
        let packing = Packing::told_by(&self.start).map_err(|format| {
            let at = Position { record: 0, line: 1, byte: 0 };
            ReadError::Csv { file: self.file.clone(), source: IngestError::Packed { at, format } }
        })?;
        packing.compare_with_name(&self.file, self.named);
        let start = Bytes::from(std::mem::take(&mut self.start));
        let rest = std::mem::replace(&mut self.chunks, stream::empty().boxed());
        self.chunks = packing.unpack(stream::iter([Ok(start)]).chain(rest).boxed());
        self.packing = Some(packing);
        Ok(())
    }
}
