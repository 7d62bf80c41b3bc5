//! Which record of a result file is about which row: by its key, or by all its cells where it has
//! none. Never by its position, for the order is Salesforce's own. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};

use csv::ByteRecord;

use super::upload::Upload;
use load::Sameness;

/// The rows of one job, to be found by what a result file repeats of them. It keeps 16 bytes a
/// row where rows have a key, and the CSV besides where they have none.
#[derive(Debug)]
pub(crate) struct Matcher {
    upload: Upload,
    by: By,
    /// Fingerprint and place in the job of each row, in this order.
    prints: Vec<(u64, u32)>,
    /// The columns of the file by which rows are found; nothing before its header was seen.
    columns: Option<Vec<usize>>,
    found: Vec<bool>,
}

#[derive(Debug)]
enum By {
    /// The column of this name; keys are not repeated in a job.
    Key(String, Sameness),
    /// All columns. Rows that are the same in all of them can stand for each other.
    AllCells,
}

impl Matcher {
    /// `key` is the field by which rows find their record.
    pub(crate) fn new(upload: Upload, key: Option<(&str, Sameness)>) -> Self {
        let by = key.map_or(By::AllCells, |(field, sameness)| By::Key(field.to_owned(), sameness));
        let found = vec![false; upload.rows.len()];
        let mut matcher = Self { upload, by, prints: Vec::new(), columns: None, found };
        if let By::Key(key, _) = &matcher.by {
            let columns =
                matcher.upload.columns.iter().position(|name| name.eq_ignore_ascii_case(key));
            matcher.take_prints(columns.as_slice());
            matcher.upload.csv = Vec::new();
        }
        matcher
    }

    /// The next file: its header may be another one.
    pub(crate) fn next_file(&mut self) {
        self.columns = None;
    }

    /// Forgets what was found of rows: the file is read again.
    pub(crate) fn reset(&mut self, rows: &[usize]) {
        for row in rows {
            if let Ok(at) = self.upload.rows.binary_search(row) {
                self.found[at] = false;
            }
        }
        self.columns = None;
    }

    /// The row that a record is about; nothing, when there is none, or it was found before.
    pub(crate) fn row(&mut self, header: &ByteRecord, record: &ByteRecord) -> Option<usize> {
        if self.columns.is_none() {
            self.find_columns(header);
        }
        let columns = self.columns.as_ref().filter(|columns| !columns.is_empty())?;
        let print = fingerprint(columns.iter().map(|place| record.get(*place)), &self.by);
        let first = self.prints.partition_point(|(known, _)| *known < print);
        let alike = self.prints[first..].iter().take_while(|(known, _)| *known == print);
        let mut places = alike.map(|(_, at)| *at as usize);
        let at = places.find(|at| !self.found[*at])?;
        self.found[at] = true;
        self.upload.rows.get(at).copied()
    }

    /// Rows of which no file said anything.
    pub(crate) fn not_found(&self) -> impl Iterator<Item = usize> {
        let rows = self.upload.rows.iter().zip(&self.found);
        rows.filter(|(_, found)| !**found).map(|(row, _)| *row)
    }

    /// Finds the columns by which rows are found in the file with this header.
    fn find_columns(&mut self, header: &ByteRecord) {
        let place_in_file = |name: &str| {
            header.iter().position(|column| column.eq_ignore_ascii_case(name.as_bytes()))
        };
        if let By::Key(key, _) = &self.by {
            self.columns = Some(place_in_file(key).into_iter().collect());
            return;
        }
        let names = self.upload.columns.iter().enumerate();
        let (of_file, of_upload): (Vec<usize>, Vec<usize>) =
            names.filter_map(|(at, name)| Some((place_in_file(name)?, at))).unzip();
        self.take_prints(&of_upload);
        self.columns = Some(of_file);
    }

    /// Goes through the rows once more: fingerprints of those that were not found yet.
    fn take_prints(&mut self, columns: &[usize]) {
        self.prints.clear();
        self.prints.reserve_exact(self.found.len());
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&self.upload.csv[..]);
        let mut record = ByteRecord::new();
        let mut at = 0;
        while reader.read_byte_record(&mut record).expect("this program wrote it to memory") {
            if !self.found[at as usize] {
                let cells = columns.iter().map(|place| record.get(*place));
                self.prints.push((fingerprint(cells, &self.by), at));
            }
            at += 1;
        }
        debug_assert_eq!(at as usize, self.upload.rows.len(), "a record was written for each row");
        self.prints.sort_unstable();
    }
}

fn fingerprint<'a>(cells: impl Iterator<Item = Option<&'a [u8]>>, by: &By) -> u64 {
    let mut hasher = DefaultHasher::new();
    for cell in cells {
        let cell = cell.unwrap_or_default();
        match by {
            By::Key(_, sameness) => sameness.comparable(cell).hash(&mut hasher),
            By::AllCells => cell.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::bulk::upload::UPLOAD_BYTES_MAX;
    use load::EncodedRows;

    fn upload(json: &[&str]) -> Upload {
        let indexes: Vec<usize> = (0..json.len()).collect();
        Upload::encode(&EncodedRows::from_json(json), &indexes, UPLOAD_BYTES_MAX)
    }

    fn record(cells: &[&str]) -> ByteRecord {
        ByteRecord::from(cells.to_vec())
    }

    #[test]
    fn rows_are_found_by_their_key_in_any_order() {
        for (sameness, echo) in
            [(Sameness::Exact, "C-2"), (Sameness::IgnoringCase, "c-2"), (Sameness::OfIds, "C-2")]
        {
            let upload = upload(&[r#"{"K":"C-1","N":"x"}"#, r#"{"K":"C-2","N":"y"}"#]);
            let mut matcher = Matcher::new(upload, Some(("K", sameness)));
            let header = record(&["sf__Id", "sf__Created", "N", "k"]);

            let second = matcher.row(&header, &record(&["003", "true", "cut", echo]));

            assert_eq!(second, Some(1), "{sameness:?}");
            assert_eq!(matcher.not_found().collect::<Vec<_>>(), [0]);
            assert_eq!(matcher.row(&header, &record(&["", "", "", "C-3"])), None);
        }
    }

    #[test]
    fn a_key_that_is_a_number_is_found_however_it_is_written() {
        let upload = upload(&[r#"{"K":1.001e3}"#, r#"{"K":7}"#, r#"{"K":0}"#]);
        let mut matcher = Matcher::new(upload, Some(("K", Sameness::OfNumbers)));
        let mut found = |key| matcher.row(&record(&["K"]), &record(&[key]));

        assert_eq!(
            [found("-0"), found("1001.0"), found("8"), found("7.")],
            [Some(2), Some(0), None, Some(1)]
        );
    }

    #[test]
    fn rows_without_a_key_are_found_by_all_their_cells_and_equal_ones_stand_for_each_other() {
        let upload =
            upload(&[r#"{"A":"x","B":"1"}"#, r#"{"A":"x","B":"2"}"#, r#"{"A":"x","B":"1"}"#]);
        let mut matcher = Matcher::new(upload, None);
        let header = record(&["sf__Id", "B", "A"]);

        let mut found = Vec::new();
        for cells in [["", "1", "x"], ["", "2", "x"], ["", "1", "x"], ["", "1", "x"]] {
            found.push(matcher.row(&header, &record(&cells)));
        }

        assert_eq!(found, [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn a_file_that_shares_no_column_with_the_rows_is_about_none_of_them() {
        for key in [None, Some(("K", Sameness::Exact))] {
            let mut matcher = Matcher::new(upload(&[r#"{"K":"a"}"#]), key);

            assert_eq!(matcher.row(&record(&["sf__Id"]), &record(&["003"])), None, "{key:?}");
        }
    }

    #[test]
    fn a_row_that_one_file_named_is_not_found_again_in_the_next_one() {
        let upload = upload(&[r#"{"A":"x","B":"1"}"#, r#"{"A":"x","B":"2"}"#]);
        let mut matcher = Matcher::new(upload, None);
        assert_eq!(matcher.row(&record(&["A", "B"]), &record(&["x", "1"])), Some(0));

        // The next file lacks a column: by the other one both look alike.
        matcher.next_file();

        assert_eq!(matcher.row(&record(&["A"]), &record(&["x"])), Some(1));
        matcher.reset(&[1]);
        assert_eq!(matcher.not_found().collect::<Vec<_>>(), [1]);
    }
}
