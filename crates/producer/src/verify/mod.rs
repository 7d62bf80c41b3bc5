//! `producer verify`: reads the file again, by two readers that share nothing, and compares it with
//! the ledger.

mod cells;
mod comparison;
mod cut;
mod ids;
mod ids_lines;
mod lines;
mod rejected_row;
mod rejects;
mod rules;
mod second_reader;
mod standing;
#[cfg(test)]
mod tests;
mod verification;

use std::{io::Write, process::ExitCode};

use blob_store::{BlobProperties, BlobStore};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use ingest_core::RunId;
use job_queue::{Ledger, Queue, RunState};

use self::{
    comparison::Comparison, ids::StoredIds, rejects::RejectedRows, verification::Verification,
};
use crate::{
    cli::run_args::VerifyArgs,
    import::{
        error::{ReadError, SyncError},
        read_settings::ReadSettings,
        source::{ReadProgress, Source, Step, Transfer},
    },
};

/// Completion bits that are fetched at once, in bytes.
const BITS_BYTES: u64 = 64 << 10;

pub(crate) async fn verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let store = BlobStore::connect(&args.blob)?;
    let queue = Queue::connect_for_a_person(&args.queue).await?;
    let verification = Box::pin(Verifier { store, queue }.verify(&args)).await?;
    service::unless_closed(print(&verification, args.json))?;
    Ok(if verification.proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(verification: &Verification, json: bool) -> anyhow::Result<()> {
    let mut out = service::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, verification)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", verification.text())?;
    }
    Ok(out.flush()?)
}

struct Verifier {
    store: BlobStore,
    queue: Queue,
}

impl Verifier {
    async fn verify(&self, args: &VerifyArgs) -> Result<Verification, SyncError> {
        let unknown = || SyncError::UnknownRun { run: args.run.clone() };
        loop {
            let ledger = self.queue.ledger(&args.run).await?.ok_or_else(unknown)?;
            let mut found = self.count(&ledger).await?;
            // What was settled while we counted is in this one.
            let now = self.queue.ledger(&args.run).await?.ok_or_else(unknown)?;
            if now.has_ended() && !ledger.has_ended() {
                // Its rejects and ids files were read too early.
                continue;
            }
            found.compare(&ledger, &now);
            return Ok(found);
        }
    }

    async fn count(&self, ledger: &Ledger) -> Result<Verification, SyncError> {
        let run = ledger.run.clone();
        let settings = ReadSettings::of(ledger)?;
        let blob = self.store.properties(&ledger.file).await.map_err(ReadError::from)?;
        if blob.etag.to_string() != ledger.etag {
            return Err(SyncError::OtherVersion { run, file: ledger.file.clone() });
        }
        let mut found = Verification::of(ledger);
        // Before the file: its rows are compared with those of the rejects file.
        let rejected = RejectedRows::read(&self.store, ledger, &settings).await?;
        let ids = StoredIds::read(&self.store, ledger, &settings).await?;
        self.count_file(&blob, &settings, ledger, (rejected, ids), &mut found).await?;
        Ok(found)
    }

    async fn count_file(
        &self,
        blob: &BlobProperties,
        settings: &ReadSettings,
        ledger: &Ledger,
        (mut rejected, mut ids): (RejectedRows<'_>, Option<StoredIds<'_>>),
        found: &mut Verification,
    ) -> Result<(), SyncError> {
        let progress = ReadProgress::default();
        let bar = bar(blob.bytes);
        let mut source = Source::start(&self.store, blob, settings, Transfer::default(), &progress);
        let (queue, run) = (&self.queue, &ledger.run);
        let mut bits = SettledBits { queue, run, first: 0, end: 0, bits: Bytes::new() };
        let mut comparison = settings.record_limit().map(|record_bytes_max| {
            Comparison::new(ledger.header.clone(), settings.dialect(), record_bytes_max)
        });
        let mut byte = 0;
        loop {
            match source.step().await? {
                Step::Chunk(chunk) => {
                    if let Some(comparison) = &mut comparison {
                        comparison.push(&chunk);
                        if source.is_read() {
                            comparison.end();
                        }
                    }
                }
                Step::Batch(batch) => {
                    let is_settled = bits.is_set(batch.sequence).await?;
                    found.count(&batch, byte, is_settled, batch.sequence < ledger.batches_fed);
                    let lines = match &mut comparison {
                        Some(comparison) => comparison.compare(&batch),
                        None => &[],
                    };
                    let is_complete = is_settled && ledger.state == RunState::Completed;
                    rejected.compare(&batch, lines, is_complete).await?;
                    if let Some(ids) = &mut ids {
                        ids.compare(&batch, lines, |record| rejected.has(record)).await?;
                    }
                    byte = batch.end.byte;
                    bar.set_position(progress.bytes());
                }
                Step::End => break,
            }
        }
        found.skipped_lines = source.skipped();
        if let Some(comparison) = comparison {
            found.take(comparison.finish(found.skipped_lines));
        }
        found.rejects = rejected.finish();
        found.rejects_file_rows = found.rejects.counted.rows();
        found.ids = ids.map(StoredIds::finish).unwrap_or_default();
        found.ids_file_rows = found.ids.rows;
        bar.finish_and_clear();
        Ok(())
    }
}

/// The run's completion bits, a piece at a time.
struct SettledBits<'a> {
    queue: &'a Queue,
    run: &'a RunId,
    /// Sequences whose bits are at hand; what is behind the bits is not set.
    first: u64,
    end: u64,
    bits: Bytes,
}

impl SettledBits<'_> {
    /// Sequences are asked for in their order.
    async fn is_set(&mut self, sequence: u64) -> Result<bool, SyncError> {
        if sequence >= self.end {
            self.first = sequence / 8 * 8;
            self.end = self.first + BITS_BYTES * 8;
            self.bits = self.queue.settled_bits(self.run, self.first, BITS_BYTES).await?;
        }
        let at = sequence - self.first;
        let byte = usize::try_from(at / 8).ok().and_then(|byte| self.bits.get(byte));
        // Redis counts bits from the highest one of a byte.
        Ok(byte.is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0))
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("counting {bar:30} {binary_bytes} of {binary_total_bytes}")
            .expect("the template is well formed");
    ProgressBar::new(bytes).with_style(style)
}
