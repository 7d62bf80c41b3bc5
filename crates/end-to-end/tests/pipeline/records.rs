//! An oracle that shares nothing with the product: a file as the `csv` crate reads it, beside what
//! Salesforce says that it holds.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use crate::{kinds::Kind, pipeline::Pipeline};

/// Cells, and how often they come together.
type Counted = BTreeMap<Vec<String>, i64>;

/// A CSV file with rows of some 60 bytes, and so many more in each. The keys begin with `prefix`.
pub(crate) fn sheet(prefix: &str, rows: u64, wider_by: usize) -> String {
    let note = "x".repeat(wider_by);
    let mut sheet = "Key,Name,Email,Company,Note\n".to_owned();
    for row in 1..=rows {
        let person = format!("{prefix}{row}");
        writeln!(sheet, "{person},\"{person}, Ada\",{person}@example.com,Company {row},{note}")
            .unwrap();
    }
    sheet
}

impl Pipeline {
    /// Every record of an object, with `Id` and `_writes`.
    pub(crate) fn records(&self, object: &str) -> Vec<Value> {
        let url = format!("{}/__sim/rows/{object}", self.salesforce_url);
        let text = reqwest::blocking::get(url).unwrap().text().unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a run's report says; nothing when there is no such run.
    pub(crate) fn shown(&self, run: &str) -> Option<Value> {
        let ended = self.program("producer", &["show", run, "--json"]).end();
        (ended.code == Some(0)).then(|| serde_json::from_str(&ended.stdout).unwrap())
    }

    /// A text of a run's report; empty when it has none.
    pub(crate) fn shown_text(&self, run: &str, field: &str) -> String {
        let shown = self.shown(run);
        shown.and_then(|report| Some(report[field].as_str()?.to_owned())).unwrap_or_default()
    }

    /// Each row of these files is one record of the kind's object, with its values; and the object
    /// has no other records.
    pub(crate) fn assert_holds(&self, kind: &Kind, files: &[&str]) {
        self.assert_holds_of_some(kind, files, |_key| true);
    }

    /// The same of some records only, by what the first column of the kind's mapping fills.
    pub(crate) fn assert_holds_of_some(
        &self,
        kind: &Kind,
        files: &[&str],
        is_meant: impl Fn(&str) -> bool,
    ) {
        let mut missing: Counted = BTreeMap::new();
        for file in files {
            count_rows(&self.get(file), kind, &mut missing);
        }
        let text = |record: &Value, field: &str| record[field].as_str().unwrap_or("").to_owned();
        for record in self.records(kind.object) {
            let cells: Vec<_> =
                kind.fields().iter().map(|(_, field)| text(&record, field)).collect();
            if is_meant(&cells[0]) {
                *missing.entry(cells).or_default() -= 1;
            }
        }
        missing.retain(|_, count| *count != 0);
        let [mut lost, mut too_many] = [0, 0];
        for count in missing.values() {
            if *count > 0 { lost += count } else { too_many -= count }
        }
        assert!(
            missing.is_empty(),
            "of {files:?}, {lost} rows are no {}, and {too_many} of these are not in the files or \
             there too often, such as {:?}",
            kind.object,
            missing.first_key_value()
        );
    }
}

/// Adds the cells of a file that a kind stores, for each row.
fn count_rows(content: &[u8], kind: &Kind, counted: &mut Counted) {
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().unwrap().clone();
    let place = |column: &str| header.iter().position(|name| name == column).unwrap();
    let places: Vec<usize> = kind.fields().iter().map(|(column, _)| place(column)).collect();
    for row in reader.records().map(Result::unwrap) {
        let cells = places.iter().map(|at| row[*at].to_owned()).collect();
        *counted.entry(cells).or_default() += 1;
    }
}

/// Cells of one column, in the order of the file.
pub(crate) fn column(content: &[u8], name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(content);
    let place = reader.headers().unwrap().iter().position(|column| column == name).unwrap();
    reader.records().map(|row| row.unwrap()[place].to_owned()).collect()
}
