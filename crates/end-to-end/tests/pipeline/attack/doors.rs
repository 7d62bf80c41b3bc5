//! Those who hold connections: half-sent requests, answers that nobody reads, requests that are none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::sleep,
};

/// A connection that the other side keeps is given up after this, and another one is opened.
const HELD: Duration = Duration::from_secs(20);
/// Before each new connection of one who asks.
const PAUSE: Duration = Duration::from_millis(250);

const HALF_A_HEAD: &[u8] = b"GET /api/queue HTTP/1.1\r\nHost: loc";
const HALF_A_BODY: &[u8] = b"POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{";

const NONE_AT_ALL: [&[u8]; 8] = [
    b"GET / HTTP/1.1\r\nHost: evil.example\r\nOrigin: https://evil.example\r\n\r\n",
    b"GET /api/sync/..%2f..%2fetc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: \
        chunked\r\n\r\n0\r\n\r\nGET /api/sync HTTP/1.1\r\n\r\n",
    b"POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 22\r\n\r\n{\"fileName\": \"../../x\"}",
    b"POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /api/queue HTTP/1.1\r\nHost: localhost\r\nX: \x1b[2J\r\n\r\n",
];

/// How many connections were opened.
#[derive(Clone, Default)]
pub(super) struct Opened(Arc<AtomicU64>);

impl Opened {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    async fn one(&self, to: SocketAddr, first: &[u8]) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(to).await.ok()?;
        self.0.fetch_add(1, Ordering::Relaxed);
        stream.write_all(first).await.ok()?;
        Some(stream)
    }
}

/// So many at a time each send half a request and wait.
pub(super) fn send_halves(to: SocketAddr, at_a_time: usize, opened: &Opened) {
    for number in 0..at_a_time {
        let half = [HALF_A_HEAD, HALF_A_BODY][number % 2];
        hold(to, half.to_vec(), opened.clone());
    }
}

/// So many at a time each ask for this, and read nothing of it.
pub(super) fn read_nothing(to: SocketAddr, path: &str, at_a_time: usize, opened: &Opened) {
    for _ in 0..at_a_time {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        hold(to, request.into_bytes(), opened.clone());
    }
}

/// So many at a time each send what is no request, one after the other.
pub(super) fn send_nonsense(to: SocketAddr, at_a_time: usize, opened: &Opened) {
    for number in 0..at_a_time {
        let opened = opened.clone();
        tokio::spawn(async move {
            for nonsense in NONE_AT_ALL.iter().cycle().skip(number) {
                let _sent = opened.one(to, nonsense).await;
                sleep(PAUSE).await;
            }
        });
    }
}

fn hold(to: SocketAddr, first: Vec<u8>, opened: Opened) {
    tokio::spawn(async move {
        loop {
            if let Some(stream) = opened.one(to, &first).await {
                // What came is left where it is; only the end is noticed.
                let _closed = tokio::time::timeout(HELD, closed(&stream)).await;
            }
            sleep(PAUSE).await;
        }
    });
}

/// Waits until the other side has ended a connection of which nobody reads.
async fn closed(stream: &TcpStream) {
    loop {
        sleep(PAUSE).await;
        // Behind bytes that nobody takes, the end is not to be seen; a reset is.
        if matches!(stream.peek(&mut [0]).now_or_never(), Some(Ok(0) | Err(_))) {
            return;
        }
    }
}
