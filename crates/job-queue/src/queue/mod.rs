//! Batches and imports on their way: pushed by a producer, claimed under a lease, settled or released.

mod backend;
mod batch;
mod claim;
mod feeder;
mod headers;
mod import;
mod lease;
mod push;
mod release_failed;

pub(crate) use backend::Claims;
pub use backend::{BatchBackend, ImportBackend, JobBackend};
pub use batch::{Claimed, Settled};
pub use feeder::{Feeder, JOBS_PER_PUSH_MAX};
pub use import::ClaimedImport;
pub use release_failed::{ReleaseFailed, ReleaseFailedLayer};
