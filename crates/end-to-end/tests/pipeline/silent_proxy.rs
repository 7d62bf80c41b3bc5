//! A TCP proxy whose open connections fall silent on demand, and stay open.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

pub(crate) struct SilentProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    opened: AtomicU64,
    /// Connections with a lower number pass nothing on.
    silent_below: AtomicU64,
}

impl SilentProxy {
    /// Ends with the process.
    pub(crate) fn before(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else {
                    continue;
                };
                let number = of_thread.opened.fetch_add(1, Ordering::SeqCst);
                let ways =
                    [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
                for (from, to) in ways {
                    let shared = Arc::clone(&of_thread);
                    thread::spawn(move || shared.pass_on(number, from, to));
                }
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What is open now answers no more; what is opened from now on works.
    pub(crate) fn fall_silent(&self) {
        let opened = self.shared.opened.load(Ordering::SeqCst);
        assert!(opened > 0, "nobody came this way");
        self.shared.silent_below.store(opened, Ordering::SeqCst);
    }
}

impl Shared {
    fn pass_on(&self, number: u64, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let is_silent = number < self.silent_below.load(Ordering::SeqCst);
            if !is_silent && to.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
    }
}
