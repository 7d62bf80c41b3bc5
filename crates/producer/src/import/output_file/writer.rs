//! Appends the pending lines to the last part.

use std::cmp::Ordering;

use blob_store::{AppendBlob, Appended, BlobError};
use bytes::{Bytes, BytesMut};
use job_queue::{OutputPart, OutputParts, PendingLines, Queue, RunState};
use tokio::sync::Semaphore;

use super::{
    file::OutputFile,
    parts::{Anew, Piece},
};
use crate::import::error::OutputError;

/// Bytes in one append; the service takes 4 MiB.
const APPEND_BYTES_MAX: usize = 1 << 20;

/// Each append holds up to 1 MiB in memory, and a server follows many runs: this many at a time.
static WRITERS: Semaphore = Semaphore::const_new(2);

/// What to do after comparing the last part with the ledger.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// So many of the pending lines are in it.
    Written(usize),
    /// It cannot go on.
    Begin(Anew),
}

impl OutputFile {
    /// Writes the next lines, when there are at least `bytes_min` of them. Gives
    /// whether there may be more.
    pub(crate) async fn write_some(
        &self,
        queue: &Queue,
        bytes_min: usize,
    ) -> Result<bool, OutputError> {
        let _turn = WRITERS.acquire().await;
        let pending = queue.pending_lines(&self.run, self.output, APPEND_BYTES_MAX).await?;
        let bytes: usize = pending.lines.iter().map(Bytes::len).sum();
        if pending.lines.is_empty() || bytes < bytes_min {
            return Ok(false);
        }
        Box::pin(self.advance(queue, pending)).await?;
        Ok(true)
    }

    async fn write_pending(&self, queue: &Queue) -> Result<(), OutputError> {
        while self.write_some(queue, 1).await? {}
        Ok(())
    }

    /// Writes all lines of a run that has ended, and empties left-over files once.
    pub(crate) async fn write_all(&self, queue: &Queue) -> Result<(), OutputError> {
        loop {
            self.write_pending(queue).await?;
            let _turn = WRITERS.acquire().await;
            let pending = queue.pending_lines(&self.run, self.output, APPEND_BYTES_MAX).await?;
            let Some(ledger) = queue.ledger(&self.run).await? else {
                // The ledger has expired meanwhile; the files stay as they are.
                return Ok(());
            };
            if !pending.lines.is_empty() || !(pending.parts.done || self.is_whole(&pending).await?)
            {
                Box::pin(self.advance(queue, pending)).await?;
                continue;
            }
            if pending.parts.done {
                return Ok(());
            }
            self.empty_left_overs(queue).await?;
            if !matches!(ledger.state, RunState::Completed | RunState::Cancelled) {
                // It may go on.
                return Ok(());
            }
            let (run, parts) = (&self.run, &pending.parts);
            let done = OutputParts { copying: None, done: true, ..parts.clone() };
            if queue.change_output_parts(run, self.output, pending.position, (parts, &done)).await?
            {
                return Ok(());
            }
        }
    }

    /// Copies all rejected rows of a run that has ended into one file, and gives its name. Rows are
    /// copied as they are: a person may have edited them.
    pub(crate) async fn join(&self, queue: &Queue) -> Result<String, OutputError> {
        loop {
            self.write_pending(queue).await?;
            let _turn = WRITERS.acquire().await;
            let pending = queue.pending_lines(&self.run, self.output, 1).await?;
            if let [part] = pending.parts.parts[..] {
                return Ok(self.name_of(part.number));
            }
            let mut pieces = Vec::new();
            for part in &pending.parts.parts {
                let name = self.name_of(part.number);
                match self.store.properties(&name).await {
                    // A part that was deleted is not replayed.
                    Err(BlobError::NoSuchBlob { .. }) => {}
                    there => {
                        let there = there?;
                        pieces.push(Piece { name, etag: there.etag, end: there.bytes });
                    }
                }
            }
            let why = "a replay reads one file".to_owned();
            let anew =
                Anew { keep: 0, start: pending.parts.parts[0].start, pieces, why, done: true };
            self.begin(queue, &pending, anew).await?;
        }
    }

    async fn advance(&self, queue: &Queue, mut pending: PendingLines) -> Result<(), OutputError> {
        match self.step(&pending).await? {
            Step::Written(lines) => {
                job_queue::failpoint!("lines-appended");
                pending.lines.truncate(lines);
                queue.confirm_lines(&self.run, self.output, &pending).await?;
                job_queue::failpoint!("lines-forgotten");
            }
            Step::Begin(anew) => self.begin(queue, &pending, anew).await?,
        }
        Ok(())
    }

    /// Appends the pending lines, if the file is as it was left.
    async fn step(&self, pending: &PendingLines) -> Result<Step, OutputError> {
        let part = last(pending);
        let name = self.name_of(part.number);
        let marks = self.marks(part.start);
        let there = match self.store.append_create(&name, self.header.clone(), &marks).await {
            Err(BlobError::OtherType { name }) => return Ok(self.leave(pending, &name)),
            there => there?,
        };
        let end = self.end(pending);
        match there.bytes.cmp(&end) {
            Ordering::Less => self.after_a_loss(pending, &there).await,
            Ordering::Greater => self.after_what_is_there(pending, &there).await,
            Ordering::Equal if pending.lines.is_empty() => Ok(Step::Written(0)),
            Ordering::Equal => {
                let mut block = BytesMut::new();
                pending.lines.iter().for_each(|line| block.extend_from_slice(line));
                match self.store.append(&name, end, block.freeze()).await {
                    Ok(Appended::Done) => Ok(Step::Written(pending.lines.len())),
                    Ok(Appended::PositionTaken { length: bytes }) => {
                        self.after_what_is_there(pending, &AppendBlob { bytes, ..there }).await
                    }
                    Err(BlobError::Full { .. }) => Ok(Step::Begin(Anew {
                        keep: pending.parts.parts.len(),
                        start: pending.position,
                        pieces: Vec::new(),
                        why: format!("{name} is full"),
                        done: false,
                    })),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The file is longer than Redis knows. With pending lines: their writer died before it
    /// recorded them. With other lines: Redis lost its last writes, and those rows come again or
    /// with another outcome, so they must not stay.
    async fn after_what_is_there(
        &self,
        pending: &PendingLines,
        there: &AppendBlob,
    ) -> Result<Step, OutputError> {
        let name = self.name_of(last(pending).number);
        let end = self.end(pending);
        let wanted: usize = pending.lines.iter().map(Bytes::len).sum();
        let tail = self.read(&name, end, there.bytes.min(end + wanted as u64)).await?;
        // An earlier run of the same id may have had the same rows.
        let is_ours = self.is_ours(there);
        let written = if is_ours { standing(&tail, &pending.lines) } else { 0 };
        Ok(match written {
            0 if is_ours && !pending.parts.done => Step::Begin(Anew {
                keep: pending.parts.parts.len() - 1,
                start: last(pending).start,
                pieces: vec![Piece { end, etag: there.etag.clone(), name: name.clone() }],
                why: format!("{name} has rows that redis forgot; they come again"),
                done: false,
            }),
            0 => self.leave(pending, &name),
            lines => Step::Written(lines),
        })
    }

    /// The file is shorter than Redis knows: Redis forgot the part that replaced it, or a person
    /// shortened it.
    async fn after_a_loss(
        &self,
        pending: &PendingLines,
        there: &AppendBlob,
    ) -> Result<Step, OutputError> {
        let (part, end) = (last(pending), self.end(pending));
        let name = self.name_of(part.number);
        Ok(Step::Begin(match self.successor(pending).await? {
            Some(piece) => Anew {
                keep: pending.parts.parts.len() - 1,
                start: part.start,
                pieces: vec![piece],
                why: format!("redis forgot what took the place of {name}"),
                done: false,
            },
            None => Anew {
                keep: pending.parts.parts.len(),
                start: pending.position,
                pieces: Vec::new(),
                why: format!(
                    "somebody shortened {name} to {} bytes; it had {end}, and those rows are not in \
                     it any more",
                    there.bytes
                ),
                done: false,
            },
        }))
    }

    /// The rows of the last part, where another one took its place.
    async fn successor(&self, pending: &PendingLines) -> Result<Option<Piece>, OutputError> {
        let (end, marks) = (self.end(pending), self.marks(last(pending).start));
        let files = self.files(pending).await?;
        let successor =
            files.into_iter().rfind(|(_, blob)| blob.metadata == marks && blob.bytes >= end);
        Ok(successor.map(|(number, blob)| Piece {
            name: self.name_of(number),
            etag: blob.etag,
            end,
        }))
    }

    /// The file is not this run's, or not any more: it stays as it is.
    fn leave(&self, pending: &PendingLines, name: &str) -> Step {
        let has_rows = last(pending).start < pending.position;
        Step::Begin(Anew {
            keep: pending.parts.parts.len() - usize::from(!has_rows),
            start: pending.position,
            pieces: Vec::new(),
            why: format!("{name} is of another run, or was changed by somebody"),
            done: false,
        })
    }

    /// Whether the last part has exactly the lines that Redis knows. A part that a person moved or
    /// changed is left alone.
    async fn is_whole(&self, pending: &PendingLines) -> Result<bool, OutputError> {
        match self.store.append_blob(&self.name_of(last(pending).number)).await {
            Ok(Some(there)) if self.is_ours(&there) => match there.bytes.cmp(&self.end(pending)) {
                Ordering::Equal => Ok(true),
                Ordering::Greater => Ok(false),
                Ordering::Less => Ok(self.successor(pending).await?.is_none()),
            },
            Ok(_) | Err(BlobError::OtherType { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the last part ends, as far as Redis knows.
    fn end(&self, pending: &PendingLines) -> u64 {
        self.header.len() as u64 + (pending.position - last(pending).start)
    }
}

/// The part that goes on.
fn last(pending: &PendingLines) -> OutputPart {
    *pending.parts.parts.last().expect("there is always one")
}

/// How many of the lines stand in `tail`, if nothing else does.
fn standing(tail: &[u8], lines: &[Bytes]) -> usize {
    let mut rest = tail;
    let are_there =
        |line: &&Bytes| rest.strip_prefix(&line[..]).map(|after| rest = after).is_some();
    let count = lines.iter().take_while(are_there).count();
    if rest.is_empty() { count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_a_tail_that_is_made_of_them() {
        let lines: Vec<Bytes> = ["a\n", "bb\n", "c\n"].map(Bytes::from).into();
        for (tail, count) in
            [("a\n", 1), ("a\nbb\n", 2), ("a\nbb\nc\n", 3), ("", 0), ("a\nb", 0), ("bb\n", 0)]
        {
            assert_eq!(standing(tail.as_bytes(), &lines), count, "{tail:?}");
        }
    }
}
