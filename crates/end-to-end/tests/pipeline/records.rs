//! Files, and what Salesforce and a run's report say.

use std::fmt::Write as _;

use serde_json::Value;

use crate::pipeline::Pipeline;

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
}

/// Cells of one column, in the order of the file.
pub(crate) fn column(content: &[u8], name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(content);
    let place = reader.headers().unwrap().iter().position(|column| column == name).unwrap();
    reader.records().map(|row| row.unwrap()[place].to_owned()).collect()
}
