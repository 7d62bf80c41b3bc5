//! What is wrong with rows, by code and by column, with the first rows of each.

use std::collections::BTreeMap;

use serde::Serialize;

/// Rows that are named of one fault.
const EXAMPLES_MAX: usize = 3;

/// Rows that are named of all faults together: a header may have thousands of columns.
const ALL_EXAMPLES_MAX: usize = 300;

/// What is wrong with rows.
#[derive(Debug, Default)]
pub(super) struct Faults {
    by_code: BTreeMap<String, BTreeMap<Option<usize>, Fault>>,
    examples: usize,
}

/// What Salesforce rejects rows for that are sent, unless a trigger puts it right.
#[derive(Debug, Default)]
pub(super) struct OfSalesforce {
    pub(super) always: Faults,
    /// For rows that make a new record.
    pub(super) if_new: Faults,
}

impl OfSalesforce {
    /// Adds those of later rows.
    pub(super) fn append(&mut self, later: Self) {
        self.always.append(later.always);
        self.if_new.append(later.if_new);
    }
}

/// One thing that is wrong with rows.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// Rows that have it.
    pub(super) rows: u64,
    /// The first of them.
    pub(super) first: Vec<Example>,
}

/// A row that has a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Example {
    pub(super) record: u64,
    /// The physical line on which it starts.
    pub(super) line: u64,
    /// What is wrong with it; never its value.
    pub(super) rule: String,
}

impl Faults {
    /// Adds a row with this code: for a cell of a target, or for the row as a whole.
    pub(super) fn add(
        &mut self,
        code: &str,
        target: Option<usize>,
        example: impl FnOnce() -> Example,
    ) {
        let examples = self.examples;
        let fault = self.fault(code, target);
        fault.rows += 1;
        if fault.first.len() < EXAMPLES_MAX && examples < ALL_EXAMPLES_MAX {
            fault.first.push(example());
            self.examples += 1;
        }
    }

    /// Adds those of later rows.
    pub(super) fn append(&mut self, later: Self) {
        for (code, by_target) in later.by_code {
            for (target, fault) in by_target {
                let examples = self.examples;
                let own = self.fault(&code, target);
                own.rows += fault.rows;
                let room = (EXAMPLES_MAX - own.first.len()).min(ALL_EXAMPLES_MAX - examples);
                let before = own.first.len();
                own.first.extend(fault.first.into_iter().take(room));
                let added = own.first.len() - before;
                self.examples += added;
            }
        }
    }

    /// All of them, by code and by target.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<usize>, &Fault)> {
        self.by_code.iter().flat_map(|(code, by_target)| {
            by_target.iter().map(|(target, fault)| (code.as_str(), *target, fault))
        })
    }

    fn fault(&mut self, code: &str, target: Option<usize>) -> &mut Fault {
        if !self.by_code.contains_key(code) {
            self.by_code.insert(code.to_owned(), BTreeMap::new());
        }
        let by_target = self.by_code.get_mut(code).expect("it was put there");
        by_target.entry(target).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(records: std::ops::RangeInclusive<u64>, targets: usize) -> Faults {
        let mut faults = Faults::default();
        for record in records {
            for target in 0..targets {
                let line = record + 1;
                faults.add("INVALID_VALUE", Some(target), || Example {
                    record,
                    line,
                    rule: "longer than 5 characters".to_owned(),
                });
            }
        }
        faults
    }

    #[test]
    fn the_first_rows_are_named_whoever_found_them() {
        let mut all = faults(1..=2, 1);
        all.append(faults(3..=9, 1));

        let [(code, target, fault)] = all.iter().collect::<Vec<_>>()[..] else { panic!("{all:?}") };

        let records: Vec<u64> = fault.first.iter().map(|example| example.record).collect();
        assert_eq!((code, target, fault.rows), ("INVALID_VALUE", Some(0), 9));
        assert_eq!(records, [1, 2, 3]);
    }

    #[test]
    fn however_many_columns_there_are_rows_that_are_named_are_few() {
        let mut all = Faults::default();
        for _ in 0..3 {
            all.append(faults(1..=5, 1_000));
        }

        let examples: usize = all.iter().map(|(_, _, fault)| fault.first.len()).sum();
        let rows: u64 = all.iter().map(|(_, _, fault)| fault.rows).sum();
        assert_eq!((examples, rows), (ALL_EXAMPLES_MAX, 15_000));
    }
}
