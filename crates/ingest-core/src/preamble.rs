//! What comes before the first record: a byte order mark, blank lines, a line `sep=;` as Excel reads
//! it, and the question which delimiter the file has.

use bytes::Bytes;

use crate::IngestSettings;
use crate::decode::BYTE_ORDER_MARK;
use crate::input::Input;
use crate::position::Cursor;

/// The delimiters that are looked for. The first one wins a tie, and when none is there.
const CANDIDATES: [u8; 4] = *b",;\t|";

/// Reads up to the end of the header line and puts it back.
pub(crate) struct Opening {
    cursor: Cursor,
    /// Bytes behind the mark and the blank lines, as far as they came with earlier chunks.
    head: Vec<u8>,
    head_bytes_max: usize,
    mark: Mark,
    /// The first line, as long as it may be a `sep=` line.
    sep_line: Option<Vec<u8>>,
    delimiter: Delimiter,
}

/// What is known once the input is open.
pub(crate) struct Opened {
    pub(crate) delimiter: u8,
    /// Where the header starts.
    pub(crate) cursor: Cursor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// So many bytes of the mark were there.
    Expected {
        matched: usize,
    },
    Passed,
}

enum Delimiter {
    Given(u8),
    Detect(DelimiterVote),
}

impl Opening {
    /// A header line that is longer than that is not looked at to its end.
    pub(crate) fn new(settings: IngestSettings, head_bytes_max: usize) -> Self {
        let IngestSettings { delimiter, quote, escape, .. } = settings;
        Self {
            cursor: Cursor::at(1, 0),
            head: Vec::new(),
            head_bytes_max,
            mark: Mark::Expected { matched: 0 },
            sep_line: Some(Vec::new()),
            delimiter: match delimiter {
                Some(delimiter) => Delimiter::Given(delimiter),
                None => Delimiter::Detect(DelimiterVote::new(quote, escape)),
            },
        }
    }

    /// Looks at all there is. `None` when that is not enough. Behind `Some`, the input starts at
    /// the header, or has nothing in it.
    pub(crate) fn open(&mut self, input: &mut Input) -> Option<Opened> {
        let open = loop {
            if !input.fill() {
                if !input.ended() {
                    return None;
                }
                self.keep_broken_mark();
                self.keep_sep_line();
                break Bytes::new();
            }
            let mut chunk = input.take_current();
            self.pass_mark(&mut chunk);
            self.pass_blank_lines(&mut chunk);
            self.pass_sep_line(&mut chunk);
            self.pass_blank_lines(&mut chunk);
            if self.knows_delimiter(&chunk) {
                break chunk;
            }
            self.head.extend_from_slice(&chunk);
        };
        input.push_front(open);
        input.push_front(std::mem::take(&mut self.head).into());
        let delimiter = match &self.delimiter {
            Delimiter::Given(delimiter) => *delimiter,
            Delimiter::Detect(vote) => vote.winner(),
        };
        Some(Opened { delimiter, cursor: self.cursor })
    }

    /// Bytes that were passed and are no header, such as empty lines.
    pub(crate) fn passed(&self) -> u64 {
        self.cursor.byte
    }

    fn pass_mark(&mut self, chunk: &mut Bytes) {
        while let Mark::Expected { matched } = self.mark {
            let Some(first) = chunk.first() else { return };
            if *first != BYTE_ORDER_MARK[matched] {
                self.keep_broken_mark();
                return;
            }
            self.mark = match matched + 1 {
                3 => Mark::Passed,
                matched => Mark::Expected { matched },
            };
            if self.mark == Mark::Passed {
                self.cursor.pass(BYTE_ORDER_MARK);
            }
            *chunk = chunk.slice(1..);
        }
    }

    /// What looked like the mark is the beginning of the header.
    fn keep_broken_mark(&mut self) {
        if let Mark::Expected { matched } = self.mark {
            self.head.extend_from_slice(&BYTE_ORDER_MARK[..matched]);
            self.mark = Mark::Passed;
        }
    }

    fn pass_blank_lines(&mut self, chunk: &mut Bytes) {
        if self.head.is_empty() && self.sep_line.as_ref().is_none_or(Vec::is_empty) {
            let blank = chunk.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.cursor.pass(&chunk[..blank]);
            *chunk = chunk.slice(blank..);
        }
    }

    /// Passes `sep=` and one character on a line of their own; the line end is blank then. What the
    /// settings say of the delimiter counts more.
    fn pass_sep_line(&mut self, chunk: &mut Bytes) {
        while let (Some(line), Some(&byte)) = (&mut self.sep_line, chunk.first()) {
            let goes_on = match (line.len(), byte) {
                (5, b'\r' | b'\n') => {
                    self.cursor.pass(line);
                    if matches!(self.delimiter, Delimiter::Detect(_)) {
                        self.delimiter = Delimiter::Given(line[4]);
                    }
                    self.sep_line = None;
                    return;
                }
                (4, byte) => byte.is_ascii() && !matches!(byte, b'\r' | b'\n'),
                (seen, byte) => b"sep=".get(seen) == Some(&byte.to_ascii_lowercase()),
            };
            if !goes_on {
                self.keep_sep_line();
                return;
            }
            line.push(byte);
            *chunk = chunk.slice(1..);
        }
    }

    /// What looked like a `sep=` line is the beginning of the header.
    fn keep_sep_line(&mut self) {
        let line = self.sep_line.take().unwrap_or_default();
        if let Delimiter::Detect(vote) = &mut self.delimiter {
            vote.count(&line);
        }
        self.head.extend_from_slice(&line);
    }

    fn knows_delimiter(&mut self, chunk: &[u8]) -> bool {
        match &mut self.delimiter {
            Delimiter::Given(_) => !chunk.is_empty() || !self.head.is_empty(),
            Delimiter::Detect(vote) => {
                vote.count(chunk) || self.head.len() + chunk.len() > self.head_bytes_max
            }
        }
    }
}

/// Counts the candidates outside quotes, until the line ends.
struct DelimiterVote {
    quote: u8,
    escape: Option<u8>,
    place: Place,
    counts: [u64; CANDIDATES.len()],
}

#[derive(Clone, Copy)]
enum Place {
    FieldStart,
    InField,
    InQuotes,
    /// Behind an escape character inside quotes.
    Escaped,
    /// Behind a quote inside quotes: it closed them, or it is the first of two.
    BehindQuote,
}

impl DelimiterVote {
    fn new(quote: u8, escape: Option<u8>) -> Self {
        Self { quote, escape, place: Place::FieldStart, counts: [0; CANDIDATES.len()] }
    }

    /// Whether the line ends in these bytes; what is behind its end is not counted.
    fn count(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            self.place = match (self.place, byte) {
                (Place::FieldStart | Place::BehindQuote, byte) if byte == self.quote => {
                    Place::InQuotes
                }
                (Place::InQuotes, byte) if byte == self.quote => Place::BehindQuote,
                (Place::InQuotes, byte) if Some(byte) == self.escape => Place::Escaped,
                (Place::InQuotes | Place::Escaped, _) => Place::InQuotes,
                (_, b'\r' | b'\n') => return true,
                (_, byte) => match CANDIDATES.iter().position(|&candidate| candidate == byte) {
                    Some(candidate) => {
                        self.counts[candidate] += 1;
                        Place::FieldStart
                    }
                    None => Place::InField,
                },
            };
        }
        false
    }

    fn winner(&self) -> u8 {
        let most = self.counts.iter().max().copied().unwrap_or(0);
        let first = self.counts.iter().position(|&count| count == most).unwrap_or(0);
        CANDIDATES[first]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_candidate_seen_most_outside_quotes() {
        let cases: &[(&str, u8)] = &[
            ("a,b,c", b','),
            ("a;b;c", b';'),
            ("a\tb", b'\t'),
            ("a|b", b'|'),
            ("single", b','),
            ("", b','),
            ("a;b,c", b','),
            ("a|b;c", b';'),
            ("\"a,b,c\";d", b';'),
            ("\"say \"\"a,b,c\"\"\";d", b';'),
            ("\"two\nlines,,\";b", b';'),
            ("5\" pipe;b", b';'),
            ("a;b\n,,,,", b';'),
            ("a;b\r,,,,", b';'),
            ("Name, First;Age;City", b';'),
        ];

        for (header, delimiter) in cases {
            let mut vote = DelimiterVote::new(b'"', None);
            vote.count(header.as_bytes());
            assert_eq!(char::from(vote.winner()), char::from(*delimiter), "{header:?}");
        }
    }
}
