//! The Sentinels that know which Redis is the master.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisError,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    QueueArgs, QueueError, Server,
    redis::hosts::{Hosts, address},
};

/// A Sentinel does nothing but answer.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Who knows the master: `redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,…]/NAME[/DB]`.
/// User and password are those of Redis; those of the Sentinels are settings of their own.
pub(crate) struct Sentinels {
    /// Each with its address as a URL.
    clients: Vec<(SecretString, Client)>,
    hosts: Hosts,
    service: String,
    database: String,
}

impl Sentinels {
    /// Nothing for the URL of one Redis.
    pub(crate) fn of(args: &QueueArgs) -> Result<Option<Self>, QueueError> {
        let Some(hosts) = Hosts::of(args.redis_url.expose_secret(), "+sentinel", 26379)? else {
            return Ok(None);
        };
        let (service, database) = hosts.path.split_once('/').unwrap_or((&hosts.path, "0"));
        let is_number = database.bytes().all(|byte| byte.is_ascii_digit());
        if service.is_empty() || database.is_empty() || !is_number {
            return Err(QueueError::InvalidUrl);
        }
        let (service, database) = (service.to_owned(), database.to_owned());
        let client = |host: &String| {
            let url = hosts.url_without_user(host);
            let client = sign_in(&url, args).map(Client::open).and_then(|client| client);
            let client = client.map_err(|_says_the_url| QueueError::InvalidUrl)?;
            Ok::<_, QueueError>((url.into(), client))
        };
        let clients = hosts.hosts.iter().map(client).collect::<Result<_, _>>()?;
        Ok(Some(Self { clients, hosts, service, database }))
    }

    /// URL of the master, by the first Sentinel that knows.
    ///
    /// # Errors
    ///
    /// When none does: with what one said that a person has to hear, or else what the last one said
    /// instead.
    pub(crate) async fn master(&self) -> Result<SecretString, QueueError> {
        let (mut said, mut for_a_person) = (None, None);
        for (url, client) in &self.clients {
            match self.ask(client).await {
                Ok(Some((host, port))) => {
                    return Ok(self.hosts.url(&address(&host, port), &self.database));
                }
                Ok(None) => {}
                Err(error) => {
                    let refused = QueueError::of_server(Server::Sentinel, url, error.clone());
                    for_a_person = for_a_person.or(refused.is_for_a_person().then_some(refused));
                    said = Some(error);
                }
            }
        }
        if let Some(refused) = for_a_person {
            return Err(refused);
        }
        let sentinels = self.hosts.hosts.join(",");
        Err(QueueError::NoMaster { service: self.service.clone(), sentinels, source: said })
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
}

/// A Sentinel's address, and as whom it is asked.
fn sign_in(url: &str, args: &QueueArgs) -> Result<ConnectionInfo, RedisError> {
    let mut settings = RedisConnectionInfo::default();
    if let Some(user) = &args.redis_sentinel_username {
        settings = settings.set_username(user);
    }
    if let Some(password) = &args.redis_sentinel_password {
        settings = settings.set_password(password.expose_secret());
    }
    Ok(url.into_connection_info()?.set_redis_settings(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_told_from_their_url() {
        let mut args = QueueArgs::at("rediss+sentinel://app:p%40ss@a:1000,b/orders/3");
        args.redis_sentinel_username = Some("watcher".to_owned());
        args.redis_sentinel_password = Some("s/cret".into());

        let sentinels = Sentinels::of(&args).unwrap().unwrap();

        let infos = sentinels.clients.iter().map(|(_, client)| client.get_connection_info());
        let asked: Vec<String> = infos.clone().map(|one| one.addr().to_string()).collect();
        assert_eq!(asked, ["a:1000", "b:26379"]);
        for settings in infos.map(ConnectionInfo::redis_settings) {
            assert_eq!(settings.username(), Some("watcher"));
            assert_eq!(settings.password(), Some("s/cret"));
        }
        assert_eq!(sentinels.service, "orders");
        let master = sentinels.hosts.url("10.0.0.7:6379", &sentinels.database);
        assert_eq!(master.expose_secret(), "rediss://app:p%40ss@10.0.0.7:6379/3");
    }

    #[test]
    fn one_redis_needs_none_and_a_url_without_a_name_is_refused() {
        assert!(Sentinels::of(&QueueArgs::at("redis://localhost:6379")).unwrap().is_none());
        for url in [
            "redis+sentinel://a:1",
            "redis+sentinel://a:1/",
            "redis+sentinel://a:1/x/y",
            "http+sentinel://a:1/x",
        ] {
            assert!(Sentinels::of(&QueueArgs::at(url)).is_err(), "{url}");
        }
    }
}
