//! Who says what must have become of each row: by the file as `csv` reads it and by the records
//! of the org, and by nothing that wrote either.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    desk::{number, text},
    fault::{Faults, Kind},
    load::{COLUMNS, Load},
    org::{Org, Stored},
    plan::Fate,
    rejects::{Reject, Rejects},
    run::Run,
    services::Services,
};

/// What is left of rows that a call with an unknown outcome had: they may be stored or not.
const UNKNOWN: &str = "UNKNOWN_OUTCOME";

/// What became of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) rejected: u64,
    /// Rejected, for a call of theirs got no answer.
    pub(crate) unknown: u64,
    /// Of what is upserted: how often rows were written beyond the first time.
    pub(crate) written_again: u64,
    /// Of what is inserted: the records after which the same row was stored once more.
    pub(crate) inserted_again: Vec<u64>,
}

/// Looks at one run; what is in `org` of it is taken out. Whether Redis forgot something matters to
/// what was cancelled.
pub(crate) fn judge(
    services: &Services,
    run: &Run,
    has_forgotten: bool,
    org: &mut Org,
    faults: &mut Faults,
) -> Verdict {
    let content = services.blob(&run.plan.file).unwrap();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&content[..]);
    let records: Vec<Vec<String>> = reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let mut judge = Judge { run, faults, verdict: Verdict::default() };
    if records.len() as u64 != run.plan.shape.rows {
        judge.fault(Kind::WrongFile, format!("{} records", records.len()));
    }
    let rejects = judge.rejects(services, &records);
    let delivered = judge.rows(&records, &rejects, org);
    if run.plan.fate == Fate::Mismatch {
        judge.misfit();
    } else if !run.is_given_up {
        judge.ledger(delivered, records.len() as u64);
        judge.count_rejects(&rejects, has_forgotten);
    }
    if run.status() == "completed" && !run.is_given_up {
        judge.proof(services);
    }
    judge.verdict
}

struct Judge<'a> {
    run: &'a Run,
    faults: &'a mut Faults,
    verdict: Verdict,
}

impl Judge<'_> {
    fn fault(&mut self, kind: Kind, detail: impl std::fmt::Display) {
        self.faults.add(&self.run.id, kind, detail);
    }

    /// By record number; each line is of a row of the file, as it stands there, once.
    fn rejects(&mut self, services: &Services, records: &[Vec<String>]) -> BTreeMap<u64, Reject> {
        let rejects = Rejects::of(services, &self.run.id);
        for odd in &rejects.odd {
            self.fault(Kind::WrongReject, odd);
        }
        let mut by_record = BTreeMap::new();
        for reject in rejects.rows {
            self.verdict.rejected += 1;
            let at = usize::try_from(reject.record).unwrap_or_default();
            if at.checked_sub(1).and_then(|at| records.get(at)) != Some(&reject.cells) {
                self.fault(Kind::WrongReject, format!("{reject:.200?}"));
            }
            let (record, parts) = (reject.record, rejects.parts);
            if let Some(before) = by_record.insert(record, reject) {
                let detail = format!("record {record} ({}), {parts} files", before.code);
                self.fault(Kind::RejectedTwice, detail);
            }
        }
        by_record
    }

    /// Gives how many rows are stored and not rejected.
    fn rows(
        &mut self,
        records: &[Vec<String>],
        rejects: &BTreeMap<u64, Reject>,
        org: &mut Org,
    ) -> u64 {
        let is_complete = self.run.status() == "completed" && !self.run.is_given_up;
        let mut delivered = 0;
        for (cells, number) in records.iter().zip(1u64..) {
            let key = &cells[0];
            let stored = self.stored(key, org);
            let (reject, defect) = (rejects.get(&number), defect(cells));
            match (stored.is_empty(), reject, defect) {
                (false, None, None) => delivered += 1,
                (_, Some(_), Some(_)) | (true, None, Some(_)) if stored.is_empty() => {
                    if reject.is_none() && is_complete {
                        self.fault(Kind::NotRejected, format!("record {number}"));
                    }
                }
                (true, None, None) if is_complete => {
                    self.fault(Kind::Lost, format!("record {number}, key {key}"));
                }
                (true, None, None) => {}
                (_, Some(reject), None) => self.rejected_in_vain(reject),
                (_, _, Some(defect)) => {
                    self.fault(Kind::BadRowStored, format!("record {number}: {defect}"));
                }
            }
            for record in &stored {
                self.values(number, cells, record);
            }
            self.count_again(&stored);
        }
        delivered
    }

    /// Its records, of which none may be in an object that is not the run's.
    fn stored(&mut self, key: &str, org: &mut Org) -> Vec<Stored> {
        let mut of_load = Vec::new();
        for load in Load::ALL {
            let stored = org.take(load, key);
            if load == self.run.plan.load {
                of_load = stored;
            } else if !stored.is_empty() {
                let object = load.object();
                self.fault(Kind::WrongLoad, format!("{key} is stored as {object}"));
            }
        }
        of_load
    }

    fn rejected_in_vain(&mut self, reject: &Reject) {
        match reject.code.as_str() {
            UNKNOWN if self.run.plan.load.inserts() => self.verdict.unknown += 1,
            "POISON_BATCH" => self.fault(Kind::Poisoned, format!("record {}", reject.record)),
            code => {
                let detail = format!("record {}: {code} {:.100}", reject.record, reject.message);
                self.fault(Kind::RejectedInVain, detail);
            }
        }
    }

    fn values(&mut self, number: u64, cells: &[String], stored: &Stored) {
        let fields = self.run.plan.load.fields();
        for ((column, field), cell) in COLUMNS.iter().zip(fields).zip(cells) {
            let value = stored.fields[field].as_str().unwrap_or_default();
            if value != cell {
                let detail = format!("record {number}, {column}: {value:.60?}, not {cell:.60?}");
                self.fault(Kind::WrongValue, detail);
            }
        }
    }

    fn count_again(&mut self, stored: &[Stored]) {
        self.verdict.written_again += stored.iter().map(|record| record.writes - 1).sum::<u64>();
        let mut numbers: Vec<u64> = stored.iter().map(|record| record.number).collect();
        numbers.sort_unstable();
        // All but the last were stored without that being known.
        numbers.pop();
        self.verdict.inserted_again.extend(numbers);
    }

    /// It may also be held; it has a reason.
    fn misfit(&mut self) {
        let report = &self.run.report;
        let has_reason = !text(report, "reason").is_empty() || !report["held"].is_null();
        if !matches!(self.run.status(), "failed" | "held") || !has_reason {
            self.fault(Kind::EndedOtherwise, format!("a misfit: {report}"));
        }
    }

    fn ledger(&mut self, delivered: u64, rows: u64) {
        let report = &self.run.report;
        let figures = ["read", "delivered", "rejected", "cancelled", "unfinished"];
        let [read, told, rejected, cancelled, unfinished] =
            figures.map(|figure| number(report, figure));
        let is_complete = self.run.status() == "completed";
        let adds_up = match self.run.status() {
            "completed" => read == rows && told + rejected == rows,
            "cancelled" => {
                self.run.plan.fate == Fate::Cancelled && told + rejected + cancelled == read
            }
            _ => false,
        };
        if !adds_up || unfinished > 0 {
            self.fault(Kind::LedgerOpen, format!("{rows} rows: {report}"));
        }
        // A cancelled run may have stored rows whose outcome nobody heard.
        if if is_complete { delivered != told } else { delivered < told } {
            let detail = format!("{delivered} rows are stored, the ledger says {told}");
            self.fault(Kind::DeliveredMiscounted, detail);
        }
    }

    /// All of them, and of each code.
    fn count_rejects(&mut self, rejects: &BTreeMap<u64, Reject>, has_forgotten: bool) {
        let report = &self.run.report;
        let mut there: BTreeMap<&str, u64> = BTreeMap::new();
        for reject in rejects.values() {
            *there.entry(&reject.code).or_default() += 1;
        }
        // What was rejected and written, then forgotten by Redis and then cancelled, is in the
        // file, and counts as cancelled.
        let may_be_more = has_forgotten && self.run.status() == "cancelled";
        let differs = |there: u64, told: u64| there < told || there > told && !may_be_more;
        let (all, told) = (rejects.len() as u64, number(report, "rejected"));
        if differs(all, told) {
            self.fault(
                Kind::RejectsMiscounted,
                format!("{all} in the files, {told} in the ledger"),
            );
        }
        for (code, there) in there {
            let told = report["rejectedByCode"][code].as_u64().unwrap_or_default();
            if differs(there, told) {
                let detail = format!("{code}: {there} in the files, {told} in the ledger");
                self.fault(Kind::RejectsMiscounted, detail);
            }
        }
    }

    fn proof(&mut self, services: &Services) {
        let arguments = ["verify", &self.run.id, "--json"];
        let ended = services.pipeline.program("producer", &arguments).end();
        let proof: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        if ended.code != Some(0) || proof["proven"] != true {
            self.fault(Kind::Unproven, format!("{:?} {proof} {:.300}", ended.code, ended.stderr));
        }
    }
}

/// Why Salesforce refuses a row, if it does; see the fields in `load.rs` and the standard Lead.
fn defect(cells: &[String]) -> Option<&'static str> {
    let [_, last_name, email, company, _] = cells else { return Some("not five cells") };
    match () {
        () if last_name.is_empty() => Some("no last name"),
        () if company.is_empty() => Some("no company"),
        () if last_name.chars().count() > 80 => Some("the last name is too long"),
        () if company.chars().count() > 255 => Some("the company is too long"),
        () if !email.is_empty() && !email.contains('@') => Some("no e-mail address"),
        () => None,
    }
}
