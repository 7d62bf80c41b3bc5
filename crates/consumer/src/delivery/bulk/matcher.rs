//! Which record of a result file is about which row: by its key, or by all its cells where it has
//! none. Never by its position, for the order is Salesforce's own; it mostly is that of the rows, so the
//! next row is compared first. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};

use csv::ByteRecord;
use load::Sameness;

use super::{
    result_file::place_of,
    upload::{JobRows, Upload},
};

/// The rows of one job, to be found by what a result file repeats of them. It keeps 16 bytes a
/// row where rows have a key, and the CSV besides where they have none.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// Index in the batch of each row.
    rows: Vec<usize>,
    by: By,
    /// Fingerprint of each row.
    prints: Vec<u64>,
    /// The same with the places of the rows, in this order; nothing, as long as results come in the order
    /// of the rows.
    sorted: Option<Vec<(u64, usize)>>,
    /// The row behind the one that was found last.
    next: usize,
    /// The columns of the file by which rows are found; nothing before its header was seen.
    columns: Option<Vec<usize>>,
    found: Vec<bool>,
}

#[derive(Debug)]
enum By {
    /// The column of this name; keys are not repeated in a job.
    Key(String, Sameness),
    /// All columns, with the rows as they were uploaded. Rows that are the same in all of them can stand
    /// for each other.
    AllCells { csv: Vec<u8>, columns: Vec<String> },
}

impl Matcher {
    /// Of rows that have this field as their key.
    pub(crate) fn by_key(rows: JobRows, field: &str, sameness: Sameness) -> Self {
        Self::new(rows, By::Key(field.to_owned(), sameness))
    }

    /// Of rows without a key.
    pub(crate) fn by_all_cells(upload: Upload) -> Self {
        let Upload { csv, columns, rows, .. } = upload;
        Self::new(rows, By::AllCells { csv, columns })
    }

    fn new(rows: JobRows, by: By) -> Self {
        let found = vec![false; rows.indexes.len()];
        let (rows, prints) = (rows.indexes, rows.key_prints);
        Self { rows, by, prints, sorted: None, next: 0, columns: None, found }
    }

    /// The next file: its header may be another one.
    pub(crate) fn next_file(&mut self) {
        self.columns = None;
        self.next = 0;
    }

    /// Forgets what was found of rows: the file is read again.
    pub(crate) fn reset(&mut self, rows: &[usize]) {
        for row in rows {
            if let Ok(at) = self.rows.binary_search(row) {
                self.found[at] = false;
            }
        }
        self.next_file();
    }

    /// The row that a record is about; nothing, when there is none, or it was found before.
    pub(crate) fn row(&mut self, header: &ByteRecord, record: &ByteRecord) -> Option<usize> {
        if self.columns.is_none() {
            self.find_columns(header);
        }
        let columns = self.columns.as_ref().filter(|columns| !columns.is_empty())?;
        let print = match &self.by {
            By::Key(_, sameness) => {
                sameness.fingerprint(record.get(columns[0]).unwrap_or_default())
            }
            By::AllCells { .. } => fingerprint(columns.iter().map(|place| record.get(*place))),
        };
        let at = self.place(print)?;
        self.found[at] = true;
        self.next = at + 1;
        self.rows.get(at).copied()
    }

    /// The place of a row with this fingerprint that was not found yet.
    fn place(&mut self, print: u64) -> Option<usize> {
        if self.prints.get(self.next) == Some(&print) && !self.found[self.next] {
            return Some(self.next);
        }
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut sorted: Vec<_> =
                self.prints.iter().enumerate().map(|(at, print)| (*print, at)).collect();
            sorted.sort_unstable();
            sorted
        });
        let first = sorted.partition_point(|(known, _)| *known < print);
        let alike = sorted[first..].iter().take_while(|(known, _)| *known == print);
        let mut places = alike.map(|(_, at)| *at);
        places.find(|at| !self.found[*at])
    }

    /// Rows of which no file said anything.
    pub(crate) fn not_found(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().zip(&self.found);
        rows.filter(|(_, found)| !**found).map(|(row, _)| *row)
    }

    /// Finds the columns by which rows are found in the file with this header.
    fn find_columns(&mut self, header: &ByteRecord) {
        let (csv, names) = match &self.by {
            By::Key(key, _) => {
                self.columns = Some(place_of(header, key).into_iter().collect());
                return;
            }
            By::AllCells { csv, columns } => (csv, columns.iter().enumerate()),
        };
        let (of_file, of_upload): (Vec<usize>, Vec<usize>) =
            names.filter_map(|(at, name)| Some((place_of(header, name)?, at))).unzip();
        self.prints = cell_prints(csv, &of_upload);
        debug_assert_eq!(self.prints.len(), self.rows.len(), "a record was written for each row");
        self.sorted = None;
        self.columns = Some(of_file);
    }
}

/// Fingerprints of these columns of all records.
fn cell_prints(csv: &[u8], columns: &[usize]) -> Vec<u64> {
    let mut reader = csv::Reader::from_reader(csv);
    let (mut record, mut prints) = (ByteRecord::new(), Vec::new());
    while reader.read_byte_record(&mut record).expect("this program wrote it to memory") {
        prints.push(fingerprint(columns.iter().map(|place| record.get(*place))));
    }
    prints
}

fn fingerprint<'a>(cells: impl Iterator<Item = Option<&'a [u8]>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    cells.for_each(|cell| cell.unwrap_or_default().hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::bulk::upload::UPLOAD_BYTES_MAX,
        samples::{csv_rows, inserted_csv},
    };

    fn inserted(header: &'static str, raw: &[&str]) -> Matcher {
        Matcher::by_all_cells(Upload::of(inserted_csv(header, raw), UPLOAD_BYTES_MAX))
    }

    fn record(cells: &[&str]) -> ByteRecord {
        ByteRecord::from(cells.to_vec())
    }

    /// Rows with these keys, with their places as indexes.
    fn keyed(keys: &[&str], sameness: Sameness) -> Matcher {
        let key_prints = keys.iter().map(|key| sameness.fingerprint(key.as_bytes())).collect();
        let rows = JobRows { indexes: (0..keys.len()).collect(), key_prints };
        Matcher::by_key(rows, "K", sameness)
    }

    #[test]
    fn rows_are_found_by_their_key_in_any_order() {
        for (sameness, echo) in
            [(Sameness::Exact, "C-2"), (Sameness::IgnoringCase, "c-2"), (Sameness::OfIds, "C-2")]
        {
            let mut matcher = keyed(&["C-1", "C-2"], sameness);
            let header = record(&["sf__Id", "sf__Created", "N", "k"]);

            let second = matcher.row(&header, &record(&["003", "true", "cut", echo]));

            assert_eq!(second, Some(1), "{sameness:?}");
            assert_eq!(matcher.not_found().collect::<Vec<_>>(), [0]);
            assert_eq!(matcher.row(&header, &record(&["", "", "", "C-3"])), None);
        }
    }

    #[test]
    fn the_keys_of_an_upload_are_found_in_its_results() {
        let upload = Upload::of(csv_rows(&["a, b", "B", "b", "say hi"]), UPLOAD_BYTES_MAX);
        let mut matcher = Matcher::by_key(upload.rows, "Key__c", Sameness::IgnoringCase);
        let header = record(&["sf__Id", "Key__c"]);

        let found =
            ["A, b", "say hi", "b", "b"].map(|key| matcher.row(&header, &record(&["003", key])));

        assert_eq!(found, [Some(0), Some(3), Some(1), None]);
    }

    #[test]
    fn a_key_that_is_a_number_is_found_however_it_is_written() {
        let mut matcher = keyed(&["1.001e3", "7", "0"], Sameness::OfNumbers);
        let mut found = |key| matcher.row(&record(&["K"]), &record(&[key]));

        assert_eq!(
            [found("-0"), found("1001.0"), found("8"), found("7.")],
            [Some(2), Some(0), None, Some(1)]
        );
    }

    #[test]
    fn rows_without_a_key_are_found_by_all_their_cells_and_equal_ones_stand_for_each_other() {
        let mut matcher = inserted("A,B", &["x,1", "x,2", "x,1"]);
        let header = record(&["sf__Id", "B", "A"]);

        let mut found = Vec::new();
        for cells in [["", "1", "x"], ["", "2", "x"], ["", "1", "x"], ["", "1", "x"]] {
            found.push(matcher.row(&header, &record(&cells)));
        }

        assert_eq!(found, [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn a_file_that_shares_no_column_with_the_rows_is_about_none_of_them() {
        for mut matcher in [inserted("A", &["a"]), keyed(&["a"], Sameness::Exact)] {
            assert_eq!(matcher.row(&record(&["sf__Id"]), &record(&["003"])), None, "{matcher:?}");
        }
    }

    #[test]
    fn a_row_that_one_file_named_is_not_found_again_in_the_next_one() {
        let mut matcher = inserted("A,B", &["x,1", "x,2"]);
        assert_eq!(matcher.row(&record(&["A", "B"]), &record(&["x", "1"])), Some(0));

        // The next file lacks a column: by the other one both look alike.
        matcher.next_file();

        assert_eq!(matcher.row(&record(&["A"]), &record(&["x"])), Some(1));
        matcher.reset(&[1]);
        assert_eq!(matcher.not_found().collect::<Vec<_>>(), [1]);
    }
}
