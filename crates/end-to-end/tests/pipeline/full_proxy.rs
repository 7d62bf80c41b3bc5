//! A proxy before Azurite that takes so many appends to a blob, and says then that it is full.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use test_support::{Fate, pass, proxy_before};

/// As the service says it:
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
const FULL: &[u8] = b"HTTP/1.1 409 The committed block count cannot exceed the maximum limit.\r\n\
    x-ms-error-code: BlockCountExceedsLimit\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The address of a proxy that takes `appends` of the blob whose path ends so. Ends with the
/// process.
pub(crate) fn full_proxy_before(upstream: &str, path: &'static str, appends: u64) -> String {
    let taken = Arc::<AtomicU64>::default();
    proxy_before(upstream, move |_| {
        let taken = Arc::clone(&taken);
        let count = move |request: &[u8]| {
            let head = String::from_utf8_lossy(request);
            let line = head.split("\r\n").next().unwrap_or_default();
            if !line.starts_with("PUT ") || !line.contains(path) {
                return Fate::Pass;
            }
            if !line.contains("comp=") && head.to_ascii_lowercase().contains("\r\nif-match:") {
                // It is made anew, and empty.
                taken.store(0, Ordering::SeqCst);
            }
            let is_append = line.contains("comp=appendblock");
            match is_append && taken.fetch_add(1, Ordering::SeqCst) >= appends {
                true => Fate::Answer(FULL),
                false => Fate::Pass,
            }
        };
        [Box::new(count), pass()]
    })
}
