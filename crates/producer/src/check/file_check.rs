//! The check of one file.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::Context;
use blob_store::BlobProperties;
use futures::{StreamExt, stream::FuturesOrdered};
use ingest_core::rejects_header;
use job_queue::RunLoad;
use load::Load;
use tokio::task::spawn_blocking;

use super::{
    checker::Checker,
    findings::{Count, Findings},
    rejects_out::RejectsOut,
    totals::Totals,
};
use crate::{
    cli::invalid_setting::InvalidSetting,
    import::{
        open_file::{FileOpener, OpenedFile},
        read_settings::{BatchSize, ReadSettings},
        source::{ReadProgress, Source},
    },
    org::{Describer, Fitted, Unfit, fit},
};

/// Rows and bytes of a batch: large enough that handing it over costs nothing beside its rows, and small
/// enough that some of them take little memory.
const BATCH_SIZE: BatchSize = BatchSize { rows: 4_000, bytes_max: 512 << 10 };

/// Batches that are looked at beside each other or wait for that, at most. There are two for each
/// processor, so that none has to wait for the next one to be read.
const AT_ONCE_MAX: usize = 16;

/// A file to be checked.
pub(crate) struct FileCheck<'a> {
    pub(crate) opener: FileOpener<'a>,
    pub(crate) blob: BlobProperties,
    /// How a run would read it.
    pub(crate) settings: ReadSettings,
    pub(crate) describer: &'a Describer,
    /// What a run would do with it.
    pub(crate) load: RunLoad,
    pub(crate) progress: &'a CheckProgress,
}

/// How far a check is. Shared with those who show it.
#[derive(Debug, Default)]
pub(crate) struct CheckProgress {
    rows: AtomicU64,
    rejected: AtomicU64,
    read: OnceLock<ReadProgress>,
}

impl CheckProgress {
    /// Rows that were looked at.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Those of them that would be rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Bytes that were read of the file, as stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.read.get().map_or(0, ReadProgress::bytes)
    }
}

impl FileCheck<'_> {
    /// Reads the whole file, and says what would become of it.
    pub(crate) async fn run(self) -> anyhow::Result<Findings> {
        self.run_into(None).await
    }

    /// The same, and the rows that would be rejected go to `rejects`, which is not finished here.
    pub(super) async fn run_into(
        self,
        mut rejects: Option<&mut RejectsOut>,
    ) -> anyhow::Result<Findings> {
        let Self { opener, blob, settings, describer, load: run_load, progress } = self;
        let load = Load::from_json(&run_load.text)
            .map_err(|error| InvalidSetting(format!("load {}: {error}", run_load.summary)))?;
        let settings = settings.in_batches(BATCH_SIZE);
        let OpenedFile { source, header, .. } = Box::pin(opener.open(&blob, settings)).await?;
        let _read = progress.read.set(source.progress().clone());
        let described_by = describer.source().await?;
        let mut findings = Findings::before(&blob, run_load.summary, described_by);
        let fitted = match Box::pin(fit(describer, &load, header.clone())).await {
            Ok(fitted) => fitted,
            Err(Unfit::Misfit(reason)) => {
                findings.misfit = Some(reason);
                return Ok(findings);
            }
            Err(Unfit::Unknown(error)) => return Err(error.into()),
        };
        let Fitted { mapping, plan, left_out, required, required_filled, warnings } = fitted;
        findings.columns_not_mapped = left_out;
        findings.required_without_column = required;
        findings.warnings = warnings;
        if let Some(rejects) = rejects.as_deref_mut() {
            rejects.header(&rejects_header(header.raw(), header.dialect()))?;
        }
        let checker = Checker::new(plan, required_filled, header.dialect(), rejects.is_some());
        let checker = Arc::new(checker);
        let reading = read_all(source, &checker, rejects, progress);
        let (totals, source) = Box::pin(reading).await?;
        let with_slashes = checker.with_slashes(&totals.slashes);
        findings.warnings.extend(mapping.assumed_dates(checker.plan(), &with_slashes));
        findings.warnings.extend(checker.number_warnings(&totals.numbers));
        findings.warnings.extend(source.doubt());
        findings.counted = Some(Count::of(&totals, &checker, source.skipped()));
        Ok(findings)
    }
}

/// Reads the file to its end. Batches are looked at beside the reading, and added in their order.
async fn read_all(
    mut source: Source,
    checker: &Arc<Checker>,
    mut rejects: Option<&mut RejectsOut>,
    progress: &CheckProgress,
) -> anyhow::Result<(Totals, Source)> {
    let mut totals = Totals::new(checker.references().len());
    let at_once = thread::available_parallelism().map_or(2, usize::from);
    let at_once = (2 * at_once).clamp(4, AT_ONCE_MAX);
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
        progress.rows.store(totals.records, Ordering::Relaxed);
        progress.rejected.store(totals.rejected(), Ordering::Relaxed);
    }
    Ok((totals, source))
}
