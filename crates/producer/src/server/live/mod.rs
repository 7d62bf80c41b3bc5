//! What changes while a client watches: event streams and shared samples of Redis.

pub(crate) mod broadcaster;
pub(crate) mod frames;
pub(crate) mod queue_state;
pub(crate) mod run_counts;
