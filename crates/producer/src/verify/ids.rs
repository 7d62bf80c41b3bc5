//! The ids file of a run beside the file: each delivered row stands there once, with the key that the
//! file has in that record.

use blob_store::{BlobError, BlobStore};
use ingest_core::{Batch, Header, is_record_id, trimmed};
use job_queue::{Ledger, Output};
use load::Load;

use super::{
    cells::CsvCells,
    comparison::claims,
    ids_lines::{IdsLines, TooLong},
    rejected_row::digest,
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

/// What the change of a record is called.
const CHANGES: [&[u8]; 3] = [b"created", b"updated", b"deleted"];

/// What was found in the ids file.
#[derive(Debug, Default)]
pub(super) struct IdsFound {
    /// Rows of all parts; nothing of a run whose load asks for no ids.
    pub(super) rows: Option<u64>,
    /// Without the number of a record of the file.
    pub(super) unplaced: u64,
    /// Of a record that has a row there already.
    pub(super) twice: u64,
    /// With something that is no id, or no change, or with other cells than the header has.
    pub(super) malformed: u64,
    /// Which parts and rows are not as they have to be, in words: where, and never a value.
    pub(super) differing: Vec<String>,
    differing_more: u64,
}

/// Compares the ids of a run with the file, as that is read.
pub(super) struct StoredIds<'a> {
    store: &'a BlobStore,
    ledger: &'a Ledger,
    /// As rejects files are: both are written in the same dialect.
    settings: ReadSettings,
    cells: CsvCells,
    /// The names that the run wrote, in their order.
    header: Vec<Vec<u8>>,
    /// Where the file has the key, as far as names tell it.
    key_column: Option<usize>,
    standing: Standing,
    found: IdsFound,
}

impl<'a> StoredIds<'a> {
    /// Reads the ids file as the `csv` crate does. `None`: the load of the run asks for none.
    pub(super) async fn read(
        store: &'a BlobStore,
        ledger: &'a Ledger,
        settings: &ReadSettings,
    ) -> Result<Option<Self>, SyncError> {
        let unreadable = |error| SyncError::output(Output::Ids, ledger, error);
        if ledger.load_text.is_empty() {
            return Ok(None);
        }
        let load = Load::from_json(&ledger.load_text).map_err(|error| unreadable(error.into()))?;
        if !load.ids {
            return Ok(None);
        }
        let header = Header::parse(ledger.header.clone(), settings.dialect());
        let header = header.map_err(|error| unreadable(error.into()))?;
        let mut cells = CsvCells::new(settings.dialect());
        let _line_end = cells.split(&load.ids_header(&header));
        let mut ids = Self {
            store,
            ledger,
            settings: settings.of_rejects_file(),
            header: cells.iter().map(<[u8]>::to_vec).collect(),
            cells,
            key_column: load.ids_key_column(&header),
            standing: Standing::new(1, ledger.read, Bounds::default()),
            found: IdsFound { rows: Some(0), ..IdsFound::default() },
        };
        ids.pass_parts(true).await?;
        Ok(Some(ids))
    }

    /// Takes the next batch of the file, and the lines of its records as far as they are known. A
    /// record that was rejected has no id.
    pub(super) async fn compare(
        &mut self,
        batch: &Batch,
        lines: &[u64],
        is_rejected: impl Fn(u64) -> bool,
    ) -> Result<(), SyncError> {
        for (at, claim) in claims(batch).iter().enumerate() {
            if claim.record >= self.standing.end() && claim.record <= self.ledger.read {
                self.turn(Standing::new(claim.record, self.ledger.read, Bounds::default()));
                self.pass_parts(false).await?;
            }
            if !self.standing.has(claim.record) {
                continue;
            }
            let line = lines.get(at).copied();
            if claim.code.is_some() || is_rejected(claim.record) {
                let lines = line.map(|line| line..=line);
                let span = Span { records: claim.record..=claim.record, lines };
                self.found.push(format!("{span} was rejected, and stands in the ids file"));
            }
            let key = self.key_of(claim.raw);
            let differing = self.standing.see(claim.record, line, key);
            differing.into_iter().for_each(|span| self.found.name(&span));
        }
        Ok(())
    }

    /// Says that the file ends here.
    pub(super) fn finish(mut self) -> IdsFound {
        self.turn(Standing::new(1, 0, Bounds::default()));
        if self.found.differing_more > 0 {
            let more = format!("… and {} more", self.found.differing_more);
            self.found.differing.push(more);
        }
        self.found
    }

    fn turn(&mut self, next: Standing) {
        let last = std::mem::replace(&mut self.standing, next);
        last.finish().iter().for_each(|span| self.found.name(span));
    }

    /// What the ids file has to have of a record.
    fn key_of(&mut self, raw: &[u8]) -> u128 {
        let Some(column) = self.key_column else { return 0 };
        let _line_end = self.cells.split(raw);
        let cell = self.cells.iter().nth(column).unwrap_or_default();
        let text = std::str::from_utf8(cell).map_or(cell, |text| trimmed(text).as_bytes());
        self.digest(text)
    }

    /// What a reader makes of escape characters is left out.
    fn digest(&self, cell: &[u8]) -> u128 {
        match self.settings.dialect().escape {
            None => digest([cell].into_iter()),
            Some(escape) => digest([&*without(cell, escape)].into_iter()),
        }
    }

    async fn pass_parts(&mut self, is_first: bool) -> Result<(), SyncError> {
        for name in output_names::names(Output::Ids, self.ledger) {
            match self.pass_part(&name, is_first).await {
                Err(SyncError::Read(ReadError::Csv { source, .. })) if is_first => {
                    self.found.push(format!("{name} is no ids file: {source}"));
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
        let mut lines = IdsLines::new(self.settings.dialect(), limit);
        let mut is_header = true;
        loop {
            let chunk = match source.step().await? {
                Step::Chunk(chunk) => chunk,
                Step::Batch(_) => continue,
                Step::End => break,
            };
            let taken = lines.push(&chunk, |cells| {
                if !std::mem::take(&mut is_header) {
                    self.put(cells, is_first);
                } else if is_first
                    && !self.header.iter().map(Vec::as_slice).eq(cells.iter().copied())
                {
                    let words = "has another header than the run wrote there";
                    self.found.push(format!("{name} {words}"));
                }
            });
            if let Err(TooLong) = taken {
                if is_first {
                    self.found.push(format!("{name} is no ids file: it has a row without an end"));
                }
                break;
            }
        }
        Ok(())
    }

    fn put(&mut self, cells: &[&[u8]], is_first: bool) {
        let row = self.row(cells);
        let record = row.map(|(record, _)| record).filter(|at| (1..=self.ledger.read).contains(at));
        if is_first {
            self.found.rows = self.found.rows.map(|rows| rows + 1);
            self.found.malformed += u64::from(row.is_none());
            self.found.unplaced += u64::from(row.is_some() && record.is_none());
        }
        let (Some(record), Some((_, key))) = (record, row) else { return };
        self.found.twice += u64::from(!self.standing.put(record, key));
    }

    /// The number of the record, and what stands for its key.
    fn row(&self, cells: &[&[u8]]) -> Option<(u64, u128)> {
        if cells.len() != self.header.len() {
            return None;
        }
        let [record, key @ .., id, change] = cells else { return None };
        let text = |cell| std::str::from_utf8(cell).ok();
        let is_id = |id: &str| id.is_empty() || is_record_id(id);
        let is_right = text(id).is_some_and(is_id) && CHANGES.contains(change);
        let key = match (self.key_column, key) {
            (Some(_), [key]) => self.digest(key),
            _ => 0,
        };
        let record = text(record)?.parse().ok()?;
        is_right.then_some((record, key))
    }
}

impl IdsFound {
    fn name(&mut self, span: &Span) {
        self.push(format!("{span} stands in the ids file with another key"));
    }

    fn push(&mut self, words: String) {
        match self.differing.len() < DIFFERING_NAMED_MAX {
            true => self.differing.push(words),
            false => self.differing_more += 1,
        }
    }

    /// How the ids file differs from what the run delivered.
    pub(super) fn differs(&self, ledger: &Ledger) -> Vec<String> {
        let Some(rows) = self.rows else { return Vec::new() };
        let mut differs = Vec::new();
        let delivered = ledger.delivered();
        if ledger.ids != delivered {
            differs.push(format!("{delivered} rows are delivered, but {} have an id", ledger.ids));
        }
        if rows != ledger.ids {
            differs.push(format!("{} rows have an id, but {rows} are in their file", ledger.ids));
        }
        let counts = [
            (self.malformed, "are none that the run wrote"),
            (self.unplaced, "do not have the number of a record of the file"),
            (self.twice, "are of a record that another one is of"),
        ];
        let counts = counts.iter().filter(|(rows, _)| *rows > 0);
        differs.extend(counts.map(|(rows, what)| format!("{rows} rows of the ids file {what}")));
        differs.extend(self.differing.iter().cloned());
        differs
    }
}

fn without(cell: &[u8], escape: u8) -> Vec<u8> {
    cell.iter().copied().filter(|byte| *byte != escape).collect()
}
