//! Finds the end of a plainly written record at once.
//!
//! A record is plain when it lies within a chunk and quotes stand only around whole fields, as every
//! program writes them. Then three bytes matter outside quotes and one inside, and they are looked
//! for with `memchr`, without a copy. Whatever is not plain is left to [`Scan`](crate::scan::Scan),
//! so this never has to decide what odd quoting means.

use memchr::{memchr_iter, memchr3};

use crate::Dialect;

/// A record that lies within a chunk.
pub(crate) struct Plain {
    /// Where its line end starts.
    pub(crate) end: usize,
    /// Behind its line end.
    pub(crate) after: usize,
    pub(crate) fields: usize,
    /// Lines it ends: its own, and those inside quotes.
    pub(crate) lines: u64,
}

impl Plain {
    /// The record that starts at `start` and has at most `bytes_max` bytes. `None` when its end is
    /// not in the chunk, or cannot be told for sure.
    #[inline(always)]
    pub(crate) fn find(
        dialect: Dialect,
        chunk: &[u8],
        start: usize,
        bytes_max: usize,
    ) -> Option<Self> {
        let Dialect { delimiter, quote, .. } = dialect;
        // With its line end, or the first of the two bytes of one.
        let limit = start.saturating_add(bytes_max).saturating_add(1).min(chunk.len());
        let within = &chunk[..limit];
        let (mut at, mut fields, mut lines) = (start, 1, 1);
        let end = loop {
            if *within.get(at)? == quote {
                let (closing, line_breaks) = closing_quote(dialect, within, at + 1)?;
                lines += line_breaks;
                match *within.get(closing + 1)? {
                    b'\n' | b'\r' => break closing + 1,
                    byte if byte == delimiter => (at, fields) = (closing + 2, fields + 1),
                    _text => return None,
                }
            } else {
                // All fields up to the next quote at once.
                let end = at + memchr3(b'\n', b'\r', quote, &within[at..])?;
                fields += memchr_iter(delimiter, &within[at..end]).count();
                if within[end] != quote {
                    break end;
                }
                if within[end - 1] != delimiter {
                    return None;
                }
                at = end;
            }
        };
        let crlf = chunk[end] == b'\r' && *chunk.get(end + 1)? == b'\n';
        Some(Self { end, after: end + 1 + usize::from(crlf), fields, lines })
    }
}

/// Where the quoted field that starts at `inside` is closed, and how many line breaks it holds.
#[inline]
fn closing_quote(dialect: Dialect, chunk: &[u8], inside: usize) -> Option<(usize, u64)> {
    let Dialect { quote, escape, .. } = dialect;
    let (mut from, mut line_breaks) = (inside, 0);
    loop {
        let found = from + memchr3(quote, b'\n', b'\r', chunk.get(from..)?)?;
        let next = *chunk.get(found + 1)?;
        from = match chunk[found] {
            b'\n' => found + 1,
            b'\r' if next == b'\n' => found + 2,
            b'\r' => found + 1,
            _quote if escape.is_some_and(|escape| is_escaped(escape, &chunk[from..found])) => {
                found + 1
            }
            _quote if next == quote => found + 2,
            _quote => return Some((found, line_breaks)),
        };
        line_breaks += u64::from(chunk[found] != quote);
    }
}

/// Whether what stands behind these bytes is escaped: two escapes are a character. They are never
/// counted across a quote or a line end, and those end where `before` begins.
fn is_escaped(escape: u8, before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == escape).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(chunk: &str, bytes_max: usize) -> Option<(&str, usize, u64, &str)> {
        let plain = Plain::find(Dialect::default(), chunk.as_bytes(), 0, bytes_max)?;
        Some((&chunk[..plain.end], plain.fields, plain.lines, &chunk[plain.after..]))
    }

    #[test]
    fn a_plain_record_ends_at_its_first_line_end_outside_quotes() {
        let cases = [
            ("a,b\nc", ("a,b", 2, 1, "c")),
            ("a,b\r\nc", ("a,b", 2, 1, "c")),
            ("a,b\rc", ("a,b", 2, 1, "c")),
            (",\n", (",", 2, 1, "")),
            ("\"a,b\",c\n", ("\"a,b\",c", 2, 1, "")),
            ("a,\"b\n\r\n\rc\",d\n", ("a,\"b\n\r\n\rc\",d", 3, 4, "")),
            ("\"\",\"\"\"\",x\n", ("\"\",\"\"\"\",x", 3, 1, "")),
            ("\"\"\n", ("\"\"", 1, 1, "")),
        ];

        for (chunk, expected) in cases {
            assert_eq!(found(chunk, 100), Some(expected), "{chunk:?}");
        }
    }

    #[test]
    fn what_is_not_plain_or_not_all_there_is_left_to_others() {
        let cases =
            ["", "a", "a\r", "\"a", "\"a\"", "\"a\n", "a\"b\n", "\"a\"b\n", "\"a\"\r", "a,b\"\n"];

        for chunk in cases {
            assert_eq!(found(chunk, 100), None, "{chunk:?}");
        }
    }

    #[test]
    fn a_record_of_exactly_the_limit_is_found_and_one_byte_more_is_not() {
        for chunk in ["abcd\nx", "abcd\r\nx", "\"ab\"\nx"] {
            assert!(found(chunk, 4).is_some(), "{chunk:?}");
            assert!(found(chunk, 3).is_none(), "{chunk:?}");
        }
    }
}
