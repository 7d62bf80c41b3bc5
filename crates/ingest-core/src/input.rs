//! Chunks that wait to be read.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use encoding_rs::Encoding;

/// What was pushed and is not read yet.
#[derive(Default)]
pub(crate) struct Input {
    current: Bytes,
    /// Bytes of `current` that have been read.
    used: usize,
    /// A part of `current` that is known to be UTF-8.
    text: Range<usize>,
    waiting: VecDeque<Bytes>,
    ended: bool,
}

impl Input {
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.waiting.push_back(chunk);
    }

    /// Puts bytes before all others.
    pub(crate) fn push_front(&mut self, chunk: Bytes) {
        let rest = self.current.slice(self.used..);
        self.waiting.push_front(rest);
        self.begin(chunk);
    }

    /// Says that nothing more will be pushed.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Makes sure that there are bytes to read; false when there are none. Empty chunks are passed
    /// over.
    #[inline]
    pub(crate) fn fill(&mut self) -> bool {
        while self.used == self.current.len() {
            let Some(next) = self.waiting.pop_front() else { return false };
            self.begin(next);
        }
        true
    }

    fn begin(&mut self, chunk: Bytes) {
        self.current = chunk;
        self.used = 0;
        self.text = 0..0;
    }

    /// The current chunk, and how much of it has been read.
    #[inline]
    pub(crate) fn current(&self) -> (&[u8], usize) {
        (&self.current, self.used)
    }

    #[inline]
    pub(crate) fn read_up_to(&mut self, used: usize) {
        debug_assert!(self.used <= used && used <= self.current.len());
        self.used = used;
    }

    /// Takes what is left of the current chunk.
    pub(crate) fn take_current(&mut self) -> Bytes {
        let rest = self.current.split_off(self.used);
        self.used = self.current.len();
        rest
    }

    /// Whether this part of the current chunk, whose ends are no halves of a character, is UTF-8.
    ///
    /// One look at a chunk is several times faster than one at each of its records: this one goes
    /// as far as it can, and is remembered.
    #[inline]
    pub(crate) fn is_text(&mut self, part: Range<usize>) -> bool {
        if part.start < self.text.start || self.text.end < part.end {
            let text = Encoding::utf8_valid_up_to(&self.current[part.start..]);
            self.text = part.start..part.start + text;
        }
        part.end <= self.text.end
    }
}
