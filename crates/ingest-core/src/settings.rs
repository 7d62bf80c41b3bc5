//! How an input is read.

use crate::{BatchLimits, Replay, replay};

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IngestSettings {
    /// Byte between two fields. `None` finds it: the one of comma, semicolon, tab and pipe that the
    /// header line has most outside quotes; at a tie the first of these; comma when it has none.
    pub delimiter: Option<u8>,
    /// Byte around a field.
    pub quote: u8,
    /// See [`Dialect::escape`](crate::Dialect::escape).
    pub escape: Option<u8>,
    /// Most bytes in a record, its line end not counted. A longer one becomes a reject.
    pub record_bytes_max: usize,
    /// When a batch is closed.
    pub batch: BatchLimits,
}

/// How large a header may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderLimits {
    /// Most bytes, its line end not counted. (It may have no more than a record, either.)
    pub bytes_max: usize,
    /// Most columns.
    pub columns_max: usize,
}

impl Default for HeaderLimits {
    fn default() -> Self {
        Self { bytes_max: 64 << 10, columns_max: 2_000 }
    }
}

/// What is special about an input.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// It is a rejects file.
    pub(crate) replay: Option<Replay>,
    /// Rows with the same cell in this column stay together.
    pub(crate) together: Option<String>,
    pub(crate) header: HeaderLimits,
}

impl Manner {
    /// Most bytes in a record as it stands in the input.
    pub(crate) fn record_limit(&self, settings: IngestSettings) -> usize {
        self.as_it_stands(settings.record_bytes_max)
    }

    /// Most bytes in something of the source that may have so many.
    pub(crate) fn as_it_stands(&self, bytes_max: usize) -> usize {
        match self.replay {
            None => bytes_max,
            // All of its bytes may be quotes, which are two in a cell.
            Some(_) => bytes_max.saturating_mul(2).saturating_add(replay::COLUMNS_BYTES_MAX),
        }
    }
}
