//! The rows of a batch as CSV, as ingest jobs of Bulk API 2.0 read it: commas between cells, a line feed
//! behind each record, `#N/A` for a field that is emptied.

use std::{fmt, mem};

use ingest_core::{Dialect, RecordId, Rows};

use super::{EncodedRow, LastOfKey, RowWriter, for_each_record};
use crate::{
    Sameness,
    plan::Plan,
    record_id::without_record,
    target::{NULL_CELL, Target},
};

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

/// Limits of Bulk API 2.0: characters of a cell, of a record, of the header; number of fields.
const CELL_CHARACTERS_MAX: usize = 131_072;
const RECORD_CHARACTERS_MAX: usize = 400_000;
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

/// The columns of CSV: those of the targets, of constants, and of fields that are emptied in a column of
/// their own, because the one that fills them names a record of another object.
pub(super) struct CsvColumns<'a> {
    plan: &'a Plan,
    nulls: Vec<&'a str>,
    /// Targets and nulls that are written.
    kept: Vec<bool>,
    /// Targets and nulls for which a row has something.
    used: Vec<bool>,
    row_start: usize,
    target: usize,
    has_cells: bool,
    /// Nulls of this row.
    emptied: Vec<usize>,
    /// Whether CSV can say what JSON would.
    pub(super) is_sayable: bool,
}

impl<'a> CsvColumns<'a> {
    fn new(plan: &'a Plan) -> Self {
        let (mut nulls, mut targets) = (Vec::new(), 0);
        for (_, target) in plan.targets() {
            targets += 1;
            let has_one = target.null.is_some() && !target.empties_in_its_column();
            if has_one && !nulls.contains(&target.fills.as_str()) {
                nulls.push(target.fills.as_str());
            }
        }
        // In most batches all columns have something, and none is emptied in another column.
        let kept = (0..targets + nulls.len()).map(|column| column < targets).collect();
        Self {
            plan,
            nulls,
            kept,
            used: Vec::new(),
            row_start: 0,
            target: 0,
            has_cells: false,
            emptied: Vec::new(),
            is_sayable: true,
        }
    }

    /// Writes these columns; nothing is known of others.
    fn expect(&mut self, used: &[bool]) {
        if used.len() == self.kept.len() {
            self.kept.copy_from_slice(used);
        }
        self.used = vec![false; self.kept.len()];
    }

    fn are_as_expected(&self) -> bool {
        self.kept == self.used
    }

    fn targets(&self) -> usize {
        self.kept.len() - self.nulls.len()
    }

    /// Names of the columns that are written. A record that was looked up is named by its id.
    fn names(&self, are_looked_up: bool) -> Vec<String> {
        let of_targets = self.plan.targets().zip(&self.kept).filter(|(_, kept)| **kept);
        let name = |target: &Target| match target.is_key && are_looked_up {
            true => "Id".to_owned(),
            false => target.column.clone(),
        };
        let of_targets = of_targets.map(|((_, target), _)| name(target));
        let of_constants = self.plan.constants.cells.iter().map(|(name, _)| name.clone());
        let of_nulls = self.nulls.iter().zip(&self.kept[self.targets()..]);
        let of_nulls = of_nulls.filter(|(_, kept)| **kept).map(|(name, _)| (*name).to_owned());
        of_targets.chain(of_constants).chain(of_nulls).collect()
    }

    pub(super) fn begin_row(&mut self, start: usize) {
        self.row_start = start;
        self.has_cells = false;
        self.emptied.clear();
        self.is_sayable = self.plan.constants.are_sayable;
    }

    /// Before the cell of a target.
    pub(super) fn begin_cell(&mut self, target: usize, csv: &mut Vec<u8>) {
        self.target = target;
        if self.kept[target] {
            begin_cell(&mut self.has_cells, csv);
        }
    }

    /// A value was written into the cell of a target.
    pub(super) fn has_written(&mut self, target: usize, cell: &[u8]) {
        self.used[target] = true;
        let says_something_else = cell.is_empty() || cell == NULL_CELL.as_bytes();
        let is_too_long =
            cell.len() > CELL_CHARACTERS_MAX && characters(cell) > CELL_CHARACTERS_MAX;
        self.is_sayable &= !says_something_else && !is_too_long;
    }

    /// Empties the field of a target.
    pub(super) fn null(&mut self, target: &Target, csv: &mut Vec<u8>) {
        if target.empties_in_its_column() {
            self.used[self.target] = true;
            csv.extend_from_slice(NULL_CELL.as_bytes());
            return;
        }
        let null = self.nulls.iter().position(|name| *name == target.fills);
        self.emptied.extend(null.map(|null| null + self.targets()));
    }

    pub(super) fn end_row(&mut self, csv: &mut Vec<u8>) {
        for (_, cell) in &self.plan.constants.cells {
            begin_cell(&mut self.has_cells, csv);
            csv.extend_from_slice(cell);
        }
        for column in self.targets()..self.kept.len() {
            let is_emptied = self.emptied.contains(&column);
            self.used[column] |= is_emptied;
            if self.kept[column] {
                begin_cell(&mut self.has_cells, csv);
                csv.extend_from_slice(if is_emptied { NULL_CELL.as_bytes() } else { b"" });
            }
        }
        let record = &csv[self.row_start..];
        // A file has one kind of line end, also in its cells.
        let has_other_line_end = record.contains(&b'\r');
        let is_too_long =
            record.len() > RECORD_CHARACTERS_MAX && characters(record) > RECORD_CHARACTERS_MAX;
        self.is_sayable &= !has_other_line_end && !is_too_long;
        if record.is_empty() {
            // It would be a blank line.
            csv.extend_from_slice(b"\"\"");
        }
        csv.push(b'\n');
    }
}

fn begin_cell(has_cells: &mut bool, csv: &mut Vec<u8>) {
    if mem::replace(has_cells, true) {
        csv.push(b',');
    }
}

/// Characters of all cells of a record, or of one cell; their quotes are no part of them.
fn characters(record: &[u8]) -> usize {
    let begins_one = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    let mut count = 0;
    Dialect::default().for_each_cell(record, &mut Vec::new(), |text| {
        count += text.iter().filter(begins_one).count();
    });
    count
}

/// Shows how many rows there are: the CSV holds their values.
impl fmt::Debug for CsvRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rows", self.rows.len())
    }
}
