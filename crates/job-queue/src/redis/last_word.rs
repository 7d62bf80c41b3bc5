//! What a Redis says that closes a connection at once.

use std::time::Duration;

use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::QueueError;

/// It says it to whoever comes, before it reads.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The same error; or that Redis takes no more connections. It closes them then, and who was about to write
/// does not read why, and takes it for a server that expects TLS.
pub(crate) async fn with_its_word(error: QueueError) -> QueueError {
    match error {
        QueueError::NotPlain { address, .. } if has_no_place(&address).await => {
            QueueError::NoPlace { address }
        }
        other => other,
    }
}

async fn has_no_place(address: &str) -> bool {
    let says = async {
        let mut connection = TcpStream::connect(address).await.ok()?;
        let mut said = [0; 64];
        let bytes = connection.read(&mut said).await.ok()?;
        Some(String::from_utf8_lossy(&said[..bytes]).contains("max number of clients"))
    };
    tokio::time::timeout(TIMEOUT, says).await.ok().flatten().unwrap_or_default()
}
