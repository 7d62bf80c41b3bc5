//! `producer pause`, `resume`, `cancel` and `replay`.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use ingest_core::RunId;
use job_queue::Queue;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    CancelArgs, PauseArgs, ReplayArgs, ResumeArgs,
    control::{Outcome, Wish},
    read_settings::ReadSettings,
    replay::Replay,
    run::{Foreground, rejects_max},
    start::Order,
    status::Status,
};

/// What a control command prints for programs; the same words as the HTTP API's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    message: &'a str,
    run_id: &'a RunId,
    status: Status,
}

pub(crate) async fn pause(args: PauseArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect(&args.queue).await?;
    let outcome = Wish::Pause.carry_out(&queue, &args.run).await?;
    answer(&queue, &args.run, &Wish::Pause.message(&args.run, outcome), args.json).await
}

pub(crate) async fn cancel(args: CancelArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect(&args.queue).await?;
    let asks = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if asks && !is_confirmed(&Wish::Cancel.question(&args.run))? {
        writeln!(service::stderr(), "not cancelled; the run goes on")?;
        return Ok(ExitCode::FAILURE);
    }
    let outcome = Wish::Cancel.carry_out(&queue, &args.run).await?;
    answer(&queue, &args.run, &Wish::Cancel.message(&args.run, outcome), args.json).await
}

pub(crate) async fn resume(
    args: ResumeArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ResumeArgs { run, target, load } = args;
    let foreground = Foreground::prepare(&load, shutdown).await?;
    let queue = &foreground.start.queue;
    let target = match &target {
        Some(id) => Some(foreground.start.change_target(&run, id).await?),
        None => None,
    };
    foreground.start.change_guard(&run, rejects_max(&load.guards)).await?;
    let outcome = Wish::Resume.carry_out(queue, &run).await?;
    if outcome != Outcome::NobodyFeeds {
        let mut message = Wish::Resume.message(&run, outcome);
        if let Some(target) = target {
            message.push_str(&format!("; it is for {target}"));
        }
        return answer(queue, &run, &message, load.json).await;
    }
    let ledger = foreground.start.find_ledger(&run).await?;
    let settings = ReadSettings::of(&ledger)?;
    let order = Order::new(ledger.file, settings, ledger.wanted);
    foreground.sync(Order { run: Some(run), ..order }).await
}

pub(crate) async fn replay(
    args: ReplayArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let ReplayArgs { run, codes, file, target, load, read } = args;
    let foreground = Foreground::prepare(&load, shutdown).await?;
    let settings = ReadSettings::new(&read)?.with_rejects_max(rejects_max(&load.guards));
    let replay = Replay { of: run, codes, edited: file, settings, wanted: target.wanted() };
    let replayed = replay.order(&foreground.start).await?;
    if !replayed.advice.is_empty() {
        foreground.display.say(&replayed.advice);
    }
    foreground.sync(replayed.order).await
}

/// Says what became of a wish: on stderr for people, on stdout for programs.
async fn answer(
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
    let status = ledger.as_ref().map_or(Status::Cancelled, Status::of);
    let answer = Answer { message, run_id: run, status };
    writeln!(service::stdout(), "{}", serde_json::to_string_pretty(&answer)?)?;
    Ok(ExitCode::SUCCESS)
}

fn is_confirmed(question: &str) -> io::Result<bool> {
    write!(service::stderr(), "{question} [y/N] ")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
