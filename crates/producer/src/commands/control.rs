//! `producer pause`, `resume`, `cancel` and `replay`.

use std::{io::Write, process::ExitCode};

use ingest_core::RunId;
use job_queue::{Queue, RunState};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    foreground::{Asking, Foreground},
    question,
};
use crate::{
    cli::run_args::{CancelArgs, PauseArgs, ReplayArgs, ResumeArgs},
    import::{
        control::{Outcome, RunCommand},
        known_loads::KnownLoads,
        load_choice::LoadWish,
        read_settings::ReadSettings,
        replay::{Replay, ReplayError},
    },
    report::run_status::RunStatus,
};

/// What a control command prints for programs; the same words as the HTTP API's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    message: &'a str,
    run_id: &'a RunId,
    status: RunStatus,
}

pub(super) async fn pause(args: PauseArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let outcome = RunCommand::Pause.execute(&queue, &args.run).await?;
    print(&queue, &args.run, &RunCommand::Pause.message(&args.run, outcome), args.json).await
}

pub(super) async fn cancel(args: CancelArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let asks = !args.yes && question::can_be_asked();
    if asks && !question::ask(&RunCommand::Cancel.question(&args.run)).await? {
        service::say("not cancelled; the run goes on");
        return Ok(ExitCode::FAILURE);
    }
    let outcome = RunCommand::Cancel.execute(&queue, &args.run).await?;
    print(&queue, &args.run, &RunCommand::Cancel.message(&args.run, outcome), args.json).await
}

pub(super) async fn resume(
    args: ResumeArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ResumeArgs { run, import } = args;
    let foreground = Foreground::prepare(&import, shutdown.clone()).await?;
    let queue = &foreground.runs.queue;
    // Whoever was told to follow it with this command may come when it is complete.
    let ledger = foreground.runs.find_ledger(&run).await?;
    if ledger.state == RunState::Completed && queue.all_lines_are_written(&run).await? {
        return foreground.load_again(ledger).await;
    }
    let resuming = async {
        foreground.runs.change_guard(&run, import.guards.reject_limit()).await?;
        anyhow::Ok(RunCommand::Resume.execute(queue, &run).await?)
    };
    let Some(outcome) = shutdown.run_until_cancelled(Box::pin(resuming)).await else {
        return Ok(service::interrupted());
    };
    let outcome = outcome?;
    if outcome != Outcome::NobodyFeeds {
        return print(queue, &run, &RunCommand::Resume.message(&run, outcome), import.json).await;
    }
    let ledger = foreground.runs.find_ledger(&run).await?;
    foreground.load_again(ledger).await
}

pub(super) async fn replay(
    args: ReplayArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ReplayArgs { run, codes, file, run_id, yes, load, import, read } = args;
    let loads = KnownLoads::read_beside(&load)?;
    let foreground = Foreground::prepare(&import, shutdown).await?;
    let settings = ReadSettings::new(&read)?.with_rejects_max(import.guards.reject_limit());
    let load = LoadWish::known(load.load, load.flags.0);
    let says_encoding = read.csv_encoding.is_of_this_command;
    let (of, edited, run) = (run, file, run_id);
    let replay = Replay { of, codes, edited, run, settings, says_encoding, load };
    let replayed = match replay.request(&foreground.runs, &loads).await {
        Err(ReplayError::Sync(error)) => return Err(error.into()),
        replayed => replayed?,
    };
    if !replayed.advice.is_empty() {
        foreground.display.print(&replayed.advice);
    }
    foreground.load(replayed.request, Asking::unless(yes)).await
}

/// Says what became of a command: on stderr for people, on stdout for programs.
async fn print(
    queue: &Queue,
    run: &RunId,
    message: &str,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    if !as_json {
        service::say(message);
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = queue.ledger(run).await?;
    let status = ledger.as_ref().map_or(RunStatus::Cancelled, RunStatus::of);
    let answer = Answer { message, run_id: run, status };
    writeln!(service::stdout(), "{}", serde_json::to_string_pretty(&answer)?)?;
    Ok(ExitCode::SUCCESS)
}
