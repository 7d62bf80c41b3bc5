//! What is promised of order today: rows of one key *in one batch* are stored in the order of the
//! file, also when some of them are locked and sent again. Batches are delivered in any order, so
//! of a key in several batches the last row of any of them may stay; never a row before that, never
//! a value that is not in the file, and each row counts once.
//!
//! A register test: the values of a key are its versions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    kinds::LEADS,
    pipeline::{Pipeline, Report},
    processes::wait_until,
    records::column,
};

const KEYS: u64 = 20;
const ROWS: u64 = 6_000;
/// Of a run by Collections.
const BATCH_ROWS: usize = 200;
const FILE: &str = "versions.csv";

/// Every batch has a few versions of each key.
fn versions() -> String {
    let mut file = "Key,Name,Email,Company\n".to_owned();
    for row in 1..=ROWS {
        writeln!(file, "K-{},v{row},k@example.com,Registers", row * 7 % KEYS).unwrap();
    }
    file
}

/// By key, the last version in each batch.
fn last_versions(content: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let rows: Vec<_> = column(content, "Key").into_iter().zip(column(content, "Name")).collect();
    let mut last: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for batch in rows.chunks(BATCH_ROWS) {
        let of_batch: BTreeMap<_, _> = batch.iter().cloned().collect();
        for (key, version) in of_batch {
            last.entry(key).or_default().insert(version);
        }
    }
    last
}

#[test]
fn of_a_key_in_many_batches_the_last_version_of_one_of_them_stays_whatever_is_killed() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=30", "--latency-jitter-ms=60"]);
    pipeline.set_faults(&serde_json::json!({"rowLockPermille": 200, "rowLockTimes": 2}));
    pipeline.put(FILE, versions());
    let mut consumers = [(); 3].map(|()| LEADS.consumer(&pipeline));
    let sync = LEADS.sync(&pipeline, "versions", FILE);
    let delivered = || pipeline.shown("versions").and_then(|report| report["delivered"].as_u64());
    for (kill, at) in (1..).zip([ROWS / 10, ROWS / 4, ROWS / 2]) {
        wait_until("some more is delivered", || delivered() > Some(at));
        let victim = &mut consumers[kill % 3];
        std::mem::replace(victim, LEADS.consumer(&pipeline)).kill();
    }

    let ended = sync.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    let mut may_stay = last_versions(&pipeline.get(FILE));
    for lead in pipeline.records("Lead") {
        let [key, version] =
            ["External_Id__c", "LastName"].map(|field| lead[field].as_str().unwrap());
        let may_stay = may_stay.remove(key).unwrap_or_else(|| panic!("{key} is not in the file"));
        assert!(may_stay.contains(version), "{key} is {version}, and may be one of {may_stay:?}");
    }
    assert!(may_stay.is_empty(), "keys are lost: {may_stay:?}");
}
