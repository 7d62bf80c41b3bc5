//! `producer pause`, `resume`, `cancel` and `replay`.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use ingest_core::RunId;
use job_queue::Queue;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::foreground::Foreground;
use crate::{
    cli::run_args::{CancelArgs, PauseArgs, ReplayArgs, ResumeArgs},
    import::{
        control::{Outcome, RunCommand},
        read_settings::ReadSettings,
        replay::Replay,
        run_request::RunRequest,
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
    let queue = Queue::connect(&args.queue).await?;
    let outcome = RunCommand::Pause.execute(&queue, &args.run).await?;
    print(&queue, &args.run, &RunCommand::Pause.message(&args.run, outcome), args.json).await
}

pub(super) async fn cancel(args: CancelArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect(&args.queue).await?;
    let asks = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if asks && !confirm(&RunCommand::Cancel.question(&args.run))? {
        writeln!(service::stderr(), "not cancelled; the run goes on")?;
        return Ok(ExitCode::FAILURE);
    }
    let outcome = RunCommand::Cancel.execute(&queue, &args.run).await?;
    print(&queue, &args.run, &RunCommand::Cancel.message(&args.run, outcome), args.json).await
}

pub(super) async fn resume(
    args: ResumeArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ResumeArgs { run, target, load } = args;
    let foreground = Foreground::prepare(&load, shutdown).await?;
    let queue = &foreground.runs.queue;
    let target = match &target {
        Some(id) => Some(foreground.runs.change_target(&run, id).await?),
        None => None,
    };
    foreground.runs.change_guard(&run, load.guards.reject_limit()).await?;
    let outcome = RunCommand::Resume.execute(queue, &run).await?;
    if outcome != Outcome::NobodyFeeds {
        let mut message = RunCommand::Resume.message(&run, outcome);
        if let Some(target) = target {
            message.push_str(&format!("; it is for {target}"));
        }
        return print(queue, &run, &message, load.json).await;
    }
    let ledger = foreground.runs.find_ledger(&run).await?;
    let settings = ReadSettings::of(&ledger)?;
    let request = RunRequest::new(ledger.file, settings, ledger.wanted);
    foreground.load(RunRequest { run: Some(run), ..request }).await
}

pub(super) async fn replay(
    args: ReplayArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ReplayArgs { run, codes, file, target, load, read } = args;
    let foreground = Foreground::prepare(&load, shutdown).await?;
    let settings = ReadSettings::new(&read)?.with_rejects_max(load.guards.reject_limit());
    let replay = Replay { of: run, codes, edited: file, settings, wanted: target.wanted() };
    let replayed = replay.request(&foreground.runs).await?;
    if !replayed.advice.is_empty() {
        foreground.display.print(&replayed.advice);
    }
    foreground.load(replayed.request).await
}

/// Says what became of a command: on stderr for people, on stdout for programs.
async fn print(
    queue: &Queue,
    run: &RunId,
    message: &str,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    if !as_json {
        writeln!(service::stderr(), "{message}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = queue.ledger(run).await?;
    let status = ledger.as_ref().map_or(RunStatus::Cancelled, RunStatus::of);
    let answer = Answer { message, run_id: run, status };
    writeln!(service::stdout(), "{}", serde_json::to_string_pretty(&answer)?)?;
    Ok(ExitCode::SUCCESS)
}

fn confirm(question: &str) -> io::Result<bool> {
    write!(service::stderr(), "{question} [y/N] ")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
