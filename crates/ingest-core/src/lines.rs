//! On which lines the records of a batch start.

/// On which physical line each record of a batch starts. Records stand on lines one after the other,
/// mostly, so only those that do not are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The first record, and each one that is not on the line behind the line of the record before it.
    jumps: Vec<Jump>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Jump {
    record: u64,
    line: u64,
}

impl Jump {
    /// The line of this record or a later one, up to the next jump.
    fn line_of(self, record: u64) -> u64 {
        self.line + (record - self.record)
    }
}

impl Lines {
    /// Adds the next record.
    #[inline]
    pub(crate) fn push(&mut self, record: u64, line: u64) {
        if self.jumps.last().is_none_or(|last| last.line_of(record) != line) {
            self.jumps.push(Jump { record, line });
        }
    }

    /// The line on which a record of the batch starts, from 1; nothing for one before the batch.
    #[must_use]
    pub fn of(&self, record: u64) -> Option<u64> {
        let behind = self.jumps.partition_point(|jump| jump.record <= record);
        Some(self.jumps[behind.checked_sub(1)?].line_of(record))
    }

    /// Takes this record and all behind it away.
    pub(crate) fn split_off(&mut self, record: u64) -> Self {
        let Some(line) = self.of(record) else { return std::mem::take(self) };
        let behind = self.jumps.partition_point(|jump| jump.record <= record);
        let rest = self.jumps.split_off(behind);
        if self.jumps.last().is_some_and(|last| last.record == record) {
            self.jumps.pop();
        }
        Self { jumps: [vec![Jump { record, line }], rest].concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(records: &[(u64, u64)]) -> Lines {
        let mut lines = Lines::default();
        records.iter().for_each(|(record, line)| lines.push(*record, *line));
        lines
    }

    #[test]
    fn each_record_is_on_its_line_however_many_are_between() {
        let all = [(11, 12), (12, 13), (13, 17), (14, 18), (15, 20)];
        let lines = lines(&all);

        for (record, line) in all {
            assert_eq!(lines.of(record), Some(line), "{record}");
        }
        assert_eq!((lines.of(10), lines.jumps.len()), (None, 3));
    }

    #[test]
    fn wherever_they_are_cut_both_parts_are_as_if_they_were_read_so() {
        let all = [(11, 12), (12, 13), (13, 17), (14, 18), (15, 20)];
        for cut in 0..all.len() {
            let mut first = lines(&all);
            let rest = first.split_off(all[cut].0);

            assert_eq!((first, rest), (lines(&all[..cut]), lines(&all[cut..])), "{cut}");
        }
    }
}
