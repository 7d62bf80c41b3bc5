//! The check of an org, against organisations that are and are not like the simulator.

#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::process::{Output, Stdio};

use salesforce_simulator::{Config, EmptyRecords, Schema, Simulator};
use serde_json::Value;
use test_support::{Fate, proxy_before, until};
use tokio::process::Command;

const OBJECT: &str = "Batch_Sync_Check__c";

/// An org where `deploy/salesforce` is deployed.
async fn org(config: Config) -> Simulator {
    let schema = Schema::standard().with(include_str!("../src/org_check/object.json")).unwrap();
    Simulator::start(Config { schema, ..config }).await.unwrap()
}

fn check(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_batch-sync"));
    command.args(["org-check", "--json"]).env_clear().kill_on_drop(true);
    command.env("SALESFORCE_LOGIN_URL", url).env("SALESFORCE_CLIENT_ID", Config::CLIENT_ID);
    command.env("SALESFORCE_CLIENT_SECRET", Config::CLIENT_SECRET);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The questions whose answers differ.
fn differing(output: &Output) -> Vec<String> {
    let comparisons: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(comparisons.len() > 30, "{comparisons:?}");
    let differ = comparisons.iter().filter(|comparison| comparison["differs"] == true);
    differ.map(|comparison| comparison["question"].as_str().unwrap().to_owned()).collect()
}

fn records_left(org: &Simulator) -> u64 {
    org.state().objects[OBJECT].rows
}

#[tokio::test]
async fn an_org_like_the_simulator_differs_in_nothing_and_is_left_as_it_was() {
    let org = org(Config::default()).await;

    let output = check(&org.url()).output().await.unwrap();

    assert_eq!(differing(&output), [] as [&str; 0]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(org.state().objects[OBJECT].created > 100);
    assert_eq!(records_left(&org), 0);
    assert!(org.state().jobs.is_empty(), "{:?}", org.state().jobs);
}

#[tokio::test]
async fn an_org_of_other_habits_differs_where_it_has_them() {
    let org = org(Config { empty_records: EmptyRecords::Accepted, ..Config::default() }).await;
    let url = org.url();
    let (_, upstream) = url.split_once("://").unwrap();
    // Answers are not compressed where nobody takes compressed ones; another code is written over one of
    // the same length.
    let proxy = proxy_before(upstream, |_| {
        [
            Box::new(|bytes| Fate::Replace(replaced(bytes, "accept-encoding", "x-no-encoding-x"))),
            Box::new(|bytes| Fate::Replace(replaced(bytes, "DUPLICATE_VALUE", "DUPLICATE_THING"))),
        ]
    });

    let output = check(&format!("http://{proxy}")).output().await.unwrap();

    let expected = [
        "a key twice in one call",
        "an insert with a key that is taken",
        "a call without records",
        "a key twice in an ingest job",
    ];
    assert_eq!(differing(&output), expected);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(records_left(&org), 0);
}

fn replaced(bytes: &[u8], this: &str, by: &str) -> Vec<u8> {
    assert_eq!(this.len(), by.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(this.len())
        .enumerate()
        .filter_map(|(at, window)| (window == this.as_bytes()).then_some(at))
        .collect();
    for at in places {
        bytes[at..at + this.len()].copy_from_slice(by.as_bytes());
    }
    bytes
}

#[tokio::test]
async fn an_org_without_the_object_is_told_what_to_deploy() {
    let org = Simulator::start(Config::default()).await.unwrap();

    let output = check(&org.url()).output().await.unwrap();

    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("sf project deploy start"), "{said}");
}

#[tokio::test]
async fn a_check_that_is_stopped_leaves_nothing_in_the_org() {
    let org = org(Config::default()).await;
    let running = check(&org.url()).spawn().unwrap();
    until("records are there", async || (records_left(&org) > 20).then_some(())).await;

    service::ask_to_end(running.id().unwrap());
    let output = running.wait_with_output().await.unwrap();

    assert_eq!(output.status.code(), Some(143), "{output:?}");
    assert_eq!(records_left(&org), 0);
}

#[test]
fn the_simulator_has_the_object_that_is_deployed() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/salesforce/force-app/main/default/objects/Batch_Sync_Check__c/fields"
    );
    let mut deployed: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| of_metadata(&std::fs::read_to_string(entry.unwrap().path()).unwrap()))
        .collect();
    deployed.sort();

    let schema: Value = serde_json::from_str(include_str!("../src/org_check/object.json")).unwrap();
    let fields = schema["objects"][0]["fields"].as_array().unwrap().iter();
    let mut simulated: Vec<String> =
        fields.filter(|field| field["name"] != "Name").map(of_schema).collect();
    simulated.sort();
    assert_eq!(deployed, simulated);
}

/// A field in one line, as metadata has it.
fn of_metadata(xml: &str) -> String {
    let document = roxmltree::Document::parse(xml).unwrap();
    let text = |name: &str| {
        let element = document.root_element().children().find(|child| child.has_tag_name(name));
        element.and_then(|element| element.text()).unwrap_or_default().to_owned()
    };
    let kind = match text("type").as_str() {
        "Text" => "string",
        "Number" => "double",
        "Checkbox" => "boolean",
        "Picklist" => "picklist",
        "Date" => "date",
        other => panic!("{other}"),
    };
    let length = if kind == "picklist" { "255".to_owned() } else { text("length") };
    format!(
        "{} {kind}({length}{},{}) key {} {} required {}",
        text("fullName"),
        text("precision"),
        text("scale"),
        text("externalId") == "true",
        text("unique") == "true",
        text("required") == "true"
    )
}

/// The same, as the simulator's schema has it.
fn of_schema(field: &Value) -> String {
    let text = |name: &str| {
        let value = &field[name];
        value.as_str().map_or_else(|| value.to_string().replace("null", ""), str::to_owned)
    };
    format!(
        "{} {}({}{},{}) key {} {} required {}",
        text("name"),
        text("type"),
        text("length"),
        text("precision"),
        text("scale"),
        field["externalId"] == true,
        field["unique"] == true,
        field["required"] == true
    )
}
