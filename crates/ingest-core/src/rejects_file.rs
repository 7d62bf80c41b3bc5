//! The rejects file.

use crate::{Dialect, Reject};

/// One line of the rejects file: the raw record as it came, then `_record`, `_code`, `_message`,
/// then LF.
#[must_use]
pub fn reject_line(_dialect: Dialect, reject: &Reject) -> Vec<u8> {
    reject.raw.to_vec()
}

/// The first line of the rejects file: the header as it came, then the three columns' names, then LF.
#[must_use]
pub fn rejects_header(header_raw: &[u8], _dialect: Dialect) -> Vec<u8> {
    header_raw.to_vec()
}
