//! `producer runs` and `producer show`.

use std::{io::Write, process::ExitCode};

use ingest_core::commands::producer;
use job_queue::{Ledger, LoadSummary, Queue};

use crate::{
    cli::run_args::{RunsArgs, ShowArgs},
    import::error::SyncError,
    report::{
        console::FILE_MAX,
        format::{grouped, timestamp},
        run_report::Report,
        run_status::RunStatus,
        table::{self, Column},
        waiting::Live,
    },
};

pub(super) async fn list(args: RunsArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let (runs, live) = (queue.runs(args.newest).await?, Live::of(&queue).await?);
    let pause = queue.outage().await?;
    let among = |run| Report::of(run).among(&live, pause.as_ref());
    let runs: Vec<Report> = runs.into_iter().map(among).collect();
    let mut out = service::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&runs)?)?;
    } else {
        write!(out, "{}", table(&runs))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let Some(ledger) = queue.ledger(&args.run).await? else {
        return Err(SyncError::UnknownRun { run: args.run }.into());
    };
    let (live, pause) = (Live::of(&queue).await?, queue.outage().await?);
    let report = Report::of(ledger).among(&live, pause.as_ref());
    report.print(args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn table(runs: &[Report]) -> String {
    if runs.is_empty() {
        return format!("no runs yet; start one: {} sync --file big-data-import.csv\n", producer());
    }
    let titles = [
        Column::Left("RUN"),
        Column::Left("FILE"),
        Column::Left("LOAD"),
        Column::Left("STATE"),
        Column::Right("READ"),
        Column::Right("DELIVERED"),
        Column::Right("REJECTED"),
        Column::Left("STARTED"),
    ];
    let rows: Vec<[String; 8]> = runs.iter().map(|report| row(report.ledger())).collect();
    let mut table = table::table(titles, &rows);
    for report in runs {
        if let Some(trouble) = report.trouble() {
            let ledger = report.ledger();
            table.push_str(&format!(
                "{} is {}: {}\n",
                ledger.run,
                RunStatus::of(ledger),
                service::shown(&trouble, service::SENTENCE_MAX)
            ));
        }
    }
    table
}

fn row(run: &Ledger) -> [String; 8] {
    [
        run.run.as_str().to_owned(),
        file(run),
        load(run),
        RunStatus::of(run).to_string(),
        grouped(run.read),
        grouped(run.delivered()),
        grouped(run.rejected),
        timestamp(run.started_at_ms),
    ]
}

fn file(run: &Ledger) -> String {
    service::shown(&run.file, FILE_MAX)
}

/// Short, and nothing before the run has one.
fn load(run: &Ledger) -> String {
    let words =
        |load: &LoadSummary| service::shown(&format!("{} {}", load.operation, load.object), 60);
    run.load.as_ref().map(words).unwrap_or_default()
}
