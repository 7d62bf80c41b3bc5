use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A port that nobody listens on at this moment.
///
/// # Panics
///
/// When the machine has no port left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A child process that dies with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `command` and waits until it listens on `port`.
    pub(crate) fn start(command: &mut Command, port: u16, advice: &str) -> Self {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("could not start {command:?}: {error}; {advice}"));
        let mut server = Self { child, address: (Ipv4Addr::LOCALHOST, port).into() };
        server.wait_until_it_listens();
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits for the end.
    pub(crate) fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }

    #[expect(clippy::disallowed_methods, reason = "test set-up, outside any runtime")]
    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("a server for {} ended at once: {status}", self.address);
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "nothing listens on {}",
                self.address
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
