//! A blob storage that does not go on.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use test_support::Azurite;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// The blob storage through a proxy that forwards the first `GET` of a file, and no other until it is
/// told to: whoever reads that file then, reads on and on.
pub(crate) struct StuckStorage {
    pub(crate) address: String,
    go_on: CancellationToken,
}

impl StuckStorage {
    pub(crate) async fn start(file: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (go_on, gets) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let is_open = go_on.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, file, Arc::clone(&gets), is_open.clone()));
            }
        });
        Self { address, go_on }
    }

    /// Cuts the connections that are stuck, and forwards all others.
    pub(crate) fn go_on(&self) {
        self.go_on.cancel();
    }
}

async fn forward(
    client: TcpStream,
    file: &'static str,
    gets: Arc<AtomicU32>,
    is_open: CancellationToken,
) {
    let Ok(azurite) = TcpStream::connect(Azurite::shared().address()).await else { return };
    let ((mut asks, mut hears), (mut answers, mut to)) =
        (client.into_split(), azurite.into_split());
    let answering = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut hears).await });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(bytes @ 1..) = asks.read(&mut buffer).await {
        let request = String::from_utf8_lossy(&buffer[..bytes]);
        let is_get = request.lines().any(|line| line.starts_with("GET ") && line.contains(file));
        if is_get && gets.fetch_add(1, Ordering::Relaxed) > 0 && !is_open.is_cancelled() {
            is_open.cancelled().await;
            break;
        }
        if to.write_all(&buffer[..bytes]).await.is_err() {
            break;
        }
    }
    answering.abort();
}
