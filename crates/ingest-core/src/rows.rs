//! Raw records that travel together.

use std::fmt;

/// Raw CSV records in one buffer, each without its line end and with its record number.
///
/// Two allocations, however many rows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rows {
    raw: Vec<u8>,
    spans: Vec<Span>,
    /// How often each was tried in vain; as many as there are rows, or none when no row was.
    tries: Vec<u8>,
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
        let spans = Vec::with_capacity(rows);
        Self { raw: Vec::with_capacity(bytes), spans, tries: Vec::new() }
    }

    /// Adds the record with this number, as it came, without its line end.
    #[inline]
    pub fn push(&mut self, record: u64, raw: &[u8]) {
        self.raw.extend_from_slice(raw);
        self.spans.push(Span { record, end: self.raw.len() });
        if !self.tries.is_empty() {
            self.tries.push(0);
        }
    }

    /// How often the row at this index, from 0, was tried in vain; what is not there never was.
    #[must_use]
    pub fn tries(&self, index: usize) -> u32 {
        self.tries.get(index).copied().unwrap_or_default().into()
    }

    /// Notes that the row at this index was tried in vain once more. More than 255 times are not
    /// counted.
    ///
    /// # Panics
    ///
    /// When the index is not below [`len`](Self::len).
    pub fn tried(&mut self, index: usize) {
        self.tries.resize(self.spans.len(), 0);
        self.tries[index] = self.tries[index].saturating_add(1);
    }

    /// How often each row was tried in vain; none when no row was.
    pub(crate) fn all_tries(&self) -> &[u8] {
        &self.tries
    }

    /// Says it of all rows at once.
    pub(crate) fn set_all_tries(&mut self, tries: Vec<u8>) {
        self.tries = if tries.iter().all(|tries| *tries == 0) { Vec::new() } else { tries };
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
        let (mut picked, mut tries) = (Self::default(), Vec::new());
        for index in indexes {
            let span = self.spans[index];
            picked.push(span.record, &self.raw[self.start(index)..span.end]);
            tries.push(self.tries.get(index).copied().unwrap_or_default());
        }
        picked.set_all_tries(tries);
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
        let tries = self.tries.split_off(index.min(self.tries.len()));
        Self { raw, spans, tries }
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
