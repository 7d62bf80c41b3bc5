//! The files that the rejected rows, or the ids, of a run are in: one, as long as nothing happens to it.
//!
//! Another part is begun when one is full, or is not what this run left there; and when Redis lost
//! its last writes, so that a file has rows that come again, or not. Nothing can be cut off an append
//! blob: what is known to be right is copied to a new part, which takes its place, and then the old
//! one is emptied, unless its lines are all that tells of records that an insert stored twice. Each rejected row is in the files once, whoever reads all of them; the ledger says
//! which of them count.
//!
//! The steps, for whoever dies between them: a number is reserved in the ledger, its file is
//! written, the ledger takes it in the place of others, these are emptied. Whoever comes next begins
//! with another number; what is no part and not being written is emptied at the end.

use std::num::NonZero;

use blob_store::{AppendBlob, Appended, BlobError, BlobEtag, ReadSettings};
use bytes::Bytes;
use futures::TryStreamExt;
use job_queue::{OutputPart, OutputParts, PendingLines, Queue};
use tracing::warn;

use super::file::OutputFile;
use crate::{import::error::OutputError, report::output_names::rows};

/// Bytes in one append of a copy: what every version of the service takes.
const COPY_BYTES: NonZero<u32> = NonZero::new(4 << 20).expect("not zero");

/// Another part is to be begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anew {
    /// So many of the parts so far stay.
    pub(super) keep: usize,
    /// Bytes of lines in those.
    pub(super) start: u64,
    /// What it begins with.
    pub(super) pieces: Vec<Piece>,
    pub(super) why: String,
    /// It holds all rows, as they stand now.
    pub(super) done: bool,
}

/// The lines of a part, from its header to `end`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) etag: BlobEtag,
    pub(super) end: u64,
}

impl OutputFile {
    /// Begins another part. Does nothing when another process has begun one, or has written meanwhile.
    pub(super) async fn begin(
        &self,
        queue: &Queue,
        pending: &PendingLines,
        anew: Anew,
    ) -> Result<(), OutputError> {
        let (run, position) = (&self.run, pending.position);
        let number = self.free_number(pending).await?;
        let name = self.name_of(number);
        let copying = OutputParts { copying: Some(number), ..pending.parts.clone() };
        if !queue
            .change_output_parts(run, self.output, position, (&pending.parts, &copying))
            .await?
        {
            return Ok(());
        }
        job_queue::failpoint!("lines-part-reserved");
        let marks = self.marks(anew.start);
        let there = self.store.append_create(&name, self.header.clone(), &marks).await?;
        let is_new = there.metadata == marks && there.bytes == self.header.len() as u64;
        if !is_new || !self.copy(&anew.pieces, &name).await? {
            // Another process owns this blob; the next attempt finds another number.
            return Ok(());
        }
        job_queue::failpoint!("lines-part-copied");
        let mut parts = pending.parts.parts[..anew.keep].to_vec();
        parts.push(OutputPart { number, start: anew.start });
        let parts = OutputParts { parts, copying: None, done: anew.done };
        if queue.change_output_parts(run, self.output, position, (&copying, &parts)).await? {
            warn!(run = %run, "run {run}: {} go on in {name}: {}", rows(self.output), anew.why);
            job_queue::failpoint!("lines-part-begun");
        }
        self.empty_left_overs(queue).await
    }

    /// Empties files of this run that the ledger does not count as parts, unless they are to stay.
    pub(super) async fn empty_left_overs(&self, queue: &Queue) -> Result<(), OutputError> {
        let mut pending = queue.pending_lines(&self.run, self.output, 1).await?;
        if pending.parts.copying.is_some() {
            // The process that is copying notices that its number is gone, and begins again.
            let none = OutputParts { copying: None, ..pending.parts.clone() };
            let (run, position) = (&self.run, pending.position);
            queue.change_output_parts(run, self.output, position, (&pending.parts, &none)).await?;
        }
        if self.keeps_left_overs {
            return Ok(());
        }
        let files = self.files(&pending).await?;
        // Read after the files: a number is reserved before its file exists.
        pending = queue.pending_lines(&self.run, self.output, 1).await?;
        let OutputParts { parts, copying, .. } = &pending.parts;
        let counts =
            |number| *copying == Some(number) || parts.iter().any(|part| part.number == number);
        for (number, there) in files {
            if counts(number) || there.bytes <= self.header.len() as u64 {
                continue;
            }
            let name = self.name_of(number);
            match self.store.append_empty(&name, &there.etag, &there.metadata).await {
                Ok(true) => {
                    self.store.append(&name, 0, self.header.clone()).await?;
                }
                Ok(false) => {}
                Err(error @ BlobError::Unreachable { .. }) => return Err(error.into()),
                Err(error) => {
                    warn!(
                        run = %self.run,
                        "{name} could not be emptied, delete it: its rows are in {}: {}",
                        parts.iter().map(|part| self.name_of(part.number)).collect::<Vec<_>>().join(", "),
                        service::with_causes(&error)
                    );
                }
            }
        }
        Ok(())
    }

    /// All files of this run, by number.
    pub(super) async fn files(
        &self,
        pending: &PendingLines,
    ) -> Result<Vec<(u32, AppendBlob)>, OutputError> {
        let mut files = Vec::new();
        for number in 1.. {
            match self.store.append_blob(&self.name_of(number)).await {
                Ok(Some(there)) if self.is_ours(&there) => files.push((number, there)),
                Ok(Some(_)) | Err(BlobError::OtherType { .. }) => {}
                Ok(None) if number > number_max(pending) => break,
                Ok(None) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(files)
    }

    /// The first number behind all that there are.
    async fn free_number(&self, pending: &PendingLines) -> Result<u32, OutputError> {
        let mut number = number_max(pending);
        loop {
            number += 1;
            match self.store.append_blob(&self.name_of(number)).await {
                Ok(None) => return Ok(number),
                Ok(Some(_)) | Err(BlobError::OtherType { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Copies the lines of `pieces` behind the header of a new file; the last line of each ends.
    /// Gives `false` when another process writes to it.
    async fn copy(&self, pieces: &[Piece], name: &str) -> Result<bool, OutputError> {
        let header = self.header.len() as u64;
        let mut length = header;
        for Piece { name: source, etag, end } in pieces.iter().filter(|piece| piece.end > header) {
            let settings = ReadSettings {
                chunk_bytes: COPY_BYTES,
                window: NonZero::<u32>::MIN,
                ..ReadSettings::default()
            };
            let mut chunks = self.store.read(source, etag, *end, header, settings);
            let mut last = b'\n';
            while let Some(block) = chunks.try_next().await? {
                last = block.last().copied().unwrap_or(last);
                if !self.copy_block(name, &mut length, block).await? {
                    return Ok(false);
                }
            }
            let line_end = Bytes::from_static(b"\n");
            if last != b'\n' && !self.copy_block(name, &mut length, line_end).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn copy_block(
        &self,
        name: &str,
        length: &mut u64,
        block: Bytes,
    ) -> Result<bool, OutputError> {
        let bytes = block.len() as u64;
        let appended = self.store.append(name, *length, block).await?;
        *length += bytes;
        Ok(appended == Appended::Done)
    }
}

/// The highest number that the ledger knows, reserved or not: a reserved one is taken again when its
/// file was not begun.
fn number_max(pending: &PendingLines) -> u32 {
    pending.parts.parts.iter().map(|part| part.number).max().unwrap_or(1)
}
