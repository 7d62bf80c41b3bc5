//! The rows of a batch as CSV, as ingest jobs of Bulk API 2.0 read it: commas between cells, a line feed
//! behind each record, `#N/A` for a field that is emptied.

use std::{fmt, mem};

use ingest_core::{Dialect, RecordId, Rows};

use super::{
    csv_columns::CsvColumns,
    encoded_row::{EncodedRow, without_record},
    key::LastOfKey,
    records::for_each_record,
    row::RowWriter,
};
use crate::{Sameness, plan::Plan};

/// The rows of one batch as CSV.
pub struct CsvRows {
    /// Header and records, each with its line end.
    csv: Vec<u8>,
    header_bytes: usize,
    columns: Vec<String>,
    rows: Vec<EncodedRow>,
    /// Of the key of each row; 0 without one.
    prints: Vec<u64>,
}

/// Limits of Bulk API 2.0: characters of the header, number of fields.
const HEADER_CHARACTERS_MAX: usize = 32_000;
const FIELDS_MAX: usize = 5_000;

impl Plan {
    /// Writes rows as CSV. Its columns are those in which a row of the batch has something, so the same
    /// rows give the same CSV each time: a consumer that continues with the job of another one knows
    /// what is in it. `ids` are the records of the rows, where those were looked up: they stand in place
    /// of the keys, and rows without one are not ready.
    pub fn encode_csv(&self, rows: &Rows, ids: Option<&[Option<RecordId>]>) -> CsvRows {
        let mut columns = CsvColumns::new(self);
        columns.expect(&self.columns_of_last_batch());
        let mut buffer = Vec::with_capacity(rows.bytes() + rows.bytes() / 8 + 1_024);
        loop {
            let (encoded, used) = self.encode_columns(rows, ids, columns, buffer);
            columns = used;
            if columns.are_as_expected() {
                *self.columns_of_last_batch() = columns.kept;
                return encoded.or_only_as_json();
            }
            // Once is enough: which columns are used does not depend on those that were expected.
            let used = mem::take(&mut columns.used);
            columns.expect(&used);
            buffer = encoded.csv;
        }
    }

    /// Writes rows with the columns that are expected to be used; gives those that are.
    fn encode_columns<'a>(
        &'a self,
        rows: &Rows,
        ids: Option<&[Option<RecordId>]>,
        columns: CsvColumns<'a>,
        mut buffer: Vec<u8>,
    ) -> (CsvRows, CsvColumns<'a>) {
        let names = columns.names(ids.is_some());
        buffer.clear();
        buffer.extend_from_slice(names.join(",").as_bytes());
        buffer.push(b'\n');
        let header_bytes = buffer.len();
        let sameness = if ids.is_some() { Sameness::OfIds } else { self.sameness() };
        let mut writer = RowWriter::csv(self, columns, buffer);
        let mut last_of_key = LastOfKey::new(sameness, rows.len());
        let (mut encoded, mut prints) =
            (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let mut text_of_key = Vec::new();
        for_each_record(self, rows, |_, record| {
            let row = encoded.len();
            writer.id = ids.and_then(|ids| ids.get(row).copied().flatten());
            let start = writer.out.len();
            let is_without_record = ids.is_some() && writer.id.is_none();
            let (print, row) = match writer.row(record) {
                Ok(_) if is_without_record => (0, EncodedRow::Invalid(without_record())),
                Ok(key) => {
                    let cell = &writer.out[key.clone()];
                    let (print, after) = match cell.is_empty() {
                        true => (0, None),
                        false => last_of_key.note(text_of(cell, &mut text_of_key), row),
                    };
                    let text = start..writer.out.len();
                    let is_sayable = writer.columns.as_ref().is_some_and(|it| it.is_sayable);
                    match is_sayable {
                        true => (print, EncodedRow::Ready { text, key, after }),
                        false => (print, EncodedRow::OnlyAsJson { after }),
                    }
                }
                Err(invalid) => (0, EncodedRow::Invalid(invalid.reason)),
            };
            if !matches!(row, EncodedRow::Ready { .. }) {
                writer.out.truncate(start);
            }
            encoded.push(row);
            prints.push(print);
        });
        let RowWriter { out: csv, columns, .. } = writer;
        let columns = columns.expect("it writes CSV");
        (CsvRows { csv, header_bytes, columns: names, rows: encoded, prints }, columns)
    }
}

/// What a cell says, without its quotes.
fn text_of<'a>(cell: &'a [u8], text: &'a mut Vec<u8>) -> &'a [u8] {
    if cell.first() != Some(&b'"') {
        return cell;
    }
    let mut unquoted = Vec::new();
    Dialect::default().for_each_cell(cell, text, |cell| unquoted = cell.to_vec());
    *text = unquoted;
    text
}

impl CsvRows {
    /// One entry for each row, in order.
    pub fn rows(&self) -> &[EncodedRow] {
        &self.rows
    }

    /// Names in the header.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Bytes of the header, its line end included.
    pub fn header_bytes(&self) -> usize {
        self.header_bytes
    }

    /// The key of a row that is ready and has one, as its cell is written: an id as it is.
    pub fn key(&self, index: usize) -> Option<&str> {
        match &self.rows[index] {
            EncodedRow::Ready { key, .. } if !key.is_empty() => {
                std::str::from_utf8(&self.csv[key.clone()]).ok()
            }
            _ => None,
        }
    }

    /// [Fingerprint](Sameness::fingerprint) of the key of each row, as it is sent; 0 without one.
    pub fn key_prints(&self) -> &[u64] {
        &self.prints
    }

    /// Header and records of these rows, which are ready and in order.
    #[must_use]
    pub fn into_csv(mut self, indexes: &[usize]) -> Vec<u8> {
        let mut end = self.header_bytes;
        for index in indexes {
            if let EncodedRow::Ready { text, .. } = &self.rows[*index] {
                if text.start > end {
                    self.csv.copy_within(text.clone(), end);
                }
                end += text.len();
            }
        }
        self.csv.truncate(end);
        self.csv
    }

    /// The same with all rows for JSON, when the header is more than an ingest job takes.
    fn or_only_as_json(mut self) -> Self {
        let fields = self.columns.len();
        if (1..=FIELDS_MAX).contains(&fields) && self.header_bytes <= HEADER_CHARACTERS_MAX {
            return self;
        }
        self.csv.truncate(self.header_bytes);
        for row in &mut self.rows {
            if let EncodedRow::Ready { after, .. } = row {
                *row = EncodedRow::OnlyAsJson { after: *after };
            }
        }
        self
    }
}

/// Shows how many rows there are: the CSV holds their values.
impl fmt::Debug for CsvRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rows", self.rows.len())
    }
}
