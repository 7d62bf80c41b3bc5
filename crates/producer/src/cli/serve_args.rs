//! Arguments of `producer serve`.

use std::{convert::Infallible, net::SocketAddr, str::FromStr, time::Duration};

use blob_store::BlobArgs;
use clap::Args;
use job_queue::QueueArgs;
use salesforce::ConnectionArgs;
use secrecy::SecretString;

use crate::cli::{
    http_args::{HttpArgs, ListenArgs},
    import_args::{GuardArgs, WatermarkArgs},
    load_args::LoadsArgs,
    read_args::ReadArgs,
};

/// What a blob can have: 781 GiB.
const UPLOAD_BYTES_MAX: u64 = 50_000 * (16 << 20);

/// Arguments of `producer serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Where it listens.
    #[command(flatten)]
    pub listen: ListenArgs,

    /// Token that every call of the API must send; without one, the server listens on loopback only.
    #[arg(long, env = "API_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub api_token: Option<SecretString>,

    /// Host names of the server besides localhost, separated by commas.
    #[arg(
        long,
        env = "HTTP_ALLOWED_HOSTS",
        default_value = "",
        hide_default_value = true,
        value_name = "NAMES"
    )]
    pub http_allowed_hosts: HostNames,

    /// How long running requests and imports may take to end after SIGTERM.
    #[arg(
        long,
        env = "HTTP_SHUTDOWN_GRACE",
        default_value = "10s",
        value_name = "DURATION",
        value_parser = service::parse_duration
    )]
    pub http_shutdown_grace: Duration,

    /// Runs that this server reads at the same time; each reads ahead less when there are more. Runs
    /// that are all queued, or wait for room while others want to be read, do not count.
    #[arg(
        long,
        env = "IMPORT_CONCURRENCY",
        default_value_t = 2,
        value_name = "RUNS",
        value_parser = clap::value_parser!(u32).range(1..=8)
    )]
    pub import_concurrency: u32,

    /// Largest file that can be uploaded over HTTP, in bytes; 0 for no uploads.
    #[arg(
        long,
        env = "UPLOAD_BYTES_MAX",
        default_value_t = 5 << 30,
        value_name = "BYTES",
        value_parser = service::bytes_within::<u64>(0..=UPLOAD_BYTES_MAX)
    )]
    pub upload_bytes_max: u64,

    /// Where `/livez`, `/readyz` and `/metrics` are served without a token, such as 127.0.0.1:9090; the
    /// address of the API has no `/metrics` then. Not set: on the address of the API, where `/metrics`
    /// needs the token.
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// How much of the server its clients may take.
    #[command(flatten)]
    pub http: HttpArgs,
    /// Which loads there are for the runs that are started here.
    #[command(flatten)]
    pub loads: LoadsArgs,
    /// How to sign in to Salesforce, whose objects the page offers, and with which files are checked.
    /// A server without it does all else.
    #[command(flatten)]
    pub salesforce: ConnectionArgs,
    /// Where the files are.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How full the queue may get.
    #[command(flatten)]
    pub watermarks: WatermarkArgs,
    /// How files are read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// When runs that are started here are stopped, and how long their ledgers are kept.
    #[command(flatten)]
    pub guards: GuardArgs,
}

/// Names of hosts, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(pub Vec<String>);

impl FromStr for HostNames {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
        Ok(Self(names.filter(|name| !name.is_empty()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_separated_by_commas() {
        let cases: [(&str, &[&str]); 3] = [
            ("", &[]),
            ("Sync.Example.com", &["sync.example.com"]),
            (" a.example , b.example,", &["a.example", "b.example"]),
        ];

        for (text, names) in cases {
            assert_eq!(text.parse::<HostNames>().unwrap().0, names, "{text:?}");
        }
    }
}
