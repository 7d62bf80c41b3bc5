//! A TCP proxy that breaks connections on purpose.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// What goes wrong on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection breaks after this many bytes from the server.
    CutAfter(usize),
    /// The server falls silent after this many bytes, and the connection stays.
    StallAfter(usize),
    /// The request whose head contains this reaches the server; its answer is lost.
    LoseAnswerTo(&'static str),
    /// A listing is asked for in pages of three blobs (spoils a Shared Key).
    SmallPages,
    /// The request is answered with 503 and reaches nobody.
    Busy,
}

pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    /// The fault of the n-th connection, counted from 0.
    plan: Mutex<Box<dyn FnMut(u64) -> Fault + Send>>,
    connections: AtomicU64,
    downloaded: AtomicU64,
    faults: AtomicU64,
}

impl Proxy {
    pub(crate) async fn start(
        upstream: String,
        plan: impl FnMut(u64) -> Fault + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            upstream,
            plan: Mutex::new(Box::new(plan)),
            connections: AtomicU64::new(0),
            downloaded: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        tokio::spawn(Arc::clone(&shared).listen(listener));
        Self { address, shared }
    }

    /// Connections that are opened from now on work.
    pub(crate) fn heal(&self) {
        *self.shared.plan.lock().unwrap() = Box::new(|_| Fault::None);
    }

    /// Bytes that the server sent to the client so far.
    pub(crate) fn downloaded(&self) -> u64 {
        self.shared.downloaded.load(Ordering::Relaxed)
    }

    /// Faults that really came to pass.
    pub(crate) fn faults(&self) -> u64 {
        self.shared.faults.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            let number = self.connections.fetch_add(1, Ordering::Relaxed);
            let fault = (self.plan.lock().unwrap())(number);
            tokio::spawn(Arc::clone(&self).serve(client, fault));
        }
    }

    async fn serve(self: Arc<Self>, mut client: TcpStream, fault: Fault) {
        if fault == Fault::Busy {
            self.faults.fetch_add(1, Ordering::Relaxed);
            let _ = client.read(&mut [0; 8192]).await;
            let answer = b"HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\n\
                content-length: 0\r\nconnection: close\r\n\r\n";
            let _ = client.write_all(answer).await;
            return;
        }
        let server = TcpStream::connect(&self.upstream).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let lose_next = AtomicBool::new(false);
        tokio::select! {
            () = self.upload(from_client, to_server, fault, &lose_next) => {}
            () = self.download(from_server, to_client, fault, &lose_next) => {}
        }
    }

    async fn upload(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        fault: Fault,
        lose_next: &AtomicBool,
    ) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            if let Fault::LoseAnswerTo(marker) = fault
                && contains(&buffer[..read], marker.as_bytes())
            {
                lose_next.store(true, Ordering::SeqCst);
            }
            let sent = match fault {
                Fault::SmallPages => with_small_pages(&buffer[..read]),
                _ => buffer[..read].to_vec(),
            };
            if to.write_all(&sent).await.is_err() {
                return;
            }
        }
    }

    async fn download(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        fault: Fault,
        lose_next: &AtomicBool,
    ) {
        let mut left = match fault {
            Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => bytes,
            _ => usize::MAX,
        };
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let passed = if lose_next.load(Ordering::SeqCst) { 0 } else { read.min(left) };
            let _ = to.write_all(&buffer[..passed]).await;
            self.downloaded.fetch_add(passed as u64, Ordering::Relaxed);
            left -= passed;
            if passed < read {
                self.faults.fetch_add(1, Ordering::Relaxed);
                if matches!(fault, Fault::StallAfter(_)) {
                    std::future::pending::<()>().await;
                }
                return;
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn with_small_pages(request: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(request).replacen("comp=list&", "comp=list&maxresults=3&", 1).into()
}
