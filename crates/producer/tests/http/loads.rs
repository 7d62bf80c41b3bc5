//! What a run loads: said by a request, by the server, or by the consumers.

use std::time::Duration;

use job_queue::RunLoad;
use load::{Load, LoadSettings};
use reqwest::Method;
use salesforce_simulator::{Config, Simulator};
use serde_json::{Value, json};
use test_support::load_of;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Deliverer, Server, Services, load, send};

const LOADS: &str = r#"
[loads.contacts]
object = "Contact"
external-id = "Key__c"
files = ["contacts*.csv"]
columns = { id = "Key__c", name = "LastName" }

[loads.accounts]
object = "Account"
external-id = "ErpKey__c"
files = ["accounts*.csv", "*-1.csv"]
api = "bulk"
ids = true
after = ["contacts"]
"#;

fn leads() -> RunLoad {
    load_of("Lead")
}

/// With a file of loads for its servers.
async fn with_loads() -> Services {
    let mut services = Services::start().await;
    let path = services.folder.path().join("loads.toml");
    std::fs::write(&path, LOADS).unwrap();
    services.set("LOADS_FILE", path.to_str().unwrap());
    services.put_rows("rows.csv", 10).await;
    services
}

/// Starts the run of `rows.csv` with this load; gives its report, and cancels it.
async fn does(server: &Server, load: Value) -> Value {
    let body = json!({"fileName": "rows.csv", "load": load});
    let started = server.post_json("/api/sync/start", &body).await;
    assert_eq!(started.status, 202, "{body}: {started:?}");
    let run = started.run();
    let report = server.get(&format!("/api/sync/{run}")).await.json();
    assert_eq!(server.post(&format!("/api/sync/{run}/cancel")).await.status, 202);
    server.report(&run, |report| report["status"] == "cancelled").await;
    report["load"].clone()
}

/// No run was entered.
async fn assert_no_run(server: &Server) {
    assert_eq!(server.get("/api/sync").await.json(), json!({"runs": [], "next": null}));
}

/// A server that can ask a Salesforce.
async fn with_org(services: &mut Services) -> Simulator {
    let org = Simulator::start(Config::default()).await.unwrap();
    services.set("SALESFORCE_LOGIN_URL", &org.url());
    services.set("SALESFORCE_CLIENT_ID", Config::CLIENT_ID);
    services.set("SALESFORCE_CLIENT_SECRET", Config::CLIENT_SECRET);
    org
}

#[tokio::test]
async fn a_start_that_would_fail_is_refused_with_the_reason_and_asks_the_org_once_a_minute() {
    let mut services = Services::start().await;
    let org = with_org(&mut services).await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let load = |field: &str| {
        let columns = json!({"id": "LegacyId__c", "name": field});
        json!({"object": "Contact", "externalId": "LegacyId__c", "columns": columns})
    };

    let body = json!({"fileName": "rows.csv", "load": load("Colour__c")});
    let refused = server.post_json("/api/sync/start", &body).await;

    assert_eq!(refused.status, 422, "{refused:?}");
    let why = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(why.contains("is not started") && why.contains("Colour__c"), "{why}");
    assert_no_run(&server).await;
    let does_contacts = async || does(&server, load("LastName")).await["object"].clone();
    assert_eq!(does_contacts().await, "Contact");
    let calls = org.requests().len();
    services.put_rows("rows.csv", 11).await;
    assert_eq!(does_contacts().await, "Contact");
    assert_eq!(org.requests().len(), calls, "what fitted a moment ago is not asked again");
}

#[tokio::test]
async fn the_loads_of_the_server_are_listed_as_they_are_described() {
    let mut services = with_loads().await;
    services.set("SALESFORCE_OBJECT", "Lead");
    services.set("SALESFORCE_OPERATION", "insert");
    let server = services.serve().await;

    let listed = server.get("/api/loads").await.json();

    let mapping = |at: usize| listed["loads"][at]["mapping"].clone();
    let expected = json!({"loads": [
        {
            "name": "contacts", "object": "Contact", "operation": "upsert", "externalId": "Key__c",
            "mapping": mapping(0), "api": "collections", "ids": false, "files": ["contacts*.csv"], "after": [],
        },
        {
            "name": "accounts", "object": "Account", "operation": "upsert",
            "externalId": "ErpKey__c", "mapping": mapping(1), "api": "bulk", "ids": true,
            "files": ["accounts*.csv", "*-1.csv"], "after": ["contacts"],
        },
        {
            "name": "default", "object": "Lead", "operation": "insert", "externalId": null,
            "mapping": mapping(2), "api": "collections", "ids": false, "files": [], "after": [],
        },
    ]});
    assert_eq!(listed, expected);
    let document = server.get("/api/openapi.json").await.json();
    let described = document["components"]["schemas"]["Load"]["properties"].as_object().unwrap();
    let shown = listed["loads"][0].as_object().unwrap();
    assert!(shown.keys().eq(described.keys()), "every field is described: {shown:?}");
}

#[tokio::test]
async fn a_file_is_told_the_load_that_a_start_would_give_it() {
    let mut services = with_loads().await;
    let server = services.serve().await;
    let of_file = async |server: &Server, file: &str| {
        server.get(&format!("/api/loads?file={file}")).await.json()["ofFile"].clone()
    };
    let in_short = |of: &Value| json!([of["by"], of["load"]["name"], of["refused"]]);

    let fits = of_file(&server, "contacts.csv").await;
    let nobody = of_file(&server, "rows.csv").await;
    let unfit = server.start("rows.csv").await;
    assert_no_run(&server).await;
    let several = of_file(&server, "contacts-1.csv").await;
    let deliverer = Deliverer::of(&services, Some(&leads())).await;
    let consumers = of_file(&server, "rows.csv").await;
    services.set("SALESFORCE_OBJECT", "Task");
    services.set("SALESFORCE_OPERATION", "insert");
    let other = services.serve().await;
    let environment = of_file(&other, "a%20%2Fb.csv").await;

    assert_eq!(in_short(&fits), json!(["pattern", "contacts", null]));
    let started = server.start("rows.csv").await.run();
    let report = server.get(&format!("/api/sync/{started}")).await.json();
    assert_eq!(report["load"], consumers["load"]);
    assert_eq!(in_short(&nobody).as_array().unwrap()[..2], [json!("consumers"), json!(null)]);
    let why = nobody["refused"].as_str().unwrap();
    assert!(why.contains("`load` (contacts, accounts: GET"), "{why}");
    assert_eq!((unfit.status, unfit.json()["error"].clone()), (409, nobody["refused"].clone()));
    assert_eq!(in_short(&consumers)[0], "consumers");
    assert_eq!(consumers["load"]["object"], "Lead");
    assert_eq!(in_short(&environment), json!(["environment", "default", null]));
    let why = several["refused"].as_str().unwrap();
    assert!(several["by"].is_null() && several["load"].is_null(), "{several}");
    assert!(why.contains("contacts") && why.contains("accounts"), "{why}");
    drop(deliverer);
}

#[tokio::test]
async fn the_name_of_a_file_to_be_told_of_is_no_longer_than_one_can_be() {
    let services = Services::start().await;
    let server = services.serve().await;

    let long = server.get(&format!("/api/loads?file={}", "x".repeat(1_025))).await;

    assert_eq!(long.status, 400, "{long:?}");
    assert!(server.get("/api/loads").await.json().get("ofFile").is_none());
}

#[tokio::test]
async fn a_request_names_a_load_or_says_all_of_it_and_else_the_name_of_the_file_does() {
    let mut services = with_loads().await;
    services.put_rows("contacts-1", 1).await;
    services.put_rows("contacts.csv", 1).await;
    services.set("SALESFORCE_OBJECT", "Lead");
    services.set("SALESFORCE_EXTERNAL_ID", "Key__c");
    let server = services.serve().await;
    let whole = json!({
        "object": "Contact", "externalId": "Other__c", "operation": "update", "api": "bulk",
        "callRows": 50, "assignmentRule": false, "allowDuplicates": null,
        "columns": {"id": "Other__c", "name": ["LastName", "Alias__c"]},
        "constants": {"Title": "Buyer", "IsActive__c": true, "Rank__c": 3},
        "timeZone": "Europe/Berlin", "dates": "day-first", "twoDigitYears": 1970,
        "datesWithTime": "cut", "decimal": "comma", "nulls": "write", "truncate": true,
    });

    let default = does(&server, Value::Null).await;
    let named = does(&server, json!("accounts")).await;
    let said = does(&server, whole.clone()).await;

    let in_short = |load: &Value| {
        [&load["name"], &load["operation"], &load["object"], &load["externalId"]].map(Value::clone)
    };
    assert_eq!(in_short(&default), ["default", "upsert", "Lead", "Key__c"]);
    assert_eq!(in_short(&named), ["accounts", "upsert", "Account", "ErpKey__c"]);
    assert_eq!(in_short(&said), ["request", "update", "Contact", "Other__c"]);
    let settings: LoadSettings = serde_json::from_value(whole).unwrap();
    let expected = RunLoad::new("request", &settings.load(&|_| unreachable!()).unwrap());
    assert_eq!(said, serde_json::to_value(&expected.summary).unwrap());
    let by_pattern = server.start("contacts.csv").await.run();
    let report = server.get(&format!("/api/sync/{by_pattern}")).await.json();
    assert_eq!(report["load"]["name"], "contacts");
    let runs = server.get("/api/sync").await.json();
    assert_eq!(runs["runs"][0]["load"], report["load"]);
}

#[tokio::test]
async fn a_load_that_a_request_says_goes_to_the_consumers_as_it_is() {
    let services = with_loads().await;
    let server = services.serve().await;
    let load = json!({"object": "Contact", "operation": "insert", "leaveOut": "id"});
    let body = json!({"fileName": "rows.csv", "load": load, "confirm": true});
    server.post_json("/api/sync/start", &body).await;

    let claimed = Deliverer::of(&services, None).await.claim().await;

    let kept = Load::from_json(&claimed.load().text).unwrap();
    let settings: LoadSettings = serde_json::from_value(load).unwrap();
    assert_eq!(kept, Load::new(&settings).unwrap());
}

#[tokio::test]
async fn every_load_that_cannot_be_is_told_why_and_nothing_is_entered() {
    let services = with_loads().await;
    services.put_rows("contacts-1.csv", 1).await;
    let server = services.serve().await;
    let contact = |setting: &str, value: Value| {
        let mut load = json!({"object": "Contact", "externalId": "Key__c"});
        load[setting] = value;
        load
    };
    let mut columns: Value =
        (0..9_000).map(|at| (format!("column number {at}"), json!(format!("Name{at}")))).collect();
    columns["Nr"] = json!("Key__c");
    for (load, status, words) in [
        (json!(5), 400, "neither the name of a load nor an object"),
        (json!(["contacts"]), 400, "neither the name"),
        (json!(true), 400, "GET /api/loads"),
        (json!("contact"), 404, "did you mean `contacts`?"),
        (json!(""), 404, "there is no load"),
        (json!("default"), 404, "there is no load"),
        (json!({}), 422, "it has no `object`"),
        (json!({"object": "Contact"}), 422, "an upsert needs `externalId`"),
        (json!({"object": "Con tact"}), 422, "not an API name"),
        (json!({"objekt": "Contact"}), 422, "unknown field `objekt`"),
        (contact("mapping", json!("/etc/passwd")), 422, "would name a file of the server"),
        (contact("operation", json!("merge")), 422, "`merge`"),
        (contact("callRows", json!(201)), 422, "from 1 to 200"),
        (contact("timeZone", json!("Berlin")), 422, "no such time zone"),
        (contact("columns", json!({})), 422, "no column fills a field"),
        (contact("constants", json!({"Title": "Buyer"})), 422, "`columns`"),
        (contact("columns", columns), 413, "bytes"),
        (
            contact("columns", json!({"Nr": "Key__c", "A": "Email", "B": "email"})),
            422,
            "column `B`: `email` is filled by column `A` already",
        ),
        (contact("columns", json!({"A": "Email"})), 422, "no column fills `Key__c`"),
        (
            contact("columns", json!({"Nr": "Key__c", "A": "Account.Owner.Name"})),
            422,
            "column `A`: `Account.Owner.Name` goes over two relationships",
        ),
        (contact("columns", json!({"Nr": "Key__c", "A": "Last Name"})), 422, "no API name"),
        (
            contact("columns", json!({"Nr": "Key__c", "A": ""})),
            422,
            "column `A`: it fills no field",
        ),
        (
            contact("columns", json!({"Nr": "Key__c", "A": []})),
            422,
            "column `A`: it fills no field",
        ),
    ] {
        let body = json!({"fileName": "rows.csv", "load": load});
        let answer = server.post_json("/api/sync/start", &body).await;
        assert_eq!(answer.status, status, "{load}: {answer:?}");
        assert!(answer.error().contains(words), "{load}: {answer:?}");
    }
    let several = server.start("contacts-1.csv").await;
    assert_eq!(several.status, 409, "{several:?}");
    assert!(
        several.error().contains("contacts, accounts; name one of them as `load`"),
        "{several:?}"
    );
    assert_eq!(several.json()["kind"], "several-loads-fit");
    let none = server.start("rows.csv").await;
    assert_eq!(none.status, 409, "{none:?}");
    for words in [
        "in the body of the request, name one of them as `load` (",
        ": GET /api/loads), or write there what rows become, such as {\"object\": \"Contact\", \
         \"externalId\": \"ErpKey__c\"}",
    ] {
        assert!(none.error().contains(words), "{words}: {none:?}");
    }
    assert_no_run(&server).await;
    // A resume has no load.
    let resume = server.post_json("/api/sync/r/resume", &json!({"load": "contacts"})).await;
    assert_eq!(resume.status, 400, "{resume:?}");
    assert!(resume.error().contains("unknown field `load`"), "{resume:?}");
}

#[tokio::test]
async fn programs_are_told_what_kind_of_error_it_is() {
    let mut services = with_loads().await;
    services.put_rows("nobody.csv", 1).await;
    for name in ["SALESFORCE_OBJECT", "SALESFORCE_EXTERNAL_ID", "MAPPING_FILE"] {
        services.set(name, "");
    }
    let server = services.serve().await;
    let start = |file: &str, load: Value| json!({"fileName": file, "load": load});

    for (body, status, kind) in [
        (start("nobody.csv", Value::Null), 409, json!("no-load-fits")),
        (start("nobody.csv", json!("nosuch")), 404, json!("no-such-load")),
        (start("nosuch.csv", json!("contacts")), 404, json!("no-such-file")),
        (start("nobody.csv", json!({"object": "Contact"})), 422, Value::Null),
    ] {
        let answer = server.post_json("/api/sync/start", &body).await;
        let said = (answer.status, answer.json()["kind"].clone());
        assert_eq!(said, (status, kind), "{body}: {answer:?}");
    }
    assert_eq!(server.get("/api/sync/nosuch").await.json()["kind"], "no-such-run");
    let of = server.get("/api/loads?file=nobody.csv").await.json()["ofFile"].clone();
    assert_eq!(of["kind"], "no-load-fits", "{of}");
}

#[tokio::test]
async fn a_body_may_be_large_for_its_load_only_and_few_at_a_time() {
    let services = with_loads().await;
    let server = services.serve().await;
    // Longer than any other body may be.
    let columns: Value =
        (0..1_000).map(|at| (format!("column number {at}"), json!(format!("Name{at}")))).collect();
    let load = json!({"object": "Contact", "externalId": "Name0", "columns": columns});

    assert_eq!(does(&server, load.clone()).await["object"], "Contact");
    let resume = server.post_json("/api/sync/r/resume", &load).await;
    assert_eq!(resume.status, 413, "{resume:?}");
    let body = json!({"fileName": "rows.csv", "load": "x".repeat(600 << 10)});
    let too_large = server.post_json("/api/sync/start", &body).await;
    assert_eq!(too_large.status, 413, "{too_large:?}");
    assert!(too_large.error().contains("longer than 524288 bytes"), "{too_large:?}");

    // Each begins its body and says no more.
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(begun(&server, 400_000).await);
    }
    let nowhere = json!({"fileName": "none.csv", "load": load});
    let refused = server.post_json("/api/sync/start", &nowhere).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    assert!(refused.error().contains("4 bodies of more than 16384 bytes"), "{refused:?}");
    let small = json!({"fileName": "none.csv", "load": "contacts"});
    assert_eq!(server.post_json("/api/sync/start", &small).await.status, 404, "it is small");
    for stalled in &mut stalled {
        let mut heard = vec![0; 12];
        let hearing = timeout(Duration::from_secs(60), stalled.read_exact(&mut heard));
        hearing.await.unwrap().unwrap();
        assert_eq!(heard, b"HTTP/1.1 408");
    }
    assert_eq!(server.post_json("/api/sync/start", &nowhere).await.status, 404);
}

/// A start of so many bytes, of which few come; the server is reading them.
async fn begun(server: &Server, bytes: u64) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/sync/start HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It asks for a body that it reads.
    let mut asked = [0; 25];
    timeout(Duration::from_secs(60), stream.read_exact(&mut asked)).await.unwrap().unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{").await.unwrap();
    stream
}

#[tokio::test]
async fn a_start_never_guesses_between_consumers_that_do_different_things() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let mut contacts = Deliverer::new(&services).await;
    let leads_too = Deliverer::of(&services, Some(&leads())).await;

    let refused = server.start("rows.csv").await;

    assert_eq!(refused.status, 409, "{refused:?}");
    for load in [load(), leads()] {
        assert!(refused.error().contains(&load.summary.to_string()), "{load:?}: {refused:?}");
    }
    assert!(refused.error().contains("say a load as `load`"), "{refused:?}");
    assert_no_run(&server).await;
    let queue = server.get("/api/queue").await.json();
    let summaries =
        [load().summary, leads().summary].map(|load| serde_json::to_value(load).unwrap());
    assert_eq!(queue["loads"], json!(summaries));

    // Any consumer delivers it.
    drop(leads_too);
    let insert = json!({"object": "Lead", "operation": "insert"});
    let body = json!({"fileName": "rows.csv", "load": insert, "confirm": true});
    let started = server.post_json("/api/sync/start", &body).await;
    assert_eq!(started.status, 202, "{started:?}");
    contacts.deliver(1).await;
    let report = server.report(&started.run(), |report| report["status"] == "completed").await;
    assert_eq!((&report["load"]["object"], &report["waitingFor"]), (&json!("Lead"), &Value::Null));
}

#[tokio::test]
async fn a_run_of_which_nobody_says_what_it_loads_says_what_it_waits_for() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let nothing_to_give = Deliverer::of(&services, None).await;

    let run = server.start("rows.csv").await.run();

    let report = server.report(&run, |report| report["batchesFed"] == 1).await;
    let waits = report["waitingFor"].as_str().unwrap();
    assert!(waits.starts_with("the run has no load"), "{waits}");
    assert_eq!(report["load"], Value::Null);
    let mut consumer = Deliverer::of(&services, Some(&leads())).await;
    consumer.deliver(1).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["load"]["object"], &report["waitingFor"]), (&json!("Lead"), &json!(null)));
    drop(nothing_to_give);
}

#[tokio::test]
async fn a_server_whose_mapping_is_not_that_of_the_consumers_starts_nothing_by_it() {
    let mut services = Services::start().await;
    services.set("SALESFORCE_OBJECT", "Contact");
    services.set("SALESFORCE_EXTERNAL_ID", "External_Id__c");
    services.set("MAPPING_LEAVE_OUT", "name");
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let _contacts = Deliverer::new(&services).await;

    let refused = server.start("rows.csv").await;

    assert_eq!(refused.status, 409, "{refused:?}");
    for words in ["this server and the consumers", "without name here", "name the load as `load`"] {
        assert!(refused.error().contains(words), "{refused:?}");
    }
    assert_no_run(&server).await;
    assert_eq!(does(&server, json!("default")).await["object"], "Contact");
}

#[tokio::test]
async fn the_same_key_with_another_load_is_refused_and_the_difference_named() {
    let services = with_loads().await;
    let server = services.serve().await;
    let start = |load: Value| {
        let body = json!({"fileName": "rows.csv", "load": load});
        let request = server.request(Method::POST, "/api/sync/start").json(&body);
        send(request.header("idempotency-key", "k-1"))
    };
    let first = start(json!("contacts")).await;

    let again = start(json!("contacts")).await;
    let other = start(json!("accounts")).await;
    // Consumers, and what is in files, may have changed since the first request.
    let unsaid = start(Value::Null).await;

    assert_eq!((first.status, again.status, unsaid.status), (202, 202, 202));
    assert_eq!((again.run(), unsaid.run()), (first.run(), first.run()));
    assert_eq!((other.status, other.run()), (409, first.run()), "{other:?}");
    assert!(other.error().contains("object: Contact in the run, Account now"), "{other:?}");
}

#[tokio::test]
async fn rejected_rows_become_what_their_run_loads_unless_another_load_is_said() {
    let mut services = with_loads().await;
    let server = services.serve().await;
    let mut contacts = Deliverer::new(&services).await;
    let run = server.start("rows.csv").await.run();
    contacts.reject(1, "BAD").await;
    server.report(&run, |report| report["status"] == "completed").await;
    // Both are there now, and what a server is set to is for new runs.
    let _leads = Deliverer::of(&services, Some(&leads())).await;
    services.set("SALESFORCE_OBJECT", "Lead");
    services.set("SALESFORCE_EXTERNAL_ID", "Key__c");
    let server = services.serve().await;
    let replay = async |body: Value| {
        let replayed = server.post_json(&format!("/api/sync/{run}/replay"), &body).await;
        assert_eq!(replayed.status, 202, "{body}: {replayed:?}");
        let path = format!("/api/sync/{}", replayed.run());
        let load = server.get(&path).await.json()["load"].clone();
        assert_eq!(server.post(&format!("{path}/cancel")).await.status, 202);
        server.report(&replayed.run(), |report| report["status"] == "cancelled").await;
        load
    };

    assert_eq!(replay(json!({})).await, serde_json::to_value(load().summary).unwrap());
    assert_eq!(replay(json!({"load": "accounts", "code": "BAD"})).await["object"], "Account");
    let whole = json!({"object": "Task", "operation": "insert"});
    assert_eq!(replay(json!({"load": whole, "confirm": true})).await["object"], "Task");
    let unknown = server.post_json(&format!("/api/sync/{run}/replay"), &json!({"load": "x"})).await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

#[tokio::test]
async fn a_held_run_says_why_until_somebody_resumes_it() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let mut consumer = Deliverer::new(&services).await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["status"] == "draining").await;

    services.queue().await.hold_run(&run.parse().unwrap(), "no rights", None).await.unwrap();

    let report = server.report(&run, |report| report["status"] == "held").await;
    assert_eq!(report["held"], json!({"reason": "no rights", "times": 1}));
    assert_eq!(server.post(&format!("/api/sync/{run}/resume")).await.status, 202);
    consumer.deliver(1).await;
    server.report(&run, |report| report["status"] == "completed").await;
}
