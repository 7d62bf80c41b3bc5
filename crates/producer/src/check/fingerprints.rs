//! Which values were there before, in bounded memory.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, DefaultHasher, Hasher},
};

/// Stands for a value: two values have the same one by an accident that is not to be expected in any
/// file.
pub(super) fn fingerprint(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    hasher.finish()
}

/// Bit of a fingerprint from which on zeros tell which values are looked at: neither one by which the
/// set finds a place, nor one by which it compares.
const FIRST_BIT: u32 = 36;

/// The values that were seen, as far as there is room for them. Of more, a part is looked at: all rows
/// of every second value, of every fourth, and so on.
pub(super) struct Fingerprints {
    values_max: usize,
    seen: HashSet<u64, BuildHasherDefault<AsItIs>>,
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
        let seen = HashSet::default();
        Self { values_max: values_max.max(1), seen, zeros: 0, again: 0, again_estimated: 0 }
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
        while self.seen.len() > self.values_max {
            self.zeros += 1;
            let zeros = self.zeros;
            self.seen.retain(|fingerprint| is_looked_at(*fingerprint, zeros));
        }
        false
    }

    pub(super) fn counted(&self) -> Counted {
        Counted {
            different: (self.seen.len() as u64) << self.zeros,
            again: self.again_estimated,
            again_at_least: self.again,
            one_in: 1 << self.zeros,
        }
    }
}

fn is_looked_at(fingerprint: u64, zeros: u32) -> bool {
    (fingerprint >> FIRST_BIT).trailing_zeros() >= zeros
}

/// A fingerprint is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("fingerprints are numbers")
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
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
    fn the_set_is_bounded_whatever_comes() {
        let mut seen = Fingerprints::new(1_000);
        for value in 0..200_000_u64 {
            seen.add(fingerprint(&value.to_le_bytes()));
            assert!(seen.seen.len() <= 1_000);
        }
    }
}
