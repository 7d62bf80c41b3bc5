//! Bytes → batches.

use bytes::Bytes;

use crate::{Batch, BatchLimits, Header, IngestError, ResumePoint};

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IngestSettings {
    /// Byte between two fields; `None` finds it in the header line.
    pub delimiter: Option<u8>,
    /// Byte around a field.
    pub quote: u8,
    /// Most bytes in a record, its line end not counted. A longer one becomes a reject.
    pub record_bytes_max: usize,
    /// When a batch is closed.
    pub batch: BatchLimits,
}

/// Turns bytes into batches: a plain state machine without I/O.
#[derive(Debug)]
pub struct Ingest {
    header: Option<Header>,
}

impl Ingest {
    /// Reads an input from its first byte.
    #[must_use]
    pub fn start(_settings: IngestSettings) -> Self {
        Self { header: None }
    }

    /// Goes on at `from`: the first byte pushed is the one at `from.byte`.
    #[must_use]
    pub fn resume(_settings: IngestSettings, header: Header, _from: ResumePoint) -> Self {
        Self { header: Some(header) }
    }

    /// Hands over the next bytes. An empty chunk changes nothing.
    pub fn push(&mut self, _chunk: Bytes) {}

    /// The next full batch, or `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// When the header cannot be used.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, IngestError> {
        Ok(None)
    }

    /// Says that the input ends here, and gives what is left: call it until it answers `None`.
    ///
    /// # Errors
    ///
    /// When there is no header, or it cannot be used.
    pub fn finish(&mut self) -> Result<Option<Batch>, IngestError> {
        Ok(None)
    }

    /// The header, once it has been read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }
}
