//! What was found in the batches of a file so far.

use std::collections::BTreeMap;

use super::{
    checker::Checked,
    faults::{Faults, OfSalesforce},
    fingerprints::{Counted, Fingerprints},
    number_forms::NumberForms,
};

/// Keys that are compared with all before them, in 16 MiB.
const KEYS_MAX: usize = 1_500_000;

/// The same of what rows refer to, for all columns together.
const REFERENCES_MAX: usize = 390_000;

/// Fingerprints that are looked for together.
const AT_ONCE: usize = 32;

/// Rows that are named of those that repeat a key.
const EXAMPLES_MAX: usize = 3;

/// What was found in the batches of a file so far.
pub(super) struct Totals {
    pub(super) records: u64,
    pub(super) rejected_by_code: BTreeMap<String, u64>,
    pub(super) faults: Faults,
    pub(super) of_salesforce: OfSalesforce,
    keys: Fingerprints,
    /// Record and line of the first rows that repeat a key.
    pub(super) first_repeated: Vec<(u64, u64)>,
    references: Vec<Referred>,
    /// How numbers are written, by column.
    pub(super) numbers: Vec<NumberForms>,
    /// Whether there are dates with slashes, by column of dates.
    pub(super) slashes: Vec<bool>,
}

/// What rows refer to by one column.
struct Referred {
    rows: u64,
    values: Fingerprints,
}

impl Totals {
    /// Of files with so many columns that name other records.
    pub(super) fn new(references: usize) -> Self {
        let values_max = REFERENCES_MAX / references.max(1);
        let referred = || Referred { rows: 0, values: Fingerprints::new(values_max) };
        Self {
            records: 0,
            rejected_by_code: BTreeMap::new(),
            faults: Faults::default(),
            of_salesforce: OfSalesforce::default(),
            keys: Fingerprints::new(KEYS_MAX),
            first_repeated: Vec::new(),
            references: std::iter::repeat_with(referred).take(references).collect(),
            numbers: Vec::new(),
            slashes: Vec::new(),
        }
    }

    /// Adds the next batch of the file.
    pub(super) fn add(&mut self, checked: Checked) {
        self.records += checked.records;
        for (code, rows) in checked.rejected_by_code {
            *self.rejected_by_code.entry(code).or_default() += rows;
        }
        self.faults.append(checked.faults);
        self.of_salesforce.append(checked.of_salesforce);
        self.numbers.resize(checked.numbers.len(), NumberForms::default());
        for (forms, later) in self.numbers.iter_mut().zip(checked.numbers) {
            forms.append(later);
        }
        self.slashes.resize(checked.slashes.len(), false);
        for (has_slashes, later) in self.slashes.iter_mut().zip(checked.slashes) {
            *has_slashes |= later;
        }
        for keys in checked.keys.chunks(AT_ONCE) {
            self.keys.expect(keys.iter().map(|(fingerprint, _)| *fingerprint));
            for (fingerprint, record) in keys {
                if self.keys.add(*fingerprint) && self.first_repeated.len() < EXAMPLES_MAX {
                    let line = checked.lines.of(*record).unwrap_or_default();
                    self.first_repeated.push((*record, line));
                }
            }
        }
        for (referred, values) in self.references.iter_mut().zip(checked.references) {
            referred.rows += values.len() as u64;
            for values in values.chunks(AT_ONCE) {
                referred.values.expect(values.iter().copied());
                for fingerprint in values {
                    referred.values.add(*fingerprint);
                }
            }
        }
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected_by_code.values().sum()
    }

    pub(super) fn keys(&self) -> Counted {
        self.keys.counted()
    }

    /// Rows that refer to something, and to what, by column.
    pub(super) fn references(&self) -> impl Iterator<Item = (u64, Counted)> {
        self.references.iter().map(|referred| (referred.rows, referred.values.counted()))
    }
}
