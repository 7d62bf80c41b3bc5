//! Numbers as people read them.

use indicatif::HumanCount;

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}
