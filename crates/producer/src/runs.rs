//! `producer runs` and `producer show`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use job_queue::{Ledger, Queue};

use crate::{
    RunsArgs, ShowArgs,
    error::SyncError,
    figures::{grouped, moment},
    html,
    report::{Report, Status},
    standstill,
};

pub(crate) async fn list(args: RunsArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect(&args.queue).await?;
    let runs = queue.runs(args.newest).await?;
    let mut out = io::stdout().lock();
    if args.json {
        let reports: Vec<Report> = runs.into_iter().map(Report::of).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&reports)?)?;
    } else {
        write!(out, "{}", table(&runs))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect(&args.queue).await?;
    let Some(ledger) = queue.run(&args.run).await? else {
        return Err(SyncError::UnknownRun { run: args.run }.into());
    };
    let report = Report::of(ledger);
    match &args.html {
        None => {
            report.print(args.json)?;
            if !args.json && report.is_delivered() {
                say_standstill(&queue).await?;
            }
        }
        Some(file) => {
            let series = queue.series(&args.run).await?;
            std::fs::write(file, html::page(&report, &series))
                .with_context(|| format!("could not write {}", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line more for people; for programs `GET /api/queue` says it.
async fn say_standstill(queue: &Queue) -> anyhow::Result<()> {
    let Some(pause) = queue.delivery_pause().await? else { return Ok(()) };
    writeln!(io::stderr().lock(), "{}", standstill::in_words(&pause))?;
    Ok(())
}

fn table(runs: &[Ledger]) -> String {
    if runs.is_empty() {
        return "no runs yet; start one: producer sync --file big-data-import.csv\n".to_owned();
    }
    let run_width = runs.iter().map(|run| run.run.as_str().len()).max().unwrap_or_default().max(3);
    let file_width =
        runs.iter().map(|run| run.file.chars().count()).max().unwrap_or_default().max(4);
    let mut table = format!(
        "{:run_width$}  {:file_width$}  {:11}  {:>13}  {:>13}  {:>10}  STARTED\n",
        "RUN", "FILE", "STATE", "READ", "DELIVERED", "REJECTED"
    );
    for run in runs {
        table.push_str(&format!(
            "{:run_width$}  {:file_width$}  {:11}  {:>13}  {:>13}  {:>10}  {}\n",
            run.run.as_str(),
            run.file,
            Status::of(run),
            grouped(run.read),
            grouped(run.delivered()),
            grouped(run.rejected),
            moment(run.started_at_ms),
        ));
    }
    table
}
