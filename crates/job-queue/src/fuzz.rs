//! What must hold for any bytes at all that Redis may hold. The fuzz target in `fuzz/` calls this
//! function, and the test below replays the corpus through it.

use std::collections::{BTreeMap, HashMap};

use crate::ledger::{Entry, read_series};

/// Lines `field=value` are a run's entry, and its counts over time: it is read, or refused by the
/// name of a field; and what is shown of it adds up.
pub fn ledger(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let fields: HashMap<String, Vec<u8>> = lines
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            Some((String::from_utf8_lossy(&line[..at]).into_owned(), line[at + 1..].to_vec()))
        })
        .collect();
    let number = |value: &Vec<u8>| std::str::from_utf8(value).ok()?.parse().ok();
    let counts = fields.iter().filter_map(|(name, value)| Some((name.clone(), number(value)?)));
    assert!(read_series(&counts.collect()).buckets.len() <= 96);

    let run = "fuzzed".parse().expect("it is a run id");
    let entry = Entry {
        run: &run,
        fields,
        rejected_by_code: BTreeMap::new(),
        feeder_alive: bytes.len().is_multiple_of(2),
        now_ms: 1_795_440_000_000,
    };
    match entry.read() {
        Ok(ledger) => {
            let open = ledger.unfinished() + ledger.cancelled();
            let done = ledger.delivered().saturating_add(ledger.rejected);
            assert_eq!(open, ledger.read.saturating_sub(done));
            assert_eq!(ledger.resume_point.byte, ledger.bytes_fed);
        }
        Err(error) => assert!(error.to_string().contains("fuzzed"), "{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::ledger;

    #[test]
    fn entries_of_the_corpus_are_read_or_refused() {
        test_support::replay_corpus("ledger", 5, ledger);
    }
}
