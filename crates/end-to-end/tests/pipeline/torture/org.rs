//! What the org holds, by load and key.

use std::collections::BTreeMap;

use serde_json::Value;

use super::load::Load;
use crate::pipeline::Pipeline;

/// A record of the org.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The how-manieth of its object it was.
    pub(crate) number: u64,
    pub(crate) writes: u64,
    pub(crate) fields: Value,
}

#[derive(Debug)]
pub(crate) struct Org(BTreeMap<(Load, String), Vec<Stored>>);

impl Org {
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        let mut records: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for load in Load::ALL {
            let url = format!("{}/__sim/rows/{}", pipeline.salesforce_url, load.object());
            let text = reqwest::blocking::get(url).unwrap().text().unwrap();
            for line in text.lines() {
                let fields: Value = serde_json::from_str(line).unwrap();
                let key = fields[load.fields()[0]].as_str().unwrap_or_default().to_owned();
                let (number, writes) =
                    (record_number(fields["Id"].as_str().unwrap()), fields["_writes"].as_u64());
                let stored = Stored { number, writes: writes.unwrap(), fields };
                records.entry((load, key)).or_default().push(stored);
            }
        }
        Self(records)
    }

    pub(crate) fn take(&mut self, load: Load, key: &str) -> Vec<Stored> {
        self.0.remove(&(load, key.to_owned())).unwrap_or_default()
    }

    /// Keys of what nobody took.
    pub(crate) fn left(self) -> impl Iterator<Item = (Load, String)> {
        self.0.into_keys()
    }
}

/// Record ids of the simulator count upwards from 1, in the digits of Salesforce.
fn record_number(id: &str) -> u64 {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let value = |digit: u8| digits.iter().position(|known| *known == digit).unwrap() as u64;
    id.as_bytes()[6..15].iter().fold(0, |number, digit| number * 62 + value(*digit))
}
