//! A proxy behind which answers come slowly.

use std::time::Duration;

use test_support::{Fate, pass, proxy_before, sleep};

/// The address of a proxy that lets `bytes_per_second` of each connection's answers through. Ends
/// with the process.
pub(crate) fn slow_proxy_before(upstream: &str, bytes_per_second: usize) -> String {
    proxy_before(upstream, move |_| {
        let slow = move |piece: &[u8]| {
            sleep(Duration::from_millis((1000 * piece.len() / bytes_per_second) as u64));
            Fate::Pass
        };
        [pass(), Box::new(slow)]
    })
}
