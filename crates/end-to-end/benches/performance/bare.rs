//! The least that a client does: the same call again and again, so many at once. What the org takes at best,
//! measured on the machine that everything else runs on as well.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::stage::Stage;

const SECONDS: u64 = 4;

/// Rows a second, by calls of this many rows each. Leaves nothing in Salesforce.
pub(crate) fn rows_per_second(stage: &Stage, faults: &Value, at_once: u64, rows: u64) -> f64 {
    stage.clear();
    stage.pipeline.set_faults(faults);
    let salesforce = &stage.pipeline.salesforce_url;
    let client = reqwest::blocking::Client::new();
    let login = client
        .post(format!("{salesforce}/services/oauth2/token"))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", "batch-sync"),
            ("client_secret", "local-only-secret"),
        ])
        .send()
        .unwrap();
    let login: Value = serde_json::from_str(&login.text().unwrap()).unwrap();
    let token = login["access_token"].as_str().unwrap();
    let url = format!("{salesforce}/services/data/v62.0/composite/sobjects/Lead/External_Id__c");
    let answered = AtomicU64::new(0);
    let (started, end) = (Instant::now(), Duration::from_secs(SECONDS));
    std::thread::scope(|scope| {
        for caller in 0..at_once {
            let (client, url, answered) = (&client, &url, &answered);
            scope.spawn(move || {
                let body = body(caller, rows);
                while started.elapsed() < end {
                    let call = client.patch(url).bearer_auth(token).body(body.clone());
                    let answer = call.header("content-type", "application/json").send().unwrap();
                    assert!(answer.status().is_success(), "{}", answer.status());
                    answer.bytes().unwrap();
                    answered.fetch_add(rows, Ordering::Relaxed);
                }
            });
        }
    });
    let rate = answered.into_inner() as f64 / started.elapsed().as_secs_f64();
    stage.clear();
    rate
}

fn body(caller: u64, rows: u64) -> String {
    let record = |row: u64| {
        json!({
            "attributes": {"type": "Lead"},
            "External_Id__c": format!("BARE-{caller}-{row}"),
            "LastName": format!("Jane Doe {row}"),
            "Email": format!("jane.doe.{row}@example.com"),
            "Company": format!("Company {row}"),
        })
    };
    json!({"allOrNone": false, "records": (0..rows).map(record).collect::<Vec<_>>()}).to_string()
}
