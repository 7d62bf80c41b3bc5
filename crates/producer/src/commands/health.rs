//! `producer health`: is the server ready?

use std::process::ExitCode;

use crate::cli::health_args::ServerHealthArgs;

pub(super) async fn ask(args: ServerHealthArgs) -> anyhow::Result<ExitCode> {
    args.health.ask(Some(args.listen.http_listen), "HTTP_LISTEN").await
}
