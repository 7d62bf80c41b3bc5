//! Batches and imports on their way: pushed by a producer, claimed under a lease, settled or released.

mod backend;
mod batch;
mod cancel;
mod claim;
mod claims;
mod depth;
mod described;
mod feeder;
mod heartbeats;
mod import;
mod lease;
mod push;
mod release_failed;

pub use backend::{BatchBackend, ImportBackend, JobBackend};
pub use batch::Claimed;
pub use claim::Settled;
pub use depth::{Depth, Fullness};
pub use described::LoadText;
pub use feeder::{Feeder, JOBS_PER_PUSH_MAX};
pub use heartbeats::Starting;
pub use import::ClaimedImport;
pub use release_failed::{ReleaseFailed, ReleaseFailedLayer};
