//! Arguments of `producer health`.

use std::net::SocketAddr;

use clap::Args;

/// Arguments of `producer health`.
#[derive(Clone, Debug, Args)]
pub struct HealthArgs {
    /// What to ask.
    #[command(flatten)]
    pub health: service::HealthArgs,

    /// Where the server listens, whose health it is.
    #[arg(
        long,
        env = "HTTP_LISTEN",
        default_value = "127.0.0.1:3001",
        value_name = "ADDRESS:PORT"
    )]
    pub http_listen: SocketAddr,
}
