//! `producer rejects` and `producer ids`: a file that a run wrote, on stdout.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{anyhow, bail};
use blob_store::{BlobArgs, BlobStore};
use ingest_core::{RunId, commands::producer};
use job_queue::{Ledger, Output, Queue, QueueArgs};

use crate::report::command_line::resume_command;
use crate::{
    cli::run_args::{IdsArgs, RejectsArgs},
    import::{
        error::SyncError,
        output_file::{Download, with_last_rows},
    },
    report::output_names::{rows, yet},
};

/// A file that a run wrote, or writes.
struct Found {
    ledger: Ledger,
    download: Download,
}

pub(super) async fn print_rejects(args: RejectsArgs) -> anyhow::Result<ExitCode> {
    let found = find(Output::Rejects, &args.run, &args.blob, &args.queue).await?;
    let Found { ledger, mut download } = found.map_err(|ledger| {
        let (run, yet) = (&args.run, yet(&ledger));
        anyhow!(
            "run {run} has no rejects file{yet}; `{} show {run}` tells what it rejected",
            producer()
        )
    })?;
    if args.for_spreadsheet {
        download = download.for_spreadsheets(&ledger)?;
    }
    print(download, &ledger, "rows that are rejected later").await
}

pub(super) async fn print_ids(args: IdsArgs) -> anyhow::Result<ExitCode> {
    let found = find(Output::Ids, &args.run, &args.blob, &args.queue).await?;
    let Found { ledger, download } = found.map_err(|ledger| {
        let (run, yet) = (&args.run, yet(&ledger));
        anyhow!("run {run} has no ids file{yet}; a load with --ids (ids = true) writes one")
    })?;
    print(download, &ledger, "rows that are delivered later").await
}

/// The file of the run, or its ledger when it has none.
async fn find(
    output: Output,
    run: &RunId,
    blob: &BlobArgs,
    queue: &QueueArgs,
) -> anyhow::Result<Result<Found, Ledger>> {
    let store = BlobStore::connect(blob)?;
    let queue = Queue::connect_for_a_person(queue).await?;
    let (ledger, is_whole) = with_last_rows(&queue, run, output).await?;
    if ledger.container != store.container() {
        let (container, of) = (store.container().to_owned(), ledger.container);
        return Err(SyncError::OtherContainer { run: run.clone(), container, of }.into());
    }
    if ledger.has_ended() && !is_whole {
        bail!(
            "the last {} of run {run} are in no file yet; {} writes them",
            rows(output),
            resume_command(run)
        );
    }
    Ok(match Download::of(&store, &ledger, output).await? {
        Some(download) => Ok(Found { ledger, download }),
        None => Err(ledger),
    })
}

/// `missing` is not in it while the run goes on.
async fn print(mut download: Download, ledger: &Ledger, missing: &str) -> anyhow::Result<ExitCode> {
    // Whatever is in the file, to a file; to a terminal, what steers it is written out.
    let mut out: Box<dyn Write> = match io::stdout().is_terminal() {
        true => Box::new(service::stdout()),
        false => Box::new(io::stdout()),
    };
    while let Some(chunk) = download.next().await {
        out.write_all(&chunk?)?;
    }
    out.flush()?;
    if !ledger.has_ended() {
        service::say(&format!("run {} goes on: {missing} are not in this copy", ledger.run));
    }
    Ok(ExitCode::SUCCESS)
}
