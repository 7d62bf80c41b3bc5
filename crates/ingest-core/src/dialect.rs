//! Which bytes have a meaning in the file.

use serde::{Deserialize, Serialize};

/// The two bytes that shape a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dialect {
    /// Between two fields.
    pub delimiter: u8,
    /// Around a field that holds delimiters, line breaks or quotes; doubled inside one.
    pub quote: u8,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"' }
    }
}
