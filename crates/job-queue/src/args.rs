use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use secrecy::SecretString;

/// Where the queue is.
#[derive(Clone, Debug, Args)]
pub struct QueueArgs {
    /// Redis that carries the queue and the ledger: redis://…, rediss://… (TLS), or
    /// redis+sentinel://HOST:PORT,…/NAME.
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://localhost:6379",
        value_name = "URL"
    )]
    pub redis_url: SecretString,

    /// How long a consumer may send no heartbeat before its batches go to another one: from 1s to 1h.
    #[arg(long, env = "QUEUE_LEASE", default_value = "30s", value_name = "DURATION", value_parser = lease)]
    pub queue_lease: Duration,
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease =
        text.parse::<SignedDuration>().ok().and_then(|lease| Duration::try_from(lease).ok());
    let possible = Duration::from_secs(1)..=Duration::from_secs(3_600);
    lease.filter(|lease| possible.contains(lease)).ok_or_else(|| {
        "it must be a length of time from 1s to 1h; write it like 30s or 9m 30s".to_owned()
    })
}
