//! What is in the rejects file of a run.

use std::collections::BTreeMap;

use blob_store::{BlobError, BlobStore};
use job_queue::Ledger;

use super::second_reader::SecondReader;
use crate::{
    error::{ReadError, SyncError},
    read_settings::ReadSettings,
    rejects_file,
    source::{ReadProgress, Source, Step, Transfer},
};

/// Rows of all its parts.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By those codes that the ledger knows.
    pub(super) by_code: BTreeMap<String, u64>,
    /// With any other code, or none.
    pub(super) others: u64,
}

impl Counted {
    pub(super) fn rows(&self) -> u64 {
        self.by_code.values().sum::<u64>() + self.others
    }

    fn add(&mut self, reader: &mut SecondReader) {
        while let Some(seen) = reader.next_before(u64::MAX) {
            let code = seen.reject_code.and_then(|code| String::from_utf8(code).ok());
            match code.and_then(|code| self.by_code.get_mut(&code)) {
                Some(count) => *count += 1,
                None => self.others += 1,
            }
        }
    }
}

/// Counts the rows as the `csv` crate reads them.
pub(super) async fn count(
    store: &BlobStore,
    ledger: &Ledger,
    settings: &ReadSettings,
) -> Result<Counted, SyncError> {
    let settings = settings.of_rejects_file();
    let by_code = ledger.rejected_by_code.keys().map(|code| (code.clone(), 0)).collect();
    let mut counted = Counted { by_code, others: 0 };
    for name in rejects_file::names(ledger) {
        let blob = match store.properties(&name).await {
            Err(BlobError::NoSuchBlob { .. }) => continue,
            blob => blob.map_err(ReadError::from)?,
        };
        let (transfer, progress) = (Transfer::default(), ReadProgress::default());
        let mut source = Source::start(store, &blob, &settings, transfer, &progress);
        let limit = settings.record_limit().unwrap_or(usize::MAX);
        let mut reader = SecondReader::of_rejects_file(settings.dialect(), limit);
        loop {
            match source.step().await? {
                Step::Chunk(chunk) => {
                    reader.push(&chunk);
                    if source.is_read() {
                        reader.end();
                    }
                }
                Step::Batch(_) => {}
                Step::End => break,
            }
            counted.add(&mut reader);
        }
    }
    Ok(counted)
}
