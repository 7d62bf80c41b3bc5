//! What ends the reading of an input.

/// Why an input cannot be read at all. A record that cannot be read is a
/// [`Reject`](crate::Reject) and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// There is no header, and nothing else.
    #[error("the input is empty; a header line with the names of the columns is needed")]
    Empty,
}
