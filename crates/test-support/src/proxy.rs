//! A TCP proxy that breaks connections on purpose.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
};

/// What becomes of a piece that one side sent.
#[derive(Debug)]
pub enum Passage {
    /// The other side gets it.
    Whole,
    /// The other side gets this instead.
    Changed(Vec<u8>),
    /// The other side gets so many bytes of it, and the connection ends.
    CutAt(usize),
    /// The other side gets so many bytes of it, and the connection stays.
    HeldAt(usize),
    /// The other side gets nothing; the sender gets this answer, and the connection ends once it has
    /// read it.
    Answered(&'static [u8]),
}

/// Looks at each piece that one side sends.
pub type Way = Box<dyn FnMut(&[u8]) -> Passage + Send>;

/// Passes everything on.
#[must_use]
pub fn open_way() -> Way {
    Box::new(|_| Passage::Whole)
}

/// Starts a proxy before the server at `upstream` (`host:port`), which ends with the process, and gives
/// its port. `plan` has the ways of the n-th connection, counted from 0: requests and answers.
///
/// # Panics
///
/// When no port is free.
pub fn proxy_before(
    upstream: &str,
    mut plan: impl FnMut(u64) -> (Way, Way) + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let upstream = upstream.to_owned();
    thread::spawn(move || {
        for (number, client) in (0..).zip(listener.incoming().map_while(Result::ok)) {
            let Ok(server) = TcpStream::connect(&upstream) else { continue };
            let (requests, answers) = plan(number);
            let [client_too, server_too] =
                [&client, &server].map(|stream| stream.try_clone().expect("a socket to spare"));
            thread::spawn(move || pass_on(client_too, server_too, requests));
            thread::spawn(move || pass_on(server, client, answers));
        }
    });
    port
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut way: Way) {
    let mut piece = [0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let sent = &piece[..read];
        let passed = match way(sent) {
            Passage::Whole => to.write_all(sent),
            Passage::Changed(other) => to.write_all(&other),
            Passage::HeldAt(bytes) => to.write_all(&sent[..bytes.min(read)]),
            Passage::CutAt(bytes) => {
                let _gone = to.write_all(&sent[..bytes.min(read)]);
                let _gone = [from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)];
                return;
            }
            Passage::Answered(answer) => {
                let _gone = from.write_all(answer);
                let _gone = from.shutdown(Shutdown::Write);
                while matches!(from.read(&mut piece), Ok(1..)) {}
                return;
            }
        };
        if passed.is_err() {
            return;
        }
    }
    let _closed_already = to.shutdown(Shutdown::Write);
}
