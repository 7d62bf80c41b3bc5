//! The Sentinels that know which Redis is the master.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, RedisError};
use secrecy::{ExposeSecret, SecretString};

use crate::QueueError;

/// A Sentinel does nothing but answer.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Who knows the master: `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,…]/NAME[/DB]`.
/// User and password are those of Redis; the Sentinels are asked without.
pub(crate) struct Sentinels {
    clients: Vec<Client>,
    hosts: String,
    service: String,
    scheme: &'static str,
    user: SecretString,
    database: String,
}

impl Sentinels {
    /// Nothing for the URL of one Redis.
    pub(crate) fn of(url: &str) -> Result<Option<Self>, QueueError> {
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
    pub(crate) async fn master(&self) -> Option<SecretString> {
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

    pub(crate) fn no_master(&self) -> QueueError {
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
