//! A TCP proxy behind which answers come slowly.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
};

use crate::processes::pause_for;

/// What passes at once.
const PIECE_BYTES: usize = 8 << 10;

/// The address of a proxy that lets `bytes_per_second` of each connection's answers through. Ends
/// with the process.
pub(crate) fn slow_proxy_before(upstream: &str, bytes_per_second: usize) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let upstream = upstream.to_owned();
    let pause_ms = (1000 * PIECE_BYTES / bytes_per_second) as u64;
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&upstream) else { continue };
            let there = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass_on(there.0, there.1, 0));
            thread::spawn(move || pass_on(server, client, pause_ms));
        }
    });
    address
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, pause_ms: u64) {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..read]).is_err() {
            return;
        }
        if read == PIECE_BYTES {
            pause_for(pause_ms);
        }
    }
    let _closed_already = to.shutdown(std::net::Shutdown::Write);
}
