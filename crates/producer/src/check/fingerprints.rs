//! Which values were there before, in bounded memory.

use std::hash::{DefaultHasher, Hasher};

/// Stands for a value: two values have the same one by an accident that is not to be expected in any
/// file.
pub(super) fn fingerprint(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.finish()
}

/// Bit of a fingerprint from which on zeros tell which values are looked at. The bits below it find a
/// place in the table.
const FIRST_BIT: u32 = 36;

/// The values that were seen, as far as there is room for them. Of more, a part is looked at: all rows
/// of every second value, of every fourth, and so on.
pub(super) struct Fingerprints {
    values_max: usize,
    seen: Table,
    /// Only values are looked at that have so many zeros.
    zeros: u32,
    again: u64,
    again_estimated: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// Different values; estimated, when not all are looked at.
    pub(super) different: u64,
    /// Rows with a value that was there before; estimated likewise.
    pub(super) again: u64,
    /// The same, as far as they were seen.
    pub(super) again_at_least: u64,
    /// Of so many values one was looked at in the end.
    pub(super) one_in: u64,
}

impl Fingerprints {
    /// With room for so many values.
    pub(super) fn new(values_max: usize) -> Self {
        let (values_max, seen) = (values_max.max(1), Table::for_values(values_max.max(1)));
        Self { values_max, seen, zeros: 0, again: 0, again_estimated: 0 }
    }

    /// Says which values come next. Their places are mostly in no cache, and are fetched together.
    pub(super) fn expect(&self, fingerprints: impl Iterator<Item = u64>) {
        let there = fingerprints.fold(0, |all, next| all ^ self.seen.places[self.seen.place(next)]);
        std::hint::black_box(there);
    }

    /// Adds the value of a row. Gives whether it was there before, as far as that is known.
    pub(super) fn add(&mut self, fingerprint: u64) -> bool {
        if !is_looked_at(fingerprint, self.zeros) {
            return false;
        }
        if !self.seen.insert(fingerprint) {
            self.again += 1;
            self.again_estimated += 1 << self.zeros;
            return true;
        }
        while self.seen.values > self.values_max {
            self.zeros += 1;
            let zeros = self.zeros;
            self.seen.retain(|fingerprint| is_looked_at(fingerprint, zeros));
        }
        false
    }

    pub(super) fn counted(&self) -> Counted {
        Counted {
            different: (self.seen.values as u64) << self.zeros,
            again: self.again_estimated,
            again_at_least: self.again,
            one_in: 1 << self.zeros,
        }
    }
}

fn is_looked_at(fingerprint: u64, zeros: u32) -> bool {
    (fingerprint >> FIRST_BIT).trailing_zeros() >= zeros
}

/// A set of fingerprints that never grows: a set that does needs room for the old and the new one at
/// once. Its pages take memory when they are first written.
struct Table {
    /// A power of two; 0 is a free place.
    places: Vec<u64>,
    values: usize,
}

impl Table {
    /// With more places than values, for one is found by trying the next one.
    fn for_values(values_max: usize) -> Self {
        let places = vec![0; (values_max + values_max / 3 + 2).next_power_of_two()];
        Self { places, values: 0 }
    }

    /// Gives whether it was not there.
    fn insert(&mut self, fingerprint: u64) -> bool {
        // As a place that is taken.
        let fingerprint = fingerprint.max(1);
        let last = self.places.len() - 1;
        let mut place = self.place(fingerprint);
        loop {
            match self.places[place] {
                0 => {
                    self.places[place] = fingerprint;
                    self.values += 1;
                    return true;
                }
                there if there == fingerprint => return false,
                _ => place = (place + 1) & last,
            }
        }
    }

    /// The place that is tried first.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are as good as all")]
    fn place(&self, fingerprint: u64) -> usize {
        fingerprint as usize & (self.places.len() - 1)
    }

    fn retain(&mut self, is_kept: impl Fn(u64) -> bool) {
        let there = self.places.iter().copied();
        let kept: Vec<u64> = there.filter(|value| *value > 0 && is_kept(*value)).collect();
        self.places.fill(0);
        self.values = 0;
        for fingerprint in kept {
            self.insert(fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values_max: usize, values: impl Iterator<Item = u64>) -> Counted {
        let mut seen = Fingerprints::new(values_max);
        for value in values {
            seen.add(fingerprint(&value.to_le_bytes()));
        }
        seen.counted()
    }

    #[test]
    fn all_are_counted_as_long_as_there_is_room() {
        let values = [1, 2, 1, 3, 1, 2].into_iter();

        let expected = Counted { different: 3, again: 3, again_at_least: 3, one_in: 1 };
        assert_eq!(counted(3, values), expected);
    }

    #[test]
    fn of_more_a_part_is_looked_at_and_the_rest_is_estimated() {
        // 100,000 values, the first half of which comes a second time.
        let values = (0..100_000).chain(0..50_000);

        let found = counted(10_000, values);

        assert!(found.one_in >= 10, "{found:?}");
        for (estimate, exact) in [(found.different, 100_000_u64), (found.again, 50_000)] {
            assert!(estimate.abs_diff(exact) < exact / 10, "{found:?}");
        }
        assert!(found.again_at_least <= 10_000 && found.again_at_least > 0, "{found:?}");
    }

    #[test]
    fn the_table_has_what_was_put_there_and_nothing_else() {
        let mut table = Table::for_values(100);
        // Places that are tried one after the other, over the end.
        let values: Vec<u64> = (0..100).map(|value| value * 64 + 60).chain([0, 1]).collect();

        let are_new: Vec<bool> = values.iter().map(|value| table.insert(*value)).collect();
        assert!(are_new[..101].iter().all(|is_new| *is_new) && !are_new[101], "0 counts as 1");
        assert!(values.iter().all(|value| !table.insert(*value)));
        table.retain(|value| value % 128 == 60);
        assert_eq!(table.values, 50);
        let are_there = |table: &mut Table, remainder| {
            values[..100]
                .iter()
                .filter(|value| *value % 128 == remainder)
                .all(|value| !table.insert(*value))
        };
        assert!(are_there(&mut table, 60) && table.insert(124));
    }

    #[test]
    fn the_set_is_bounded_whatever_comes() {
        let mut seen = Fingerprints::new(1_000);
        for value in 0..200_000_u64 {
            seen.add(fingerprint(&value.to_le_bytes()));
            assert!(seen.seen.values <= 1_000 && seen.seen.places.len() == 2_048);
        }
    }
}
