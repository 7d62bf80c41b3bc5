//! `producer check`: what would become of the rows of a file, before any of them is queued.
//!
//! ```text
//! blob ──Source──▶ batches ──Checker, beside the reading──▶ Checked ──▶ Totals ──▶ Findings
//! org or file ──Describer──▶ Load::mapping ──▶ Plan ──▶ Checker
//! ```
//!
//! The file is opened, cut and decoded as a run does it, and the rows are written by the same
//! [`load::Plan`] as a consumer writes them: what a check says is what the run does.

mod checker;
mod describe;
mod describes_file;
mod faults;
mod findings;
mod fingerprints;
mod fit;
mod org;
mod rejects_out;
mod text;
mod totals;

use std::{io::Write, process::ExitCode, sync::Arc, thread, time::Instant};

use anyhow::{Context, bail};
use blob_store::BlobStore;
use futures::{StreamExt, stream::FuturesOrdered};
use ingest_core::rejects_header;
use job_queue::{Queue, RunLoad};
use load::Load;
use tokio::task::spawn_blocking;

pub(crate) use self::describe::describe;
use self::{
    checker::Checker,
    findings::{Count, Findings},
    fit::{Fitted, Unfit, fit},
    org::Describer,
    rejects_out::RejectsOut,
    totals::Totals,
};
use crate::{
    cli::{check_args::CheckArgs, invalid_setting::InvalidSetting},
    import::{
        error::{ReadError, SyncError},
        known_loads::KnownLoads,
        load_choice::{LoadError, LoadWish, SaidLoad},
        open_file::{FileOpener, OpenedFile},
        read_settings::ReadSettings,
        source::{Source, Transfer},
    },
    report::rejects_names,
};

/// Rows and bytes of a batch: large enough that handing it over costs nothing beside its rows, and small
/// enough that some of them take little memory.
const BATCH_ROWS: usize = 4_000;
const BATCH_BYTES_MAX: usize = 512 << 10;

/// Batches that are looked at beside each other, at most.
const AT_ONCE_MAX: usize = 8;

pub(crate) async fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    // Before anything is connected: what is wrong with it is wrong usage.
    let loads = KnownLoads::read(&args.load.loads)?;
    let wish = LoadWish::known(args.load.load.clone(), args.load.flags.0.clone());
    let said = loads.said_of_file(&args.file, &wish).map_err(SyncError::from)?;
    let describer = match &args.offline {
        Some(path) => Describer::file(path)?,
        None => Describer::org(&args.salesforce)?,
    };
    let settings = ReadSettings::new(&args.read)?.in_batches(BATCH_ROWS, BATCH_BYTES_MAX);
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
    let mut rejects = match &args.rejects {
        Some(path) => Some(RejectsOut::create(path, args.force)?),
        None => None,
    };
    let queue = queue(&args, &said).await?;
    let run_load = chosen(said, queue.as_ref()).await?;
    let load = Load::from_json(&run_load.text)
        .map_err(|error| InvalidSetting(format!("load {}: {error}", run_load.summary)))?;

    let blob = store.properties(&args.file).await.map_err(ReadError::from)?;
    let opener = FileOpener { store: &store, queue: queue.as_ref(), transfer: Transfer::default() };
    let OpenedFile { source, header, .. } = Box::pin(opener.open(&blob, settings)).await?;
    let described_by = describer.source().await?;
    let mut findings = Findings {
        file: blob.name.clone(),
        file_bytes: blob.bytes,
        load: run_load.summary,
        described_by,
        misfit: None,
        counted: None,
        columns_not_mapped: Vec::new(),
        required_without_column: Vec::new(),
        warnings: Vec::new(),
        duration_ms: 0,
        peak_memory_bytes: None,
    };
    let fitted = match Box::pin(fit(&describer, &load, header.clone())).await {
        Ok(fitted) => fitted,
        Err(Unfit::Misfit(reason)) => {
            if args.json {
                findings.misfit = Some(reason.clone());
                print(findings, begun, true)?;
            }
            bail!("a run of {} would fail: {reason}", blob.name);
        }
        Err(Unfit::Unknown(error)) => return Err(error.into()),
    };
    let Fitted { plan, left_out, required, warnings } = fitted;
    findings.columns_not_mapped = left_out;
    findings.required_without_column = required;
    findings.warnings = warnings;
    if let Some(rejects) = &mut rejects {
        rejects.header(&rejects_header(header.raw(), header.dialect()))?;
    }
    let checker = Arc::new(Checker::new(plan, header.dialect(), rejects.is_some()));
    let (totals, skipped) = Box::pin(read_all(source, &checker, rejects.as_mut())).await?;
    if let Some(rejects) = rejects {
        rejects.finish()?;
    }
    findings.counted = Some(Count::of(&totals, &checker, skipped));
    print(findings, begun, args.json)?;
    Ok(match totals.rejected() {
        0 => ExitCode::SUCCESS,
        _ => service::DONE_WITH_REJECTS.into(),
    })
}

/// The queue, where it has to be asked: for the load of consumers, and for how the run was read that
/// wrote a rejects file.
async fn queue(args: &CheckArgs, said: &SaidLoad) -> anyhow::Result<Option<Queue>> {
    let is_said = matches!(said, SaidLoad::This { .. });
    let needs_one = !is_said || args.file.starts_with(rejects_names::FOLDER);
    match needs_one {
        false => Ok(None),
        true => Ok(Some(Queue::connect(&args.queue).await?)),
    }
}

/// The load that the run would have.
async fn chosen(said: SaidLoad, queue: Option<&Queue>) -> anyhow::Result<RunLoad> {
    if let SaidLoad::This { load, .. } = said {
        return Ok(load);
    }
    let live = match queue {
        Some(queue) => queue.live_loads().await?,
        None => Vec::new(),
    };
    let chosen = said.choose(&live).map_err(SyncError::from)?;
    let none = || SyncError::from(LoadError::NoObject);
    Ok(chosen.ok_or_else(none)?.load)
}

/// Reads the file to its end. Batches are looked at beside the reading, and added in their order. Gives
/// the lines without data as well.
async fn read_all(
    mut source: Source,
    checker: &Arc<Checker>,
    mut rejects: Option<&mut RejectsOut>,
) -> anyhow::Result<(Totals, u64)> {
    let mut totals = Totals::new(checker.references().len());
    let at_once = thread::available_parallelism().map_or(2, usize::from).clamp(2, AT_ONCE_MAX);
    let mut looked_at = FuturesOrdered::new();
    let mut is_read = false;
    loop {
        while !is_read && looked_at.len() < at_once {
            match source.next_batch().await? {
                None => is_read = true,
                Some(batch) => {
                    let checker = Arc::clone(checker);
                    looked_at.push_back(spawn_blocking(move || checker.check(batch)));
                }
            }
        }
        let Some(checked) = looked_at.next().await else { break };
        let mut checked = checked.context("a batch could not be looked at")?;
        if let Some(rejects) = rejects.as_deref_mut() {
            rejects.rows(&std::mem::take(&mut checked.rejects))?;
        }
        totals.add(checked);
    }
    Ok((totals, source.skipped()))
}

fn print(mut findings: Findings, begun: Instant, json: bool) -> anyhow::Result<()> {
    findings.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    findings.peak_memory_bytes = service::peak_resident_bytes();
    let mut out = service::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &findings)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", findings.text())?;
    }
    Ok(out.flush()?)
}
