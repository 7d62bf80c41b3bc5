//! A run is delivered by consumers of its own target, and by no others.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::json;

use test_support::wait_at_most;

use crate::{
    kinds::{CONTACTS, Kind, LEADS},
    pipeline::{Pipeline, Report},
    processes::{Program, wait_until},
    records::sheet,
};

const UPDATES: Kind = Kind {
    name: "updates",
    object: "Lead",
    operation: "update",
    external_id: "Id",
    mapping: "Id=Id\nName=LastName\nCompany=Company\n",
};

/// Its consumers look at the column `Id` only.
const DELETES: Kind = Kind { name: "deletes", operation: "delete", ..UPDATES };

/// Consumers that would store other values.
const SWAPPED_LEADS: Kind = Kind {
    name: "swapped-leads",
    mapping: "Key=External_Id__c\nCompany=LastName\nEmail=Email\nName=Company\n",
    ..LEADS
};

/// Consumers for which the file has not all columns.
const WIDER_LEADS: Kind = Kind {
    name: "wider-leads",
    mapping: "Key=External_Id__c\nName=LastName\nCompany=Company\nVendor=Title\n",
    ..LEADS
};

/// No row says so: the producer leaves the choice to the consumers.
const UNSAID: Kind = Kind { name: "unsaid", object: "", operation: "", external_id: "", ..UPDATES };

/// Leads that are there, and a file with another name and company for each of them.
fn leads_and_their_changes(pipeline: &Pipeline, rows: u64) {
    pipeline.put("leads.csv", sheet("L", rows, 0));
    let consumer = LEADS.consumer(pipeline);
    let ended = LEADS.sync(pipeline, "leads", "leads.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    consumer.signal("TERM");
    consumer.end();
    let mut changes = "Id,Name,Company\n".to_owned();
    for (lead, number) in pipeline.records("Lead").iter().zip(1..) {
        writeln!(changes, "{},New name {number},New company", lead["Id"].as_str().unwrap())
            .unwrap();
    }
    pipeline.put("changes.csv", changes);
}

/// Words that may be digests: long enough, and hexadecimal.
fn digests(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_digest =
        |word: &&str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words.filter(is_digest).collect()
}

/// How often a consumer said that it passes by the run.
fn passed_by(consumer: &Program, run: &str) -> usize {
    consumer.stderr().matches(&format!("passes by run {run}")).count()
}

#[test]
fn a_run_meant_to_update_meets_consumers_that_delete_and_no_record_is_deleted() {
    let pipeline = Pipeline::start();
    let rows = 1_000;
    leads_and_their_changes(&pipeline, rows);
    let deletes = DELETES.consumer(&pipeline);

    let sync = UPDATES.sync(&pipeline, "changes", "changes.csv");
    let mut whom = String::new();
    wait_at_most(30, "the run says for whom it waits", || {
        let left = pipeline.records("Lead").len() as u64;
        assert_eq!(left, rows, "{} of {rows} leads are deleted", rows - left);
        whom = pipeline.shown_text("changes", "waitingFor");
        !whom.is_empty()
    });
    assert!(whom.contains("update") && whom.contains("Lead"), "{whom}");
    wait_at_most(30, "the terminal says so too", || sync.stderr().contains(&whom));
    wait_at_most(30, "the other consumer says so", || passed_by(&deletes, "changes") > 0);

    let _updates = UPDATES.consumer(&pipeline);
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    pipeline.assert_holds(&UPDATES, &["changes.csv"]);
    assert_eq!(pipeline.shown_text("changes", "waitingFor"), "");
    assert_eq!(passed_by(&deletes, "changes"), 1, "{}", deletes.stderr());
}

#[test]
fn two_runs_at_once_with_the_same_columns_become_records_of_their_own_objects() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=20"]);
    let rows = 3_000;
    let loads = [(LEADS, "leads", "leads.csv"), (CONTACTS, "contacts", "contacts.csv")];
    for (_, run, file) in loads {
        pipeline.put(file, sheet(run, rows, 0));
    }
    let _consumers = [LEADS, CONTACTS, LEADS].map(|kind| kind.consumer(&pipeline));

    let syncs = loads.map(|(kind, run, file)| kind.sync(&pipeline, run, file));

    for sync in syncs {
        let ended = sync.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        Report::of(&ended).assert_it_adds_up(rows);
    }
    for (kind, _, file) in loads {
        pipeline.assert_holds(&kind, &[file]);
    }
}

#[test]
fn consumers_with_another_mapping_neither_fail_nor_alter_a_run() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=500"]);
    let rows = 8_000;
    pipeline.put("leads.csv", sheet("L", rows, 0));
    let _own = LEADS.consumer(&pipeline);
    let sync = LEADS.sync(&pipeline, "leads", "leads.csv");
    wait_until("rows arrive", || pipeline.records("Lead").len() > 300);

    let others = [SWAPPED_LEADS, WIDER_LEADS].map(|kind| kind.consumer(&pipeline));
    for other in &others {
        wait_at_most(30, "the other consumer passes by", || {
            assert_ne!(pipeline.shown_text("leads", "status"), "failed", "{}", other.stderr());
            passed_by(other, "leads") > 0
        });
    }
    assert_eq!(pipeline.shown_text("leads", "status"), "draining", "it ended before that");
    pipeline.set_faults(&json!({"latencyMs": 10}));

    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    pipeline.assert_holds(&LEADS, &["leads.csv"]);
}

#[test]
fn a_mapping_that_is_changed_in_mid_run_stops_the_run_until_a_person_has_chosen() {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=50"]);
    let rows = 8_000;
    pipeline.put("leads.csv", sheet("L", rows, 0));
    let before = LEADS.consumer(&pipeline);
    let sync = LEADS.sync(&pipeline, "leads", "leads.csv");
    wait_until("rows arrive", || pipeline.records("Lead").len() > 300);
    before.signal("TERM");
    before.end();
    let arrived = pipeline.records("Lead").len();

    let _after = SWAPPED_LEADS.consumer(&pipeline);
    let mut why = String::new();
    wait_at_most(30, "the run names both mappings", || {
        let now = pipeline.records("Lead").len();
        assert_eq!(now, arrived, "rows go on with another mapping");
        why = pipeline.shown_text("leads", "waitingFor");
        digests(&why).len() >= 2
    });

    // The way out that it names.
    let (_, id) = why.split_once("--target ").unwrap_or_else(|| panic!("no way out: {why}"));
    let id = id.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap();
    let resume = ["resume", "leads", "--target", id];
    let resumed = pipeline.program("producer", &resume).end();
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(rows);
    assert_eq!(pipeline.records("Lead").len() as u64, rows);
}

#[test]
fn a_start_that_names_no_target_is_refused_while_consumers_of_two_are_alive() {
    let pipeline = Pipeline::start();
    let rows = 300;
    leads_and_their_changes(&pipeline, rows);
    let _consumers = [UPDATES, DELETES].map(|kind| kind.consumer(&pipeline));
    let before = pipeline.records("Lead");

    let refused = UNSAID.sync(&pipeline, "changes", "changes.csv").end();

    assert!(pipeline.records("Lead") == before, "records were changed or deleted");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for word in ["update Lead", "delete Lead", "--operation", "--target"] {
        assert!(refused.stderr.contains(word), "no `{word}`: {refused:?}");
    }
    assert_eq!(pipeline.shown("changes"), None, "no run is entered");
    let ended = UPDATES.sync(&pipeline, "changes", "changes.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    pipeline.assert_holds(&UPDATES, &["changes.csv"]);
}
