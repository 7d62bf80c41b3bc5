//! `consumer count`: a run is compared with the records that Salesforce has of it.

use serde_json::{Value, json};
use test_support::{MovableClock, RedisServer};

use crate::{
    kinds::{CONTACTS, Kind, LEADS, PARCEL_SCHEMA, PARCELS},
    pipeline::{Pipeline, no_load},
    processes::{Ended, Program, wait_until},
    records::sheet,
};

const ROWS: u64 = 300;

const APIS: [&str; 2] = ["collections", "bulk"];

fn pipeline(api: &str) -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&[PARCEL_SCHEMA]);
    pipeline.set("QUEUE_LEASE", "1s");
    pipeline.set("SALESFORCE_API", api);
    pipeline
}

/// Loads a file to its end.
fn load(kind: &Kind, pipeline: &Pipeline, run: &str, sheet: String) {
    pipeline.put(run, sheet);
    let ended = kind.sync(pipeline, run, run).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Starts a count. It needs neither object nor mapping.
fn counting(pipeline: &Pipeline, run: &str) -> Program {
    pipeline.program_with("consumer", &no_load(), &["count", run, "--json"])
}

/// What a count says, whose exit code is 0 when it proves the run, else 1.
fn count(pipeline: &Pipeline, run: &str) -> Value {
    let ended = counting(pipeline, run).end();
    let said: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
    let code = if said["proven"] == true { 0 } else { 1 };
    assert_eq!(ended.code, Some(code), "{ended:?}");
    said
}

/// Verdict, delivered rows and counted records.
fn figures(said: &Value) -> (&str, u64, u64) {
    let number = |name: &str| said[name].as_u64().unwrap_or_else(|| panic!("no {name}: {said}"));
    (said["verdict"].as_str().unwrap(), number("delivered"), number("records"))
}

fn assert_says(said: &Value, words: &str) {
    assert!(said["says"].as_str().unwrap().contains(words), "{words:?} is not in {said}");
}

/// Deletes records of an object by hand, as the user of the consumers.
fn delete(pipeline: &Pipeline, object: &str, records: usize) {
    let client = reqwest::blocking::Client::new();
    let url = |path: &str| format!("{}/services/{path}", pipeline.salesforce_url);
    let form = "grant_type=client_credentials&client_id=batch-sync&client_secret=local-only-secret";
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let granted = client.post(url("oauth2/token")).header(form_type.0, form_type.1).body(form);
    let granted: Value = serde_json::from_str(&granted.send().unwrap().text().unwrap()).unwrap();
    for record in &pipeline.records(object)[..records] {
        let path = format!("data/v62.0/sobjects/{object}/{}", record["Id"].as_str().unwrap());
        let answer =
            client.delete(url(&path)).bearer_auth(granted["access_token"].as_str().unwrap());
        assert!(answer.send().unwrap().status().is_success());
    }
}

#[test]
fn records_of_an_insert_that_are_gone_are_named() {
    for api in APIS {
        let pipeline = pipeline(api);
        let _consumer = PARCELS.consumer(&pipeline);
        load(&PARCELS, &pipeline, "parcels", sheet("P", ROWS, 0));

        let calls = || pipeline.salesforce_state()["apiCalls"].as_u64().unwrap();
        let before = calls();
        let whole = count(&pipeline, "parcels");
        assert_eq!(figures(&whole), ("equal", ROWS, ROWS), "{api}: {whole}");
        assert_says(&whole, "each delivered row is one record");
        assert_eq!(calls() - before, 1, "{api}: a count is one call");

        delete(&pipeline, "Parcel__c", 4);
        pipeline.tell_salesforce("lose", &json!({"object": "Parcel__c", "rows": 3}));
        let harmed = count(&pipeline, "parcels");
        assert_eq!(figures(&harmed), ("fewer", ROWS, ROWS - 7), "{api}: {harmed}");
        assert_says(
            &harmed,
            "7 records are missing: 4 were deleted since and are in the recycle bin, of 3 there is no trace",
        );
    }
}

#[test]
fn rows_that_an_insert_stored_twice_are_named() {
    for api in APIS {
        let mut pipeline = pipeline(api);
        pipeline.put("twins", sheet("P", ROWS, 0));
        let sync = PARCELS.sync(&pipeline, "twins", "twins");
        if api == "collections" {
            // Dies between Salesforce's answer and its record: the batch is sent again.
            pipeline.set("FAILPOINTS", "answered=1*off->return");
            let mut dying = PARCELS.program(&pipeline, "consumer", &[]);
            pipeline.set("FAILPOINTS", "");
            wait_until("the consumer has died", || !dying.is_running());
        }
        let _consumer = PARCELS.consumer(&pipeline);
        assert_eq!(sync.end().code, Some(0));
        if api == "bulk" {
            // A job is never made twice: the rows are loaded again by hand, as by another tool.
            pipeline.put("again", sheet("P", 100, 0));
            assert_eq!(PARCELS.sync(&pipeline, "again", "again").end().code, Some(0));
            forget(&pipeline, "again");
        }

        let said = count(&pipeline, "twins");

        let (verdict, delivered, records) = figures(&said);
        assert_eq!((verdict, delivered), ("more", ROWS), "{api}: {said}");
        assert_eq!(records, pipeline.records("Parcel__c").len() as u64, "{api}");
        assert_says(&said, "100 records more than delivered rows: rows are stored twice");
    }
}

/// Makes the ledger forget a run.
fn forget(pipeline: &Pipeline, run: &str) {
    use redis::Commands;
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let () = client.get_connection().unwrap().del(format!("{{batch-sync}}:run:{run}")).unwrap();
}

#[test]
fn rows_of_an_upsert_that_share_a_key_are_told_from_those_that_do_not() {
    for api in APIS {
        let pipeline = pipeline(api);
        let _consumer = LEADS.consumer(&pipeline);
        load(&LEADS, &pipeline, "apart", sheet("L", ROWS, 0));
        let apart = count(&pipeline, "apart");
        assert_eq!(figures(&apart), ("equal", ROWS, ROWS), "{api}: {apart}");
        assert_says(&apart, "each delivered row has a record of its own");
        drop(_consumer);

        let _consumer = CONTACTS.consumer(&pipeline);
        let repeated: String = sheet("L", ROWS, 0)
            + &sheet("L", 10, 0)
                .lines()
                .skip(1)
                .map(|line| format!("{line}\n"))
                .collect::<String>();
        load(&CONTACTS, &pipeline, "shared", repeated);
        let shared = count(&pipeline, "shared");
        assert_eq!(figures(&shared), ("fewer", ROWS + 10, ROWS), "{api}: {shared}");
        assert_says(&shared, "10 delivered rows have no record of their own: rows share keys");
    }
}

#[test]
fn runs_that_a_count_cannot_tell_apart_are_added_up_and_named() {
    let pipeline = pipeline("collections");
    let consumer = PARCELS.consumer(&pipeline);
    for run in ["one", "two"] {
        pipeline.put(run, sheet(run, ROWS, 0));
    }
    let both = ["one", "two"].map(|run| PARCELS.sync(&pipeline, run, run));
    both.into_iter().for_each(|sync| assert_eq!(sync.end().code, Some(0)));

    let said = count(&pipeline, "one");
    assert_eq!(figures(&said), ("equal", 2 * ROWS, 2 * ROWS), "{said}");
    assert_eq!(said["otherRuns"], json!(["two"]), "{said}");

    consumer.kill();
    pipeline.put("three", sheet("three", ROWS, 0));
    let open = ["sync", "--file", "three", "--run-id", "three", "--no-wait"];
    assert_eq!(PARCELS.program(&pipeline, "producer", &open).end().code, Some(0));
    let refused: Ended = counting(&pipeline, "three").end();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("has not ended") || refused.stderr.contains("no consumer has"));
    let _consumer = PARCELS.consumer(&pipeline);
    wait_until("it has ended", || pipeline.shown_text("three", "status") == "completed");
    let all = count(&pipeline, "three");
    assert_eq!(figures(&all).0, "equal", "{all}");
}

#[test]
fn runs_that_begin_while_the_records_are_counted_are_no_alarm() {
    let pipeline = pipeline("collections");
    let _consumer = PARCELS.consumer(&pipeline);
    pipeline.put("two", sheet("two", ROWS, 0));
    load(&PARCELS, &pipeline, "one", sheet("one", ROWS, 0));
    // The question gets through a second or two after the ledger was read.
    let refusal = json!({"status": 503, "errorCode": "SERVER_UNAVAILABLE", "message": "Not now"});
    let fault = json!({
        "fault": "refused", "pathContains": "/query", "times": 2, "refusal": refusal,
    });
    pipeline.set_faults(&json!({"planned": [fault]}));

    let counting = counting(&pipeline, "one");
    wait_until("it is asked", || pipeline.salesforce_state()["faults"]["refused"] == 1);
    let two = PARCELS.sync(&pipeline, "two", "two");
    let said = counting.end();
    assert_eq!(two.end().code, Some(0));

    let said: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    match said["verdict"].as_str().unwrap() {
        "noCount" => assert_says(&said, "the load allows no count: "),
        verdict => {
            assert_eq!(verdict, "equal", "{said}");
            assert_eq!(said["otherRuns"], json!(["two"]), "{said}");
        }
    }
}

#[test]
fn records_of_a_delete_are_counted_in_the_recycle_bin() {
    const GONE: Kind =
        Kind { name: "gone", operation: "delete", mapping: "Key=External_Id__c\n", ..LEADS };
    let pipeline = pipeline("collections");
    let consumer = LEADS.consumer(&pipeline);
    load(&LEADS, &pipeline, "there", sheet("L", ROWS, 0));
    drop(consumer);
    let _consumer = GONE.consumer(&pipeline);
    pipeline.put("gone", sheet("L", 200, 0));
    let arguments = ["sync", "--file", "gone", "--run-id", "gone", "--operation", "delete"];
    let ended = GONE.program(&pipeline, "producer", &arguments).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let said = count(&pipeline, "gone");
    assert_eq!(figures(&said), ("equal", 200, 200), "{said}");
    let upserted = count(&pipeline, "there");
    assert_eq!(upserted["verdict"], "noCount", "{upserted}");
    assert_eq!(upserted["otherRuns"], json!(["gone"]), "{upserted}");
    assert_says(&upserted, "the load allows no count");
}

#[test]
fn a_count_goes_by_salesforces_clock() {
    let clock = MovableClock::new();
    clock.move_to(-3_600);
    let mut pipeline = Pipeline::on(RedisServer::start_by(&clock), &[PARCEL_SCHEMA]);
    pipeline.set("QUEUE_LEASE", "1s");
    let _consumer = PARCELS.consumer(&pipeline);
    load(&PARCELS, &pipeline, "parcels", sheet("P", ROWS, 0));

    let said = count(&pipeline, "parcels");

    assert_eq!(figures(&said), ("equal", ROWS, ROWS), "{said}");
    let ahead = said["clockAheadMs"].as_i64().unwrap();
    assert!((3_590_000..3_610_000).contains(&ahead), "{said}");
}

#[test]
fn where_salesforce_counts_no_such_records_it_is_said() {
    let mut pipeline = pipeline("collections");
    let _consumer = PARCELS.consumer(&pipeline);
    load(&PARCELS, &pipeline, "parcels", sheet("P", ROWS, 0));
    let refusal = json!({"status": 400, "errorCode": "INVALID_FIELD", "message": "No such column"});
    let fault = json!({"fault": "refused", "pathContains": "/query", "refusal": refusal});
    pipeline.set_faults(&json!({"planned": [fault]}));

    let refused = count(&pipeline, "parcels");
    assert_eq!((&refused["verdict"], &refused["records"]), (&json!("noCount"), &Value::Null));
    assert_says(&refused, "the load allows no count");
    assert_says(&refused, "INVALID_FIELD");

    pipeline.set("SALESFORCE_API_RESERVE", "5000000");
    let spared = count(&pipeline, "parcels");
    assert_eq!(spared["verdict"], "noCount", "{spared}");
    assert_says(&spared, "are kept for others");

    let unknown = counting(&pipeline, "nothing").end();
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("there is no run nothing"), "{unknown:?}");
}

#[test]
fn a_token_that_names_no_user_is_asked_for_its_user() {
    const TOKEN: &str = "00DS1000000SimuMAC!count";
    let mut pipeline = Pipeline::with_salesforce(&[PARCEL_SCHEMA, "--access-token", TOKEN]);
    let _consumer = PARCELS.consumer(&pipeline);
    load(&PARCELS, &pipeline, "parcels", sheet("P", ROWS, 0));
    pipeline.set("SALESFORCE_ACCESS_TOKEN", TOKEN);
    pipeline.set("SALESFORCE_INSTANCE_URL", &pipeline.salesforce_url.clone());

    let said = count(&pipeline, "parcels");

    assert_eq!(figures(&said), ("equal", ROWS, ROWS), "{said}");
    assert!(said["query"].as_str().unwrap().contains("CreatedById = '005S1000000SimuIAC'"));
}
