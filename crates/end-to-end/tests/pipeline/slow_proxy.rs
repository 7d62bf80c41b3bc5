//! A proxy behind which answers come slowly.

use test_support::{Passage, open_way, proxy_before};

use crate::processes::pause_for;

/// The address of a proxy that lets about `bytes_per_second` of each connection's answers through.
/// Ends with the process.
pub(crate) fn slow_proxy_before(upstream: &str, bytes_per_second: u64) -> String {
    let port = proxy_before(upstream, move |_number| {
        let answers = move |answer: &[u8]| {
            // The short answers in between are no download.
            if answer.len() >= 8 << 10 {
                pause_for(1_000 * answer.len() as u64 / bytes_per_second);
            }
            Passage::Whole
        };
        (open_way(), Box::new(answers))
    });
    format!("127.0.0.1:{port}")
}
