//! Which record of a result file is about which row: by its key, or by all its cells where it has
//! none. Never by its position, for the order is Salesforce's own. Pure.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use csv::ByteRecord;

use super::cargo::Cargo;
use crate::mapping::Sameness;

/// The rows of one job, to be found by what a result file repeats of them.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    cargo: &'a Cargo,
    by: By,
    /// Rows of the job, as records.
    records: Vec<ByteRecord>,
    /// The columns by which rows are found, of the header that was seen last.
    columns: Option<Vec<(usize, usize)>>,
    rows: HashMap<u64, Vec<usize>>,
    found: Vec<bool>,
}

#[derive(Debug)]
enum By {
    /// The column of this name; keys are not repeated in a job.
    Key(String, Sameness),
    /// All columns. Rows that are the same in all of them can stand for each other.
    AllCells,
}

impl<'a> Matcher<'a> {
    /// `key` is the field by which rows find their record.
    pub(crate) fn new(cargo: &'a Cargo, key: Option<(&str, Sameness)>) -> Self {
        let by = key.map_or(By::AllCells, |(field, sameness)| By::Key(field.to_owned(), sameness));
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&cargo.csv[..]);
        let records: Vec<ByteRecord> = reader.byte_records().filter_map(Result::ok).collect();
        debug_assert_eq!(records.len(), cargo.rows.len(), "a record was written for each row");
        let found = vec![false; records.len()];
        Self { cargo, by, records, columns: None, rows: HashMap::new(), found }
    }

    /// The next file: its header may be another one.
    pub(crate) fn next_file(&mut self) {
        self.columns = None;
    }

    /// Takes back what was found of rows: the file is read again.
    pub(crate) fn take_back(&mut self, rows: &[usize]) {
        for row in rows {
            if let Ok(at) = self.cargo.rows.binary_search(row) {
                self.found[at] = false;
            }
        }
        self.columns = None;
    }

    /// The row that a record is about; nothing, when there is none, or it was found before.
    pub(crate) fn row(&mut self, header: &ByteRecord, record: &ByteRecord) -> Option<usize> {
        if self.columns.is_none() {
            self.index(header);
        }
        let columns = self.columns.as_ref()?;
        let print = fingerprint(columns.iter().map(|(of_file, _)| record.get(*of_file)), &self.by);
        let at = self.rows.get_mut(&print)?.pop()?;
        self.found[at] = true;
        self.cargo.rows.get(at).copied()
    }

    /// Rows of which no file said anything.
    pub(crate) fn not_found(&self) -> impl Iterator<Item = usize> {
        let rows = self.cargo.rows.iter().zip(&self.found);
        rows.filter(|(_, found)| !**found).map(|(row, _)| *row)
    }

    fn index(&mut self, header: &ByteRecord) {
        let wanted = |name: &str| match &self.by {
            By::Key(key, _) => name.eq_ignore_ascii_case(key),
            By::AllCells => true,
        };
        let place_in_file = |name: &str| {
            header.iter().position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
        };
        let of_cargo = self.cargo.columns.iter().enumerate().filter(|(_, name)| wanted(name));
        let columns: Vec<(usize, usize)> =
            of_cargo.filter_map(|(at, name)| Some((place_in_file(name)?, at))).collect();
        self.rows.clear();
        // Backwards: of rows that are alike the first one is found first.
        for (at, record) in self.records.iter().enumerate().rev().filter(|(at, _)| !self.found[*at])
        {
            let cells = columns.iter().map(|(_, of_cargo)| record.get(*of_cargo));
            self.rows.entry(fingerprint(cells, &self.by)).or_default().push(at);
        }
        self.columns = Some(columns);
    }
}

fn fingerprint<'a>(cells: impl Iterator<Item = Option<&'a [u8]>>, by: &By) -> u64 {
    let mut hasher = DefaultHasher::new();
    for cell in cells {
        let cell = cell.unwrap_or_default();
        match by {
            By::Key(_, Sameness::IgnoringCase) => {
                String::from_utf8_lossy(cell).to_lowercase().hash(&mut hasher);
            }
            By::Key(_, Sameness::OfIds) => cell[..cell.len().min(15)].hash(&mut hasher),
            By::Key(_, Sameness::Exact) | By::AllCells => cell.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bulk::cargo::UPLOAD_BYTES_MAX, mapping::rows_of_json};

    fn cargo(json: &[&str]) -> Cargo {
        let indexes: Vec<usize> = (0..json.len()).collect();
        Cargo::pack(&rows_of_json(json), &indexes, UPLOAD_BYTES_MAX)
    }

    fn record(cells: &[&str]) -> ByteRecord {
        ByteRecord::from(cells.to_vec())
    }

    #[test]
    fn rows_are_found_by_their_key_in_any_order() {
        for (sameness, echo) in
            [(Sameness::Exact, "C-2"), (Sameness::IgnoringCase, "c-2"), (Sameness::OfIds, "C-2")]
        {
            let cargo = cargo(&[r#"{"K":"C-1","N":"x"}"#, r#"{"K":"C-2","N":"y"}"#]);
            let mut matcher = Matcher::new(&cargo, Some(("K", sameness)));
            let header = record(&["sf__Id", "sf__Created", "N", "k"]);

            let second = matcher.row(&header, &record(&["003", "true", "cut", echo]));

            assert_eq!(second, Some(1), "{sameness:?}");
            assert_eq!(matcher.not_found().collect::<Vec<_>>(), [0]);
            assert_eq!(matcher.row(&header, &record(&["", "", "", "C-3"])), None);
        }
    }

    #[test]
    fn rows_without_a_key_are_found_by_all_their_cells_and_equal_ones_stand_for_each_other() {
        let cargo =
            cargo(&[r#"{"A":"x","B":"1"}"#, r#"{"A":"x","B":"2"}"#, r#"{"A":"x","B":"1"}"#]);
        let mut matcher = Matcher::new(&cargo, None);
        let header = record(&["sf__Id", "B", "A"]);

        let mut found = Vec::new();
        for cells in [["", "1", "x"], ["", "2", "x"], ["", "1", "x"], ["", "1", "x"]] {
            found.push(matcher.row(&header, &record(&cells)));
        }

        assert_eq!(found, [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn a_row_that_one_file_named_is_not_found_again_in_the_next_one() {
        let cargo = cargo(&[r#"{"A":"x","B":"1"}"#, r#"{"A":"x","B":"2"}"#]);
        let mut matcher = Matcher::new(&cargo, None);
        assert_eq!(matcher.row(&record(&["A", "B"]), &record(&["x", "1"])), Some(0));

        // The next file lacks a column: by the other one both look alike.
        matcher.next_file();

        assert_eq!(matcher.row(&record(&["A"]), &record(&["x"])), Some(1));
        matcher.take_back(&[1]);
        assert_eq!(matcher.not_found().collect::<Vec<_>>(), [1]);
    }
}
