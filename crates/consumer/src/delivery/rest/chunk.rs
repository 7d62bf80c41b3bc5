//! How the rows of a batch are divided into calls.

use std::collections::VecDeque;

use load::EncodedRow;

use crate::{delivery::sender::Attempts, retry::Again};

/// Rows that go to Salesforce together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Indexes of rows in their batch, in order.
    pub(crate) rows: Vec<usize>,
    /// Whether these rows were sent before.
    pub(crate) was_sent: bool,
    /// Why they are sent again.
    pub(crate) again: Option<Again>,
    /// How often the chunk, or one it is a half of, got no answer.
    pub(crate) attempts: Attempts,
    /// How often it was halved because something is wrong with it as a whole.
    pub(crate) halvings: u32,
    /// How often it was halved because it was too much at once.
    pub(crate) shrinkings: u32,
}

/// Governor limits that seven rows, of the two hundred of a call, still hit are not hit because of
/// its size.
const SHRINKINGS_MAX: u32 = 5;

impl Chunk {
    /// The two halves of a chunk that failed as a whole; a single row has none. They keep the count
    /// of failures: what is wrong with the whole is wrong with one of them. Only for a single row it begins
    /// anew: chance must not reject it.
    pub(crate) fn halves(&self) -> Vec<Self> {
        if self.rows.len() < 2 {
            return Vec::new();
        }
        let half = |rows: &[usize]| Self {
            rows: rows.to_vec(),
            was_sent: true,
            again: Some(Again::Split),
            attempts: self.attempts.of_half(rows.len()),
            halvings: self.halvings + 1,
            ..*self
        };
        let (first, second) = self.rows.split_at(self.rows.len().div_ceil(2));
        // By turns: else a row near the beginning that makes its calls fail would hold up all others.
        match self.halvings % 2 {
            0 => vec![half(second), half(first)],
            _ => vec![half(first), half(second)],
        }
    }

    /// Whether fewer rows at once may do.
    pub(crate) fn can_shrink(&self) -> bool {
        self.rows.len() > 1 && self.shrinkings < SHRINKINGS_MAX
    }

    /// Leaves it so many rows at most, and gives a chunk with the others.
    pub(crate) fn split_after(&mut self, rows_max: usize) -> Option<Self> {
        if self.rows.len() <= rows_max {
            return None;
        }
        let rows = self.rows.split_off(rows_max);
        Some(Self { rows, ..*self })
    }

    /// Chunks with these rows of this one, fewer at once.
    pub(crate) fn smaller(&self, rows: &[usize]) -> Vec<Self> {
        let fewer = rows.len().div_ceil(2).max(1);
        rows.chunks(fewer)
            .map(|rows| Self {
                rows: rows.to_vec(),
                was_sent: true,
                again: Some(Again::Limit),
                shrinkings: self.shrinkings + 1,
                ..Self::default()
            })
            .collect()
    }

    /// A chunk with these rows of this one, to be sent again.
    pub(crate) fn retry(&self, rows: Vec<usize>) -> Self {
        Self { rows, was_sent: true, shrinkings: self.shrinkings, ..Self::default() }
    }
}

/// Chunks with at most so many rows each. Salesforce refuses all rows of a call that share an
/// external id, so a row that has the external id of one before it goes into a later chunk.
pub(crate) fn chunk_rows(rows: &[EncodedRow], rows_max: usize) -> VecDeque<Chunk> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut round_of = vec![0; rows.len()];
    for (index, row) in rows.iter().enumerate() {
        let Some(after) = row.after() else { continue };
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
        .map(|chunk| Chunk { rows: chunk.to_vec(), ..Chunk::default() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::encoded_rows;

    fn rows_of(chunks: &[Chunk]) -> Vec<Vec<usize>> {
        chunks.iter().map(|chunk| chunk.rows.clone()).collect()
    }

    fn chunked(keys: &[&str], rows_max: usize) -> Vec<Vec<usize>> {
        rows_of(chunk_rows(encoded_rows(keys).rows(), rows_max).make_contiguous())
    }

    #[test]
    fn rows_are_divided_in_order() {
        assert_eq!(chunked(&["a", "b", "c", "d", "e"], 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(chunked(&[], 2), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn rows_with_the_same_external_id_go_into_chunks_one_after_the_other() {
        assert_eq!(chunked(&["a", "b", "a", "c", "a"], 200), [vec![0, 1, 3], vec![2], vec![4]]);
    }

    #[test]
    fn rows_that_cannot_be_sent_are_in_no_chunk() {
        assert_eq!(chunked(&["a", "", "b"], 200), [vec![0, 2]]);
    }

    #[test]
    fn a_chunk_is_halved_down_to_single_rows_and_those_have_all_their_tries() {
        let chunk = Chunk {
            rows: vec![3, 5, 8],
            attempts: Attempts { failures: 2, ..Attempts::default() },
            ..Chunk::default()
        };

        let halves = chunk.halves();

        assert_eq!(rows_of(&halves), [vec![8], vec![3, 5]]);
        assert_eq!([&halves[0], &halves[1]].map(|half| half.attempts.failures), [0, 2]);
        assert!(halves.iter().all(|half| half.was_sent));
        assert_eq!(halves[0].halves(), []);
        assert_eq!(rows_of(&halves[1].halves()), [vec![3], vec![5]], "by turns");
    }

    #[test]
    fn a_chunk_shrinks_twice() {
        let chunk = Chunk { rows: (0..8).collect(), ..Chunk::default() };

        let once = chunk.smaller(&[1, 2, 3, 4, 5]);
        let twice = once[0].smaller(&once[0].rows);

        assert_eq!(rows_of(&once), [vec![1, 2, 3], vec![4, 5]]);
        assert_eq!(rows_of(&twice), [vec![1, 2], vec![3]]);
        assert!(once[0].can_shrink() && twice[0].can_shrink() && !twice[1].can_shrink());
        let mut smaller = Chunk { rows: (0..200).collect(), ..Chunk::default() };
        while smaller.can_shrink() {
            smaller = smaller.smaller(&smaller.rows).remove(0);
        }
        assert_eq!(smaller.rows.len(), 7);
        assert_eq!(chunk.smaller(&[]), []);
    }
}
