//! How a file is read, as meant. Kept in the ledger: a producer that resumes a
//! run must cut the same batches, or a row would be queued twice.

mod batch_size;
mod of_rejects;

use ingest_core::{
    BatchLimits, Dialect, Header, HeaderLimits, Ingest, IngestSettings, Replay, ResumePoint,
    Transcoder, is_utf_8,
};
use job_queue::Ledger;
use serde::{Deserialize, Serialize};

pub(crate) use self::batch_size::{BatchSize, Beginning, Calls, guess_rows};
use crate::{
    cli::{invalid_setting::InvalidSetting, read_args::ReadArgs, reject_limit::RejectLimit},
    import::{compression::Packing, error::SyncError},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadSettings {
    /// `None` until the header line has been seen.
    pub(crate) delimiter: Option<u8>,
    pub(crate) quote: u8,
    /// Before a quote inside quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) escape: Option<u8>,
    pub(crate) encoding: String,
    /// What the file is in if it does not begin in UTF-8, until the first bytes have been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding_otherwise: Option<String>,
    /// `None` until the first bytes have been seen, and in runs of earlier producers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packing: Option<Packing>,
    record_bytes_max: usize,
    /// `None` in runs of earlier producers, which took any header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header_bytes_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header_columns_max: Option<usize>,
    /// `None` until the run's load, or a setting, says it; see [`BatchSize`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch_rows: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch_bytes_max: Option<usize>,
    /// Rows with the same cell in this column are kept in one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_together: Option<String>,
    /// The file is a rejects file, of which rows with these codes are taken; without codes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Vec<String>>,
    /// How the records are written that stand in one cell of that rejects file; without it, as all
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay_text: Option<Dialect>,
    /// The run of that rejects file is unknown, and so is the dialect of such records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    replay_of_unknown: bool,
    /// That rejects file is a copy for spreadsheets: what was added to its cells is taken off. Known
    /// when the header line has been seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    guarded_cells: bool,
    /// How many rejected rows stop the reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejects_max: Option<RejectLimit>,
}

impl ReadSettings {
    pub(crate) fn new(args: &ReadArgs) -> Result<Self, InvalidSetting> {
        let settings = Self {
            delimiter: args.delimiter()?,
            quote: args.quote()?,
            escape: args.escape()?,
            encoding: args.csv_encoding.name.clone(),
            encoding_otherwise: None,
            packing: None,
            record_bytes_max: args.record_bytes_max as usize,
            header_bytes_max: Some(args.header_bytes_max as usize),
            header_columns_max: Some(args.header_columns_max as usize),
            batch_rows: args.batch_rows.map(|rows| rows as usize),
            batch_bytes_max: args.batch_bytes_max.map(|bytes| bytes as usize),
            keep_together: args.batch_keep_together.clone(),
            replay: None,
            replay_text: None,
            replay_of_unknown: false,
            guarded_cells: false,
            rejects_max: None,
        };
        settings.transcoder()?;
        Ok(settings)
    }

    /// How a run is read that is in the ledger.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, SyncError> {
        let run = ledger.run.clone();
        serde_json::from_str(&ledger.settings).map_err(|_| SyncError::LedgerSettings { run })
    }

    /// How the ledger keeps them.
    pub(crate) fn as_kept(&self) -> String {
        serde_json::to_string(self).expect("plain fields can be written")
    }

    /// The same in batches of another size.
    pub(crate) fn in_batches(self, BatchSize { rows, bytes_max }: BatchSize) -> Self {
        Self { batch_rows: Some(rows), batch_bytes_max: Some(bytes_max), ..self }
    }

    /// Whether rows of a rejects file are taken that have these codes.
    pub(crate) fn takes_rejects_with(&self, codes: &[String]) -> bool {
        self.replay.as_deref() == Some(codes)
    }

    /// Whether the file is a rejects file whose last columns are taken off.
    pub(crate) fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// The same with a reject limit.
    pub(crate) fn with_rejects_max(self, rejects_max: Option<RejectLimit>) -> Self {
        Self { rejects_max: rejects_max.or(self.rejects_max), ..self }
    }

    /// Most bytes in a record of the file, when its records are rows as they stand there: not those
    /// of a rejects file that is replayed.
    pub(crate) fn record_limit(&self) -> Option<usize> {
        self.replay.is_none().then_some(self.record_bytes_max)
    }

    /// The column by which rows are kept in one batch.
    pub(crate) fn keep_together(&self) -> Option<&str> {
        self.keep_together.as_deref()
    }

    pub(crate) fn rejects_max(&self) -> Option<RejectLimit> {
        self.rejects_max
    }

    /// The same with each record as a batch of its own: for who looks at records.
    pub(crate) fn by_record(self) -> Self {
        Self { batch_rows: Some(1), keep_together: None, ..self }
    }

    /// Reads a file from its first byte.
    pub(crate) fn start(&self) -> Ingest {
        self.in_its_manner(Ingest::start(self.ingest()))
    }

    /// Goes on with a file.
    pub(crate) fn resume(&self, header: Header, from: ResumePoint) -> Ingest {
        self.in_its_manner(Ingest::resume(self.ingest(), header, from))
    }

    fn in_its_manner(&self, ingest: Ingest) -> Ingest {
        let limits = HeaderLimits {
            bytes_max: self.header_bytes_max.unwrap_or(usize::MAX),
            columns_max: self.header_columns_max.unwrap_or(usize::MAX),
        };
        let ingest = ingest.limiting_header(limits);
        let ingest = match &self.replay {
            None => ingest,
            Some(codes) => ingest.replaying(Replay {
                codes: codes.clone(),
                source: self.replay_text,
                is_source_unknown: self.replay_of_unknown,
                for_spreadsheets: self.guarded_cells,
            }),
        };
        match &self.keep_together {
            None => ingest,
            Some(column) => ingest.keeping_together(column.clone()),
        }
    }

    fn ingest(&self) -> IngestSettings {
        let BatchSize { rows, bytes_max } = self.batch_size();
        IngestSettings {
            delimiter: self.delimiter,
            quote: self.quote,
            escape: self.escape,
            record_bytes_max: self.record_bytes_max,
            batch: BatchLimits { rows_max: rows, bytes_max },
        }
    }

    pub(crate) fn transcoder(&self) -> Result<Transcoder, InvalidSetting> {
        let transcoder = match &self.encoding_otherwise {
            None => Transcoder::new(&self.encoding),
            Some(otherwise) => Transcoder::utf_8_or(otherwise),
        };
        transcoder.map_err(|error| InvalidSetting(format!("CSV_ENCODING: {error}")))
    }

    /// Bytes of the blob and bytes that are decoded from it are the same ones, so
    /// that reading can begin anywhere.
    pub(crate) fn keeps_bytes(&self) -> bool {
        is_utf_8(&self.encoding)
    }

    /// The same, now that the header has told the delimiter, the first bytes how the blob is stored,
    /// and perhaps also the encoding: a file in UTF-16 cannot be opened where the run
    /// stopped.
    pub(crate) fn with(
        self,
        dialect: Dialect,
        packing: Option<Packing>,
        encoding: Option<&str>,
    ) -> Self {
        let Dialect { delimiter, quote, escape } = dialect;
        let encoding = encoding.map_or(self.encoding, str::to_owned);
        let (delimiter, encoding_otherwise) = (Some(delimiter), None);
        Self { delimiter, quote, escape, encoding, encoding_otherwise, packing, ..self }
    }

    /// The same, now that the header has told whether the file is a copy for spreadsheets.
    pub(crate) fn with_guarded_cells(self, guarded_cells: bool) -> Self {
        Self { guarded_cells, ..self }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        let delimiter = self.delimiter.unwrap_or(Dialect::default().delimiter);
        Dialect { delimiter, quote: self.quote, escape: self.escape }
    }
}

#[cfg(test)]
mod tests;
