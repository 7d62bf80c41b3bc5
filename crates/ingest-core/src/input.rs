//! Chunks that wait to be read.

use std::collections::VecDeque;

use bytes::Bytes;

/// What was pushed and is not read yet. An empty chunk is never kept: the end of the input is said,
/// not guessed.
#[derive(Debug, Default)]
pub(crate) struct Input {
    current: Bytes,
    /// Bytes of `current` that have been read.
    used: usize,
    waiting: VecDeque<Bytes>,
    ended: bool,
}

impl Input {
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.waiting.push_back(chunk);
        }
    }

    /// Puts bytes before all others.
    pub(crate) fn push_front(&mut self, chunk: Bytes) {
        let rest = self.current.slice(self.used..);
        self.waiting.push_front(rest);
        self.current = chunk;
        self.used = 0;
    }

    /// Says that nothing more will be pushed.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Makes the next bytes the current ones; false when there are none.
    #[inline]
    pub(crate) fn fill(&mut self) -> bool {
        while self.used == self.current.len() {
            let Some(next) = self.waiting.pop_front() else { return false };
            self.current = next;
            self.used = 0;
        }
        true
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
}
