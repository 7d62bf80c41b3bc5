//! What the program does: one command, from its arguments to its exit code.

mod connect;
mod control;
mod files;
mod foreground;
mod health;
mod import_dataloader;
mod loads;
mod metrics_server;
mod outputs;
mod question;
mod runs;
mod serve;
mod sync;
mod upload;

use std::{io, path::Path, process::ExitCode};

use anyhow::anyhow;
use blob_store::BlobError;
use ingest_core::commands::producer;
use job_queue::{Output, QueueError};
use tokio_util::sync::CancellationToken;

use self::foreground::Interrupted;
use crate::{
    check::{self, DescribeError},
    cli::{command::Command, invalid_setting::InvalidSetting},
    import::error::{ReadError, SyncError},
    plan,
    report::{command_line::upload_command, output_names::folder},
    verify, watch,
};

/// Runs one command until it is done, or safely stopped by `shutdown`.
///
/// # Errors
///
/// When the command could not do what it was asked to; the message says what to
/// do next.
pub async fn run(command: Command, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let ended = match command {
        Command::Sync(args) => Box::pin(sync::run(*args, shutdown)).await,
        Command::Resume(args) => Box::pin(control::resume(*args, shutdown)).await,
        Command::Replay(args) => Box::pin(control::replay(*args, shutdown)).await,
        Command::Watch(args) => Box::pin(watch::watch(args, shutdown)).await,
        Command::Serve(args) => Box::pin(serve::run(*args, shutdown)).await,
        Command::Health(args) => stoppable(health::ask(args), shutdown).await,
        Command::Upload(args) => upload::run(args, shutdown).await,
        Command::Files(args) => stoppable(files::list(args), shutdown).await,
        Command::Runs(args) => stoppable(runs::list(args), shutdown).await,
        Command::Loads(args) => loads::list(&args),
        Command::ImportDataloader(args) => import_dataloader::print(&args),
        Command::Show(args) => stoppable(runs::show(args), shutdown).await,
        Command::Rejects(args) => stoppable(outputs::print_rejects(args), shutdown).await,
        Command::Ids(args) => stoppable(outputs::print_ids(args), shutdown).await,
        Command::Verify(args) => stoppable(verify::verify(args), shutdown).await,
        Command::Plan(args) => stoppable(plan::plan(*args), shutdown).await,
        Command::Check(args) => stoppable(check::check(*args), shutdown).await,
        Command::Describe(args) => stoppable(check::describe(*args), shutdown).await,
        Command::Pause(args) => stoppable(control::pause(args), shutdown).await,
        Command::Cancel(args) => stoppable(control::cancel(args), shutdown).await,
    };
    ended.or_else(|error| match is_for_a_person(&error) {
        _ if error.is::<Interrupted>() => Ok(service::interrupted()),
        true => Ok(service::failed(&error, service::USAGE)),
        false => Err(match missing_file(&error) {
            Some(file) => anyhow!("{error}; {}", what_is_there(file)),
            None => error,
        }),
    })
}

/// A command that asks Redis something, or reads a file, and can be stopped anywhere.
async fn stoppable(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    service::init_logging(io::stderr);
    let done = shutdown.run_until_cancelled(Box::pin(command)).await;
    done.unwrap_or_else(|| Ok(service::interrupted()))
}

/// The file that was named and is not there.
fn missing_file(error: &anyhow::Error) -> Option<&str> {
    let blob = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(SyncError::Read(ReadError::Blob(blob))), _) => Some(blob),
        (_, Some(ReadError::Blob(blob))) => Some(blob),
        _ => error.downcast_ref(),
    };
    match blob {
        Some(BlobError::NoSuchBlob { name, .. }) => Some(name),
        _ => None,
    }
}

/// How whoever named a file that is not there finds the one that was meant.
fn what_is_there(file: &str) -> String {
    if Path::new(file).is_file() {
        return format!("there is a file of this name here: {}", upload_command(file));
    }
    let folder = Output::ALL.map(folder).into_iter().find(|folder| file.starts_with(folder));
    let prefix = folder.map(|folder| format!(" --prefix {folder}")).unwrap_or_default();
    format!("see what is there: {} files{prefix}", producer())
}

/// Whether it passes only when a person acts, and the same command again is of no use.
fn is_for_a_person(error: &anyhow::Error) -> bool {
    error.is::<InvalidSetting>()
        || error.downcast_ref().is_some_and(SyncError::is_for_a_person)
        || error.downcast_ref().is_some_and(ReadError::is_for_a_person)
        || error.downcast_ref().is_some_and(QueueError::is_for_a_person)
        || error.downcast_ref().is_some_and(DescribeError::is_for_a_person)
        || error.downcast_ref().is_some_and(BlobError::is_for_a_person)
}
