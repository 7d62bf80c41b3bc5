//! Which of the rejected rows that stand in a rejects file are what the file has there, in memory
//! that does not grow with them: a bit for each record, and sums of digests. The rejects file has
//! rows in any order, so each of them adds to the sum of its place, and its record takes away from
//! it; what is left over differs.

use std::{fmt, ops::RangeInclusive};

/// So many records are looked at in one pass over the rejects file: their bits have 32 MiB.
const RECORDS_MAX: u64 = 1 << 28;

/// Sums that are kept, in 16 MiB. Where there are more records, several have one.
const SUMS_MAX: u64 = 1 << 20;

/// How rows are kept apart.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) records_max: u64,
    pub(super) sums_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { records_max: RECORDS_MAX, sums_max: SUMS_MAX }
    }
}

/// Rejected rows of some records that stand in the rejects file.
pub(super) struct Standing {
    /// The first of these records, and how many there are.
    first: u64,
    records: u64,
    bits: Vec<u64>,
    /// So many records have one sum.
    width: u64,
    sums: Vec<u128>,
    /// The records of the sum that is being seen.
    open: Option<Span>,
}

/// Rejected records, one of which differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) records: RangeInclusive<u64>,
    /// The lines on which they begin, as far as those are known.
    pub(super) lines: Option<RangeInclusive<u64>>,
}

impl Standing {
    /// Of the records from this one to the last one, or as many of them as the bounds allow.
    pub(super) fn new(first: u64, last: u64, bounds: Bounds) -> Self {
        let records = (last + 1).saturating_sub(first).min(bounds.records_max);
        let width = records.div_ceil(bounds.sums_max).max(1);
        let bits = vec![0; index(records.div_ceil(64))];
        let sums = vec![0; index(records.div_ceil(width))];
        Self { first, records, bits, width, sums, open: None }
    }

    /// The first record behind these.
    pub(super) fn end(&self) -> u64 {
        self.first + self.records
    }

    /// Takes a row of the rejects file. Gives `false` when another one of its record is there
    /// already, which counts. A row of other records is passed over.
    pub(super) fn put(&mut self, record: u64, digest: u128) -> bool {
        if !self.covers(record) {
            return true;
        }
        let (word, bit) = self.bit(record);
        if self.bits[word] & bit != 0 {
            return false;
        }
        self.bits[word] |= bit;
        let sum = self.sum_of(record);
        self.sums[sum] = self.sums[sum].wrapping_add(digest);
        true
    }

    /// Whether the rejects file has a row of this record.
    pub(super) fn has(&self, record: u64) -> bool {
        let (word, bit) = self.bit(record);
        self.covers(record) && self.bits[word] & bit != 0
    }

    /// Takes what the file has of a record that [is there](Self::has), in the order of the file.
    /// Gives where one before it differs.
    pub(super) fn see(&mut self, record: u64, line: Option<u64>, digest: u128) -> Option<Span> {
        let sum = self.sum_of(record);
        let here = Span { records: record..=record, lines: line.map(|line| line..=line) };
        let (closed, open) = match self.open.take() {
            Some(open) if self.sum_of(*open.records.start()) == sum => (None, open.up_to(&here)),
            before => (before, here),
        };
        self.open = Some(open);
        self.sums[sum] = self.sums[sum].wrapping_sub(digest);
        closed.and_then(|span| self.close(span))
    }

    /// Says that the file has no more of these records. Gives where the last ones differ, and what
    /// stands in the rejects file of records that the file does not have.
    pub(super) fn finish(mut self) -> Vec<Span> {
        let last = self.open.take().and_then(|span| self.close(span));
        let never_seen = (0..).zip(&self.sums).filter(|(_, sum)| **sum != 0).map(|(at, _)| {
            let first = self.first + at * self.width;
            let last = (first + self.width).min(self.end()) - 1;
            Span { records: first..=last, lines: None }
        });
        last.into_iter().chain(never_seen).collect()
    }

    /// All records of a sum were seen: whether something is left over.
    fn close(&mut self, span: Span) -> Option<Span> {
        let sum = self.sum_of(*span.records.start());
        (std::mem::take(&mut self.sums[sum]) != 0).then_some(span)
    }

    fn covers(&self, record: u64) -> bool {
        (self.first..self.end()).contains(&record)
    }

    fn bit(&self, record: u64) -> (usize, u64) {
        let at = record.saturating_sub(self.first);
        (index(at / 64), 1 << (at % 64))
    }

    fn sum_of(&self, record: u64) -> usize {
        index((record - self.first) / self.width)
    }
}

/// An index into what is bounded.
fn index(at: u64) -> usize {
    usize::try_from(at).expect("records are bounded")
}

impl Span {
    fn up_to(self, last: &Self) -> Self {
        let lines = self.lines.zip(last.lines.as_ref());
        Self {
            records: *self.records.start()..=*last.records.end(),
            lines: lines.map(|(lines, last)| *lines.start()..=*last.end()),
        }
    }
}

/// `record 3 (line 4)`, or `one of the records 3 to 9 (lines 4 to 12)`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.records.start(), self.records.end());
        match first == last {
            true => write!(f, "record {first}")?,
            false => write!(f, "one of the records {first} to {last}")?,
        }
        match &self.lines {
            None => Ok(()),
            Some(lines) if lines.start() == lines.end() => write!(f, " (line {})", lines.start()),
            Some(lines) => write!(f, " (lines {} to {})", lines.start(), lines.end()),
        }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const RECORDS: u64 = 1_000;

    fn digest(record: u64) -> u128 {
        u128::from(record).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }

    /// Every third record is rejected, and in the rejects file in any order; `rows` changes that.
    /// What differs, and how many rows stand there twice.
    fn found(bounds: Bounds, rows: impl Fn(&mut Vec<(u64, u128)>)) -> (Vec<String>, usize) {
        let rejected = (1..=RECORDS).step_by(3).map(|record| (record, digest(record)));
        let mut standing: Vec<_> = rejected.collect();
        Rng::with_seed(7).shuffle(&mut standing);
        rows(&mut standing);
        let (mut differing, mut twice, mut first) = (Vec::new(), 0, 1);
        while first <= RECORDS {
            let mut window = Standing::new(first, RECORDS, bounds);
            let put = |&(record, digest): &(u64, u128)| !window.put(record, digest);
            twice += standing.iter().map(put).filter(|is_twice| *is_twice).count();
            let end = window.end();
            for record in (first..end).filter(|record| record % 10 != 9 || *record < 900) {
                if window.has(record) {
                    differing.extend(window.see(record, Some(record + 1), digest(record)));
                }
            }
            differing.extend(window.finish());
            first = end;
        }
        (differing.iter().map(Span::to_string).collect(), twice)
    }

    #[test]
    fn a_row_that_differs_is_found_whatever_the_order_and_the_bounds() {
        let wide = Bounds::default();
        let narrow = Bounds { records_max: 64, sums_max: 1 << 20 };
        let coarse = Bounds { records_max: 300, sums_max: 10 };
        let change = |rows: &mut Vec<(u64, u128)>| {
            let row = rows.iter_mut().find(|row| row.0 == 601).unwrap();
            row.1 += 1;
        };
        let swap = |rows: &mut Vec<(u64, u128)>| {
            rows.iter_mut().for_each(|row| {
                row.1 = digest(match row.0 {
                    4 => 7,
                    7 => 4,
                    same => same,
                });
            });
        };
        // Records 919, 949 and 979 are not in the file.
        let never = ["record 919", "record 949", "record 979"];

        for bounds in [wide, narrow] {
            assert_eq!(found(bounds, |_| ()), (never.map(str::to_owned).to_vec(), 0));
            let (changed, _) = found(bounds, change);
            assert_eq!(changed, [&["record 601 (line 602)"], &never[..]].concat());
            let (swapped, _) = found(bounds, swap);
            let both = ["record 4 (line 5)", "record 7 (line 8)"];
            assert_eq!(swapped, [&both, &never[..]].concat());
        }
        let (coarse, _) = found(coarse, change);
        assert_eq!(coarse[0], "one of the records 601 to 628 (lines 602 to 629)");
    }

    #[test]
    fn a_row_that_stands_there_twice_is_told_and_counts_once() {
        let twice = |rows: &mut Vec<(u64, u128)>| rows.push((604, digest(1)));
        for records_max in [64, 1 << 28] {
            let (differing, count) = found(Bounds { records_max, ..Bounds::default() }, twice);
            assert_eq!((differing.len(), count), (3, 1));
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_records() {
        let standing = Standing::new(1, u64::MAX - 1, Bounds::default());

        assert_eq!((standing.bits.len() * 8, standing.sums.len() * 16), (32 << 20, 16 << 20));
        assert_eq!(standing.end(), 1 + (1 << 28));
    }
}
