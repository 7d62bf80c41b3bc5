//! Arguments of `producer health`.

use clap::Args;

use crate::cli::http_args::ListenArgs;

/// Arguments of `producer health`.
#[derive(Clone, Debug, Args)]
pub struct ServerHealthArgs {
    /// What to ask.
    #[command(flatten)]
    pub health: service::HealthArgs,

    /// Where the server listens, whose health it is.
    #[command(flatten)]
    pub listen: ListenArgs,
}
