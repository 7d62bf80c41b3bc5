//! Settings that do not fit together.

use ingest_core::commands::producer;
use load::InvalidLoad;
use salesforce::InvalidConnection;

/// Settings that do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// What is loaded.
    #[error(transparent)]
    Load(#[from] InvalidLoad),
    /// `--header` was given, and the settings name no object to compare it with.
    #[error(
        "there is no load to compare the header with; name its object in SALESFORCE_OBJECT (a consumer needs \
         none: it delivers each run by the run's own load), or check a file against a load of the producer: \
         {} check --file F",
        producer()
    )]
    NoLoadToCheck,
    /// How to get in.
    #[error(transparent)]
    Connection(#[from] InvalidConnection),
}
