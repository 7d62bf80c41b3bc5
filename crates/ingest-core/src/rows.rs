//! Raw records that travel together.

use std::fmt;

/// Raw CSV records in one buffer, each without its line end and with its record number.
///
/// Two allocations, however many rows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rows {
    raw: Vec<u8>,
    spans: Vec<Span>,
}

/// One row of [`Rows`]; it starts where the one before it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    record: u64,
    end: usize,
}

impl Rows {
    /// No rows yet, and room for some.
    #[must_use]
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { raw: Vec::with_capacity(bytes), spans: Vec::with_capacity(rows) }
    }

    /// Adds the record with this number, as it came, without its line end.
    #[inline]
    pub fn push(&mut self, record: u64, raw: &[u8]) {
        self.raw.extend_from_slice(raw);
        self.spans.push(Span { record, end: self.raw.len() });
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of all raw records together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.raw.len()
    }

    /// All raw records, one right behind the other.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The row at this index, from 0: its record number and its raw bytes.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(u64, &[u8])> {
        let span = self.spans.get(index)?;
        Some((span.record, &self.raw[self.start(index)..span.end]))
    }

    /// All rows in order: record number and raw bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.spans.iter().map(move |span| {
            let raw = &self.raw[start..span.end];
            start = span.end;
            (span.record, raw)
        })
    }

    /// The rows at these indexes, in the order in which they are named.
    ///
    /// # Panics
    ///
    /// When an index is not below [`len`](Self::len).
    #[must_use]
    pub fn subset(&self, indexes: impl IntoIterator<Item = usize>) -> Self {
        let mut picked = Self::default();
        for index in indexes {
            let span = self.spans[index];
            picked.push(span.record, &self.raw[self.start(index)..span.end]);
        }
        picked
    }

    /// Takes the rows from this index on away.
    pub(crate) fn split_off(&mut self, index: usize) -> Self {
        let start = self.start(index);
        let raw = self.raw.split_off(start);
        let mut spans = self.spans.split_off(index);
        for span in &mut spans {
            span.end -= start;
        }
        Self { raw, spans }
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.spans[before].end)
    }
}

/// Shows how much there is and never what: rows do not belong into logs.
impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rows")
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish()
    }
}
