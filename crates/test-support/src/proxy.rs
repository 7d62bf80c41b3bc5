use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// What a proxy does with a piece of a connection.
#[derive(Debug)]
pub enum Fate {
    /// Passes it on.
    Pass,
    /// Passes this on instead.
    Replace(Vec<u8>),
    /// Passes it to nobody; the connection stays open.
    Swallow,
    /// Passes this on instead, and breaks the connection.
    CutAfter(Vec<u8>),
    /// Answers its sender with this, and ends the connection.
    Answer(&'static [u8]),
}

/// Decides over each piece that goes one way on one connection.
pub type Filter = Box<dyn FnMut(&[u8]) -> Fate + Send>;

/// Passes everything on.
#[must_use]
pub fn pass() -> Filter {
    Box::new(|_| Fate::Pass)
}

/// Starts a TCP proxy before a server, which ends with the process; gives its address. `open` is
/// called with the number of each connection, from 0, and gives what happens to what the client
/// sends, and to what the server answers.
///
/// # Panics
///
/// When the machine has no port left.
pub fn proxy_before(
    upstream: &str,
    open: impl FnMut(u64) -> [Filter; 2] + Send + 'static,
) -> String {
    let upstream = upstream.to_owned();
    start(move || upstream.clone(), open)
}

/// Starts a TCP proxy that passes everything on, and leads to one server and later to another: the
/// address of a service that fails over. Connections that are open stay where they are.
#[derive(Debug)]
pub struct MovingProxy {
    address: String,
    upstream: Arc<Mutex<String>>,
}

impl MovingProxy {
    /// Leads to this server at first. It ends with the process.
    ///
    /// # Panics
    ///
    /// When the machine has no port left.
    #[must_use]
    pub fn before(upstream: &str) -> Self {
        let upstream = Arc::new(Mutex::new(upstream.to_owned()));
        let of_proxy = Arc::clone(&upstream);
        let current = move || of_proxy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let address = start(current, |_| [pass(), pass()]);
        Self { address, upstream }
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Leads new connections to this server.
    pub fn move_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.upstream.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn start(
    upstream: impl Fn() -> String + Send + 'static,
    mut open: impl FnMut(u64) -> [Filter; 2] + Send + 'static,
) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("a bound listener has an address").to_string();
    thread::spawn(move || {
        for (number, client) in (0..).zip(listener.incoming().map_while(Result::ok)) {
            let [asked, answered] = open(number);
            let Ok(server) = TcpStream::connect(upstream()) else { continue };
            let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
                continue;
            };
            thread::spawn(move || pass_on(from_client, to_server, asked));
            thread::spawn(move || pass_on(server, client, answered));
        }
    });
    address
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut filter: Filter) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let piece = &buffer[..read];
        let sent = match filter(piece) {
            Fate::Pass => to.write_all(piece),
            Fate::Replace(other) => to.write_all(&other),
            Fate::Swallow => Ok(()),
            Fate::CutAfter(last) => {
                let _gone_already = to.write_all(&last);
                let _gone_already = [to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both)];
                return;
            }
            Fate::Answer(answer) => {
                let _gone_already = from.write_all(answer);
                let _gone_already = from.shutdown(Shutdown::Write);
                // Until it has read the answer.
                while matches!(from.read(&mut buffer), Ok(1..)) {}
                return;
            }
        };
        if sent.is_err() {
            break;
        }
    }
    let _closed_already = to.shutdown(Shutdown::Write);
}
