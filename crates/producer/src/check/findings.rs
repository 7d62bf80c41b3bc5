//! What a check found, as people and programs see it.

use std::{collections::BTreeMap, time::Instant};

use blob_store::BlobProperties;
use ingest_core::RejectCode;
use job_queue::LoadSummary;
use load::Plan;
use serde::Serialize;

use super::{
    checker::Checker,
    faults::{Example, Faults, OfSalesforce},
    totals::Totals,
};

/// What a check found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Findings {
    pub(super) file: String,
    pub(super) file_bytes: u64,
    pub(super) load: LoadSummary,
    /// Who said what the objects are like: the org, or a file.
    pub(super) described_by: String,
    /// Why the run would fail as a whole; then nothing was counted.
    pub(super) misfit: Option<String>,
    #[serde(flatten)]
    pub(super) counted: Option<Count>,
    /// Columns that are not sent.
    pub(super) columns_not_mapped: Vec<String>,
    /// Fields that a new record needs, and that no column fills.
    pub(super) required_without_column: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) duration_ms: u64,
    pub(super) peak_memory_bytes: Option<u64>,
}

/// What was counted in the file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Count {
    pub(super) rows: u64,
    /// Rows that would be rejected before they are sent.
    pub(super) rejected: u64,
    pub(super) rejected_by_code: BTreeMap<String, u64>,
    /// The same by column. A row counts for each of its columns that has a fault.
    pub(super) rejects: Vec<Rejects>,
    /// What Salesforce rejects rows for, unless a trigger puts it right; they are not counted as
    /// rejected.
    pub(super) rejected_by_salesforce: Vec<BySalesforce>,
    /// Lines of delimiters and blanks, which are no rows.
    pub(super) lines_without_data: u64,
    /// `None` where rows have no key.
    pub(super) keys: Option<Keys>,
    pub(super) parents: Vec<Parents>,
}

/// Rows that would be rejected for one reason.
#[derive(Debug, Serialize)]
pub(super) struct Rejects {
    pub(super) code: String,
    /// Nothing when it is the row as a whole.
    pub(super) column: Option<String>,
    pub(super) field: Option<String>,
    pub(super) rows: u64,
    /// The first of them.
    pub(super) first: Vec<Example>,
}

/// Rows that would be rejected for one reason once they are sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BySalesforce {
    #[serde(flatten)]
    pub(super) rejects: Rejects,
    /// Whether only those are that make a new record.
    pub(super) if_new: bool,
}

/// What the column says by which rows find their records.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keys {
    pub(super) column: String,
    pub(super) field: String,
    /// Rows without one; they are rejected.
    pub(super) empty: u64,
    /// Rows whose key an earlier row has as well: of two, the later one is stored last, or not.
    pub(super) repeated: u64,
    /// As many of them were seen.
    pub(super) repeated_at_least: u64,
    #[serde(flatten)]
    pub(super) method: Method,
    /// The first of them.
    pub(super) first: Vec<Place>,
}

/// What rows refer to by one column.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parents {
    pub(super) column: String,
    /// Such as `AccountId`, or `Account.ErpKey__c`.
    pub(super) field: String,
    /// Rows that refer to a record.
    pub(super) rows: u64,
    /// Different records that they refer to.
    pub(super) records: u64,
    #[serde(flatten)]
    pub(super) method: Method,
}

/// How values were compared.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Method {
    /// Whether all were; else the figures are estimates.
    pub(super) is_counted: bool,
    /// Values were compared by fingerprints of so many bits.
    pub(super) fingerprint_bits: u32,
    /// Of so many different values, one was looked at in the end.
    pub(super) one_in: u64,
}

/// Where a row is.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) record: u64,
    pub(super) line: u64,
}

impl Findings {
    /// What is known before the file is read.
    pub(super) fn before(blob: &BlobProperties, load: LoadSummary, described_by: String) -> Self {
        Self {
            file: blob.name.clone(),
            file_bytes: blob.bytes,
            load,
            described_by,
            misfit: None,
            counted: None,
            columns_not_mapped: Vec::new(),
            required_without_column: Vec::new(),
            warnings: Vec::new(),
            duration_ms: 0,
            peak_memory_bytes: None,
        }
    }

    /// Of a program that does nothing else.
    pub(super) fn took(&mut self, begun: Instant) {
        self.lasted(begun);
        self.peak_memory_bytes = service::peak_resident_bytes();
    }

    pub(crate) fn lasted(&mut self, begun: Instant) {
        self.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    }
}

impl Count {
    /// Whether there are rows that would be rejected, whatever records there are.
    pub(super) fn has_rejects(&self) -> bool {
        self.rejected > 0 || self.rejected_by_salesforce.iter().any(|found| !found.if_new)
    }

    pub(super) fn of(totals: &Totals, checker: &Checker, lines_without_data: u64) -> Self {
        let plan = checker.plan();
        let parents = checker.references().into_iter().zip(totals.references());
        let parents = parents.filter_map(|(number, (rows, counted))| {
            let (column, field) = named(plan, number)?;
            let (column, field) = (column.to_owned(), field.to_owned());
            let (records, method) = (counted.different, Method::of(counted.one_in));
            Some(Parents { column, field, rows, records, method })
        });
        Self {
            rows: totals.records,
            rejected: totals.rejected(),
            rejected_by_code: totals.rejected_by_code.clone(),
            rejects: rejects(&totals.faults, plan),
            rejected_by_salesforce: by_salesforce(&totals.of_salesforce, plan),
            lines_without_data,
            keys: keys(totals, plan),
            parents: parents.collect(),
        }
    }
}

/// By code and column, the most frequent first.
fn rejects(faults: &Faults, plan: &Plan) -> Vec<Rejects> {
    let rejects = faults.iter().map(|(code, target, fault)| {
        let target = target.and_then(|number| named(plan, number));
        Rejects {
            code: code.to_owned(),
            column: target.map(|(column, _)| column.to_owned()),
            field: target.map(|(_, field)| field.to_owned()),
            rows: fault.rows,
            first: fault.first.clone(),
        }
    });
    let mut rejects: Vec<Rejects> = rejects.collect();
    rejects.sort_by_key(|rejects| std::cmp::Reverse(rejects.rows));
    rejects
}

/// Those that are rejected in any case first.
fn by_salesforce(faults: &OfSalesforce, plan: &Plan) -> Vec<BySalesforce> {
    let with = |faults, if_new| {
        rejects(faults, plan).into_iter().map(move |rejects| BySalesforce { rejects, if_new })
    };
    with(&faults.always, false).chain(with(&faults.if_new, true)).collect()
}

fn keys(totals: &Totals, plan: &Plan) -> Option<Keys> {
    let (column, key) = plan.targets().find(|(_, target)| target.is_key)?;
    let counted = totals.keys();
    let place = |(record, line): &(u64, u64)| Place { record: *record, line: *line };
    Some(Keys {
        column: column.to_owned(),
        field: key.field.clone(),
        empty: totals
            .rejected_by_code
            .get(RejectCode::ExternalIdMissing.as_str())
            .copied()
            .unwrap_or_default(),
        repeated: counted.again,
        repeated_at_least: counted.again_at_least,
        method: Method::of(counted.one_in),
        first: totals.first_repeated.iter().map(place).collect(),
    })
}

impl Method {
    fn of(one_in: u64) -> Self {
        Self { is_counted: one_in == 1, fingerprint_bits: u64::BITS, one_in }
    }
}

/// Column and field of a target.
fn named(plan: &Plan, number: usize) -> Option<(&str, &str)> {
    plan.targets().nth(number).map(|(column, target)| (column, target.field.as_str()))
}
