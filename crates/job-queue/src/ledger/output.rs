//! What a run writes beside Salesforce: its rejected rows, and the ids of its records.
//!
//! Redis holds the lines of each file that are not in it yet, in order; the file
//! is always its header and a prefix of all lines. When a writer died between
//! writing and confirming, the next one sees from the file's length how far it
//! got. When a file cannot be appended to, the lines go on in another part.

use bytes::Bytes;
use ingest_core::RunId;
use serde::{Deserialize, Serialize};

use crate::{Queue, QueueError, redis::scripts};

/// A file that a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// The rejected rows, each with its reason.
    Rejects,
    /// Which record each delivered row is; of runs whose load says so.
    Ids,
}

/// One file of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPart {
    /// From 1.
    pub number: u32,
    /// Bytes of lines that are in the parts before it.
    pub start: u64,
}

/// The files that hold an output of a run, together each of its lines once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputParts {
    /// In order; the last one goes on. There is always one.
    pub parts: Vec<OutputPart>,
    /// The number of the part that a writer is copying others to, and that will replace them.
    pub copying: Option<u32>,
    /// The files were seen to hold all lines of the run that had ended, and no others: what differs
    /// later, a person changed.
    #[serde(default)]
    pub done: bool,
}

impl Output {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Rejects, Self::Ids];

    /// What it is called in Redis, and the folder of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejects => "rejects",
            Self::Ids => "ids",
        }
    }

    /// The field of a run's entry with its parts.
    pub(crate) const fn parts_field(self) -> &'static str {
        match self {
            Self::Rejects => "rejects_parts",
            Self::Ids => "ids_parts",
        }
    }
}

impl Default for OutputParts {
    fn default() -> Self {
        Self { parts: vec![OutputPart { number: 1, start: 0 }], copying: None, done: false }
    }
}

impl OutputParts {
    /// How the ledger keeps them; nothing for what every run begins with.
    fn as_kept(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => serde_json::to_string(self).expect("plain fields can be written"),
        }
    }

    /// What [`as_kept`](Self::as_kept) gave.
    pub(crate) fn of_kept(kept: &[u8]) -> Option<Self> {
        if kept.is_empty() {
            return Some(Self::default());
        }
        serde_json::from_slice(kept).ok().filter(|kept: &Self| !kept.parts.is_empty())
    }
}

/// The next lines of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingLines {
    /// Bytes of lines that were written before, as far as that was confirmed.
    pub position: u64,
    /// Where they are.
    pub parts: OutputParts,
    /// What follows: lines, or pieces of whole lines.
    pub lines: Vec<Bytes>,
}

impl Queue {
    /// The next lines of an output of a run: `bytes_max` of them at most, but one
    /// line, or piece of lines, at least when there is any.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn pending_lines(
        &self,
        run: &RunId,
        output: Output,
        bytes_max: usize,
    ) -> Result<PendingLines, QueueError> {
        let mut script = self.keys.script(&scripts::PENDING_LINES);
        script.arg(run.as_ref()).arg(output.name()).arg(bytes_max);
        let (position, parts, lines): (u64, Vec<u8>, Vec<Vec<u8>>) =
            self.invoke("list lines for a file", &script).await?;
        let malformed = || QueueError::Ledger { run: run.clone(), field: output.parts_field() };
        let parts = OutputParts::of_kept(&parts).ok_or_else(malformed)?;
        let lines = lines.into_iter().map(Bytes::from).collect();
        Ok(PendingLines { position, parts, lines })
    }

    /// Whether all lines of an output of a run so far are in its files.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn lines_are_written(&self, run: &RunId, output: Output) -> Result<bool, QueueError> {
        self.are_written(run, &[output]).await
    }

    /// The same of all outputs of a run.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn all_lines_are_written(&self, run: &RunId) -> Result<bool, QueueError> {
        self.are_written(run, &Output::ALL).await
    }

    async fn are_written(&self, run: &RunId, outputs: &[Output]) -> Result<bool, QueueError> {
        let keys = self.keys.run(run);
        let mut pipeline = redis::pipe();
        pipeline.cmd("EXISTS");
        for output in outputs {
            pipeline.arg(keys.lines(output.name()));
        }
        let (waiting,): (u64,) = self.query("look for lines of files", &pipeline).await?;
        Ok(waiting == 0)
    }

    /// Sets the files that hold an output of a run, up to `position`.
    ///
    /// Gives `false`, and changes nothing, when it is not `from` any more, or when another
    /// writer wrote meanwhile.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn change_output_parts(
        &self,
        run: &RunId,
        output: Output,
        position: u64,
        (from, to): (&OutputParts, &OutputParts),
    ) -> Result<bool, QueueError> {
        let mut script = self.keys.script(&scripts::CHANGE_OUTPUT_PARTS);
        script.arg(run.as_ref()).arg(output.name());
        script.arg(position).arg(from.as_kept()).arg(to.as_kept());
        self.invoke("note the parts of a file", &script).await
    }

    /// Confirms that the lines of `written`, which were pending, are in the last of its parts now.
    ///
    /// Gives `false`, and changes nothing, when another writer confirmed them before.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn confirm_lines(
        &self,
        run: &RunId,
        output: Output,
        written: &PendingLines,
    ) -> Result<bool, QueueError> {
        let bytes: usize = written.lines.iter().map(Bytes::len).sum();
        let mut script = self.keys.script(&scripts::TRIM_LINES);
        script.arg(run.as_ref()).arg(output.name());
        script.arg(written.position).arg(written.parts.as_kept());
        script.arg(written.lines.len()).arg(bytes);
        self.invoke("forget lines of a file", &script).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_and_read_again() {
        let parts = vec![OutputPart { number: 1, start: 0 }, OutputPart { number: 4, start: 70 }];
        for parts in [OutputParts::default(), OutputParts { parts, copying: Some(5), done: true }] {
            assert_eq!(OutputParts::of_kept(parts.as_kept().as_bytes()), Some(parts));
        }
        assert_eq!(OutputParts::of_kept(br#"{"parts":[],"copying":null}"#), None);
    }
}
