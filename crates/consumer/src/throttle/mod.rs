//! Whether a call may be made now: quota → circuit breaker → concurrency; and how many batches are claimed
//! for that.

mod api_quota;
mod circuit_breaker;
mod claim_limit;
mod concurrency;
mod metrics;
mod outage;
mod permit;

pub(crate) use self::{
    api_quota::{Quota, track_usage},
    circuit_breaker::{CircuitBreaker, Failure},
    claim_limit::ClaimLimit,
    concurrency::{Bounds, Concurrency, keep_in_sync},
    outage::OutagePublisher,
    permit::{Permit, Started, Throttle},
};
