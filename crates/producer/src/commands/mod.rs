//! What the program does: one command, from its arguments to its exit code.

pub(crate) mod control;
pub(crate) mod rejects;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod sync;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use blob_store::BlobStore;
use job_queue::{Queue, QueueError};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        command::{Cli, Command, GuardArgs, LoadArgs, SyncArgs},
        reject_limit::RejectLimit,
        run_args::WatchArgs,
    },
    commands::sync::Sync,
    import::{
        error::{InvalidSetting, SyncError},
        importer::Until,
        opener::{Order, Start},
        read_settings::ReadSettings,
        source::Transfer,
        watermark::Watermarks,
    },
    plan,
    report::console::Display,
    verify, watch,
};

/// Runs one command until it is done, or safely stopped by `shutdown`.
///
/// # Errors
///
/// When the command could not do what it was asked to; the message says what to
/// do next.
pub async fn run(cli: Cli, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let ended = match cli.command {
        Command::Sync(args) => Box::pin(sync(*args, shutdown)).await,
        Command::Resume(args) => Box::pin(control::resume(*args, shutdown)).await,
        Command::Replay(args) => Box::pin(control::replay(*args, shutdown)).await,
        Command::Watch(args) => Box::pin(watch(args, shutdown)).await,
        Command::Serve(args) => Box::pin(serve::run(*args, shutdown)).await,
        Command::Completions(args) => Ok(service::print_completions::<Cli>(args)?),
        command => {
            service::init_logging(io::stderr);
            let done = shutdown.run_until_cancelled(Box::pin(look_or_steer(command))).await;
            done.unwrap_or_else(|| Ok(service::interrupted()))
        }
    };
    ended.or_else(|error| match is_wrong_setting(&error) {
        true => Ok(wrong_settings(&error)),
        false => Err(error),
    })
}

/// Commands that ask Redis something, or read a file, and are done.
async fn look_or_steer(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Runs(args) => runs::list(args).await,
        Command::Show(args) => runs::show(args).await,
        Command::Rejects(args) => Box::pin(rejects::print(args)).await,
        Command::Verify(args) => Box::pin(verify::verify(args)).await,
        Command::Plan(args) => Box::pin(plan::plan(*args)).await,
        Command::Pause(args) => control::pause(args).await,
        Command::Cancel(args) => control::cancel(args).await,
        Command::Sync(_)
        | Command::Resume(_)
        | Command::Replay(_)
        | Command::Watch(_)
        | Command::Serve(_)
        | Command::Completions(_) => unreachable!("these have their own set-up"),
    }
}

async fn sync(args: SyncArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let SyncArgs { file, run_id: run, target, load, read } = args;
    let ready = Foreground::prepare(&load, shutdown).await?;
    let settings = ReadSettings::new(&read)?.with_rejects_max(rejects_max(&load.guards));
    let wanted = target.wanted();
    ready.sync(Order { run, ..Order::new(file, settings, wanted) }).await
}

async fn watch(args: WatchArgs, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    watch::needs_a_terminal()?;
    let watermarks = Watermarks::new(&args.watermarks)?;
    // No log: a line of it would tear the screen.
    watch::watch(&args.queue, watermarks, shutdown).await
}

/// A command that loads a run in this process, connected to everything.
pub(crate) struct Foreground {
    pub(crate) start: Start,
    pub(crate) display: Display,
    watermarks: Watermarks,
    until: Until,
    json: bool,
    shutdown: CancellationToken,
}

impl Foreground {
    /// Connects, and says what should be set differently.
    pub(crate) async fn prepare(
        args: &LoadArgs,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let display = Display::start();
        let watermarks = Watermarks::new(&args.watermarks)?;
        let store = BlobStore::connect(&args.blob)
            .map_err(|error| InvalidSetting(format!("{:#}", anyhow::Error::from(error))))?;
        let queue = Queue::connect(&args.queue).await?;
        for warning in queue.settings_warnings().await? {
            tracing::warn!("{warning}");
        }
        let keep = args.guards.run_keep;
        let start = Start { store, queue, transfer: Transfer::default(), keep };
        let until = if args.no_wait { Until::Queued } else { Until::Ended };
        Ok(Self { start, display, watermarks, until, json: args.json, shutdown })
    }

    /// Loads the run, and gives the code it ended with.
    pub(crate) async fn sync(self, order: Order) -> anyhow::Result<ExitCode> {
        let Self { start, display, watermarks, until, json, shutdown } = self;
        let sync = Sync { start, order, watermarks, until, json, display, shutdown };
        Ok(Box::pin(sync.run()).await?)
    }
}

fn is_wrong_setting(error: &anyhow::Error) -> bool {
    error.is::<InvalidSetting>()
        || error.downcast_ref().is_some_and(SyncError::is_wrong_setting)
        || matches!(error.downcast_ref::<QueueError>(), Some(QueueError::InvalidUrl))
}

/// The limit that was asked for.
pub(crate) fn rejects_max(guards: &GuardArgs) -> Option<RejectLimit> {
    let given = guards.max_rejects.as_deref().and_then(|limit| limit.parse().ok());
    if guards.fail_fast { Some(RejectLimit::NONE) } else { given }
}

/// One line, and the code that clap uses for wrong usage.
fn wrong_settings(error: &anyhow::Error) -> ExitCode {
    // A closed stderr is no reason to panic on the way out.
    let _closed = writeln!(
        service::stderr(),
        "error: {}",
        service::shown(&format!("{error:#}"), service::SENTENCE_MAX)
    );
    service::USAGE.into()
}
