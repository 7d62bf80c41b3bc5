//! Finds the end of a plainly written record without csv-core.
//!
//! A record is plain when quotes stand only around whole fields, as every program writes them. Then
//! three bytes matter outside quotes and one inside, and looking for them with `memchr` is about
//! twice as fast as csv-core's byte by byte, which also copies. Whatever is not plain is left to
//! csv-core, so this never has to decide what odd quoting means. A property test holds the two
//! together.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

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
        Dialect { delimiter, quote }: Dialect,
        chunk: &[u8],
        start: usize,
        bytes_max: usize,
    ) -> Option<Self> {
        // With its line end, or the first of the two bytes of one.
        let limit = start.saturating_add(bytes_max).saturating_add(1).min(chunk.len());
        let within = &chunk[..limit];
        let (mut at, mut fields, mut lines) = (start, 1, 1);
        let end = loop {
            if *within.get(at)? == quote {
                let (closing, line_breaks) = closing_quote(quote, within, at + 1)?;
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

/// Looks for the trace of a missing closing quote: a quoted field that goes over a line end and has
/// text right behind its closing quote. Where that field starts.
///
/// ```text
/// 1,"open        csv-core reads one record with two fields, and the second line's quote, which
/// 2,"closed"     was to open, closes: `open⏎2,closed"`. Nobody wrote that.
/// ```
///
/// No record that [`Plain::find`] finds is like this.
pub(crate) fn torn_quote(Dialect { delimiter, quote }: Dialect, record: &[u8]) -> Option<usize> {
    memchr2(b'\n', b'\r', record)?;
    let mut at = 0;
    loop {
        if *record.get(at)? == quote {
            let (closing, line_breaks) = closing_quote(quote, record, at + 1)?;
            let behind = *record.get(closing + 1)?;
            if line_breaks > 0 && behind != delimiter && !behind.is_ascii_whitespace() {
                return Some(at);
            }
            at = closing + 1;
        }
        at += memchr(delimiter, &record[at..])? + 1;
    }
}

/// Where the quoted field that starts at `inside` is closed, and how many line breaks it holds.
#[inline]
fn closing_quote(quote: u8, chunk: &[u8], mut inside: usize) -> Option<(usize, u64)> {
    let mut line_breaks = 0;
    loop {
        let found = inside + memchr3(quote, b'\n', b'\r', chunk.get(inside..)?)?;
        let next = *chunk.get(found + 1)?;
        inside = match chunk[found] {
            b'\n' => found + 1,
            b'\r' if next == b'\n' => found + 2,
            b'\r' => found + 1,
            _quote if next == quote => found + 2,
            _quote => return Some((found, line_breaks)),
        };
        line_breaks += u64::from(chunk[found] != quote);
    }
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
    fn what_is_not_plain_or_not_all_there_is_left_to_csv_core() {
        let cases =
            ["", "a", "a\r", "\"a", "\"a\"", "\"a\n", "a\"b\n", "\"a\"b\n", "\"a\"\r", "a,b\"\n"];

        for chunk in cases {
            assert_eq!(found(chunk, 100), None, "{chunk:?}");
        }
    }

    #[test]
    fn a_quote_that_is_closed_lines_later_in_the_middle_of_text_is_found() {
        let cases = [
            ("1,\"open\n2,\"closed\"", Some(2)),
            ("1,\"a\nb\",\"open\r2,\"x", Some(8)),
            ("\"open\r\n\"\"\"x,y", Some(0)),
            ("1,\"a\nb\"", None),
            ("1,\"a\nb\" ,2", None),
            ("1,\"a\"b,\"c\nd\"", None),
            ("1,\"a\"b,\"c\nd\"e", Some(7)),
            ("1,a\"b,\"c\nd\",e", None),
            ("1,\"a\"b", None),
        ];

        for (record, quote) in cases {
            assert_eq!(torn_quote(Dialect::default(), record.as_bytes()), quote, "{record:?}");
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
