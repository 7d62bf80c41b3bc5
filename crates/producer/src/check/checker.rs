//! What would become of the rows of a batch. Pure: it is done beside the reading.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ingest_core::{Batch, Dialect, Lines, Reject, reject_line};
use job_queue::kept_with;
use load::{CheckedRow, DecimalSign, InvalidRow, Lack, NumberForm, Plan, RequiredField};

use super::{
    faults::{Example, Faults, OfSalesforce},
    fingerprints::fingerprint,
    number_forms::NumberForms,
};

/// Characters of a column's name.
const COLUMN_MAX: usize = 40;

/// Salesforce's code of rows that lack what no record goes without.
const REQUIRED_FIELD_MISSING: &str = "REQUIRED_FIELD_MISSING";

/// Looks at batches.
pub(super) struct Checker {
    plan: Plan,
    dialect: Dialect,
    /// Which targets name other records, with their places in what is found.
    references: HashMap<usize, usize>,
    /// Columns of numbers, and the signs by which they are read.
    numbers: Vec<(usize, DecimalSign)>,
    /// Columns of dates.
    dates: Vec<usize>,
    /// Fields that no record goes without.
    required: Vec<RequiredField>,
    writes_rejects: bool,
}

/// What was found in a batch.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) records: u64,
    pub(super) rejected_by_code: BTreeMap<String, u64>,
    pub(super) faults: Faults,
    /// What Salesforce rejects rows for.
    pub(super) of_salesforce: OfSalesforce,
    /// Fingerprints of keys, each with the number of its record.
    pub(super) keys: Vec<(u64, u64)>,
    /// Fingerprints of values that name other records, by column.
    pub(super) references: Vec<Vec<u64>>,
    /// How numbers are written, by column.
    pub(super) numbers: Vec<NumberForms>,
    /// Whether there are dates with slashes, by column of dates.
    pub(super) slashes: Vec<bool>,
    /// On which lines its records are.
    pub(super) lines: Lines,
    /// Lines of the rejects file.
    pub(super) rejects: Vec<u8>,
}

impl Checker {
    /// By this plan, which is of a header in this dialect and fills these fields that no record goes without.
    pub(super) fn new(
        plan: Plan,
        required: Vec<RequiredField>,
        dialect: Dialect,
        writes_rejects: bool,
    ) -> Self {
        let numbers = plan.targets().enumerate().filter(|(_, (_, target))| target.is_reference());
        let references = numbers.map(|(number, _)| number).zip(0..).collect();
        let numbers = plan.numbers().map(|(_, column, sign)| (column, sign)).collect();
        let dates = plan.dates().map(|(_, column)| column).collect();
        Self { plan, dialect, references, numbers, dates, required, writes_rejects }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Numbers of the targets that name other records.
    pub(super) fn references(&self) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.references.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    /// Numbers of the targets whose dates have slashes.
    pub(super) fn with_slashes(&self, found: &[bool]) -> Vec<usize> {
        let found = self.plan.dates().zip(found).filter(|(_, has_slashes)| **has_slashes);
        found.map(|((number, _), _)| number).collect()
    }

    /// What is to be known of how numbers are written.
    pub(super) fn number_warnings(&self, found: &[NumberForms]) -> Vec<String> {
        let warning = |(forms, (number, _, sign)): (&NumberForms, (usize, _, DecimalSign))| {
            let (column, target) = self.plan.targets().nth(number)?;
            forms.warning(&service::shown(column, COLUMN_MAX), &target.field, sign)
        };
        found.iter().zip(self.plan.numbers()).filter_map(warning).collect()
    }

    pub(super) fn check(&self, batch: Batch) -> Checked {
        let mut checked = Checked {
            records: batch.records(),
            keys: Vec::with_capacity(batch.rows.len()),
            references: vec![Vec::new(); self.references.len()],
            numbers: vec![NumberForms::default(); self.numbers.len()],
            slashes: vec![false; self.dates.len()],
            lines: batch.lines,
            ..Checked::default()
        };
        let mut rejects = Vec::new();
        for reject in batch.rejects {
            checked.rejected_in_reading(&reject);
            if self.writes_rejects {
                rejects.push(reject);
            }
        }
        self.plan.check_rows(&batch.rows, |row| {
            for (forms, (column, sign)) in checked.numbers.iter_mut().zip(&self.numbers) {
                forms.add(row.cell(*column).map_or(NumberForm::Either, |cell| sign.form(cell)));
            }
            for (has_slashes, column) in checked.slashes.iter_mut().zip(&self.dates) {
                *has_slashes = *has_slashes || row.cell(*column).is_some_and(|it| it.contains('/'));
            }
            match row.invalid {
                None => self.ready(row, &mut checked),
                Some(invalid) => {
                    checked.rejected(row.record, invalid);
                    if self.writes_rejects {
                        rejects.push(as_reject(row, invalid));
                    }
                }
            }
        });
        rejects.sort_by_key(|reject| reject.record);
        for reject in &rejects {
            checked.rejects.extend_from_slice(&reject_line(self.dialect, &kept_with(reject)));
        }
        checked
    }

    fn ready(&self, row: &CheckedRow<'_>, checked: &mut Checked) {
        for field in &self.required {
            let Some(lack) = row.lacks(field) else { continue };
            let (record, lines, of_salesforce) =
                (row.record, &checked.lines, &mut checked.of_salesforce);
            let (faults, rule) = match lack {
                Lack::Emptied => (&mut of_salesforce.always, "the field is emptied"),
                Lack::NoValue => (&mut of_salesforce.always, "no value"),
                Lack::NoValueIfNew => (&mut of_salesforce.if_new, "no value"),
            };
            faults.add(REQUIRED_FIELD_MISSING, Some(field.target), || Example {
                record,
                line: lines.of(record).unwrap_or_default(),
                rule: rule.to_owned(),
            });
        }
        if let Some(key) = row.key() {
            checked.keys.push((fingerprint(&key), row.record));
        }
        for (target, value) in row.references() {
            if let Some(place) = self.references.get(&target) {
                checked.references[*place].push(fingerprint(&value));
            }
        }
    }
}

impl Checked {
    fn rejected_in_reading(&mut self, reject: &Reject) {
        self.count(&reject.code);
        let line = self.lines.of(reject.record).unwrap_or_default();
        self.faults.add(&reject.code, None, || Example {
            record: reject.record,
            line,
            rule: without_place(&reject.message).to_owned(),
        });
    }

    fn rejected(&mut self, record: u64, invalid: &InvalidRow) {
        let code = &invalid.reason.code;
        self.count(code);
        let line = self.lines.of(record).unwrap_or_default();
        let example = |rule: &str| Example { record, line, rule: rule.to_owned() };
        if invalid.cells.is_empty() {
            self.faults.add(code, None, || example(&invalid.reason.message));
        }
        for cell in &invalid.cells {
            self.faults.add(code, Some(cell.target), || example(&cell.rule));
        }
    }

    fn count(&mut self, code: &str) {
        match self.rejected_by_code.get_mut(code) {
            Some(rows) => *rows += 1,
            None => drop(self.rejected_by_code.insert(code.to_owned(), 1)),
        }
    }
}

/// As the consumer would write it.
fn as_reject(row: &CheckedRow<'_>, invalid: &InvalidRow) -> Reject {
    Reject {
        record: row.record,
        code: invalid.reason.code.clone(),
        message: invalid.reason.message.clone(),
        raw: Bytes::copy_from_slice(row.raw),
    }
}

/// The reason of a reader, which begins with record, line and byte.
fn without_place(message: &str) -> &str {
    let behind = message.strip_prefix("record ").and_then(|rest| rest.split_once("): "));
    behind.map_or(message, |(_place, reason)| reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ingest_core::{BatchLimits, Header, Ingest, IngestSettings};
    use load::{Describe, Load, LoadSettings};
    use serde_json::json;

    use super::*;

    fn describe() -> Describe {
        let field = |name: &str, field_type: &str, more: &str| {
            let mut field = json!({"name": name, "type": field_type, "createable": true,
                "updateable": true, "nillable": true});
            if more == "key" {
                field["externalId"] = true.into();
            }
            if more == "reference" {
                field["relationshipName"] = "Account".into();
                field["referenceTo"] = json!(["Account"]);
            }
            if more == "required" {
                field["nillable"] = false.into();
            }
            field
        };
        let described = json!({"name": "Contact", "createable": true, "updateable": true, "fields": [
            field("Key__c", "string", "key"), field("Seats__c", "int", ""),
            field("Born__c", "date", ""), field("AccountId", "reference", "reference"),
            field("Name", "string", "required"),
        ]});
        serde_json::from_value(described).unwrap()
    }

    /// What is found in a file of one batch.
    fn checked(text: &'static str) -> (Checker, Checked) {
        let settings = LoadSettings {
            object: Some("Contact".to_owned()),
            external_id: Some("Key__c".to_owned()),
            ..LoadSettings::default()
        };
        let mut ingest = Ingest::start(IngestSettings {
            delimiter: None,
            quote: b'"',
            escape: None,
            record_bytes_max: 1 << 20,
            batch: BatchLimits { rows_max: 1_000, bytes_max: 1 << 20 },
        });
        ingest.push(text.into());
        let batch = ingest.finish().unwrap().unwrap();
        let header: Header = ingest.header().unwrap().clone();
        let dialect = header.dialect();
        let mapping = Load::new(&settings).unwrap().mapping(describe(), BTreeMap::new()).unwrap();
        let plan = mapping.plan(header, BTreeMap::new()).unwrap();
        let required = mapping.required_with(&plan);
        let checker = Checker::new(plan, required, dialect, true);
        let checked = checker.check(batch);
        (checker, checked)
    }

    #[test]
    fn rows_are_counted_by_code_and_cells_by_column_and_the_first_of_each_are_named() {
        let (_, checked) = checked(
            "Key__c,Seats__c,Born__c\na,many,never\n\n\"b\n\",1,\nc,2\n,3,\nd,lots,\ne,much,\nf,more,\n",
        );

        assert_eq!(checked.records, 7);
        let codes = [("EXTERNAL_ID_MISSING", 1), ("FIELD_COUNT", 1), ("INVALID_VALUE", 4)];
        assert_eq!(
            checked.rejected_by_code,
            codes.map(|(code, rows)| (code.to_owned(), rows)).into()
        );
        let found: Vec<_> = checked
            .faults
            .iter()
            .map(|(code, target, fault)| {
                let places: Vec<_> =
                    fault.first.iter().map(|example| (example.record, example.line)).collect();
                (code, target, fault.rows, places)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("EXTERNAL_ID_MISSING", Some(0), 1, vec![(4, 7)]),
                ("FIELD_COUNT", None, 1, vec![(3, 6)]),
                ("INVALID_VALUE", Some(1), 4, vec![(1, 2), (5, 8), (6, 9)]),
                ("INVALID_VALUE", Some(2), 1, vec![(1, 2)]),
            ]
        );
        let rules: String = checked
            .faults
            .iter()
            .flat_map(|(_, _, fault)| fault.first.iter().map(|example| example.rule.clone()))
            .collect();
        assert!(rules.contains("found 2 fields, but the header has 3"), "{rules}");
        for value in ["many", "never", "lots"] {
            assert!(!rules.contains(value), "{rules}");
        }
    }

    #[test]
    fn rows_without_what_a_record_needs_are_named_but_not_counted_as_rejected() {
        let (_, checked) = checked("Key__c,Name,Seats__c\na,Ann,1\nb, ,2\nc,#N/A,\nd,,many\ne\n");

        let of_salesforce = &checked.of_salesforce;
        let [always, if_new] = [&of_salesforce.always, &of_salesforce.if_new].map(|faults| {
            let found = faults.iter().map(|(code, target, fault)| {
                let places = fault.first.iter().map(|at| (at.record, at.line, at.rule.as_str()));
                (code, target, fault.rows, places.collect::<Vec<_>>())
            });
            found.collect::<Vec<_>>()
        });
        let code = "REQUIRED_FIELD_MISSING";
        assert_eq!(always, [(code, Some(1), 1, vec![(3, 4, "the field is emptied")])]);
        assert_eq!(if_new, [(code, Some(1), 1, vec![(2, 3, "no value")])]);
        assert_eq!(checked.rejected_by_code.values().sum::<u64>(), 2, "of rows that are not sent");
    }

    #[test]
    fn keys_and_parents_are_those_of_rows_that_can_be_sent() {
        let id = "001000000000001AAA";
        let text = format!("Key__c,AccountId,Seats__c\nA,{id},1\na,,2\nb,{id},3\nc,{id},x\n");

        let (checker, checked) = checked(Box::leak(text.into_boxed_str()));

        let keys: Vec<u64> = checked.keys.iter().map(|(_, record)| *record).collect();
        assert_eq!(keys, [1, 2, 3]);
        assert_eq!(checked.keys[0].0, checked.keys[1].0, "an external id has no capitals");
        assert_eq!(checker.references(), [1]);
        assert_eq!(checked.references.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn numbers_that_look_like_thousands_are_named_with_the_setting() {
        let (checker, found) = checked("Key__c,Seats__c\na,1.000\nb,12.000\nc,500\n");
        let warnings = checker.number_warnings(&found.numbers);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("`Seats__c`") && warnings[0].contains("all 2 numbers"));
        assert!(warnings[0].contains("MAPPING_DECIMAL=comma"), "{warnings:?}");

        let (checker, found) = checked("Key__c,Seats__c\na,1.000\nb,12.0\n1.000,7\n");
        assert_eq!(checker.number_warnings(&found.numbers), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_dates_is_of_interest_where_there_are_slashes() {
        let (checker, found) = checked("Born__c,Key__c\n1815-12-10,a/b\n,b\n");
        assert_eq!(checker.with_slashes(&found.slashes), [0; 0]);

        let (checker, found) = checked("Key__c,Born__c\na,1815-12-10\nb,12/10/1815\nc,\n");
        assert_eq!(checker.with_slashes(&found.slashes), [1]);
    }

    #[test]
    fn rejects_are_written_in_the_order_of_the_file() {
        let (_, checked) = checked("Key__c,Seats__c\na,many\nb\nc,1\n,2\n");

        let lines = String::from_utf8(checked.rejects).unwrap();
        let starts: Vec<&str> =
            lines.lines().map(|line| line.split(",\"").next().unwrap()).collect();
        assert_eq!(
            starts,
            ["a,many,1,INVALID_VALUE", "b,2,FIELD_COUNT", ",2,4,EXTERNAL_ID_MISSING"]
        );
    }
}
