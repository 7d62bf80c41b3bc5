//! What an object holds, for people and tests to look at: all rows in a fixed
//! order, and one figure that is equal when they are.

use std::{cmp::Ordering, fmt::Write, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::row::Row;
use crate::{id::RecordId, render, schema::Object};

/// Count and hash of all rows of an object, whatever the order in which they
/// came.
///
/// The hash is the sum, modulo 2^256, of the SHA-256 of each row's fields as
/// compact JSON with sorted keys, such as
/// `{"Company":"Acme","External_Id__c":"A-1","LastName":"Ames"}`, in
/// hexadecimal with the high digit first. `Id` and `_writes` are not in it, for
/// they depend on the order of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Number of rows.
    pub rows: u64,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

/// All rows of one object at one moment, sorted by external id; rows without
/// one come first, in the order of their creation.
#[derive(Debug)]
pub(crate) struct Listing {
    object: Object,
    rows: Vec<(u32, Arc<[u8]>)>,
}

/// Rows are handed out in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;

impl Listing {
    /// Takes a while for millions of rows: keep it off the runtime's threads.
    pub(crate) fn sorted(object: Object, mut rows: Vec<(u32, Arc<[u8]>)>) -> Self {
        if let Some(column) = object.external_id {
            rows.sort_by(|(number_a, a), (number_b, b)| {
                match Row(a).get(column).cmp(&Row(b).get(column)) {
                    Ordering::Equal => number_a.cmp(number_b),
                    different => different,
                }
            });
        }
        Self { object, rows }
    }

    /// Each row as JSON with its `Id` and `_writes`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|(number, row)| {
            let mut line = Vec::new();
            self.write_line(&mut line, *number, Row(row));
            String::from_utf8(line).expect("JSON is text")
        })
    }

    /// One line of JSON per row, in pieces.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Bytes> + Send {
        let mut next = 0;
        std::iter::from_fn(move || {
            let mut piece = Vec::with_capacity(PIECE_BYTES + 1024);
            while let Some((number, row)) = self.rows.get(next) {
                self.write_line(&mut piece, *number, Row(row));
                piece.push(b'\n');
                next += 1;
                if piece.len() >= PIECE_BYTES {
                    break;
                }
            }
            (!piece.is_empty()).then(|| Bytes::from(piece))
        })
    }

    fn write_line(&self, line: &mut Vec<u8>, number: u32, row: Row<'_>) {
        let id = RecordId { prefix: self.object.key_prefix, number };
        render::stored_row(line, &self.object, row, Some(id));
    }
}

impl Digest {
    /// Takes a while for millions of rows: keep it off the runtime's threads.
    pub(crate) fn of(object: &Object, rows: &[(u32, Arc<[u8]>)]) -> Self {
        let mut sum = [0_u8; 32];
        let mut line = Vec::new();
        for (_, row) in rows {
            line.clear();
            render::stored_row(&mut line, object, Row(row), None);
            add(&mut sum, &Sha256::digest(&line));
        }
        let mut sha256 = String::with_capacity(64);
        for byte in sum {
            // Writing to a string cannot fail.
            let _always_ok = write!(sha256, "{byte:02x}");
        }
        Self { rows: rows.len() as u64, sha256 }
    }
}

/// Adds a number of 32 bytes, the high one first, modulo 2^256.
fn add(sum: &mut [u8; 32], number: &[u8]) {
    let mut carry = false;
    for (sum, byte) in sum.iter_mut().zip(number).rev() {
        (*sum, carry) = sum.carrying_add(*byte, carry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_carries_from_byte_to_byte() {
        let mut sum = [0xff; 32];
        let mut two = [0; 32];
        two[31] = 2;

        add(&mut sum, &two);

        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(sum, one);
    }
}
