//! Where a record ends, told byte by byte.
//!
//! [`Plain`](crate::fast_path::Plain) finds the records that every program writes. This is for all
//! others: those that lie in more than one chunk, that have quotes inside cells, and those of which
//! a quote is not closed. It never looks ahead, so how the bytes are cut cannot matter.

use memchr::{memchr, memchr2, memchr3};

use crate::Dialect;

/// A record of which the bytes so far are known.
#[derive(Clone, Copy)]
pub(crate) struct Scan {
    dialect: Dialect,
    place: Place,
    /// Bytes that were seen.
    seen: usize,
    fields: usize,
    /// Where the last quoted cell opens.
    opens: usize,
    /// The last cell that goes over lines; its line end is 0 when there is none.
    over_lines: OverLines,
    /// The last byte, and the one before the last quote, or row of quotes, inside quotes.
    last: u8,
    before_quote: u8,
    misplaced: Option<Misplaced>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Unquoted,
    InQuotes,
    /// Behind an escape character inside quotes.
    Escaped,
    /// Behind a quote inside quotes: it closed them, or it is the first of two.
    BehindQuote,
    /// Behind a quoted cell and blanks.
    BehindCell,
    /// Behind a cell over lines, and text. The record ends with this line: no quote in it is trusted.
    LastLine,
}

/// A quoted cell with line ends inside its quotes.
#[derive(Clone, Copy)]
pub(crate) struct OverLines {
    /// Where it opens.
    pub(crate) quote: usize,
    /// Its first line end.
    pub(crate) line_end: usize,
}

/// A quoted cell that does not end where its quotes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misplaced {
    /// Where the cell opens in the record.
    pub(crate) quote: usize,
    pub(crate) kind: MisplacedKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MisplacedKind {
    /// There is text behind the closing quote.
    TextBehind {
        /// A backslash stands before that quote, and means nothing in this dialect.
        after_backslash: bool,
    },
    /// The quotes are not closed.
    Open,
    /// What was put into one cell of a rejects file is more than one record.
    Several,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The last byte seen is a line end, and the record is over.
    End,
    /// The quote that closes a cell over several lines was to open another one: the cell's own is
    /// missing.
    Torn,
}

impl Scan {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            place: Place::CellStart,
            seen: 0,
            fields: 1,
            opens: 0,
            over_lines: OverLines { quote: 0, line_end: 0 },
            last: 0,
            before_quote: 0,
            misplaced: None,
        }
    }

    /// Sees the next bytes up to something that decides: how many it saw, and what that was.
    pub(crate) fn see(&mut self, bytes: &[u8]) -> (usize, Option<Found>) {
        let mut at = 0;
        while at < bytes.len() {
            let skipped = self.skip(&bytes[at..]);
            at += skipped;
            let Some(&byte) = bytes.get(at) else { break };
            at += 1;
            if let Some(found) = self.see_byte(byte) {
                return (at, Some(found));
            }
        }
        (at, None)
    }

    /// Bytes that are seen.
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    pub(crate) fn fields(&self) -> usize {
        self.fields
    }

    /// What is wrong with the record, should it end here.
    pub(crate) fn misplaced(&self) -> Option<Misplaced> {
        match self.open_quote() {
            Some(quote) => Some(Misplaced { quote, kind: MisplacedKind::Open }),
            None => self.misplaced,
        }
    }

    /// Where the quote stands that is open here.
    pub(crate) fn open_quote(&self) -> Option<usize> {
        matches!(self.place, Place::InQuotes | Place::Escaped).then_some(self.opens)
    }

    /// The same, when this byte comes next: it may be the second one of two quotes.
    pub(crate) fn open_quote_before(&self, next: Option<u8>) -> Option<usize> {
        let goes_on = self.place == Place::BehindQuote && next == Some(self.dialect.quote);
        if goes_on { Some(self.opens) } else { self.open_quote() }
    }

    /// The last cell that goes over lines.
    pub(crate) fn over_lines(&self) -> Option<OverLines> {
        (self.over_lines.line_end > 0).then_some(self.over_lines)
    }

    /// Whether the record ends with this line, for there is text behind the closing quote of a cell
    /// over lines.
    pub(crate) fn is_in_last_line(&self) -> bool {
        self.place == Place::LastLine
    }

    /// Whether the last quoted cell goes over lines.
    pub(crate) fn is_over_lines(&self) -> bool {
        self.over_lines.line_end > self.opens
    }

    /// Passes bytes that change nothing.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let Dialect { delimiter, quote, escape } = self.dialect;
        let decisive = match self.place {
            Place::Unquoted => memchr3(delimiter, b'\n', b'\r', bytes),
            Place::InQuotes if self.is_over_lines() => match escape {
                Some(escape) => memchr2(quote, escape, bytes),
                None => memchr(quote, bytes),
            },
            Place::LastLine => memchr2(b'\n', b'\r', bytes),
            _ => return 0,
        };
        let skipped = decisive.unwrap_or(bytes.len());
        self.seen += skipped;
        self.last = bytes[..skipped].last().copied().unwrap_or(self.last);
        skipped
    }

    fn see_byte(&mut self, byte: u8) -> Option<Found> {
        let at = self.seen;
        let last = std::mem::replace(&mut self.last, byte);
        self.seen += 1;
        let is_line_end = matches!(byte, b'\r' | b'\n');
        let Dialect { delimiter, quote, escape } = self.dialect;
        match self.place {
            Place::CellStart if byte == quote => {
                self.place = Place::InQuotes;
                self.opens = at;
                self.before_quote = quote;
                return None;
            }
            Place::Escaped if byte == quote || Some(byte) == escape => {
                self.place = Place::InQuotes;
                self.before_quote = last;
                return None;
            }
            Place::InQuotes | Place::Escaped => {
                self.place = match byte {
                    byte if byte == quote => Place::BehindQuote,
                    byte if Some(byte) == escape => Place::Escaped,
                    _ => Place::InQuotes,
                };
                if is_line_end && !self.is_over_lines() {
                    self.over_lines = OverLines { quote: self.opens, line_end: at };
                }
                if byte == quote && last != quote {
                    self.before_quote = last;
                }
                return None;
            }
            Place::BehindQuote if byte == quote => {
                self.place = Place::InQuotes;
                return None;
            }
            _ if byte == delimiter => {
                self.place = Place::CellStart;
                self.fields += 1;
                return None;
            }
            _ if is_line_end => return Some(Found::End),
            Place::BehindQuote | Place::BehindCell if is_blank(byte) => {
                self.place = Place::BehindCell;
                return None;
            }
            Place::BehindQuote | Place::BehindCell => {
                let looks_like_opening =
                    self.before_quote == delimiter || matches!(self.before_quote, b'\r' | b'\n');
                if self.is_over_lines() && looks_like_opening {
                    return Some(Found::Torn);
                }
                let after_backslash = escape.is_none() && self.before_quote == b'\\';
                let kind = MisplacedKind::TextBehind { after_backslash };
                self.misplaced.get_or_insert(Misplaced { quote: self.opens, kind });
                if self.is_over_lines() {
                    self.place = Place::LastLine;
                    return None;
                }
            }
            Place::CellStart | Place::Unquoted | Place::LastLine => {}
        }
        self.place = Place::Unquoted;
        None
    }
}

/// What may stand between a closing quote and the end of its cell.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What is wrong with this record, which stands alone.
pub(crate) fn misplaced(dialect: Dialect, record: &[u8]) -> Option<Misplaced> {
    memchr3(dialect.quote, b'\n', b'\r', record)?;
    let mut scan = Scan::new(dialect);
    match scan.see(record) {
        (_, None) => scan.misplaced(),
        (_, Some(Found::End)) => Some(Misplaced { quote: 0, kind: MisplacedKind::Several }),
        (_, Some(Found::Torn)) => Some(Misplaced { quote: scan.opens, kind: MisplacedKind::Open }),
    }
}
