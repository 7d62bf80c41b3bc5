//! `producer health`: is the server ready?

use std::process::ExitCode;

use crate::cli::health_args::HealthArgs;

pub(super) async fn ask(args: HealthArgs) -> anyhow::Result<ExitCode> {
    args.health.ask(Some(args.http_listen), "HTTP_LISTEN").await
}
