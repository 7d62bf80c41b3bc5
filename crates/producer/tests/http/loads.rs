//! Who delivers a run: chosen at its start, named while nobody is there, changed by a resume.

use job_queue::Target;
use serde_json::{Value, json};

use crate::support::{Deliverer, Services, target};

/// Consumers of it have the same object, and other columns for it.
fn other_mapping() -> Target {
    Target { mapping: "ba9876543210".to_owned(), ..target() }
}

fn leads() -> Target {
    Target { object: "Lead".to_owned(), ..target() }
}

#[tokio::test]
async fn a_start_never_guesses_between_consumers_that_do_different_things() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let (mut contacts, mut leads_too) =
        (Deliverer::new(&services).await, Deliverer::of(&services, &leads()).await);

    let refused = server.start("rows.csv").await;

    assert_eq!(refused.status, 409, "{refused:?}");
    for target in [target(), leads()] {
        let named = format!("{}: {target}", target.id());
        assert!(refused.error().contains(&named), "{named}: {refused:?}");
    }
    let queue = server.get("/api/queue").await.json();
    let ids = queue["targets"].as_array().unwrap().iter().map(|target| target["id"].clone());
    let mut expected = [target().id(), leads().id()];
    expected.sort();
    let mut ids: Vec<Value> = ids.collect();
    ids.sort_by_key(Value::to_string);
    assert_eq!(json!(ids), json!(expected));

    let body = json!({"fileName": "rows.csv", "target": &leads().id()[..6]});
    let started = server.post_json("/api/sync/start", &body).await;
    assert_eq!(started.status, 202, "{started:?}");
    leads_too.deliver(1).await;
    let report = server.report(&started.run(), |report| report["status"] == "completed").await;
    let shown = json!({
        "id": leads().id(), "org": "00D000000000001", "object": "Lead", "operation": "upsert",
        "externalId": "ExternalId__c", "mapping": "0123456789ab",
    });
    assert_eq!(report["target"], shown);

    let body = json!({"fileName": "rows.csv", "target": target().id()});
    server.post_json("/api/sync/start", &body).await;
    contacts.deliver(1).await;
    let unknown = json!({"fileName": "rows.csv", "target": "0000ffff"});
    let unknown = server.post_json("/api/sync/start", &unknown).await;
    assert_eq!(unknown.status, 409, "{unknown:?}");
    assert!(unknown.error().starts_with("there is no target whose id begins"), "{unknown:?}");
    let routes = ["/api/sync/start", "/api/sync/nightly/resume", "/api/sync/nightly/replay"];
    for (route, odd) in routes.iter().flat_map(|route| {
        [json!("Lead"), json!("0a1"), json!(123_456), json!({})].map(|odd| (route, odd))
    }) {
        let mut body = json!({"target": odd});
        if route.ends_with("start") {
            body["fileName"] = json!("rows.csv");
        }
        let odd = server.post_json(route, &body).await;
        assert_eq!(odd.status, 400, "{route} {body}: {odd:?}");
        assert_eq!(
            odd.error(),
            "`target` is not the id of a target; these have 12 hexadecimal digits, of which the \
             first 4 or more will do: GET /api/queue names the targets of the consumers that are \
             alive"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_set_to_an_object_starts_runs_for_it() {
    let mut services = Services::start().await;
    services.set("SALESFORCE_OBJECT", "Lead");
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let contacts = Deliverer::new(&services).await;

    let run = server.start("rows.csv").await.run();

    let report = server.report(&run, |report| report["batchesFed"] == 1).await;
    let waits = report["waitingFor"].as_str().unwrap();
    assert!(waits.contains("this run, which is for upsert Lead; they deliver"), "{waits}");
    assert_eq!(report["target"], Value::Null);
    let mut consumer = Deliverer::of(&services, &leads()).await;
    consumer.deliver(1).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!(
        (&report["target"]["object"], &report["waitingFor"]),
        (&json!("Lead"), &json!(null))
    );
    drop(contacts);
}

#[tokio::test]
async fn a_run_whose_mapping_is_gone_says_so_and_goes_on_with_another_when_it_is_told_to() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 30).await;
    let server = services.serve().await;
    let mut before = Deliverer::new(&services).await;
    let run = server.start("rows.csv").await.run();
    before.deliver(1).await;
    services.forget_consumers();
    drop(before);
    let nobody = server.report(&run, |report| report["waitingFor"] != json!(null)).await;
    assert!(
        nobody["waitingFor"].as_str().unwrap().starts_with("no consumer is running"),
        "{nobody}"
    );
    let mut now = Deliverer::of(&services, &other_mapping()).await;

    let both = |report: &Value| {
        let text = report["waitingFor"].as_str().unwrap_or_default();
        let resume = format!("producer resume {run} --target {}", other_mapping().id());
        ["0123456789ab", "ba9876543210", &resume].iter().all(|part| text.contains(part))
    };
    server.report(&run, both).await;
    let resume = format!("/api/sync/{run}/resume");
    let unknown = server.post_json(&resume, &json!({"target": leads().id()})).await;
    assert_eq!(unknown.status, 409, "{unknown:?}");
    assert!(unknown.error().starts_with("there is no target"), "{unknown:?}");
    let resumed = server.post_json(&resume, &json!({"target": other_mapping().id()})).await;

    assert_eq!(resumed.status, 202, "{resumed:?}");
    now.deliver(2).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    let now = (&report["delivered"], &report["target"]["mapping"]);
    assert_eq!(now, (&json!(30), &json!("ba9876543210")));
    let _before = Deliverer::new(&services).await;
    let late = server.post_json(&resume, &json!({"target": target().id()})).await;
    assert_eq!(late.status, 409, "{late:?}");
    let report = server.get(&format!("/api/sync/{run}")).await.json();
    assert_eq!(report["target"]["mapping"], json!("ba9876543210"), "it is what it was");
}

#[tokio::test]
async fn rejected_rows_go_where_they_were_to_go() {
    let mut services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let mut contacts = Deliverer::new(&services).await;
    let run = server.start("rows.csv").await.run();
    contacts.reject(1, "BAD").await;
    server.report(&run, |report| report["status"] == "completed").await;
    // Both are there now, and what a server is set to is for new runs.
    let _leads = Deliverer::of(&services, &leads()).await;
    services.set("SALESFORCE_OBJECT", "Lead");
    let server = services.serve().await;

    let replayed = server.post(&format!("/api/sync/{run}/replay")).await;

    assert_eq!(replayed.status, 202, "{replayed:?}");
    let report = server.get(&format!("/api/sync/{}", replayed.run())).await.json();
    assert_eq!(report["target"]["id"], json!(target().id()));
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
