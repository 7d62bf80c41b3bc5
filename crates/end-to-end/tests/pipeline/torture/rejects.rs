//! What is in the rejects files of a run: all parts of them, `rejects/<run>.csv`,
//! `rejects/<run>.2.csv` and so on.

use super::services::Services;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reject {
    /// As they came.
    pub(crate) cells: Vec<String>,
    /// Which record of the file it was, from 1.
    pub(crate) record: u64,
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rejects {
    pub(crate) rows: Vec<Reject>,
    pub(crate) parts: u32,
    /// Lines that cannot be such.
    pub(crate) odd: Vec<String>,
}

impl Rejects {
    pub(crate) fn of(services: &Services, run: &str) -> Self {
        let mut all = Self::default();
        for part in 1.. {
            let name = match part {
                1 => format!("rejects/{run}.csv"),
                part => format!("rejects/{run}.{part}.csv"),
            };
            let Some(content) = services.blob(&name) else { break };
            all.parts = part;
            all.read(&content);
        }
        all
    }

    fn read(&mut self, content: &[u8]) {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content);
        for record in reader.records() {
            let read = record.map_err(|error| error.to_string()).and_then(|record| {
                let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
                let odd = format!("{record:?}");
                let message = cells.pop().ok_or_else(|| odd.clone())?;
                let code = cells.pop().ok_or_else(|| odd.clone())?;
                let record = cells.pop().and_then(|number| number.parse().ok()).ok_or(odd)?;
                Ok(Reject { cells, record, code, message })
            });
            match read {
                Ok(reject) => self.rows.push(reject),
                Err(odd) => self.odd.push(odd),
            }
        }
    }
}
