//! Whether bytes that are read in another encoding are UTF-8.

/// A character of UTF-8 has four bytes at most, so this many of it may wait for its last one.
const WAITING_MAX: usize = 3;

/// Looks at chunks. In text of another encoding hardly any letter beyond ASCII is one of UTF-8, and in
/// UTF-8 hardly any is not, even where somebody pasted something into it.
#[derive(Debug, Default)]
pub(crate) struct Utf8Look {
    /// Letters beyond ASCII that are UTF-8.
    letters: u64,
    /// Sequences of bytes that are not.
    others: u64,
    /// The character that the last chunk cut.
    waiting: Vec<u8>,
}

impl Utf8Look {
    pub(crate) fn of(chunk: &[u8]) -> Self {
        let mut look = Self::default();
        look.add(chunk);
        look
    }

    pub(crate) fn add(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        // The cut character, up to where it is whole, or is none.
        while !self.waiting.is_empty() {
            let [first, others @ ..] = rest else { return };
            self.waiting.push(*first);
            rest = others;
            let is_cut =
                std::str::from_utf8(&self.waiting).is_err_and(|it| it.error_len().is_none());
            if !is_cut {
                let waiting = std::mem::take(&mut self.waiting);
                self.count(&waiting);
            }
        }
        self.count(rest);
    }

    fn count(&mut self, bytes: &[u8]) {
        if bytes.is_ascii() {
            return;
        }
        let mut left = bytes.len();
        for piece in bytes.utf8_chunks() {
            self.letters +=
                piece.valid().chars().filter(|letter| !letter.is_ascii()).count() as u64;
            left -= piece.valid().len() + piece.invalid().len();
            let invalid = piece.invalid();
            let is_cut = left == 0
                && invalid.len() <= WAITING_MAX
                && std::str::from_utf8(invalid).is_err_and(|it| it.error_len().is_none());
            match invalid {
                [] => {}
                _ if is_cut => self.waiting = invalid.to_vec(),
                _ => self.others += 1,
            }
        }
    }

    /// Whether it is UTF-8 so far, and not ASCII alone.
    pub(crate) fn is_utf_8(&self) -> bool {
        self.letters > self.others
    }

    /// Whether it is in another encoding.
    pub(crate) fn is_other(&self) -> bool {
        self.others > self.letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_is_known_wherever_it_is_cut() {
        for (text, is_utf_8, is_other) in [
            ("Gr\u{fc}\u{df}e, \u{20ac} 5, \u{1f600}\n".as_bytes(), true, false),
            (b"plain\n", false, false),
            (b"", false, false),
            (b"Gr\xfc\xdfe\n", false, true),
            (b"caf\xe9s", false, true),
            // One of each says nothing.
            (b"caf\xc3\xa9 and caf\xe9s\n", false, false),
            // Something was pasted into it.
            (b"\xc3\xa9\xc3\xa9 \xfc \xc3\xa9\n", true, false),
            (b"\xe9t\xe9 \xc3\xa9 \xe9t\xe9\n", false, true),
            (b"\x93\xfa\x96{\x8c\xea\x83e\x83X\x83g\n", false, true),
        ] {
            for size in 1..=text.len().max(1) {
                let mut look = Utf8Look::default();
                text.chunks(size).for_each(|chunk| look.add(chunk));
                let found = (look.is_utf_8(), look.is_other());
                assert_eq!(found, (is_utf_8, is_other), "{text:?} in pieces of {size}");
            }
        }
    }
}
