//! Rows of one parent: Salesforce locks it while they are stored.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    kinds::{Kind, LEADS},
    pipeline::{Pipeline, Report},
};

const PARENTS: u64 = 100;
const CHILDREN_EACH: u64 = 30;
const CHILDREN: u64 = PARENTS * CHILDREN_EACH;

const ACCOUNTS: Kind = Kind {
    name: "accounts",
    object: "Account",
    operation: "upsert",
    external_id: "ErpKey__c",
    mapping: "Key=ErpKey__c\nName=Name\n",
};

/// But for their parents.
const CHILD_LEADS: Kind = Kind {
    name: "child-leads",
    mapping: "Id=External_Id__c\nName=LastName\nCompany=Company\n",
    ..LEADS
};

/// Puts parents into Salesforce, and a file of their children, sorted by parent, into the container.
/// From then on a parent is locked for a while by each call that stores children of it.
fn with_children_of_locked_parents() -> Pipeline {
    let mut pipeline = Pipeline::start();
    let mut parents = "Key,Name\n".to_owned();
    let mut children = "Id,Name,Company,Parent\n".to_owned();
    for parent in 0..PARENTS {
        writeln!(parents, "A-{parent:04},Acme {parent}").unwrap();
        for child in 0..CHILDREN_EACH {
            writeln!(children, "C-{parent:04}-{child:02},Ames,Acme,A-{parent:04}").unwrap();
        }
    }
    pipeline.put("parents.csv", parents);
    pipeline.put("children.csv", children);
    pipeline.set("SALESFORCE_OBJECT", "Account");
    pipeline.set("SALESFORCE_EXTERNAL_ID", "ErpKey__c");
    pipeline.set_mapping(ACCOUNTS.mapping);
    let consumer = pipeline.consumer();
    let loaded = pipeline.program("producer", &["sync", "--file", "parents.csv"]).end();
    assert_eq!(loaded.code, Some(0), "{loaded:?}");
    pipeline.assert_holds(&ACCOUNTS, &["parents.csv"]);
    consumer.kill();

    pipeline.set("SALESFORCE_OBJECT", "Lead");
    pipeline.set("SALESFORCE_EXTERNAL_ID", "External_Id__c");
    pipeline.set_mapping(
        "Id=External_Id__c\nName=LastName\nCompany=Company\nParent=Account__r.ErpKey__c\n",
    );
    // Many batches, of which most begin within a parent.
    pipeline.set("BATCH_ROWS", "100");
    pipeline.set_faults(&json!({"parentLockMs": 400}));
    pipeline
}

fn locked_rows(pipeline: &Pipeline) -> u64 {
    pipeline.salesforce_state()["faults"]["rowLocked"].as_u64().unwrap_or_default()
}

#[test]
fn rows_of_one_parent_that_stay_together_are_never_locked_by_each_other() {
    let pipeline = with_children_of_locked_parents();
    let _consumer = pipeline.consumer();
    let load = |run: &str, more: &[&str]| {
        let arguments = [&["sync", "--file", "children.csv", "--json", "--run-id", run], more];
        let ended = pipeline.program("producer", &arguments.concat()).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        pipeline.assert_holds(&CHILD_LEADS, &["children.csv"]);
        Report::of(&ended)
    };

    // First, for otherwise it would meet locks of the other one.
    let together = load("together", &["--batch-keep-together", "Parent"]);
    let locked_together = locked_rows(&pipeline);
    let apart = load("apart", &[]);
    let locked_apart = locked_rows(&pipeline) - locked_together;

    apart.assert_it_adds_up(CHILDREN);
    together.assert_it_adds_up(CHILDREN);
    assert_eq!((apart.number("batchesFed"), together.number("batchesFed")), (30, 34));
    assert!(locked_apart > 20 && apart.number("retried") > 20, "{locked_apart} {apart:?}");
    assert_eq!((locked_together, together.number("retried")), (0, 0));
    let proved = pipeline.program("producer", &["verify", "together"]).end();
    assert_eq!(proved.code, Some(0), "it is cut the same again: {proved:?}");
}

#[test]
fn a_plan_says_whether_rows_of_one_parent_are_in_one_batch() {
    let pipeline = with_children_of_locked_parents();
    let plan = |rows: &str| {
        let arguments = ["plan", "--file", "children.csv", "--json", "--batch-rows", rows];
        let by_columns = ["--key", "Id", "--batch-keep-together", "Parent"];
        let ended = pipeline.program("producer", &[&arguments[..], &by_columns].concat()).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
        (plan["keys"]["againLater"].clone(), plan["keptTogether"]["againLater"].clone())
    };

    assert_eq!(plan("100"), (json!(0), json!(0)));
    assert_eq!(plan("20"), (json!(0), json!(PARENTS)), "every parent is larger than a batch");
}
