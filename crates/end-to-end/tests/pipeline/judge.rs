//! The judge of every run that ended. It shares nothing with the product: the file as the `csv` crate
//! reads it, the parts of the rejects file likewise, and the records that Salesforce says it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    kinds::{GENERATED, Kind},
    pipeline::{FILE, Pipeline, Report},
    processes::Program,
};

/// Cells, and how often they come together.
type Counted = BTreeMap<Vec<String>, i64>;

/// A file, and the run whose rejects file has what did not become a record.
pub(crate) struct Load<'a> {
    pub(crate) file: &'a str,
    /// `None`: all of it became records.
    pub(crate) run: Option<&'a str>,
}

impl<'a> Load<'a> {
    pub(crate) fn of(run: &'a str, file: &'a str) -> Self {
        Self { file, run: Some(run) }
    }
}

impl Pipeline {
    /// The program ends on its own, with rejects; the ledger of its run adds up to `rows`, and
    /// every row of [`FILE`] is where it belongs.
    pub(crate) fn assert_all_arrived(&self, run: &str, sync: Program, rows: u64) {
        let ended = sync.end();
        assert_eq!(ended.code, Some(3), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(rows);
        self.assert_every_row_is_where_it_belongs(run, FILE);
    }

    /// Every row of a file with the columns of a generated one is a lead with its values, or it is in
    /// the run's rejects file, once.
    pub(crate) fn assert_every_row_is_where_it_belongs(&self, run: &str, source: &str) {
        self.assert_every_row_is_in_its_place(&GENERATED, &[Load::of(run, source)]);
    }

    /// Each row of these files is one record of the kind's object with its values, or it is once in
    /// the rejects file of its run, as it came. The object has no other records, and the rejects
    /// files no other rows. Of a kind that deletes, each row that is not rejected is no record any
    /// more.
    pub(crate) fn assert_every_row_is_in_its_place(&self, kind: &Kind, loads: &[Load<'_>]) {
        self.judge(kind, loads, |_key| true);
    }

    /// Each row of these files is one record of the kind's object with its values; and the object
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
        let loads: Vec<_> = files.iter().map(|file| Load { file, run: None }).collect();
        self.judge(kind, &loads, is_meant);
    }

    fn judge(&self, kind: &Kind, loads: &[Load<'_>], is_meant: impl Fn(&str) -> bool) {
        let mut missing = Counted::new();
        for load in loads {
            let rejected = load.run.map(|run| self.rejects(run)).unwrap_or_default();
            let (misplaced, rejected) = Rejected::all(rejected);
            let mut content = String::from_utf8_lossy(&self.get(load.file)).into_owned();
            misplaced.iter().for_each(|row| take_text_out(&mut content, load, row));
            let mut sheet = Sheet::read(content.as_bytes());
            sheet.take_out(load, &rejected);
            if kind.operation != "delete" {
                sheet.count(kind, &mut missing);
            }
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
        let files: Vec<_> = loads.iter().map(|load| load.file).collect();
        assert!(
            missing.is_empty(),
            "of {files:?}, {lost} rows are no {} and not rejected, and {too_many} of these are not in \
             the files, rejected too, or there too often, such as {:?}",
            kind.object,
            missing.first_key_value()
        );
    }
}

/// A row of a rejects file.
struct Rejected {
    cells: Vec<String>,
    /// Record, code and message.
    columns: Vec<String>,
}

impl Rejected {
    /// Those whose quotes are misplaced, whose text is one cell, and the others. No record comes twice.
    fn all(rows: Vec<Vec<String>>) -> (Vec<Self>, Vec<Self>) {
        let mut records = BTreeSet::new();
        let rejected = rows.into_iter().map(|mut cells| {
            let columns = cells.split_off(cells.len().saturating_sub(3));
            let [record, code, message] = &columns[..] else { panic!("no columns: {columns:?}") };
            assert!(!code.is_empty() && !message.is_empty(), "{columns:?}");
            assert!(records.insert(record.parse::<u64>().unwrap()), "twice: {columns:?}");
            Self { cells, columns }
        });
        rejected.partition(|row| row.columns[1] == "MISPLACED_QUOTE")
    }

    fn is_not_in(&self, load: &Load<'_>) -> ! {
        let Self { cells, columns } = self;
        panic!("{} has no such row, or not so often: {cells:?} {columns:?}", load.file)
    }
}

/// Takes whole lines out of a file that its quotes make unreadable to others.
fn take_text_out(content: &mut String, load: &Load<'_>, row: &Rejected) {
    let [text] = &row.cells[..] else { panic!("more than its text: {:?}", row.cells) };
    let is_line_end = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b'\r' | b'\n'));
    let bytes = content.as_bytes();
    let is_whole = |at: &usize| {
        is_line_end(at.checked_sub(1).map(|before| &bytes[before]))
            && is_line_end(bytes.get(at + text.len()))
    };
    let at = content.match_indices(text.as_str()).map(|(at, _)| at).find(is_whole);
    let at = at.unwrap_or_else(|| row.is_not_in(load));
    content.replace_range(at..at + text.len(), "");
}

/// A file, as somebody reads it who knows nothing of the product.
struct Sheet {
    columns: Vec<String>,
    /// How often each row is there.
    rows: Counted,
}

impl Sheet {
    fn read(content: &[u8]) -> Self {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content);
        let columns = cells(reader.byte_headers().unwrap());
        let mut rows = Counted::new();
        for row in reader.byte_records() {
            *rows.entry(cells(&row.unwrap())).or_default() += 1;
        }
        Self { columns, rows }
    }

    /// Takes rows out that are in the rejects file.
    fn take_out(&mut self, load: &Load<'_>, rejected: &[Rejected]) {
        for row in rejected {
            let there = self.rows.get_mut(&row.cells).filter(|count| **count > 0);
            let there = there.unwrap_or_else(|| row.is_not_in(load));
            *there -= 1;
        }
    }

    /// Adds the cells that a kind stores, for each row.
    fn count(&self, kind: &Kind, counted: &mut Counted) {
        let place = |column: &str| self.columns.iter().position(|name| name == column).unwrap();
        let places: Vec<usize> = kind.fields().iter().map(|(column, _)| place(column)).collect();
        for (row, times) in self.rows.iter().filter(|(_, times)| **times > 0) {
            let stored = |at: &usize| row.get(*at).cloned().unwrap_or_default();
            *counted.entry(places.iter().map(stored).collect()).or_default() += times;
        }
    }
}

/// What is no text becomes the same replacement on both sides.
fn cells(record: &csv::ByteRecord) -> Vec<String> {
    record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

#[test]
fn the_judge_sees_a_row_that_is_lost_there_twice_altered_or_in_two_places() {
    let pipeline = Pipeline::start();
    // A lead must have a last name, and the quote of the third row is not closed.
    let rows = [
        "E1,Ames,a@example.com,Acme\n",
        "E2,,b@example.com,Acme\n",
        "E5,\"Eve,e@example.com,Acme\n",
        "E3,Cy,,\"Acme, Inc\"\n",
    ];
    let file = |rows: &[&str]| format!("ExternalId,Name,Email,Company\n{}", rows.concat());
    pipeline.put(FILE, file(&rows));
    let _consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", "judged"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    pipeline.assert_every_row_is_where_it_belongs("judged", FILE);

    let [first, bad, open, last] = rows;
    let wrong: [(&str, &[&str], Option<&str>); 9] = [
        ("a row is lost", &[first, bad, open, last, "E4,Di,,Acme\n"], Some("judged")),
        ("a record has no row", &[first, bad, open], Some("judged")),
        ("a value is altered", &[first, bad, open, "E3,Cy,,\"Acme, Inc.\"\n"], Some("judged")),
        ("a row came twice and is there once", &[first, first, bad, open, last], Some("judged")),
        ("a rejected row is not of the file", &[first, open, last], Some("judged")),
        ("a text with an open quote is not of the file", &[first, bad, last], Some("judged")),
        ("such a text is altered", &[first, bad, "E5,\"Eva\n", last], Some("judged")),
        ("such a text came twice", &[first, bad, open, open, last], Some("judged")),
        ("a row is neither stored nor rejected", &rows, None),
    ];
    for (what, rows, run) in wrong {
        pipeline.put("other.csv", file(rows));
        let load = Load { file: "other.csv", run };
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pipeline.assert_every_row_is_in_its_place(&GENERATED, &[load]);
        }));
        assert!(judged.is_err(), "{what}, and nobody saw it");
    }
}
