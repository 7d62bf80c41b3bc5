//! What a server says of the org, and of a file before it is loaded.

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::{
    pipeline::{Pipeline, no_load},
    processes::{pause_for, wait_until},
    server::{SERVE, Server},
};

const ROWS: &str = "Key,Name,Mail,Company\nK-1,Ada,ada@example.com,Lovelace\nK-2,Bob,not mail,Bob & Co\nK-1,Cem,,Cem Inc\n,Dan,,Dan Ltd\nK-5,Eve,,\n";

/// What `deploy/compose.yaml` gives a server.
const SERVER_BYTES_MAX: u64 = 96 << 20;

fn load() -> Value {
    json!({
        "object": "Lead",
        "externalId": "External_Id__c",
        "columns": {
            "Key": "External_Id__c", "Name": "LastName", "Mail": "Email", "Company": "Company",
        },
    })
}

fn serve(pipeline: &Pipeline) -> Server {
    let settings = [&no_load()[..], &pipeline.sign_in()].concat();
    Server::of(pipeline.program_with("producer", &settings, &SERVE))
}

fn get(server: &Server, path: &str) -> (u16, Value) {
    let answer = reqwest::blocking::get(format!("{}{path}", server.url)).unwrap();
    (answer.status().as_u16(), answer.json().unwrap())
}

fn begin(server: &Server, body: &Value) -> (u16, Value) {
    let request = Client::new().post(format!("{}/api/checks", server.url));
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.json().unwrap())
}

fn stop(server: &Server, id: &str) -> u16 {
    let path = format!("{}/api/checks/{id}", server.url);
    Client::new().delete(path).send().unwrap().status().as_u16()
}

/// The check, once it has ended.
fn ended(server: &Server, id: &str) -> Value {
    let mut last = Value::Null;
    wait_until("the check has ended", || {
        last = get(server, &format!("/api/checks/{id}")).1;
        last["status"] != "running"
    });
    last
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn the_org_says_what_objects_there_are_and_what_their_fields_take() {
    let pipeline = Pipeline::start();
    let server = serve(&pipeline);

    let (status, objects) = get(&server, "/api/salesforce/objects");
    let (_, lead) = get(&server, "/api/salesforce/objects/lead");

    assert_eq!(status, 200, "{objects}");
    let objects = objects["objects"].as_array().unwrap();
    let named = |object: &Value| object["name"] == "Contact" && object["createable"] == true;
    assert!(objects.iter().any(named), "{objects:?}");
    assert_eq!(lead["name"], "Lead");
    let field = |name: &str| {
        let fields = lead["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap().clone()
    };
    let key = field("External_Id__c");
    assert_eq!((&key["externalId"], &key["required"]), (&json!(true), &json!(false)), "{key}");
    let company = field("Company");
    assert_eq!((&company["required"], &company["type"]), (&json!(true), &json!("string")));
    assert_eq!(field("Id")["createable"], json!(false));
    for (name, status) in [("Nothing__c", 404), ("..%2flimits", 404), ("%00", 404), ("%ff", 404)] {
        let (found, answer) = get(&server, &format!("/api/salesforce/objects/{name}"));
        assert_eq!(found, status, "{name}: {answer}");
    }
    let asked = pipeline.salesforce_requests().to_string();
    let (_, again) = get(&server, "/api/salesforce/objects/LEAD");
    assert_eq!(again, lead);
    assert_eq!(pipeline.salesforce_requests().to_string(), asked, "the org is not asked again");
}

#[test]
fn a_check_says_what_would_become_of_the_rows_and_sends_none() {
    let pipeline = Pipeline::start();
    pipeline.put("people.csv", ROWS);
    let server = serve(&pipeline);

    let (status, begun) = begin(&server, &json!({"fileName": "people.csv", "load": load()}));
    assert_eq!(status, 202, "{begun}");
    let check = ended(&server, text(&begun, "id"));

    assert_eq!((&check["status"], &check["rows"]), (&json!("done"), &json!(5)), "{check}");
    let findings = &check["findings"];
    assert_eq!(findings["misfit"], Value::Null);
    assert_eq!(findings["rows"], json!(5));
    assert_eq!(findings["rejectedByCode"]["EXTERNAL_ID_MISSING"], json!(1), "{findings}");
    assert_eq!(findings["keys"]["repeated"], json!(1), "{findings}");
    assert_eq!(check["rejected"], findings["rejected"]);
    assert_eq!(text(&findings["load"], "object"), "Lead");
    assert!(!check.to_string().contains("not mail"), "no row's value is said: {check}");
    assert!(pipeline.leads().is_empty());
    assert_eq!(get(&server, "/api/sync").1["runs"], json!([]));
    assert_eq!(stop(&server, text(&begun, "id")), 204, "one that has ended may be stopped");
    assert_eq!(ended(&server, text(&begun, "id"))["status"], "done");
}

#[test]
fn a_load_that_does_not_fit_is_told_as_a_run_would_fail() {
    let pipeline = Pipeline::start();
    pipeline.put("people.csv", ROWS);
    let server = serve(&pipeline);
    let misfit = |load: Value| {
        let (status, begun) = begin(&server, &json!({"fileName": "people.csv", "load": load}));
        assert_eq!(status, 202, "{begun}");
        let check = ended(&server, text(&begun, "id"));
        check["findings"]["misfit"].as_str().unwrap_or_else(|| panic!("{check}")).to_owned()
    };

    let no_field = misfit(json!({
        "object": "Lead", "externalId": "External_Id__c",
        "columns": {"Key": "External_Id__c", "Name": "Nowhere__c"},
    }));
    let no_object = misfit(json!({
        "object": "Nothing__c", "operation": "insert", "columns": {"Name": "Name"},
    }));

    assert!(no_field.contains("no field `Nowhere__c`"), "{no_field}");
    assert!(no_object.contains("no object Nothing__c"), "{no_object}");
}

#[test]
fn what_cannot_be_checked_is_refused_at_once() {
    let pipeline = Pipeline::start();
    pipeline.put("people.csv", ROWS);
    let server = serve(&pipeline);
    let cases = [
        (json!({"fileName": "no-such.csv", "load": load()}), 404, "no blob"),
        (json!({"fileName": "../x", "load": load()}), 400, "not a blob name"),
        (json!({"fileName": "people.csv"}), 409, "nothing says what object"),
        (json!({"fileName": "people.csv", "load": "nobody"}), 404, "GET /api/loads"),
        (json!({"fileName": "people.csv", "load": {"object": "Lead"}}), 422, "`load`"),
        (
            json!({"fileName": "people.csv", "load": {"object": "a/b", "operation": "insert"}}),
            422,
            "`load`",
        ),
        (json!({"fileName": "people.csv", "load": load(), "rejects": "/x"}), 400, "rejects"),
    ];

    for (body, status, words) in cases {
        let (found, answer) = begin(&server, &body);
        assert_eq!(found, status, "{body}: {answer}");
        assert!(text(&answer, "error").contains(words), "{body}: {answer}");
    }
}

#[test]
fn a_check_can_be_stopped_and_there_is_one_at_a_time() {
    let pipeline = Pipeline::start();
    let rows: String = (0..1_500_000).map(|row| format!("K-{row},Name,,Company\n")).collect();
    pipeline.put("many.csv", format!("Key,Name,Mail,Company\n{rows}"));
    let mut server = serve(&pipeline);
    let body = json!({"fileName": "many.csv", "load": load()});

    let (_, begun) = begin(&server, &body);
    let id = text(&begun, "id").to_owned();
    let (busy, answer) = begin(&server, &body);
    wait_until("some rows were checked", || {
        get(&server, &format!("/api/checks/{id}")).1["rows"].as_u64() > Some(0)
    });
    let stopped = stop(&server, &id);
    let check = ended(&server, &id);

    assert_eq!(busy, 503, "{answer}");
    assert!(text(&answer, "error").contains("under way already"), "{answer}");
    assert_eq!(stopped, 204);
    assert_eq!((&check["status"], &check["findings"]), (&json!("stopped"), &Value::Null));
    assert!(check["rows"].as_u64().unwrap() < 1_500_000, "{check}");
    let mut again = (0, Value::Null);
    for _ in 0..50 {
        again = begin(&server, &body);
        if again.0 == 202 {
            break;
        }
        pause_for(100);
    }
    assert_eq!(again.0, 202, "its place is free: {}", again.1);
    let check = ended(&server, text(&again.1, "id"));
    assert_eq!(check["findings"]["rows"], json!(1_500_000), "{check}");
    let peak = server.program().peak_memory_bytes();
    assert!(peak < SERVER_BYTES_MAX, "{peak} bytes");
}
