//! The connection that all clones of a queue share: to the Redis at an address, or to the one that
//! Sentinels call the master.
//!
//! `ConnectionManager` reopens a connection that was closed. Two cases it leaves to us: a connection
//! that is open but no longer answers (its peer vanished without closing it; the kernel notices
//! after a quarter of an hour), and a master that has moved.
//!
//! An address that moves with a failover (a managed Redis has a DNS name for it) needs none of
//! this: the name is resolved for each new connection.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redis::{
    Client, ErrorKind, IntoConnectionInfo, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing::info;

use crate::{QueueError, redis::sentinel::Sentinels};

/// How long Redis may take to answer; a server that forks for its AOF can block for seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the Sentinels are asked which Redis is the master.
const MASTER_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Connection {
    current: RwLock<ConnectionManager>,
    server: Mutex<Server>,
    sentinels: Option<Sentinels>,
}

/// Where the connection leads.
struct Server {
    url: SecretString,
    opened: Instant,
}

impl Connection {
    pub(crate) async fn open(url: &str) -> Result<Self, QueueError> {
        tls::provide();
        let sentinels = Sentinels::of(url)?;
        let url: SecretString = match &sentinels {
            None => url.into(),
            Some(sentinels) => sentinels.master().await.ok_or_else(|| sentinels.no_master())?,
        };
        let current = RwLock::new(connect(url.expose_secret()).await?);
        let server = Mutex::new(Server { url, opened: Instant::now() });
        Ok(Self { current, server, sentinels })
    }

    pub(crate) fn current(&self) -> ConnectionManager {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects to another master as soon as the Sentinels name one. The old one may still accept
    /// writes that nobody will ever read: it was cut off from its Sentinels, or came back a moment
    /// after it was replaced.
    pub(crate) fn follow_master(self: &Arc<Self>) {
        if self.sentinels.is_none() {
            return;
        }
        let connection = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(connection) = connection.upgrade() {
                connection.reopen(false).await;
                drop(connection);
                tokio::time::sleep(MASTER_CHECK_INTERVAL).await;
            }
        });
    }

    /// Opens another connection when, after `error`, waiting for this one may not help: no answer
    /// came at all, or another Redis is the master now.
    pub(crate) async fn reconnect(&self, error: &RedisError) {
        self.reopen(error.is_timeout()).await;
    }

    /// `has_timed_out`: no answer came.
    async fn reopen(&self, has_timed_out: bool) {
        // One caller reopens; the others find the new connection at their next try.
        let Ok(mut server) = self.server.try_lock() else { return };
        let is_unresponsive = has_timed_out && server.opened.elapsed() > RESPONSE_TIMEOUT;
        let moved_to = match &self.sentinels {
            Some(sentinels) => sentinels.master().await,
            None => None,
        };
        let moved_to = moved_to.filter(|url| url.expose_secret() != server.url.expose_secret());
        if !is_unresponsive && moved_to.is_none() {
            return;
        }
        let url = moved_to.unwrap_or_else(|| server.url.clone());
        if let Ok(connection) = connect(url.expose_secret()).await {
            info!("opened a new connection to redis");
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = connection;
            *server = Server { url, opened: Instant::now() };
        }
    }
}

async fn connect(url: &str) -> Result<ConnectionManager, QueueError> {
    let info = url.into_connection_info().map_err(|_says_the_url| QueueError::InvalidUrl)?;
    let address = info.addr().to_string();
    let client = Client::open(info).map_err(|_says_the_url| QueueError::InvalidUrl)?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(2)
        .set_max_delay(Duration::from_secs(1));
    ConnectionManager::new_with_config(client, config).await.map_err(|source| match source.kind() {
        ErrorKind::AuthenticationFailed => QueueError::Denied { address },
        _ => QueueError::Unreachable { address, source },
    })
}
