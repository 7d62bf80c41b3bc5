//! A setting that is not understood.

/// A setting that is not understood. Ends the program with the usage code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidSetting(pub(crate) String);
