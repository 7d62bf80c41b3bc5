//! `producer sync`: one run in the foreground.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::foreground::Foreground;
use crate::{
    cli::sync_args::SyncArgs,
    import::{read_settings::ReadSettings, run_request::RunRequest},
};

pub(super) async fn run(args: SyncArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let SyncArgs { file, run_id: run, target, load, read } = args;
    let foreground = Foreground::prepare(&load, shutdown).await?;
    let settings = ReadSettings::new(&read)?.with_rejects_max(load.guards.reject_limit());
    foreground.load(RunRequest { run, ..RunRequest::new(file, settings, target.wanted()) }).await
}
