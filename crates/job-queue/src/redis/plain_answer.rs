//! What a Redis says without TLS to another connection, where our own does not tell what is wrong.

use std::time::Duration;

use redis::{ErrorKind, RedisError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{QueueError, Server};

/// It answers what needs no work.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A handshake takes less, but for one that is far away or under load.
const HANDSHAKE_USUAL: Duration = Duration::from_secs(1);

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

/// What `connecting` by TLS comes to. A Redis without TLS takes the beginning of a handshake for that of a
/// command, and waits for its rest: all tries would time out, one after the other. So when the handshake takes
/// longer than usual, Redis is asked whether it answers without TLS; if it does, and there is no handshake a
/// moment later either, there will be none. (Some managed ones answer both ways on one port.)
///
/// # Errors
///
/// That of `connecting`, or that there is no TLS.
pub(crate) async fn with_tls<T>(
    address: String,
    connecting: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let answers_without = async {
        sleep(HANDSHAKE_USUAL).await;
        if !answers_ping(&address).await {
            std::future::pending::<()>().await;
        }
        sleep(HANDSHAKE_USUAL).await;
    };
    tokio::select! {
        biased;
        connected = connecting => connected,
        () = answers_without => {
            let said = (ErrorKind::Io, "it answers without TLS, and does not begin a handshake");
            Err(QueueError::NoTls { server: Server::Redis, address, source: RedisError::from(said) })
        }
    }
}

async fn has_no_place(address: &str) -> bool {
    let said = said(address, b"").await;
    said.is_some_and(|said| said.contains("max number of clients"))
}

/// Also one that wants a password first says so without TLS.
async fn answers_ping(address: &str) -> bool {
    said(address, b"PING\r\n").await.is_some_and(|said| said.starts_with(['+', '-']))
}

/// The beginning of what comes from this address after `asked`.
async fn said(address: &str, asked: &[u8]) -> Option<String> {
    let says = async {
        let mut connection = TcpStream::connect(address).await.ok()?;
        connection.write_all(asked).await.ok()?;
        let mut said = [0; 64];
        let bytes = connection.read(&mut said).await.ok()?;
        Some(String::from_utf8_lossy(&said[..bytes]).into_owned())
    };
    timeout(TIMEOUT, says).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Takes connections, and answers each line with these bytes; a handshake has none that it would read.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut asked = [0; 64];
                    while connection.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {
                        connection.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_end_is_none_where_redis_answers_without_tls() {
        for answer in [&b"+PONG\r\n"[..], b"-NOAUTH Authentication required.\r\n"] {
            let never = std::future::pending::<Result<(), QueueError>>();

            let refused = with_tls(server(answer).await, never).await.unwrap_err();

            assert!(matches!(refused, QueueError::NoTls { .. }), "{refused:?}");
            let says = refused.to_string();
            assert!(says.contains("REDIS_URL") && says.contains("redis://"), "{says}");
        }
    }

    /// One that answers both ways, and a server with TLS that says that this is none.
    #[tokio::test]
    async fn a_handshake_that_is_slow_is_waited_for() {
        for answer in [&b"+PONG\r\n"[..], b"\x15\x03\x01\x00\x02\x02\x46"] {
            let slow = async {
                sleep(HANDSHAKE_USUAL + HANDSHAKE_USUAL / 2).await;
                Ok(7)
            };
            assert_eq!(with_tls(server(answer).await, slow).await.unwrap(), 7);
        }
        let later = async {
            sleep(HANDSHAKE_USUAL * 4).await;
            Ok(7)
        };
        assert_eq!(with_tls(server(b"\x15\x03\x01").await, later).await.unwrap(), 7);
    }
}
