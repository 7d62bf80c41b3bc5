//! Whether a call may be made now: quota → circuit breaker → concurrency.

mod api_quota;
mod circuit_breaker;
mod concurrency;
mod outage;
mod permit;

pub(crate) use self::{
    api_quota::{Quota, track_usage},
    circuit_breaker::{CircuitBreaker, Mark},
    concurrency::{Bounds, Concurrency, keep_in_sync},
    outage::OutagePublisher,
    permit::{Permit, Started, Throttle},
};
