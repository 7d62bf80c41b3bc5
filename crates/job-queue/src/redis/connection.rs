//! The connection that all clones of a queue share, and where it leads: to a Redis
//! at an address, or to whichever one Sentinels call the master at the moment.
//!
//! `ConnectionManager` opens a connection again that was closed. Two things it leaves to
//! us: one that is open and answers nothing any more (its peer vanished without a word;
//! the kernel notices after a quarter of an hour), and a master that has moved.
//!
//! An address that moves with a failover (a managed Redis has a name for it) needs
//! nothing of this: the name is looked up for each new connection.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tracing::info;

use crate::QueueError;

/// How long Redis may take to answer; a server that forks for its AOF can be
/// silent for seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often Sentinels are asked who the master is.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A Sentinel does nothing but answer.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Link {
    current: RwLock<ConnectionManager>,
    target: Mutex<Target>,
    sentinels: Option<Sentinels>,
}

/// Where the connection leads.
struct Target {
    url: SecretString,
    opened: Instant,
}

impl Link {
    pub(crate) async fn connect(url: &str) -> Result<Self, QueueError> {
        let sentinels = Sentinels::of(url)?;
        let url: SecretString = match &sentinels {
            None => url.into(),
            Some(sentinels) => sentinels.master().await.ok_or_else(|| sentinels.no_master())?,
        };
        let current = RwLock::new(connect(url.expose_secret()).await?);
        let target = Mutex::new(Target { url, opened: Instant::now() });
        Ok(Self { current, target, sentinels })
    }

    pub(crate) fn connection(&self) -> ConnectionManager {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on to another master as soon as Sentinels call it that. The old one may be there, and
    /// take what nobody will ever read: a master that was cut off from its Sentinels, or that came
    /// back a moment after it was replaced.
    pub(crate) fn follow_master(self: &Arc<Self>) {
        if self.sentinels.is_none() {
            return;
        }
        let link = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(link) = link.upgrade() {
                link.look_for_master(false).await;
                drop(link);
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        });
    }

    /// Opens another connection when `error` tells that waiting for this one may not
    /// help: no answer came at all, or another Redis is the master now.
    pub(crate) async fn mend(&self, error: &RedisError) {
        self.look_for_master(error.is_timeout()).await;
    }

    /// `has_timed_out`: no answer came.
    async fn look_for_master(&self, has_timed_out: bool) {
        // Who comes second finds the new connection when it tries again.
        let Ok(mut target) = self.target.try_lock() else { return };
        let is_silent = has_timed_out && target.opened.elapsed() > RESPONSE_TIMEOUT;
        let moved_to = match &self.sentinels {
            Some(sentinels) => sentinels.master().await,
            None => None,
        };
        let moved_to = moved_to.filter(|url| url.expose_secret() != target.url.expose_secret());
        if !is_silent && moved_to.is_none() {
            return;
        }
        let url = moved_to.unwrap_or_else(|| target.url.clone());
        if let Ok(connection) = connect(url.expose_secret()).await {
            info!("a new connection to redis is open");
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = connection;
            *target = Target { url, opened: Instant::now() };
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

/// Who knows the master: `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,…]/NAME[/DB]`.
/// User and password are those of Redis; the Sentinels are asked without.
struct Sentinels {
    clients: Vec<Client>,
    hosts: String,
    service: String,
    scheme: &'static str,
    user: SecretString,
    database: String,
}

impl Sentinels {
    /// Nothing for the URL of one Redis.
    fn of(url: &str) -> Result<Option<Self>, QueueError> {
        let (scheme, rest) = match url.split_once("+sentinel://") {
            None => return Ok(None),
            Some(("redis", rest)) => ("redis", rest),
            Some(("rediss", rest)) => ("rediss", rest),
            Some(_other) => return Err(QueueError::InvalidUrl),
        };
        let (authority, path) = rest.split_once('/').ok_or(QueueError::InvalidUrl)?;
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let (service, database) = path.split_once('/').unwrap_or((path, "0"));
        let client = |host: &str| {
            let port = if host.rsplit(':').next().is_some_and(is_port) { "" } else { ":26379" };
            Client::open(format!("{scheme}://{host}{port}")).map_err(|_url| QueueError::InvalidUrl)
        };
        if service.is_empty() {
            return Err(QueueError::InvalidUrl);
        }
        Ok(Some(Self {
            clients: hosts.split(',').map(client).collect::<Result<_, _>>()?,
            hosts: hosts.to_owned(),
            service: service.to_owned(),
            scheme,
            user: user.into(),
            database: database.to_owned(),
        }))
    }

    /// URL of the master, by the first Sentinel that knows.
    async fn master(&self) -> Option<SecretString> {
        for client in &self.clients {
            if let Ok(Some((host, port))) = self.ask(client).await {
                let host = if host.contains(':') { format!("[{host}]") } else { host };
                return Some(self.url(&format!("{host}:{port}")));
            }
        }
        None
    }

    async fn ask(&self, client: &Client) -> Result<Option<(String, u16)>, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(SENTINEL_TIMEOUT))
            .set_response_timeout(Some(SENTINEL_TIMEOUT));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("get-master-addr-by-name").arg(&self.service);
        question.query_async(&mut connection).await
    }

    fn url(&self, master: &str) -> SecretString {
        let user = self.user.expose_secret();
        format!("{}://{user}{master}/{}", self.scheme, self.database).into()
    }

    fn no_master(&self) -> QueueError {
        QueueError::NoMaster { service: self.service.clone(), sentinels: self.hosts.clone() }
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_told_from_their_url() {
        let url = "rediss+sentinel://app:p%40ss@a:1000,b/orders/3";

        let sentinels = Sentinels::of(url).unwrap().unwrap();

        let asked: Vec<String> = sentinels
            .clients
            .iter()
            .map(|one| one.get_connection_info().addr().to_string())
            .collect();
        assert_eq!(asked, ["a:1000", "b:26379"]);
        assert_eq!(sentinels.service, "orders");
        let master = sentinels.url("10.0.0.7:6379");
        assert_eq!(master.expose_secret(), "rediss://app:p%40ss@10.0.0.7:6379/3");
        assert!(!sentinels.no_master().to_string().contains("p%40ss"));
    }

    #[test]
    fn one_redis_needs_none_and_a_url_without_a_name_is_refused() {
        assert!(Sentinels::of("redis://localhost:6379").unwrap().is_none());
        for url in ["redis+sentinel://a:1", "redis+sentinel://a:1/", "http+sentinel://a:1/x"] {
            assert!(Sentinels::of(url).is_err(), "{url}");
        }
    }
}
