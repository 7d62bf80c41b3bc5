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

    /// How long a consumer may be silent before its batches go to another one.
    #[arg(long, env = "QUEUE_LEASE", default_value = "30s", value_name = "DURATION", value_parser = lease)]
    pub queue_lease: Duration,
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = text.parse::<SignedDuration>().map_err(|error| error.to_string())?;
    let lease = Duration::try_from(lease).ok();
    let possible = Duration::from_secs(1)..=Duration::from_secs(3_600);
    lease.filter(|lease| possible.contains(lease)).ok_or_else(|| "between 1s and 1h".to_owned())
}
