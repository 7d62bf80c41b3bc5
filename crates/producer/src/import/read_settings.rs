//! How a file is read, as meant. Kept in the ledger: a producer that resumes a
//! run must cut the same batches, or a row would be queued twice.

use ingest_core::{
    BatchLimits, Dialect, Header, HeaderLimits, Ingest, IngestSettings, Replay, ResumePoint,
    Transcoder,
};
use job_queue::Ledger;
use serde::{Deserialize, Serialize};

use crate::{
    cli::{invalid_setting::InvalidSetting, read_args::ReadArgs, reject_limit::RejectLimit},
    import::{error::SyncError, packing::Packing},
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
    /// `None` until the first bytes have been seen, and in runs of earlier producers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packing: Option<Packing>,
    record_bytes_max: usize,
    /// `None` in runs of earlier producers, which took any header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header_bytes_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header_columns_max: Option<usize>,
    batch_rows: usize,
    batch_bytes_max: usize,
    /// Rows with the same cell in this column travel in one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_together: Option<String>,
    /// The file is a rejects file, of which rows with these codes are taken; without codes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Vec<String>>,
    /// How the records are written that stand in one cell of that rejects file; without it, as all
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay_text: Option<Dialect>,
    /// Nobody knows the run of that rejects file, and so not how such records are written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    replay_of_unknown: bool,
    /// That rejects file is a copy for spreadsheets: what was added to its cells is taken off. Known
    /// when the header line has been seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    guarded_cells: bool,
    /// When reading is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejects_max: Option<RejectLimit>,
}

impl ReadSettings {
    pub(crate) fn new(args: &ReadArgs) -> Result<Self, InvalidSetting> {
        let settings = Self {
            delimiter: args.delimiter()?,
            quote: args.quote()?,
            escape: args.escape()?,
            encoding: args.csv_encoding.clone(),
            packing: None,
            record_bytes_max: args.record_bytes_max as usize,
            header_bytes_max: Some(args.header_bytes_max as usize),
            header_columns_max: Some(args.header_columns_max as usize),
            batch_rows: args.batch_rows as usize,
            batch_bytes_max: args.batch_bytes_max as usize,
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

    /// The same for a copy of the rejects file of a run that was read with `source`, as a person
    /// saved it. What is set as it was for that run, was meant for its file, and not for this one:
    /// rejects files are in UTF-8, their header tells the delimiter, and spreadsheets write `"`, twice
    /// inside a cell.
    pub(crate) fn for_copy_of(self, source: &Self, codes: Vec<String>) -> Self {
        let is_alike = self.encoding.eq_ignore_ascii_case(&source.encoding);
        let saved = Dialect::default();
        Self {
            delimiter: self.delimiter.filter(|_| self.delimiter != source.delimiter),
            quote: if self.quote == source.quote { saved.quote } else { self.quote },
            escape: if self.escape == source.escape { saved.escape } else { self.escape },
            encoding: if is_alike { "utf-8".to_owned() } else { self.encoding },
            replay: Some(codes),
            replay_text: Some(source.dialect_of_text()),
            replay_of_unknown: source.replay_of_unknown,
            ..self
        }
    }

    /// The same for a copy of a rejects file that is loaded as any other file, of which nobody knows the
    /// run: its quotes are those of a spreadsheet.
    pub(crate) fn for_saved_copy(self) -> Self {
        let Dialect { quote, escape, .. } = Dialect::default();
        Self { quote, escape, ..self.for_rejects_of_unknown() }
    }

    /// The same for the rejects file of a run that nobody knows any more.
    pub(crate) fn for_rejects_of_unknown(self) -> Self {
        Self { replay: Some(Vec::new()), replay_of_unknown: true, ..self }
    }

    /// The same with the last columns of a rejects file.
    pub(crate) fn of_all_columns(self) -> Self {
        Self { replay: None, ..self }
    }

    /// Whether the file is a rejects file whose last columns are taken off.
    pub(crate) fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// How records are written that stand in one cell of the run's rejects file.
    fn dialect_of_text(&self) -> Dialect {
        self.replay_text.unwrap_or_else(|| self.dialect())
    }

    /// The same, given up when more rows than that are rejected.
    pub(crate) fn with_rejects_max(self, rejects_max: Option<RejectLimit>) -> Self {
        Self { rejects_max: rejects_max.or(self.rejects_max), ..self }
    }

    /// How the run's rejects file is read: all of its records, as they stand there.
    pub(crate) fn of_rejects_file(&self) -> Self {
        let encoding = "utf-8".to_owned();
        // A record that stands in one cell has its quotes doubled, and the reason is behind it.
        let record_bytes_max = self.record_bytes_max.saturating_mul(2).saturating_add(64 << 10);
        Self {
            replay: None,
            replay_text: None,
            replay_of_unknown: false,
            guarded_cells: false,
            keep_together: None,
            encoding,
            packing: None,
            record_bytes_max,
            header_bytes_max: None,
            header_columns_max: None,
            ..self.clone()
        }
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

    /// The same for the rejects file of a run that was read with `source`: it is written in that
    /// one's dialect, and in UTF-8.
    pub(crate) fn for_rejects_of(self, source: &Self, codes: Vec<String>) -> Self {
        Self {
            delimiter: source.delimiter,
            quote: source.quote,
            escape: source.escape,
            encoding: "utf-8".to_owned(),
            record_bytes_max: self.record_bytes_max.max(source.record_bytes_max),
            header_bytes_max: larger(self.header_bytes_max, source.header_bytes_max),
            header_columns_max: larger(self.header_columns_max, source.header_columns_max),
            replay: Some(codes),
            replay_text: source.replay_text,
            replay_of_unknown: source.replay_of_unknown,
            ..self
        }
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
        IngestSettings {
            delimiter: self.delimiter,
            quote: self.quote,
            escape: self.escape,
            record_bytes_max: self.record_bytes_max,
            batch: BatchLimits { rows_max: self.batch_rows, bytes_max: self.batch_bytes_max },
        }
    }

    pub(crate) fn transcoder(&self) -> Result<Transcoder, InvalidSetting> {
        Transcoder::new(&self.encoding)
            .map_err(|error| InvalidSetting(format!("CSV_ENCODING: {error}")))
    }

    /// Bytes of the blob and bytes that are decoded from it are the same ones, so
    /// that reading can begin anywhere.
    pub(crate) fn keeps_bytes(&self) -> bool {
        matches!(self.encoding.to_ascii_lowercase().as_str(), "utf-8" | "utf8")
    }

    /// The same, now that the header has told the delimiter, the first bytes how the blob is stored,
    /// and perhaps a byte order mark the encoding: a file in UTF-16 cannot be opened where the run
    /// stopped.
    pub(crate) fn with(
        self,
        dialect: Dialect,
        packing: Option<Packing>,
        encoding: Option<&str>,
    ) -> Self {
        let Dialect { delimiter, quote, escape } = dialect;
        let encoding = encoding.map_or(self.encoding, str::to_owned);
        Self { delimiter: Some(delimiter), quote, escape, encoding, packing, ..self }
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

/// The limit that lets more through; without one, everything is.
fn larger(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    one.zip(other).map(|(one, other)| one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(delimiter: &str, quote: &str, encoding: &str) -> ReadArgs {
        ReadArgs {
            batch_rows: 100,
            batch_bytes_max: 1 << 20,
            batch_keep_together: Some("Parent".to_owned()),
            record_bytes_max: 1 << 20,
            header_bytes_max: 64 << 10,
            header_columns_max: 2_000,
            csv_delimiter: delimiter.to_owned(),
            csv_quote: quote.to_owned(),
            csv_escape: "none".to_owned(),
            csv_encoding: encoding.to_owned(),
        }
    }

    #[test]
    fn delimiters_can_be_typed_in_a_shell() {
        let cases = [("auto", None), ("tab", Some(b'\t')), (r"\t", Some(b'\t')), (";", Some(b';'))];

        for (text, delimiter) in cases {
            let settings = ReadSettings::new(&args(text, "\"", "utf-8")).unwrap();
            assert_eq!(settings.delimiter, delimiter, "{text:?}");
        }
    }

    #[test]
    fn an_escape_character_is_a_backslash_or_none_and_kept_with_the_run() {
        let cases = [("none", None), ("backslash", Some(b'\\')), ("\\", Some(b'\\'))];

        for (text, escape) in cases {
            let args = ReadArgs { csv_escape: text.to_owned(), ..args(",", "\"", "utf-8") };
            let settings = ReadSettings::new(&args).unwrap();
            assert_eq!((settings.dialect().escape, settings.ingest().escape), (escape, escape));
            let kept: ReadSettings = serde_json::from_str(&settings.as_kept()).unwrap();
            assert_eq!(kept, settings);
        }
        let args = ReadArgs { csv_escape: "^".to_owned(), ..args(",", "\"", "utf-8") };
        let message = ReadSettings::new(&args).unwrap_err().to_string();
        assert_eq!(message, "CSV_ESCAPE must be none or backslash, not \"^\"");
    }

    #[test]
    fn a_setting_that_is_not_understood_is_named() {
        let cases = [
            (args("::", "\"", "utf-8"), "CSV_DELIMITER"),
            (args(",", "", "utf-8"), "CSV_QUOTE"),
            (args(",", "\"", "ebcdic"), "CSV_ENCODING"),
        ];

        for (args, name) in cases {
            let message = ReadSettings::new(&args).unwrap_err().to_string();
            assert!(message.starts_with(name), "{message}");
        }
    }

    #[test]
    fn what_the_file_told_of_its_encoding_and_compression_is_kept_with_the_run() {
        let settings = ReadSettings::new(&args(",", "\"", "utf-8")).unwrap();

        let packing = Some(Packing::Gzip);
        let told = settings.clone().with(Dialect::default(), packing, Some("UTF-16LE"));
        let untold = settings.with(Dialect::default(), None, None);

        assert_eq!((told.keeps_bytes(), untold.keeps_bytes()), (false, true));
        assert!(told.transcoder().is_ok());
        let kept: ReadSettings = serde_json::from_str(&told.as_kept()).unwrap();
        assert_eq!((kept.packing, kept.of_rejects_file().packing), (packing, None));
    }

    #[test]
    fn the_ledger_gives_back_what_it_was_given() {
        let settings = ReadSettings::new(&args("tab", "'", "latin1")).unwrap();

        let copy = settings.clone().for_copy_of(&settings, vec!["LOCK".to_owned()]);
        for settings in [settings, copy] {
            let kept = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<ReadSettings>(&kept).unwrap(), settings);
        }
    }

    #[test]
    fn a_copy_is_read_as_a_spreadsheet_writes_unless_something_else_is_set_for_it() {
        let spreadsheet = Dialect::default();
        for (quote, escape) in [("'", "none"), ("'", "backslash"), ("\"", "backslash")] {
            let args = ReadArgs { csv_escape: escape.to_owned(), ..args(",", quote, "latin1") };
            let settings = ReadSettings::new(&args).unwrap();
            let (read, codes) = (settings.dialect(), Vec::new);

            let copy = settings.clone().for_copy_of(&settings, codes());
            assert_eq!(
                (copy.delimiter, copy.dialect(), &*copy.encoding),
                (None, spreadsheet, "utf-8")
            );
            assert_eq!(copy.replay_text, Some(read), "of records in one cell");
            // Its own rejects file is written as it was read.
            let again = settings.clone().for_rejects_of(&copy, codes());
            assert_eq!((again.dialect(), again.replay_text), (spreadsheet, Some(read)));
            assert_eq!(settings.clone().for_saved_copy().dialect(), spreadsheet);

            let other = ReadSettings { quote: b'|', escape: Some(b'^'), ..settings.clone() };
            let copy = other.clone().for_copy_of(&settings, codes());
            assert_eq!((copy.quote, copy.escape), (b'|', Some(b'^')), "set for the copy");
        }
    }

    #[test]
    fn a_run_of_a_producer_that_knew_less_settings_goes_on() {
        let kept = r#"{"delimiter":44,"quote":34,"encoding":"utf-8","recordBytesMax":1048576,
            "batchRows":100,"batchBytesMax":1048576}"#;

        let settings = serde_json::from_str::<ReadSettings>(kept).unwrap();

        let ReadSettings { replay, keep_together, packing, .. } = settings.clone();
        assert_eq!((replay, keep_together, packing), (None, None, None));
        let mut ingest = settings.start();
        ingest.push(format!("{}c\n1\n", "c,".repeat(100_000)).into());
        assert!(ingest.next_batch().is_ok(), "it was begun with any header");
    }
}
