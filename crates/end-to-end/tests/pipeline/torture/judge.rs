//! Who knows what must have become of each row.

use std::collections::{BTreeMap, BTreeSet};

use generate_upload::row;
use serde_json::Value;

use super::{harm::Tally, plan::Plan};
use crate::pipeline::Pipeline;

/// How often rows were stored beyond the first time, and how often they may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Duplicates {
    pub(crate) found: u64,
    pub(crate) window: u64,
}

/// Every row of the generated file is where it must be, by its value; the ledger is
/// closed; the run proves itself; no row was stored again without a reason.
pub(crate) fn judge(pipeline: &Pipeline, plan: &Plan, run: &str, tally: &Tally) -> Duplicates {
    let mut leads = pipeline.leads();
    let writes: u64 = leads.values().map(|lead| lead["_writes"].as_u64().unwrap()).sum();
    let found = writes - leads.len() as u64;
    let mut rejects = rejected(pipeline, run);
    let rejected = rejects.len() as u64;
    for index in 0..plan.rows {
        let row = row(plan.seed, index, plan.shape);
        let [id, last_name, email, company] = row.fields();
        if row.is_bad() {
            assert!(rejects.remove(&id), "bad row {id} is not rejected");
            assert!(!leads.contains_key(&id), "bad row {id} is stored");
            continue;
        }
        let lead = leads.remove(&id).unwrap_or_else(|| panic!("row {id} is lost"));
        let stored = ["LastName", "Email", "Company"].map(|field| lead[field].as_str());
        assert_eq!(stored, [&last_name, &email, &company].map(|cell| Some(cell.as_str())), "{id}");
    }
    assert_eq!(
        (leads, rejects),
        (BTreeMap::new(), BTreeSet::new()),
        "rows that are not in the file"
    );

    pipeline.report(run).assert_it_adds_up(plan.rows);
    let proven = pipeline.program("producer", &["verify", run, "--json"]).end();
    assert_eq!(proven.code, Some(0), "{proven:?}");
    let proof: Value = serde_json::from_str(&proven.stdout).unwrap();
    assert_eq!((&proof["proven"], &proof["rejected"]), (&true.into(), &rejected.into()), "{proof}");

    let window = window(pipeline, plan, tally);
    assert!(found <= window, "{found} rows were stored again, {window} may be: {tally:?}");
    Duplicates { found, window }
}

/// Ids in the rejects file, each of which is there once.
fn rejected(pipeline: &Pipeline, run: &str) -> BTreeSet<String> {
    if pipeline.report(run).number("rejected") == 0 {
        return BTreeSet::new();
    }
    let mut ids = BTreeSet::new();
    for row in pipeline.rejects(run) {
        assert!(ids.insert(row[0].clone()), "a row is twice in the rejects file: {row:?}");
    }
    ids
}

/// The rows that were under way when something broke between Salesforce's answer
/// and its record.
fn window(pipeline: &Pipeline, plan: &Plan, tally: &Tally) -> u64 {
    let counts = pipeline.salesforce_state();
    let faults = ["answerLost", "answerCut", "wrongCount"];
    let answers: u64 = faults.iter().filter_map(|name| counts["faults"][name].as_u64()).sum();
    let batches = tally.consumers_broken * plan.concurrency + tally.batches_forgotten + answers;
    batches * plan.batch_rows
}
