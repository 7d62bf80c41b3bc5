//! What goes wrong when it is told to.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header};
use salesforce_simulator::{Fault, Faults, PlannedFault, RowErrorRule};
use serde_json::{Value, json};

use crate::client::{LEADS, Org, Reply, lead, records_of, refused, reply};

async fn upsert(org: &Org, keys: &[&str]) -> Result<Reply, reqwest::Error> {
    let body = records_of("Lead", keys.iter().map(|key| lead(key)));
    let response = org.call(Method::PATCH, LEADS).json(&body).send().await?;
    let status = response.status();
    let bytes = response.bytes().await?;
    Ok(Reply { status, json: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
}

fn rows(org: &Org) -> u64 {
    org.simulator.state().objects["Lead"].rows
}

#[tokio::test]
async fn refusals_before_the_work_store_nothing() {
    let org = Org::start().await;
    let concurrent = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
    for (fault, status, code, message) in [
        (Fault::Unavailable, 503, "SERVER_UNAVAILABLE", "Server too busy"),
        (Fault::ConcurrentLimit, 403, "REQUEST_LIMIT_EXCEEDED", concurrent),
        (Fault::TotalLimit, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (Fault::Throttled, 429, "TOO_MANY_REQUESTS", "Too many requests"),
    ] {
        org.simulator.plan(PlannedFault::once(fault));

        let answer = upsert(&org, &["K-1"]).await.unwrap();

        assert_eq!(answer, refused(status, code, message), "{fault:?}");
        assert_eq!(rows(&org), 0);
        assert_eq!(org.simulator.state().faults[&fault], 1);
    }
    org.simulator.plan(PlannedFault::once(Fault::ServerError));
    let error = upsert(&org, &["K-1"]).await.unwrap();
    assert_eq!(error.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(error.json[0]["errorCode"], "UNKNOWN_EXCEPTION");
    assert!(error.json[0]["message"].as_str().unwrap().contains("ErrorId"));
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap().json[0]["created"], true);
}

#[tokio::test]
async fn a_call_can_be_refused_in_any_words() {
    let org = Org::start().await;
    let long = "ConcurrentPerOrgLongTxn Limit exceeded.";
    for (status, code, message) in [
        (403, "REQUEST_LIMIT_EXCEEDED", long),
        (403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
        (400, "TXN_SECURITY_METERING_ERROR", "We can't complete the action"),
        (420, "UNKNOWN", ""),
    ] {
        org.simulator.plan(PlannedFault::refusing(status, code, message).on("/composite/"));

        assert_eq!(upsert(&org, &["K-1"]).await.unwrap(), refused(status, code, message));
        assert_eq!(rows(&org), 0);
    }
    let planned = json!([{"fault": "refused", "refusal": {"status": 400, "errorCode": "X"}}]);
    let change = org.request(Method::POST, "/__sim/faults").json(&json!({"planned": planned}));
    assert_eq!(reply(change).await.status, StatusCode::OK);
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap(), refused(400, "X", ""));
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap().status, StatusCode::OK);
    assert_eq!(org.simulator.state().faults[&Fault::Refused], 5);
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_again() {
    let faults = Faults { throttled_permille: 1000, retry_after_seconds: 7, ..Faults::default() };
    let org = Org::with_faults(faults).await;

    let response = org.call(Method::GET, "/limits").send().await.unwrap();

    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[header::RETRY_AFTER], "7");
}

#[tokio::test]
async fn a_bad_gateway_answers_with_a_page() {
    let org = Org::with_faults(Faults { bad_gateway_permille: 1000, ..Faults::default() }).await;

    let response = org.call(Method::GET, "/limits").send().await.unwrap();

    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html;charset=UTF-8");
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn duplicates_pass_when_the_call_asks_for_it() {
    let rule = RowErrorRule {
        key_prefix: "K-".to_owned(),
        status_code: "DUPLICATES_DETECTED".to_owned(),
        message: "Use one of these records?".to_owned(),
        times: None,
    };
    let org = Org::with_faults(Faults { row_errors: vec![rule], ..Faults::default() }).await;
    for (header, passes) in [
        (None, false),
        (Some("allowSave=false; runAsCurrentUser=true"), false),
        (Some("runAsCurrentUser=true; allowSave=TRUE"), true),
    ] {
        let mut request = org.call(Method::PATCH, LEADS).json(&records_of("Lead", [lead("K-1")]));
        if let Some(value) = header {
            request = request.header("Sforce-Duplicate-Rule-Header", value);
        }

        let result = reply(request).await.json;

        assert_eq!(result[0]["success"], passes, "{header:?}: {result}");
    }
}

#[tokio::test]
async fn an_ended_session_stays_ended() {
    let mut org = Org::start().await;
    org.simulator.plan(PlannedFault::once(Fault::SessionExpired));
    let expired = refused(401, "INVALID_SESSION_ID", "Session expired or invalid");

    assert_eq!(upsert(&org, &["K-1"]).await.unwrap(), expired);
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap(), expired);
    org.token = org.simulator.issue_token();
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_lost_answer_comes_after_the_rows_are_stored() {
    let org = Org::start().await;
    // Reading has no rows to store: the fault waits for a call that has.
    org.simulator.plan(PlannedFault::once(Fault::AnswerLost));
    assert_eq!(org.get("/limits").await.status, StatusCode::OK);

    let error = upsert(&org, &["K-1"]).await.unwrap_err();

    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(rows(&org), 1);
    let state = org.simulator.state();
    assert_eq!((state.requests_unanswered, state.faults[&Fault::AnswerLost]), (1, 1));
    assert_eq!(upsert(&org, &["K-1"]).await.unwrap().json[0]["created"], false);
}

#[tokio::test]
async fn an_answer_that_is_cut_breaks_in_its_middle() {
    let org = Org::start().await;
    org.simulator.plan(PlannedFault::once(Fault::AnswerCut));
    let body = records_of("Lead", [lead("K-1")]);

    let mut response = org.call(Method::PATCH, LEADS).json(&body).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"[{"));
    assert!(response.chunk().await.is_err());
    assert_eq!(rows(&org), 1);
}

#[tokio::test]
async fn a_reset_comes_before_anything_is_stored() {
    let org = Org::start().await;
    org.simulator.plan(PlannedFault::once(Fault::Reset));

    let error = upsert(&org, &["K-1"]).await.unwrap_err();

    let mut causes = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    assert!(causes.concat().contains("reset by peer"), "{causes:?}");
    assert_eq!(rows(&org), 0);
}

#[tokio::test]
async fn a_wrong_count_leaves_the_last_result_out() {
    let org = Org::start().await;
    org.simulator.plan(PlannedFault::once(Fault::WrongCount));

    let answer = upsert(&org, &["K-1", "K-2", "K-3"]).await.unwrap();

    assert_eq!(answer.json.as_array().unwrap().len(), 2);
    assert_eq!(rows(&org), 3);
}

#[tokio::test]
async fn a_slow_answer_comes_in_pieces_and_whole() {
    let faults = Faults { drip_pause_ms: 20, ..Faults::default() };
    let org = Org::with_faults(faults).await;
    org.simulator.plan(PlannedFault::once(Fault::SlowDrip));
    let started = Instant::now();

    let answer = upsert(&org, &["K-1"]).await.unwrap();

    assert_eq!(answer.json[0]["created"], true);
    assert!(started.elapsed() >= Duration::from_millis(180), "{:?}", started.elapsed());
}

#[tokio::test]
async fn every_call_waits_for_the_latency() {
    let faults = Faults { latency_ms: 100, latency_jitter_ms: 20, ..Faults::default() };
    let org = Org::with_faults(faults).await;
    let started = Instant::now();

    org.get("/limits").await;

    assert!(started.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn calls_beyond_the_cap_are_refused_at_once() {
    let faults = Faults { latency_ms: 300, concurrency_max: Some(2), ..Faults::default() };
    let org = Org::with_faults(faults).await;

    let calls = (0..6).map(|_| org.get("/limits"));
    let answers = futures::future::join_all(calls).await;

    let served = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(served, 2);
    let state = org.simulator.state();
    assert!(state.calls_in_flight_max >= 3, "{}", state.calls_in_flight_max);
    assert_eq!(state.calls_in_flight, 0);
    assert_eq!(state.faults[&Fault::ConcurrentLimit], 4);
}

#[tokio::test]
async fn a_locked_row_fails_alone_and_succeeds_the_next_time() {
    let faults = Faults { row_lock_permille: 1000, row_lock_times: 2, ..Faults::default() };
    let org = Org::with_faults(faults).await;

    for _ in 0..2 {
        let answer = upsert(&org, &["K-1", "K-2"]).await.unwrap();
        for result in answer.json.as_array().unwrap() {
            let error = &result["errors"][0];
            assert_eq!(error["statusCode"], "UNABLE_TO_LOCK_ROW");
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with("unable to obtain exclusive access to this record"));
        }
    }
    let answer = upsert(&org, &["K-1", "K-2"]).await.unwrap();

    assert_eq!(answer.json[0]["created"], true);
    assert_eq!(rows(&org), 2);
    assert_eq!(org.simulator.state().faults[&Fault::RowLocked], 4);
}

#[tokio::test]
async fn a_parent_is_locked_for_other_calls_while_its_rows_are_stored() {
    let held = Duration::from_millis(300);
    let org = Org::with_faults(Faults { parent_lock_ms: 300, ..Faults::default() }).await;
    let parents = ["A", "B"].map(|key| json!({"ErpKey__c": key, "Name": key}));
    let stored = org.post("/composite/sobjects", records_of("Account", parents)).await;
    let of = |key: &str, parent: &str| {
        let mut lead = lead(key);
        lead["Account__r"] = json!({"ErpKey__c": parent});
        lead
    };

    let first = org.upsert([of("K-1", "A"), of("K-2", "a")]).await;
    let second = org.upsert([of("K-3", "A"), of("K-4", "B"), lead("K-5")]).await;
    tokio::time::sleep(held).await;
    let third = org.upsert([of("K-3", "A")]).await;

    assert_eq!(stored.status, StatusCode::OK);
    let successes = |results: &Value| -> Vec<bool> {
        let results = results.as_array().unwrap().iter();
        results.map(|result| result["success"].as_bool().unwrap()).collect()
    };
    assert_eq!(successes(&first), [true, true]);
    assert_eq!(successes(&second), [false, true, true], "{second}");
    assert_eq!(second[0]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    assert_eq!(successes(&third), [true]);
}

#[tokio::test]
async fn any_error_of_a_row_can_be_asked_for() {
    let org = Org::start().await;
    org.simulator.set_faults(Faults {
        row_errors: vec![RowErrorRule {
            key_prefix: "K-".to_owned(),
            status_code: "STORAGE_LIMIT_EXCEEDED".to_owned(),
            message: "storage limit exceeded".to_owned(),
            times: Some(1),
        }],
        ..Faults::default()
    });

    let answer = upsert(&org, &["K-1", "K-2"]).await.unwrap();

    let expected = json!([{"statusCode": "STORAGE_LIMIT_EXCEEDED", "message": "storage limit exceeded",
            "fields": []}]);
    assert_eq!(answer.json[0]["errors"], expected);
    assert_eq!(answer.json[1]["created"], true);
}

#[tokio::test]
async fn the_same_seed_fails_the_same_calls() {
    let run = async || {
        let faults = Faults { unavailable_permille: 300, ..Faults::default() };
        let org = Org::with_faults(faults).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(org.get("/limits").await.status.as_u16());
        }
        statuses
    };

    let first = run().await;

    assert!(first.contains(&503) && first.contains(&200), "{first:?}");
    assert_eq!(run().await, first);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_the_latency() {
    let faults = Faults { latency_ms: 600_000, ..Faults::default() };
    let org = Org::with_faults(faults).await;
    let request = org.call(Method::GET, "/limits");
    let call = tokio::spawn(reply(request));
    while org.simulator.state().calls_in_flight == 0 {
        tokio::task::yield_now().await;
    }

    let stopped = tokio::time::timeout(Duration::from_secs(4), org.simulator.shutdown()).await;

    assert!(stopped.is_ok());
    let answered = tokio::time::timeout(Duration::from_secs(4), call).await;
    assert!(answered.is_ok());
}
