//! What the program does: one command, from its arguments to its exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use blob_store::BlobStore;
use clap::CommandFactory;
use job_queue::{Queue, QueueError};
use tokio_util::sync::CancellationToken;

use crate::{
    Cli, Command, CompletionsArgs, GuardArgs, SyncArgs,
    display::Display,
    import::Until,
    read_settings::ReadSettings,
    reject_limit::RejectLimit,
    runs,
    source::Transfer,
    start::{Order, Start},
    sync::Sync,
    verify,
    watermark::Watermarks,
};

/// Runs one command until it is done, or safely stopped by `shutdown`.
///
/// # Errors
///
/// When the command could not do what it was asked to; the message says what to
/// do next.
pub async fn run(cli: Cli, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Sync(args) => Box::pin(sync(*args, shutdown)).await,
        Command::Runs(args) => {
            service::init_logging(io::stderr);
            runs::list(args).await
        }
        Command::Show(args) => {
            service::init_logging(io::stderr);
            runs::show(args).await
        }
        Command::Verify(args) => {
            service::init_logging(io::stderr);
            Box::pin(verify::verify(args)).await
        }
        Command::Completions(args) => completions(args),
    }
}

fn completions(args: CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "producer", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

async fn sync(args: SyncArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let display = Display::start();
    let (watermarks, settings, store) = match settings(&args) {
        Ok(settings) => settings,
        Err(error) => return Ok(wrong_settings(&error)),
    };
    let queue = match Queue::connect(&args.queue).await {
        Err(error @ QueueError::InvalidUrl) => return Ok(wrong_settings(&error.into())),
        queue => queue?,
    };
    for warning in queue.settings_warnings().await? {
        tracing::warn!("{warning}");
    }
    let order =
        Order { file: args.file, settings, run: args.run_id, replay_of: None, start_key: None };
    let until = if args.no_wait { Until::Queued } else { Until::Ended };
    let keep = args.guards.run_keep;
    let start = Start { store, queue, transfer: Transfer::default(), keep };
    let sync = Sync { start, order, watermarks, until, json: args.json, display, shutdown };
    Ok(Box::pin(sync.run()).await?)
}

fn settings(args: &SyncArgs) -> anyhow::Result<(Watermarks, ReadSettings, BlobStore)> {
    let watermarks = Watermarks::new(&args.watermarks)?;
    let settings = ReadSettings::new(&args.read)?.with_rejects_max(rejects_max(&args.guards));
    Ok((watermarks, settings, BlobStore::connect(&args.blob)?))
}

fn rejects_max(guards: &GuardArgs) -> Option<RejectLimit> {
    let given = guards.max_rejects.as_deref().and_then(|limit| limit.parse().ok());
    if guards.fail_fast { Some(RejectLimit::NONE) } else { given }
}

/// One line, and the code that clap uses for wrong usage.
fn wrong_settings(error: &anyhow::Error) -> ExitCode {
    // A closed stderr is no reason to panic on the way out.
    let _closed = writeln!(io::stderr().lock(), "error: {error:#}");
    service::USAGE.into()
}
