//! Whether a call may be made now.

pub(crate) mod api_quota;
pub(crate) mod circuit_breaker;
pub(crate) mod concurrency;
pub(crate) mod outage;
