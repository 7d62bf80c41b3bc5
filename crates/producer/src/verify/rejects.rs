//! The rejects file of a run beside the file: each row that stands there is what the file has as that
//! record.

use std::collections::BTreeMap;

use blob_store::{BlobError, BlobStore};
use ingest_core::{Batch, RejectCode, rejects_header};
use job_queue::{Ledger, Output};

use super::{
    cells::CsvCells,
    comparison::{Claim, claims},
    rejected_row::{RejectedRow, digest},
    rules::SecondHeader,
    second_reader::{SecondReader, Seen},
    standing::{Bounds, Span, Standing},
};
use crate::{
    import::{
        error::{ReadError, SyncError},
        read_settings::ReadSettings,
        source::{ReadProgress, Source, Step, Transfer},
    },
    report::output_names,
};

/// How many differing rows are named.
const DIFFERING_NAMED_MAX: usize = 10;

/// Rows of all parts of a rejects file.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By those codes that the ledger knows.
    pub(super) by_code: BTreeMap<String, u64>,
    /// With any other code, or none.
    pub(super) others: u64,
    /// Without the number of a record of the file.
    pub(super) unplaced: u64,
    /// Of a record that has a row there already.
    pub(super) twice: u64,
    /// Parts that are no CSV file any more, or have other columns than the run wrote, in words.
    pub(super) other_parts: Vec<String>,
}

impl Counted {
    pub(super) fn rows(&self) -> u64 {
        self.by_code.values().sum::<u64>() + self.others
    }

    fn add(&mut self, row: Option<&RejectedRow>, records: u64) {
        match row.and_then(|row| self.by_code.get_mut(&row.code)) {
            Some(count) => *count += 1,
            None => self.others += 1,
        }
        let is_placed = row.is_some_and(|row| (1..=records).contains(&row.record));
        self.unplaced += u64::from(!is_placed);
    }
}

/// Compares the rejected rows of a run with the file, as that is read.
pub(super) struct RejectedRows<'a> {
    store: &'a BlobStore,
    ledger: &'a Ledger,
    settings: ReadSettings,
    cells: CsvCells,
    standing: Standing,
    counted: Counted,
    differing: Vec<String>,
    differing_more: u64,
}

/// What was found in the rejects file.
#[derive(Debug, Default)]
pub(super) struct RejectsFound {
    pub(super) counted: Counted,
    /// Which rows are not as the file has them, in words: where, and never a value.
    pub(super) differing: Vec<String>,
}

impl<'a> RejectedRows<'a> {
    /// Reads the rejects file as the `csv` crate does.
    pub(super) async fn read(
        store: &'a BlobStore,
        ledger: &'a Ledger,
        settings: &ReadSettings,
    ) -> Result<Self, SyncError> {
        let settings = settings.of_rejects_file();
        let by_code = ledger.rejected_by_code.keys().map(|code| (code.clone(), 0)).collect();
        let mut rows = Self {
            store,
            ledger,
            cells: CsvCells::new(settings.dialect()),
            settings,
            standing: Standing::new(1, ledger.read, Bounds::default()),
            counted: Counted { by_code, ..Counted::default() },
            differing: Vec::new(),
            differing_more: 0,
        };
        rows.pass_parts(true).await?;
        Ok(rows)
    }

    /// Takes the next batch of the file, and the lines of its records as far as they are known.
    /// Of a batch with an outcome all records that the readers rejected are there.
    pub(super) async fn compare(
        &mut self,
        batch: &Batch,
        lines: &[u64],
        is_settled: bool,
    ) -> Result<(), SyncError> {
        for (at, claim) in claims(batch).iter().enumerate() {
            if claim.record >= self.standing.end() && claim.record <= self.ledger.read {
                self.turn_to(claim.record).await?;
            }
            let line = lines.get(at).copied();
            if self.standing.has(claim.record) {
                let digest = self.digest(claim);
                let differing = self.standing.see(claim.record, line, digest);
                differing.into_iter().for_each(|span| self.name(&span));
            } else if let (Some(code), true) = (claim.code, is_settled) {
                let lines = line.map(|line| line..=line);
                let span = Span { records: claim.record..=claim.record, lines };
                self.push(format!("{span} was rejected as {code}, and is not in the rejects file"));
            }
        }
        Ok(())
    }

    /// Whether the rejects file has a row of this record, which is among those that were just compared.
    pub(super) fn has(&self, record: u64) -> bool {
        self.standing.has(record)
    }

    /// Says that the file ends here.
    pub(super) fn finish(mut self) -> RejectsFound {
        self.turn(Standing::new(1, 0, Bounds::default()));
        if self.differing_more > 0 {
            self.differing.push(format!("… and {} more", self.differing_more));
        }
        RejectsFound { counted: self.counted, differing: self.differing }
    }

    /// Goes on with the records from this one on.
    async fn turn_to(&mut self, record: u64) -> Result<(), SyncError> {
        self.turn(Standing::new(record, self.ledger.read, Bounds::default()));
        self.pass_parts(false).await
    }

    fn turn(&mut self, next: Standing) {
        let last = std::mem::replace(&mut self.standing, next);
        last.finish().iter().for_each(|span| self.name(span));
    }

    fn name(&mut self, span: &Span) {
        self.push(format!("{span} stands in the rejects file with other cells"));
    }

    fn push(&mut self, words: String) {
        match self.differing.len() < DIFFERING_NAMED_MAX {
            true => self.differing.push(words),
            false => self.differing_more += 1,
        }
    }

    /// What the rejects file has to have of a record: one with a misplaced quote stands in a cell.
    fn digest(&mut self, claim: &Claim<'_>) -> u128 {
        if claim.code == Some(RejectCode::MisplacedQuote.as_str()) {
            return digest([claim.raw].into_iter());
        }
        let _line_end = self.cells.split(claim.raw);
        digest(self.cells.iter())
    }

    async fn pass_parts(&mut self, is_first: bool) -> Result<(), SyncError> {
        for name in output_names::names(Output::Rejects, self.ledger) {
            match self.pass_part(&name, is_first).await {
                Err(SyncError::Read(ReadError::Csv { source, .. })) if is_first => {
                    self.counted.other_parts.push(format!("{name} is no rejects file: {source}"));
                }
                Err(SyncError::Read(ReadError::Csv { .. })) => {}
                passed => passed?,
            }
        }
        Ok(())
    }

    async fn pass_part(&mut self, name: &str, is_first: bool) -> Result<(), SyncError> {
        let blob = match self.store.properties(name).await {
            Err(BlobError::NoSuchBlob { .. }) => return Ok(()),
            blob => blob.map_err(ReadError::from)?,
        };
        let (transfer, progress) = (Transfer::default(), ReadProgress::default());
        let mut source = Source::start(self.store, &blob, &self.settings, transfer, &progress);
        let limit = self.settings.record_limit().unwrap_or(usize::MAX);
        let mut reader = SecondReader::of_rejects_file(self.settings.dialect(), limit);
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
            while let Some(seen) = reader.next_before(u64::MAX) {
                self.put(seen, is_first);
            }
        }
        if is_first && reader.header().is_some_and(|header| !self.is_written_header(header)) {
            let words = "has another header than the run wrote there";
            self.counted.other_parts.push(format!("{name} {words}"));
        }
        Ok(())
    }

    /// Whether its names are those that the run wrote, in their order. Who mends it may have renamed or
    /// exchanged columns, and a replay takes them so.
    fn is_written_header(&mut self, header: &SecondHeader) -> bool {
        let mut written = rejects_header(&self.ledger.header, self.settings.dialect());
        written.pop();
        let _line_end = self.cells.split(&written);
        SecondHeader::read(written, &self.cells).named() == header.named()
    }

    fn put(&mut self, seen: Seen, is_first: bool) {
        if is_first {
            self.counted.add(seen.rejected.as_ref(), self.ledger.read);
        }
        let Some(row) = seen.rejected else { return };
        self.counted.twice += u64::from(!self.standing.put(row.record, row.digest));
    }
}
