//! Bytes that come to no row, and how many of them are too many: megabytes of them, compressed, stand
//! for hours of reading, and nothing holds their reader back.

use crate::IngestError;

/// Most bytes of empty lines in a row.
pub(crate) const IN_A_ROW_MAX: u64 = 64 << 20;

/// So many bytes may come to no row in any file: a spreadsheet writes a million lines of delimiters.
const ALWAYS_ALLOWED: u64 = 1 << 30;

/// In a file that has more, so many for each other byte.
const FOR_EACH_OTHER: u64 = 10;

/// Counts them in what was read since reading began.
#[derive(Debug)]
pub(crate) struct Barren {
    /// The first byte that was read.
    from: u64,
    /// Of empty lines since the last record.
    in_a_row: u64,
    /// Of empty lines, of lines without data, and of records that are too long.
    all: u64,
    /// Why reading is over.
    lost: Option<IngestError>,
}

impl Barren {
    pub(crate) fn from(byte: u64) -> Self {
        Self { from: byte, in_a_row: 0, all: 0, lost: None }
    }

    /// Bytes of empty lines, which end before the byte `to`.
    pub(crate) fn add_empty_lines(&mut self, bytes: u64, to: u64) {
        self.in_a_row += bytes;
        if self.in_a_row > IN_A_ROW_MAX {
            self.lost = Some(only_empty_lines(to - self.in_a_row));
        }
        self.add(bytes, to);
    }

    /// Bytes of something else that comes to no row, and ends before the byte `to`.
    pub(crate) fn add(&mut self, bytes: u64, to: u64) {
        self.all += bytes;
        let others = (to - self.from).saturating_sub(self.all);
        if self.lost.is_none() && self.all > ALWAYS_ALLOWED && self.all / FOR_EACH_OTHER > others {
            self.lost = Some(IngestError::HardlyAnyRow { byte: to, bytes: self.all });
        }
    }

    /// A record ends the empty lines.
    #[inline(always)]
    pub(crate) fn end_row(&mut self) {
        self.in_a_row = 0;
    }

    /// Why no record follows, if there were too many.
    #[inline(always)]
    pub(crate) fn lost(&self) -> Option<&IngestError> {
        self.lost.as_ref()
    }
}

/// Too many of them follow the byte.
pub(crate) fn only_empty_lines(byte: u64) -> IngestError {
    IngestError::OnlyEmptyLines { byte, limit_bytes: IN_A_ROW_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn empty_lines_are_too_many_in_a_row() {
        let mut barren = Barren::from(5);
        for _ in 0..2 {
            barren.end_row();
            barren.add_empty_lines(IN_A_ROW_MAX, 5 + IN_A_ROW_MAX);
            assert_eq!(barren.lost(), None);
        }

        barren.add_empty_lines(1, 200 * MIB + 1);

        let byte = 136 * MIB;
        assert_eq!(barren.lost(), Some(&only_empty_lines(byte)));
    }

    #[test]
    fn what_comes_to_no_row_may_be_a_gigabyte_and_ten_times_the_rest() {
        let mut barren = Barren::from(0);
        barren.add(1_024 * MIB, 1_024 * MIB);
        assert_eq!(barren.lost(), None, "as a spreadsheet may write it");
        barren.add(1_024 * MIB, 2_300 * MIB);
        assert_eq!(barren.lost(), None, "the rest is a tenth and more");

        barren.add(1_024 * MIB, 3_324 * MIB);

        let error = IngestError::HardlyAnyRow { byte: 3_324 * MIB, bytes: 3_072 * MIB };
        assert_eq!(barren.lost(), Some(&error));
    }
}
