//! `producer rejects`: the rejects file on stdout.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{Context, bail};
use blob_store::BlobStore;
use job_queue::Queue;

use crate::{
    cli::run_args::RejectsArgs,
    import::{
        error::SyncError,
        rejects_file::{Download, with_last_rows},
    },
};

pub(super) async fn print(args: RejectsArgs) -> anyhow::Result<ExitCode> {
    let store = BlobStore::connect(&args.blob)?;
    let queue = Queue::connect(&args.queue).await?;
    let run = args.run;
    let (ledger, is_whole) = with_last_rows(&queue, &run).await?;
    if ledger.container != store.container() {
        let (container, of) = (store.container().to_owned(), ledger.container);
        return Err(SyncError::OtherContainer { run, container, of }.into());
    }
    let has_ended = ledger.has_ended();
    if has_ended && !is_whole {
        bail!(
            "the last rejected rows of run {run} are in no file yet; producer resume {run} writes them"
        );
    }
    let download = Download::of(&store, &ledger).await?;
    let mut download = download.with_context(|| {
        format!("run {run} has no rejects file (yet); `producer show {run}` tells what it rejected")
    })?;
    if args.for_spreadsheet {
        download = download.for_spreadsheets(&ledger)?;
    }
    // Whatever is in the file, to a file; to a terminal, what steers it is written out.
    let mut out: Box<dyn Write> = match io::stdout().is_terminal() {
        true => Box::new(service::stdout()),
        false => Box::new(io::stdout()),
    };
    while let Some(chunk) = download.next().await {
        out.write_all(&chunk?)?;
    }
    out.flush()?;
    if !has_ended {
        let said = format!("run {run} goes on: rows that are rejected later are not in this copy");
        writeln!(service::stderr(), "{said}")?;
    }
    Ok(ExitCode::SUCCESS)
}
