//! `producer sync`: one run in the foreground.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::foreground::{Asking, Foreground};
use crate::{
    cli::sync_args::SyncArgs,
    import::{
        error::SyncError, known_loads::KnownLoads, load_choice::LoadWish,
        read_settings::ReadSettings, run_request::RunRequest,
    },
};

pub(super) async fn run(args: SyncArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let SyncArgs { file, run_id: run, yes, load, import, read } = args;
    // Before anything is connected: what is wrong with it is wrong usage.
    let loads = KnownLoads::read_beside(&load)?;
    let flags = load.flags.0;
    let wish = LoadWish::known(load.load, flags.clone());
    let said = loads.said_of_file(&file, &wish).map_err(SyncError::from)?;
    let foreground = Foreground::prepare(&import, shutdown).await?;
    loads.warn_of_what_has_no_effect(&flags);
    let settings = ReadSettings::new(&read)?.with_rejects_max(import.guards.reject_limit());
    let request = RunRequest { run, ..RunRequest::new(file, settings, said) };
    foreground.load(request, Asking::unless(yes)).await
}
