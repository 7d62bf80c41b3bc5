//! The control API, and the same through the library.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use salesforce_simulator::{Config, Fault, Faults, LoggedRequest, PlannedFault, State};
use serde_json::{Value, json};

use crate::client::{LEADS, Org, lead, records_of, reply};

async fn control(org: &Org, path: &str) -> Value {
    let answer = reply(org.request(Method::GET, &format!("/__sim/{path}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
    answer.json
}

#[tokio::test]
async fn the_state_says_what_happened() {
    let org = Org::start().await;
    org.upsert([lead("K-1"), lead("K-2"), json!({"External_Id__c": "K-3"})]).await;
    org.upsert([lead("K-1")]).await;

    let state: State = serde_json::from_value(control(&org, "state").await).unwrap();

    assert_eq!((state.requests, state.api_calls, state.logins), (2, 2, 0));
    assert_eq!(state.requests_by_status, [(200, 2)].into());
    let leads = &state.objects["Lead"];
    assert_eq!((leads.rows, leads.created, leads.updated), (2, 2, 1));
    assert_eq!(leads.rejected, [("REQUIRED_FIELD_MISSING".to_owned(), 1)].into());
    assert_eq!(control(&org, "healthz").await, json!({"status": "ok"}));
}

#[tokio::test]
async fn the_daily_limit_moves_and_its_use_starts_again() {
    let org = Org::with(Config { daily_limit: 2, ..Config::default() }).await;
    let change =
        async |change: Value| reply(org.request(Method::POST, "/__sim/limits").json(&change)).await;
    org.get("/limits").await;
    org.get("/limits").await;
    assert_eq!(org.get("/limits").await.status, StatusCode::FORBIDDEN);

    let freed = change(json!({"apiCalls": 1})).await;
    assert_eq!(freed.json, json!({"dailyLimit": 2, "apiCalls": 1}));
    assert_eq!(org.get("/limits").await.status, StatusCode::OK);
    assert_eq!(org.get("/limits").await.status, StatusCode::FORBIDDEN);
    change(json!({"dailyLimit": 100})).await;
    let limits = org.get("/limits").await.json;
    assert_eq!(limits["DailyApiRequests"], json!({"Max": 100, "Remaining": 97}));
    assert_eq!(control(&org, "limits").await, json!({"dailyLimit": 100, "apiCalls": 3}));
    assert_eq!(change(json!({"x": 1})).await.status, StatusCode::BAD_REQUEST);
    org.simulator.set_api_calls(100, 100);
    assert_eq!(org.get("/limits").await.status, StatusCode::FORBIDDEN);
    org.simulator.reset();
    assert_eq!(control(&org, "limits").await, json!({"dailyLimit": 2, "apiCalls": 0}));
}

#[tokio::test]
async fn all_tokens_can_be_ended_at_once() {
    let org = Org::start().await;

    reply(org.request(Method::POST, "/__sim/tokens/expire")).await;

    assert_eq!(org.get("/limits").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_cap_on_calls_at_once_moves_while_calls_are_under_way() {
    let faults = Faults { latency_ms: 300, ..Faults::default() };
    let org = Org::with_faults(faults).await;
    let at_once = async |calls: usize| {
        let calls = (0..calls).map(|_| org.get("/limits"));
        let replies = futures::future::join_all(calls).await;
        replies.iter().filter(|reply| reply.status == StatusCode::FORBIDDEN).count()
    };

    assert_eq!(at_once(4).await, 0);
    for (cap, refused) in [(3, 1), (1, 3), (4, 0)] {
        let change = json!({"concurrencyMax": cap});
        reply(org.request(Method::POST, "/__sim/faults").json(&change)).await;

        assert_eq!(at_once(4).await, refused, "{cap}");
    }
    assert_eq!(org.simulator.state().calls_in_flight_max, 4);
}

#[tokio::test]
async fn the_log_shows_what_calls_asked_for_in_headers() {
    let org = Org::start().await;
    let body = records_of("Lead", [lead("K-1")]);
    let request = org
        .call(Method::PATCH, LEADS)
        .header("Sforce-Auto-Assign", "FALSE")
        .header("Sforce-Call-Options", "client=batch-sync")
        .header("Sforce-Duplicate-Rule-Header", "allowSave=true")
        .json(&body);

    reply(request).await;

    let log = org.simulator.requests();
    let headers = &log[0].headers;
    assert_eq!(headers["sforce-auto-assign"], "FALSE");
    assert_eq!(headers["sforce-call-options"], "client=batch-sync");
    assert_eq!(headers["sforce-duplicate-rule-header"], "allowSave=true");
    assert!(!headers.contains_key("authorization"));
}

#[tokio::test]
async fn rows_come_as_lines_sorted_by_external_id() {
    let org = Org::start().await;
    org.upsert([lead("K-2"), lead("K-1")]).await;
    org.upsert([lead("K-2")]).await;
    org.insert("Lead", json!({"LastName": "No key", "Company": "Acme"})).await;

    let response = org.request(Method::GET, "/__sim/rows/lead").send().await.unwrap();

    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let keys: Vec<(&Value, &Value)> =
        rows.iter().map(|row| (&row["External_Id__c"], &row["_writes"])).collect();
    let expected = [(json!(null), json!(1)), (json!("K-1"), json!(1)), (json!("K-2"), json!(2))];
    assert_eq!(keys, expected.iter().map(|(key, writes)| (key, writes)).collect::<Vec<_>>());
    assert_eq!(rows, org.simulator.rows("Lead").await);
}

#[tokio::test]
async fn many_rows_are_streamed_whole() {
    let org = Org::start().await;
    for chunk in 0..25 {
        org.upsert((0..200).map(|number| lead(&format!("K-{chunk:02}-{number:03}")))).await;
    }

    let text = org.request(Method::GET, "/__sim/rows/Lead").send().await.unwrap();
    let text = text.text().await.unwrap();

    assert_eq!(text.lines().count(), 5000);
    assert!(text.lines().is_sorted_by_key(|line| {
        serde_json::from_str::<Value>(line).unwrap()["External_Id__c"].to_string()
    }));
}

#[tokio::test]
async fn a_digest_depends_on_the_rows_and_not_on_their_order() {
    let one = Org::start().await;
    let other = Org::start().await;
    one.upsert([lead("K-1"), lead("K-2")]).await;
    other.upsert([lead("K-2")]).await;
    let half = other.simulator.digest("Lead").await.unwrap();
    other.upsert([lead("K-1")]).await;
    other.upsert([lead("K-1")]).await;

    let first = one.simulator.digest("Lead").await.unwrap();

    assert_eq!(other.simulator.digest("Lead").await.unwrap(), first);
    assert_ne!(half.sha256, first.sha256);
    assert_eq!(first.rows, 2);
    assert_eq!(json!(first), control(&one, "digest/Lead").await);
    other.upsert([json!({"External_Id__c": "K-1", "City": "Bern"})]).await;
    assert_ne!(other.simulator.digest("Lead").await.unwrap().sha256, first.sha256);
}

#[tokio::test]
async fn the_digest_of_one_row_is_the_sha256_of_its_line() {
    let org = Org::start().await;
    org.upsert([lead("K-1")]).await;

    let digest = org.simulator.digest("Lead").await.unwrap();

    // printf '{"Company":"Acme","External_Id__c":"K-1","LastName":"Ames"}' | sha256sum
    assert_eq!(digest.sha256, "0cfbb9c2561fcc429e64aa11bd032e9497f20055527897a8f81dfbee980258fc");
}

#[tokio::test]
async fn a_reset_forgets_rows_counts_and_changed_faults_but_no_token() {
    let faults = Faults { retry_after_seconds: 9, ..Faults::default() };
    let org = Org::with(Config { faults: faults.clone(), ..Config::default() }).await;
    org.upsert([lead("K-1")]).await;
    org.simulator.set_faults(Faults { unavailable_permille: 1000, ..faults.clone() });

    let answer = reply(org.request(Method::POST, "/__sim/reset")).await;

    assert_eq!(answer.status, StatusCode::OK);
    let state = org.simulator.state();
    assert_eq!((state.requests, state.api_calls, state.objects["Lead"].rows), (0, 0, 0));
    assert!(org.simulator.requests().is_empty());
    assert_eq!(org.simulator.faults(), faults);
    assert_eq!(org.upsert([lead("K-1")]).await[0]["created"], true);
}

#[tokio::test]
async fn faults_are_changed_while_it_runs() {
    let org = Org::start().await;
    let change = |body: Value| {
        let request = org.request(Method::POST, "/__sim/faults").json(&body);
        async { reply(request).await }
    };

    change(json!({"latencyMs": 1})).await;
    let changed =
        change(json!({"planned": [{"fault": "unavailable", "pathContains": "/limits"}]})).await;

    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json["latencyMs"], 1);
    assert_eq!(control(&org, "faults").await, changed.json);
    assert_eq!(org.get("/sobjects").await.status, StatusCode::OK);
    assert_eq!(org.get("/limits").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for nonsense in [json!([]), json!({"nothing": 1}), json!({"resetPermille": 2000})] {
        let refused = change(nonsense).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.json["error"].is_string());
    }
}

#[tokio::test]
async fn the_log_keeps_the_last_requests_and_no_secrets() {
    let org = Org::with(Config { request_log_max: 2, ..Config::default() }).await;
    org.simulator.plan(PlannedFault::once(Fault::AnswerLost));
    org.get("/limits?secret=x").await;
    org.get("/limits?secret=x").await;
    let body = records_of("Lead", [lead("K-1"), lead("K-2")]);
    org.call(Method::PATCH, LEADS).json(&body).send().await.unwrap_err();

    let log: Vec<LoggedRequest> = serde_json::from_value(control(&org, "requests").await).unwrap();

    assert_eq!(log.len(), 2);
    assert_eq!((log[0].number, log[0].status), (2, Some(200)));
    assert_eq!(log[0].path, "/services/data/v62.0/limits");
    let lost = &log[1];
    assert_eq!((lost.method.as_str(), lost.status), ("PATCH", None));
    assert_eq!(lost.fault, Some(Fault::AnswerLost));
    let text = serde_json::to_string(&log).unwrap();
    assert!(!text.contains("secret") && !text.contains(&org.token), "{text}");
}

#[tokio::test]
async fn a_state_can_be_waited_for() {
    let org = Org::start().await;
    let reached = org.simulator.wait_for(|state| state.objects["Lead"].rows == 2);
    let reached = tokio::time::timeout(Duration::from_secs(10), reached);

    let (state, _) = tokio::join!(reached, async {
        org.upsert([lead("K-1")]).await;
        org.upsert([lead("K-2")]).await;
    });

    assert_eq!(state.unwrap().objects["Lead"].rows, 2);
}

#[tokio::test]
async fn an_unknown_path_of_the_control_api_says_what_there_is() {
    let org = Org::start().await;

    let answer = reply(org.request(Method::GET, "/__sim/nothing")).await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.json["error"].as_str().unwrap().contains("digest/{Object}"));
    let rows = reply(org.request(Method::GET, "/__sim/rows/Nothing")).await;
    assert_eq!(rows.status, StatusCode::NOT_FOUND);
}
