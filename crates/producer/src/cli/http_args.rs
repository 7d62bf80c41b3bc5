//! Where the HTTP server listens, and its limits, as typed.

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use service::{HttpLimits, Networks};

/// Where a server listens: for itself, and for who asks how it is.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListenArgs {
    /// Address and port of the HTTP API and the page; port 0 takes any free one.
    #[arg(
        long,
        env = "HTTP_LISTEN",
        default_value = "127.0.0.1:3001",
        value_name = "ADDRESS:PORT"
    )]
    pub http_listen: SocketAddr,
}

/// How much of the server its clients may take.
#[derive(Clone, Debug, Args)]
pub struct HttpArgs {
    /// Connections at a time; fewer when the process may not open twice as many files.
    #[arg(
        long,
        env = "HTTP_CONNECTIONS_MAX",
        default_value_t = 1_200,
        value_name = "CONNECTIONS",
        value_parser = clap::value_parser!(u32).range(1..=20_000)
    )]
    pub http_connections_max: u32,

    /// Connections of one address at a time; proxies and this machine's own may have any number.
    #[arg(
        long,
        env = "HTTP_CONNECTIONS_PER_PEER",
        default_value_t = 128,
        value_name = "CONNECTIONS",
        value_parser = clap::value_parser!(u32).range(1..=20_000)
    )]
    pub http_connections_per_peer: u32,

    /// How long a response may make no progress because the client does not read it.
    #[arg(
        long,
        env = "HTTP_WRITE_TIMEOUT",
        default_value = "30s",
        value_name = "DURATION",
        value_parser = service::parse_timeout
    )]
    pub http_write_timeout: Duration,

    /// Addresses or networks of proxies in front of the server, separated by commas: they say in
    /// X-Forwarded-For for whom they ask, and are believed.
    #[arg(
        long,
        env = "HTTP_TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_name = "ADDRESSES"
    )]
    pub http_trusted_proxies: Networks,
}

impl HttpArgs {
    /// Whose requests may be those of many: the proxies that are named, or else a proxy that may run
    /// on this machine.
    pub(crate) fn proxies(&self) -> Networks {
        match self.http_trusted_proxies.is_empty() {
            true => Networks::loopback(),
            false => self.http_trusted_proxies.clone(),
        }
    }

    pub(crate) fn limits(&self) -> HttpLimits {
        HttpLimits {
            connections_max: self.http_connections_max as usize,
            per_peer_max: self.http_connections_per_peer as usize,
            proxies: self.proxies(),
            write_timeout: self.http_write_timeout,
        }
    }
}
