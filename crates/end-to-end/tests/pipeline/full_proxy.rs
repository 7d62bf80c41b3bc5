//! A TCP proxy before Azurite that takes so many appends to a blob, and says then that it is full.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// As the service says it:
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
const FULL: &[u8] = b"HTTP/1.1 409 The committed block count cannot exceed the maximum limit.\r\n\
    x-ms-error-code: BlockCountExceedsLimit\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The address of a proxy that takes `appends` of the blob whose path ends so. Ends with the
/// process.
pub(crate) fn full_proxy_before(upstream: &str, path: &'static str, appends: u64) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (upstream, taken) = (upstream.to_owned(), Arc::new(AtomicU64::new(0)));
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&upstream) else { continue };
            let there = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let taken = Arc::clone(&taken);
            let is_refused = move |request: &[u8]| {
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
            };
            thread::spawn(move || pass_on(there.0, there.1, is_refused));
            thread::spawn(move || pass_on(server, client, |_| false));
        }
    });
    address
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, is_refused: impl Fn(&[u8]) -> bool) {
    let mut piece = [0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if is_refused(&piece[..read]) {
            let _gone = from.write_all(FULL);
            let _gone = from.shutdown(std::net::Shutdown::Write);
            // Until it has read the answer.
            while matches!(from.read(&mut piece), Ok(1..)) {}
            return;
        }
        if to.write_all(&piece[..read]).is_err() {
            return;
        }
    }
    let _closed_already = to.shutdown(std::net::Shutdown::Write);
}
