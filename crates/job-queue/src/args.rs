use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use secrecy::SecretString;

/// How the programs sign in to Redis.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum RedisAuth {
    /// With the user and password in the URL of Redis, if there are any.
    #[default]
    Password,
    /// With tokens of Entra ID, for Redis in Azure.
    Entra,
}

/// Where the queue is.
#[derive(Clone, Debug, Args)]
pub struct QueueArgs {
    /// Redis that carries the queue and the ledger: redis://…, rediss://… (TLS),
    /// redis+sentinel://HOST:PORT,…/NAME, or redis+cluster://HOST:PORT,….
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://localhost:6379",
        value_name = "URL"
    )]
    pub redis_url: SecretString,

    /// How to sign in to Redis: with the password in its URL, or with tokens of Entra ID (workload
    /// identity, managed identity, az, azd). Then the user is the one in the URL, or the identity's
    /// object id.
    #[arg(
        long,
        env = "REDIS_AUTH",
        default_value = "password",
        value_name = "password|entra",
        hide_possible_values = true
    )]
    pub redis_auth: RedisAuth,

    /// User of the Sentinels, if they ask for one; the user in the URL is that of Redis.
    #[arg(long, env = "REDIS_SENTINEL_USERNAME", value_name = "USER")]
    pub redis_sentinel_username: Option<String>,

    /// Password of the Sentinels, if they ask for one.
    #[arg(long, env = "REDIS_SENTINEL_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub redis_sentinel_password: Option<SecretString>,

    /// Name of this deployment: all keys in Redis begin with it, so several deployments share one Redis.
    /// Programs of one deployment have the same.
    #[arg(
        long,
        env = "QUEUE_NAME",
        default_value = "batch-sync",
        value_name = "NAME",
        value_parser = queue_name
    )]
    pub queue_name: String,

    /// How long a consumer may send no heartbeat before its batches go to another one: from 1s to 1h.
    #[arg(long, env = "QUEUE_LEASE", default_value = "30s", value_name = "DURATION", value_parser = lease)]
    pub queue_lease: Duration,
}

impl QueueArgs {
    /// The usual settings, with the Redis at this URL.
    #[must_use]
    pub fn at(redis_url: &str) -> Self {
        Self {
            redis_url: redis_url.into(),
            redis_auth: RedisAuth::Password,
            redis_sentinel_username: None,
            redis_sentinel_password: None,
            queue_name: "batch-sync".to_owned(),
            queue_lease: Duration::from_secs(30),
        }
    }
}

/// A name that is part of keys: it must not end their hash tag, nor be a pattern in the rights of a user.
fn queue_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 64 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease =
        text.parse::<SignedDuration>().ok().and_then(|lease| Duration::try_from(lease).ok());
    let possible = Duration::from_secs(1)..=Duration::from_secs(3_600);
    lease.filter(|lease| possible.contains(lease)).ok_or_else(|| {
        "it must be a length of time from 1s to 1h; write it like 30s or 9m 30s".to_owned()
    })
}
