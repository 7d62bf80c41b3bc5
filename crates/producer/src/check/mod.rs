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
mod faults;
mod file_check;
mod findings;
mod fingerprints;
mod number_forms;
mod rejects_out;
mod text;
mod totals;

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::bail;
use blob_store::BlobStore;
use indicatif::{ProgressBar, ProgressStyle};
use job_queue::{Output, Queue, RunLoad};

use self::rejects_out::RejectsOut;
pub(crate) use self::{
    describe::describe,
    file_check::{CheckProgress, FileCheck},
    findings::Findings,
};
pub(crate) use crate::org::{DescribeError, Describer, ObjectName};
use crate::{
    cli::{check_args::CheckArgs, invalid_setting::InvalidSetting},
    import::{
        error::{ReadError, SyncError},
        known_loads::KnownLoads,
        load_choice::{LoadError, LoadWish, SaidLoad},
        open_file::FileOpener,
        read_settings::ReadSettings,
        source::Transfer,
    },
    report::output_names::folder,
};

pub(crate) async fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    // Before anything is connected: what is wrong with it is wrong usage.
    let loads = KnownLoads::read_beside(&args.load)?;
    let wish = LoadWish::known(args.load.load.clone(), args.load.flags.0.clone());
    let said = loads.said_of_file(&args.file, &wish).map_err(SyncError::from)?;
    let describer = match &args.offline {
        Some(path) => Describer::file(path)?,
        None => Describer::org(&args.salesforce)?,
    };
    let store = BlobStore::connect(&args.blob)
        .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
    let mut rejects = match &args.rejects {
        Some(path) => Some(RejectsOut::create(path, args.force)?),
        None => None,
    };
    let queue = queue(&args, &said).await?;
    let run_load = chosen(said, queue.as_ref()).await?;
    let opener = FileOpener { store: &store, queue: queue.as_ref(), transfer: Transfer::default() };
    let blob = store.properties(&args.file).await.map_err(ReadError::from)?;
    let (file_bytes, progress) = (blob.bytes, CheckProgress::default());
    let file_check = FileCheck {
        blob,
        opener,
        settings: ReadSettings::new(&args.read)?,
        describer: &describer,
        load: run_load,
        progress: &progress,
    };
    let checking = Box::pin(file_check.run_into(rejects.as_mut()));
    let mut findings = beside_bar(checking, &progress, file_bytes).await?;
    findings.took(begun);
    if let Some(reason) = findings.misfit.clone() {
        if args.json {
            print(&findings, true)?;
        }
        bail!("a run of {} would fail: {reason}", findings.file);
    }
    if let Some(rejects) = rejects {
        rejects.finish()?;
    }
    // Who has seen enough does not change what was found.
    service::unless_closed(print(&findings, args.json))?;
    Ok(match findings.counted.is_some_and(|counted| counted.has_rejects()) {
        true => service::DONE_WITH_REJECTS.into(),
        false => ExitCode::SUCCESS,
    })
}

/// The queue, where it has to be asked: for the load of consumers, and for how the run was read that
/// wrote a rejects file.
async fn queue(args: &CheckArgs, said: &SaidLoad) -> anyhow::Result<Option<Queue>> {
    let is_said = matches!(said, SaidLoad::This { .. });
    let is_of_a_run = Output::ALL.iter().any(|output| args.file.starts_with(folder(*output)));
    let needs_one = !is_said || is_of_a_run;
    match needs_one {
        false => Ok(None),
        true => Ok(Some(Queue::connect_for_a_person(&args.queue).await?)),
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

/// Shows how far the reading is, on a terminal.
async fn beside_bar<T>(
    mut checking: impl Future<Output = T> + Unpin,
    progress: &CheckProgress,
    file_bytes: u64,
) -> T {
    const TEMPLATE: &str =
        "{wide_bar} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(TEMPLATE).expect("it is well formed");
    let bar = ProgressBar::new(file_bytes).with_style(style);
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            checked = &mut checking => {
                bar.finish_and_clear();
                return checked;
            }
            _ = looks.tick() => bar.set_position(progress.bytes()),
        }
    }
}

fn print(findings: &Findings, json: bool) -> anyhow::Result<()> {
    let mut out = service::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, findings)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", findings.text())?;
    }
    Ok(out.flush()?)
}
