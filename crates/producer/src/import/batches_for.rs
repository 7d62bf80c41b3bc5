//! Decides how large the batches of a new run are, for which its file may have to be looked at.

use std::num::NonZero;

use blob_store::BlobProperties;

use crate::import::{
    compression::Packing,
    error::SyncError,
    open_file::{FileOpener, OpenedFile},
    read_settings::{BatchSize, Beginning, Calls, ReadSettings, guess_rows},
    source::{Step, Transfer},
};

/// The rows that are counted before it is guessed how many there are.
const SAMPLE: BatchSize = BatchSize { rows: 10_000, bytes_max: 64 << 10 };

/// Decoded bytes in which they have to be: a replay may pass over millions of records, and an open
/// quote over as many lines.
const SAMPLE_READ_MAX: u64 = 4 << 20;

impl FileOpener<'_> {
    /// The same settings with the size of batches of a new run of this file, which has such calls.
    /// Only where the number of rows decides is its beginning read.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub(crate) async fn in_batches_for(
        &self,
        blob: &BlobProperties,
        settings: ReadSettings,
        calls: Calls,
    ) -> Result<ReadSettings, SyncError> {
        let rows = match settings.asks_for_rows(calls) {
            false => 0,
            true => guess_rows(self.beginning(blob, settings.clone()).await?, blob.bytes),
        };
        Ok(settings.in_batches_for(calls, rows))
    }

    async fn beginning(
        &self,
        blob: &BlobProperties,
        settings: ReadSettings,
    ) -> Result<Beginning, SyncError> {
        let transfer = Transfer {
            chunk_bytes: const { NonZero::new(64 << 10).expect("not zero") },
            window: NonZero::<u32>::MIN,
            ..self.transfer
        };
        let opener = FileOpener { transfer, ..*self };
        let opened = Box::pin(opener.open(blob, settings.in_batches(SAMPLE))).await?;
        let OpenedFile { mut source, header, .. } = opened;
        let is_packed = source.packing() != Some(Packing::Plain);
        loop {
            match source.step().await? {
                Step::Batch(batch) => {
                    let header_bytes = header.raw().len() as u64;
                    return Ok(Beginning {
                        rows: batch.records(),
                        bytes: batch.end.byte.saturating_sub(header_bytes),
                        is_all: source.is_read() && matches!(source.step().await?, Step::End),
                        is_packed,
                    });
                }
                Step::Chunk(_) if source.decoded() <= SAMPLE_READ_MAX => {}
                Step::Chunk(_) | Step::End => return Ok(Beginning::default()),
            }
        }
    }
}
