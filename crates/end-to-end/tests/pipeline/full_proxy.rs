//! A proxy before Azurite that takes so many appends to a blob, and says then that it is full.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use test_support::{Passage, open_way, proxy_before};

/// As the service says it:
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
const FULL: &[u8] = b"HTTP/1.1 409 The committed block count cannot exceed the maximum limit.\r\n\
    x-ms-error-code: BlockCountExceedsLimit\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The address of a proxy that takes `appends` of the blob whose path ends so. Ends with the
/// process.
pub(crate) fn full_proxy_before(upstream: &str, path: &'static str, appends: u64) -> String {
    let taken = Arc::new(AtomicU64::new(0));
    let port = proxy_before(upstream, move |_number| {
        let taken = Arc::clone(&taken);
        let requests = move |request: &[u8]| {
            if is_refused(request, path, appends, &taken) {
                Passage::Answered(FULL)
            } else {
                Passage::Whole
            }
        };
        (Box::new(requests), open_way())
    });
    format!("127.0.0.1:{port}")
}

fn is_refused(request: &[u8], path: &str, appends: u64, taken: &AtomicU64) -> bool {
    let head = String::from_utf8_lossy(request);
    let line = head.split("\r\n").next().unwrap_or_default();
    if !line.starts_with("PUT ") || !line.contains(path) {
        return false;
    }
    if !line.contains("comp=") && head.to_ascii_lowercase().contains("\r\nif-match:") {
        // It is made anew, and empty.
        taken.store(0, Ordering::SeqCst);
    }
    line.contains("comp=appendblock") && taken.fetch_add(1, Ordering::SeqCst) >= appends
}
