//! How files that a run wrote are read: in the dialect of their run, or of the spreadsheet that saved them.

use ingest_core::{Dialect, is_utf_8};

use super::ReadSettings;

impl ReadSettings {
    /// The same for a copy of the rejects file of a run that was read with `source`, as a person
    /// saved it. What is set as it was for that run, was meant for its file, and not for this one:
    /// rejects files are in UTF-8, their header tells the delimiter, and spreadsheets write `"`, twice
    /// inside a cell. An encoding that is `said` with the command is the copy's; else it is in UTF-8, or
    /// in the encoding of the source, or, where that is UTF-8, in the one that is set.
    pub(crate) fn for_copy_of(self, source: &Self, codes: Vec<String>, said: bool) -> Self {
        let (encoding, encoding_otherwise) = match (said, is_utf_8(&source.encoding)) {
            (true, _) => (self.encoding, None),
            (false, true) => ("utf-8".to_owned(), Some(self.encoding)),
            (false, false) => ("utf-8".to_owned(), Some(source.encoding.clone())),
        };
        let saved = Dialect::default();
        Self {
            delimiter: self.delimiter.filter(|_| self.delimiter != source.delimiter),
            quote: if self.quote == source.quote { saved.quote } else { self.quote },
            escape: if self.escape == source.escape { saved.escape } else { self.escape },
            encoding,
            encoding_otherwise,
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

    /// How records are written that stand in one cell of the run's rejects file.
    fn dialect_of_text(&self) -> Dialect {
        self.replay_text.unwrap_or_else(|| self.dialect())
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

    /// The same for the ids file of a run that was read with `source`: it is written in that one's
    /// dialect, and in UTF-8.
    pub(crate) fn for_ids_of(self, source: &Self) -> Self {
        Self {
            delimiter: source.delimiter,
            quote: source.quote,
            escape: source.escape,
            encoding: "utf-8".to_owned(),
            ..self
        }
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
}

/// The limit that lets more through; without one, everything is.
fn larger(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    one.zip(other).map(|(one, other)| one.max(other))
}
