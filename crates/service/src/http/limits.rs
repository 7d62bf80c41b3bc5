//! How much of a listener its clients may take.

use std::time::Duration;

use crate::networks::Networks;

/// How many connections a listener takes, and how long they may stand still.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// At a time; more wait to be accepted. Fewer, when this process may not open so many files.
    pub connections_max: usize,
    /// Of one address at a time (of IPv6: of one /64).
    pub per_peer_max: usize,
    /// Whom `per_peer_max` is not for: proxies, who bring the requests of many.
    pub proxies: Networks,
    /// How long an answer may make no progress because its client does not read.
    pub write_timeout: Duration,
}

impl HttpLimits {
    /// For health and metrics, which few ask for.
    #[must_use]
    pub fn of_metrics() -> Self {
        Self {
            connections_max: 64,
            per_peer_max: 16,
            proxies: Networks::loopback(),
            write_timeout: Duration::from_secs(10),
        }
    }
}
