//! How the rows of a batch are shared out over calls.

use std::collections::VecDeque;

use crate::throttle::circuit_breaker::Moment;
use load::{EncodedRow, EncodedRows};

/// Rows that go to Salesforce together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// Indexes of rows in their batch, in order.
    pub(crate) rows: Vec<usize>,
    /// Whether these rows were sent before.
    pub(crate) was_sent: bool,
    /// How often the call, or one it is a half of, was answered by nothing that tells anything.
    pub(crate) failures: u32,
    /// When it was so the last time.
    pub(crate) failed_at: Option<Moment>,
    /// How often it was halved because something is wrong with it as a whole.
    pub(crate) halvings: u32,
    /// How often it was halved because it was too much at once.
    pub(crate) shrinkings: u32,
}

/// Governor limits that seven rows, of the two hundred of a call, still hit are not hit because of
/// its size.
const SHRINKINGS_MAX: u32 = 5;

impl Call {
    /// The two halves of a call that failed as a whole; a single row has none. They keep the count
    /// of failures: what is wrong with the whole is wrong with one of them.
    pub(crate) fn halves(&self) -> Vec<Self> {
        if self.rows.len() < 2 {
            return Vec::new();
        }
        let half = |rows: &[usize]| Self {
            rows: rows.to_vec(),
            was_sent: true,
            halvings: self.halvings + 1,
            ..*self
        };
        let (first, second) = self.rows.split_at(self.rows.len().div_ceil(2));
        vec![half(first), half(second)]
    }

    /// Whether fewer rows at once may do.
    pub(crate) fn can_shrink(&self) -> bool {
        self.rows.len() > 1 && self.shrinkings < SHRINKINGS_MAX
    }

    /// Leaves it so many rows at most, and gives a call with the others.
    pub(crate) fn split_after(&mut self, rows_max: usize) -> Option<Self> {
        if self.rows.len() <= rows_max {
            return None;
        }
        let rows = self.rows.split_off(rows_max);
        Some(Self { rows, ..*self })
    }

    /// Calls with these rows of this one, fewer at once.
    pub(crate) fn shrunk(&self, rows: &[usize]) -> Vec<Self> {
        let fewer = rows.len().div_ceil(2).max(1);
        rows.chunks(fewer)
            .map(|rows| Self {
                rows: rows.to_vec(),
                was_sent: true,
                shrinkings: self.shrinkings + 1,
                ..Self::default()
            })
            .collect()
    }

    /// A call with these rows of this one, for another time.
    pub(crate) fn again(&self, rows: Vec<usize>) -> Self {
        Self { rows, was_sent: true, shrinkings: self.shrinkings, ..Self::default() }
    }
}

/// Calls with at most so many rows each. Salesforce refuses all rows of a call that share an
/// external id, so a row that has the external id of one before it goes into a later call.
pub(crate) fn share_out(rows: &EncodedRows, rows_max: usize) -> VecDeque<Call> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut round_of = vec![0; rows.rows().len()];
    for (index, row) in rows.rows().iter().enumerate() {
        let EncodedRow::Ready { after, .. } = row else { continue };
        let round = after.map_or(0, |before| round_of[before] + 1);
        round_of[index] = round;
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(index);
    }
    rounds
        .iter()
        .flat_map(|round| round.chunks(rows_max))
        .map(|chunk| Call { rows: chunk.to_vec(), ..Call::default() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::encoded_rows;

    fn rows_of(calls: &[Call]) -> Vec<Vec<usize>> {
        calls.iter().map(|call| call.rows.clone()).collect()
    }

    fn shared_out(keys: &[&str], rows_max: usize) -> Vec<Vec<usize>> {
        rows_of(share_out(&encoded_rows(keys), rows_max).make_contiguous())
    }

    #[test]
    fn rows_are_shared_out_in_order() {
        assert_eq!(shared_out(&["a", "b", "c", "d", "e"], 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(shared_out(&[], 2), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn rows_with_the_same_external_id_go_into_calls_one_after_the_other() {
        assert_eq!(shared_out(&["a", "b", "a", "c", "a"], 200), [vec![0, 1, 3], vec![2], vec![4]]);
    }

    #[test]
    fn rows_that_cannot_be_sent_are_in_no_call() {
        assert_eq!(shared_out(&["a", "", "b"], 200), [vec![0, 2]]);
    }

    #[test]
    fn a_call_is_halved_down_to_single_rows() {
        let call = Call { rows: vec![3, 5, 8], failures: 2, ..Call::default() };

        let halves = call.halves();

        assert_eq!(rows_of(&halves), [vec![3, 5], vec![8]]);
        assert!(halves.iter().all(|half| half.failures == 2 && half.was_sent));
        assert_eq!(halves[1].halves(), []);
    }

    #[test]
    fn a_call_shrinks_twice() {
        let call = Call { rows: (0..8).collect(), ..Call::default() };

        let once = call.shrunk(&[1, 2, 3, 4, 5]);
        let twice = once[0].shrunk(&once[0].rows);

        assert_eq!(rows_of(&once), [vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(rows_of(&twice), [vec![1, 2], vec![3]]);
        assert!(once[0].can_shrink() && twice[0].can_shrink() && !twice[1].can_shrink());
        let mut shrunk = Call { rows: (0..200).collect(), ..Call::default() };
        while shrunk.can_shrink() {
            shrunk = shrunk.shrunk(&shrunk.rows).remove(0);
        }
        assert_eq!(shrunk.rows.len(), 7);
        assert_eq!(call.shrunk(&[]), []);
    }
}
