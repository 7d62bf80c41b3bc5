//! The connection that all clones of a queue share: to the Redis at an address, to the one that
//! Sentinels call the master, or to the node of a cluster that has the keys.
//!
//! `ConnectionManager` reopens a connection that was closed. Four cases it leaves to us: a connection
//! that is open but no longer answers (its peer vanished without closing it; the kernel notices
//! after a quarter of an hour), a master that has moved, one that lives on as a replica, and a Redis
//! that refuses for a while whom it knew before.
//!
//! An address that moves with a failover (a managed Redis has a DNS name for it) is resolved for each
//! new connection.

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
use tracing::{debug, info, warn};

use crate::{
    QueueArgs, QueueError,
    redis::{
        cluster::Cluster,
        hosts::checked,
        locator::Locator,
        plain_answer::{with_its_word, with_tls},
        sentinel::Sentinels,
        tokens::Tokens,
        waits::BETWEEN_REMINDERS,
    },
    refusal::has_code,
};

/// How long Redis may take to answer; a server that forks for its AOF can block for seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the Sentinels are asked which Redis is the master.
const MASTER_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a connection is kept that may not write, or is not signed in. Many callers hear it of one
/// connection, and the first of them opens the next one.
const USELESS_TIMEOUT: Duration = Duration::from_secs(1);

/// Codes of a Redis that is not the master, or not of our slot: the address may lead to another one by
/// now, though this connection stays open.
const NOT_THE_MASTER: &[&str] = &["READONLY", "MASTERDOWN", "MOVED", "CLUSTERDOWN"];

pub(crate) struct Connection {
    current: RwLock<ConnectionManager>,
    server: Mutex<Server>,
    /// The name that all keys carry.
    name: String,
    tokens: Option<Tokens>,
}

/// Where the connection leads.
struct Server {
    locator: Locator,
    url: SecretString,
    opened: Instant,
}

impl Connection {
    /// Waits for a failover, for as long as `patience` says.
    pub(crate) async fn open(
        args: &QueueArgs,
        patience: Option<Duration>,
    ) -> Result<Self, QueueError> {
        tls::provide();
        let args = &QueueArgs { redis_url: checked(&args.redis_url)?, ..args.clone() };
        let name = args.queue_name.clone();
        let tokens = Tokens::of(args).await?;
        let mut locator = match Sentinels::of(args)? {
            Some(sentinels) => Locator::Sentinels(sentinels),
            None => match Cluster::of(args.redis_url.expose_secret(), &name, tokens.clone())? {
                Some(cluster) => Locator::Cluster(cluster),
                None => Locator::Address,
            },
        };
        let (mut url, mut current) =
            first_connection(&mut locator, &args.redis_url, tokens.as_ref(), patience).await?;
        if matches!(locator, Locator::Address)
            && is_of_cluster(&mut current, &url).await?
            && let Some((cluster, node)) = slot_node(&url, &name, tokens.clone()).await
        {
            locator = Locator::Cluster(cluster);
            (url, current) =
                first_connection(&mut locator, &node, tokens.as_ref(), patience).await?;
        }
        let server = Mutex::new(Server { locator, url, opened: Instant::now() });
        Ok(Self { current: RwLock::new(current), server, name, tokens })
    }

    pub(crate) fn current(&self) -> ConnectionManager {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects to another master as soon as the Sentinels name one. The old one may still accept
    /// writes that nobody will ever read: it was cut off from its Sentinels, or came back a moment
    /// after it was replaced. (A node of a cluster that lost its slot refuses them.)
    pub(crate) fn follow_master(self: &Arc<Self>) {
        let has_sentinels = self
            .server
            .try_lock()
            .is_ok_and(|server| matches!(server.locator, Locator::Sentinels(_)));
        if !has_sentinels {
            return;
        }
        let connection = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(connection) = connection.upgrade() {
                connection.reopen(None).await;
                drop(connection);
                tokio::time::sleep(MASTER_CHECK_INTERVAL).await;
            }
        });
    }

    /// Opens another connection when, after `error`, waiting for this one may not help: no answer
    /// came at all, this Redis is not the master, or another one is now.
    pub(crate) async fn reconnect(&self, error: &RedisError) {
        self.reopen(Some(error)).await;
    }

    /// `error`: what a caller met, if this is not the regular look at the master.
    async fn reopen(&self, error: Option<&RedisError>) {
        // One caller reopens; the others find the new connection at their next try.
        let Ok(mut server) = self.server.try_lock() else { return };
        let is_elsewhere = error.is_some_and(|error| has_code(error, &["MOVED"]));
        if is_elsewhere && matches!(server.locator, Locator::Address) {
            // Not seen at the start: this user may not ask for `INFO`, or the address leads here now.
            if let Some(cluster) =
                Cluster::around(server.url.expose_secret(), &self.name, self.tokens.clone())
            {
                server.locator = Locator::Cluster(cluster);
            }
        }
        let moved_to = server.locator.locate().await.ok().flatten();
        let moved_to = moved_to.filter(|url| url.expose_secret() != server.url.expose_secret());
        let has_timed_out = error.is_some_and(RedisError::is_timeout);
        let is_unresponsive = has_timed_out && server.opened.elapsed() > RESPONSE_TIMEOUT;
        let is_no_master = error.is_some_and(|error| has_code(error, NOT_THE_MASTER));
        // `ConnectionManager` tries once more after errors of the network only.
        let is_signed_out =
            error.is_some_and(|error| error.kind() == ErrorKind::AuthenticationFailed);
        let is_useless =
            (is_no_master || is_signed_out) && server.opened.elapsed() > USELESS_TIMEOUT;
        if !is_unresponsive && !is_useless && moved_to.is_none() {
            return;
        }
        let url = moved_to.unwrap_or_else(|| server.url.clone());
        if let Ok(connection) = connect(&url, self.tokens.as_ref()).await {
            if url.expose_secret() == server.url.expose_secret() {
                debug!("opened a new connection to redis");
            } else {
                info!("redis is at {} now", address_of(&url));
            }
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = connection;
            server.url = url;
            server.opened = Instant::now();
        }
    }
}

/// Whether the Redis at this address is a node of a cluster. One that does not tell counts as none.
async fn is_of_cluster(
    connection: &mut ConnectionManager,
    url: &SecretString,
) -> Result<bool, QueueError> {
    match redis::cmd("INFO").arg("cluster").query_async::<String>(connection).await {
        Ok(info) => Ok(info.lines().any(|line| line.trim() == "cluster_enabled:1")),
        Err(error) if has_code(&error, &["NOAUTH"]) => Err(QueueError::unreachable(url, error)),
        Err(_unknown) => Ok(false),
    }
}

/// The cluster around this node, and the URL of the one that has our slot.
async fn slot_node(
    url: &SecretString,
    name: &str,
    tokens: Option<Tokens>,
) -> Option<(Cluster, SecretString)> {
    let mut cluster = Cluster::around(url.expose_secret(), name, tokens)?;
    match cluster.master().await {
        Ok(node) => Some((cluster, node)),
        Err(error) => {
            warn!(error = %error, "redis says that it is part of a cluster; taking it for the whole");
            None
        }
    }
}

/// Locates Redis and connects to it, for as long as whoever answers says that it is on its way, or tells of one
/// that does not answer yet.
async fn first_connection(
    locator: &mut Locator,
    setting: &SecretString,
    tokens: Option<&Tokens>,
    patience: Option<Duration>,
) -> Result<(SecretString, ConnectionManager), QueueError> {
    let (since, mut told) = (Instant::now(), None::<Instant>);
    loop {
        let mut is_told = false;
        let connecting = async {
            let located = locator.locate().await?;
            is_told = located.is_some();
            let url = located.unwrap_or_else(|| setting.clone());
            let connection = connect(&url, tokens).await?;
            Ok::<_, QueueError>((url, connection))
        };
        let error = match connecting.await {
            Ok(connected) => return Ok(connected),
            Err(error) if !error.is_failover(is_told) => return Err(error),
            Err(error) => error,
        };
        if patience.is_some_and(|patience| since.elapsed() > patience) {
            return Err(error);
        }
        if told.is_none_or(|told| told.elapsed() > BETWEEN_REMINDERS) {
            warn!(error = %error, "redis cannot be reached; retrying until it can");
            told = Some(Instant::now());
        }
        tokio::time::sleep(MASTER_CHECK_INTERVAL).await;
    }
}

async fn connect(
    url: &SecretString,
    tokens: Option<&Tokens>,
) -> Result<ConnectionManager, QueueError> {
    let invalid = |_says_the_url| QueueError::InvalidUrl;
    let info = url.expose_secret().into_connection_info().map_err(invalid)?;
    let client = Client::open(info).map_err(invalid)?;
    let mut config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(2)
        .set_max_delay(Duration::from_secs(1));
    if let Some(tokens) = tokens {
        config = config.set_credentials_provider(tokens.clone());
    }
    let connecting = async {
        let connected = ConnectionManager::new_with_config(client, config).await;
        connected.map_err(|error| Tokens::refused(tokens, QueueError::unreachable(url, error)))
    };
    let connected = match url.expose_secret().starts_with("rediss:") {
        true => with_tls(address_of(url), connecting).await,
        false => connecting.await,
    };
    match connected {
        Ok(connection) => Ok(connection),
        Err(error) => Err(with_its_word(error).await),
    }
}

/// Host and port, without user and password.
fn address_of(url: &SecretString) -> String {
    let info = url.expose_secret().into_connection_info();
    info.map(|info| info.addr().to_string()).unwrap_or_default()
}
