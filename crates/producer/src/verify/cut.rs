//! Where a record ends, as it is documented: decided here once more, from what the parser of the
//! `csv` crate finds.

use std::ops::RangeInclusive;

use memchr::memchr2;

use super::{
    cells::{CsvCells, Quotes},
    rules::Shape,
};

const CTRL_Z: u8 = 0x1A;

/// Within so many limits a record that is too long has to end, to be one.
const LIMITS_OF_A_RECORD: usize = 4;

/// The end of a record.
pub(super) struct Cut {
    /// Bytes of its text.
    pub(super) raw: usize,
    /// Bytes before its line end: Ctrl-Z at the end of the file is no text. Of a record that is too
    /// long, bytes before its last line end at the latest.
    pub(super) line: usize,
    pub(super) shape: Shape,
}

/// What says where records end, besides their bytes.
pub(super) struct Limits {
    pub(super) record_bytes_max: usize,
    /// How many cells a row has, once the header is known.
    pub(super) cells: Option<RangeInclusive<usize>>,
}

impl Limits {
    /// So many bytes say what a record is.
    pub(super) fn bytes_needed_max(&self) -> usize {
        self.record_bytes_max.saturating_mul(LIMITS_OF_A_RECORD).saturating_add(1)
    }

    /// Where the record ends that begins with the first of these bytes. `None`: what follows them
    /// decides, unless they are the last ones of the file. The record's cells are in `cells` then,
    /// if it may be a row.
    pub(super) fn cut(&self, cells: &mut CsvCells, rest: &[u8], ended: bool) -> Option<Cut> {
        let far = first(rest, self.bytes_needed_max());
        let is_all_there_is = far.len() < self.bytes_needed_max();
        // A Ctrl-Z may be the last byte of the file, and is no text then.
        let text = if is_all_there_is { without_ctrl_z(far) } else { far };
        let is_last = is_all_there_is && ended;
        // One byte more than a record may have: its line end, or the proof that it is too long.
        let near = first(text, self.record_bytes_max.saturating_add(1));
        let split = cells.split(near);
        let raw = &near[..split.line_end.unwrap_or(near.len())];
        let quotes = Quotes::of(cells.dialect(), raw);
        if let Some(first_line) = quotes.torn {
            return Some(Cut::at(first_line, Shape::Misplaced));
        }
        let line_end = quotes.joined_up_to.or(split.line_end);
        if let Some(end) = line_end {
            let joined = quotes.joined.filter(|first| self.are_rows(cells, &raw[*first..end]));
            return Some(Cut::at(joined.unwrap_or(end), Shape::of(quotes.is_misplaced)));
        }
        if near.len() > self.record_bytes_max {
            let beyond = cells.split(text);
            let raw = &text[..beyond.line_end.unwrap_or(text.len())];
            let quotes = Quotes::of(cells.dialect(), raw);
            let is_one = !beyond.is_open && quotes.are_in_place() && self.has_right_count(cells);
            let open_line = open_cell(cells, near, text).and_then(|cell| first_line_end(raw, cell));
            let is_one = is_one && !open_line.is_some_and(|end| self.are_rows(cells, &raw[end..]));
            let is_over = quotes.joined_up_to.or(beyond.line_end).is_some();
            return match is_over || is_last {
                true if is_one => {
                    let line = beyond.line_end.unwrap_or(far.len());
                    Some(Cut { raw: raw.len(), line, shape: Shape::TooLong })
                }
                false if is_all_there_is && quotes.torn.is_none() => None,
                _ => Some(cut_in_first_lines(cells, near, text)),
            };
        }
        if !is_last {
            return None;
        }
        let open_line = match quotes.joined {
            Some(first) => Some(first).filter(|first| self.are_rows(cells, &near[*first..])),
            None => first_line_end(near, quotes.last_cell).filter(|_| split.is_open),
        };
        Some(match open_line {
            Some(end) => Cut::at(end, Shape::Misplaced),
            None => {
                let shape = Shape::of(quotes.is_misplaced || split.is_open);
                Cut { raw: text.len(), line: far.len(), shape }
            }
        })
    }

    /// Whether at least half of these lines have as many cells as a row.
    fn are_rows(&self, cells: &mut CsvCells, lines: &[u8]) -> bool {
        let Some(counts) = &self.cells else { return false };
        let (rows, all) = cells.count_lines(lines, counts);
        all > 0 && 2 * rows >= all
    }

    fn has_right_count(&self, cells: &CsvCells) -> bool {
        self.cells.as_ref().is_none_or(|columns| columns.contains(&cells.iter().len()))
    }
}

impl Cut {
    fn at(raw: usize, shape: Shape) -> Self {
        Self { raw, line: raw, shape }
    }
}

/// The end of what is too long and no record: of the line of the quote that is open at the limit, or
/// of the limit's own line.
fn cut_in_first_lines(cells: &mut CsvCells, near: &[u8], text: &[u8]) -> Cut {
    let open_cell = open_cell(cells, near, text);
    match open_cell.and_then(|cell| first_line_end(near, cell)) {
        Some(end) => Cut::at(end, Shape::Misplaced),
        None => Cut::at(near.len(), Shape::TooLong),
    }
}

/// Where the cell begins whose quote is open at the limit.
fn open_cell(cells: &mut CsvCells, near: &[u8], text: &[u8]) -> Option<usize> {
    let quotes = Quotes::of(cells.dialect(), near);
    let quote = Some(&cells.dialect().quote);
    let goes_on = near.last() == quote && text.get(near.len()) == quote;
    let mut is_open = |bytes: usize| cells.split(&text[..bytes]).is_open;
    let is_open = is_open(near.len()) || goes_on && is_open(near.len() + 1);
    (is_open && quotes.joined.is_none()).then_some(quotes.last_cell)
}

fn first(bytes: &[u8], most: usize) -> &[u8] {
    &bytes[..bytes.len().min(most)]
}

fn first_line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr2(b'\r', b'\n', &bytes[from..]).map(|at| from + at)
}

fn without_ctrl_z(bytes: &[u8]) -> &[u8] {
    let text = bytes.iter().rposition(|&byte| byte != CTRL_Z).map_or(0, |last| last + 1);
    &bytes[..text]
}
