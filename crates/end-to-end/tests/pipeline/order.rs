//! What is promised of order today: rows of one key *in one batch* are stored in the order of the
//! file, also when some of them are locked and sent again. Batches are delivered in any order, so
//! of a key in several batches the last row of any of them may stay; never a row before that, never
//! a value that is not in the file, and each row counts once. A batch that goes by Bulk is no other.
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

/// So many rows of one key.
const EQUAL: u64 = 300;

/// What goes wrong with a load of rows of one key by Bulk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    None,
    /// The consumer is killed in the midst of the calls that follow the job.
    Kill,
    /// The row of the job is locked.
    Lock,
}

/// Loads rows of one key by Bulk, in so many jobs.
fn equal_keys_by_bulk(mishap: Mishap, jobs: u64) {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=10"]);
    pipeline.set("SALESFORCE_API", "bulk");
    pipeline.set("QUEUE_LEASE", "1s");
    let mut file = "Key,Name,Email,Company\n".to_owned();
    for row in 1..=EQUAL {
        writeln!(file, "K-1,v{row},k@example.com,Registers").unwrap();
    }
    pipeline.put(FILE, file);
    if mishap == Mishap::Lock {
        pipeline.set_faults(&serde_json::json!({"rowLockPermille": 1000, "rowLockTimes": 1}));
    }
    let consumer = LEADS.consumer(&pipeline);
    let sync = LEADS.sync(&pipeline, "equal", FILE);
    let writes = || {
        let records = pipeline.records("Lead");
        records.first().and_then(|lead| lead["_writes"].as_u64()).unwrap_or_default()
    };
    let mut next = None;
    if mishap == Mishap::Kill {
        wait_until("some of them are sent", || writes() > EQUAL / 3);
        consumer.kill();
        next = Some(LEADS.consumer(&pipeline));
    }

    let ended = sync.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(EQUAL);
    assert_eq!((report.number("created"), report.number("updated")), (1, EQUAL - 1));
    let leads = pipeline.records("Lead");
    let last = format!("v{EQUAL}");
    assert_eq!((leads.len(), leads[0]["LastName"].as_str()), (1, Some(&*last)), "{leads:?}");
    assert_eq!(pipeline.salesforce_state()["bulkBatches"], jobs, "the others went by calls");
    let is_once = writes() == EQUAL;
    assert_eq!(is_once, mishap != Mishap::Kill, "a consumer that follows sends them once more");
    drop(next);
}

#[test]
fn rows_of_one_key_by_bulk_take_one_job_and_the_last_of_them_stays() {
    equal_keys_by_bulk(Mishap::None, 1);
}

#[test]
fn rows_of_one_key_by_bulk_end_with_the_last_when_a_consumer_dies_among_their_calls() {
    equal_keys_by_bulk(Mishap::Kill, 1);
}

#[test]
fn rows_of_one_key_by_bulk_wait_for_the_first_of_them_where_its_job_finds_it_locked() {
    equal_keys_by_bulk(Mishap::Lock, 2);
}
