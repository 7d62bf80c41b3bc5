//! Small queries: what a check of a load asks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Org, Reply, lead, refused, reply};

async fn answered(org: &Org, query: &str) -> Reply {
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    org.get(&format!("/query/?q={encoded}")).await
}

async fn asked(org: &Org, query: &str) -> Value {
    let answer = answered(org, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.json);
    answer.json
}

async fn fill(org: &Org, rows: usize) {
    let keys: Vec<String> = (0..rows).map(|number| format!("K-{number:05}")).collect();
    for chunk in keys.chunks(200) {
        org.upsert(chunk.iter().map(|key| lead(key))).await;
    }
}

#[tokio::test]
async fn rows_are_counted_with_and_without_conditions() {
    let org = Org::start().await;
    fill(&org, 20).await;
    org.upsert([json!({"External_Id__c": "K-00003", "Email": "a@b.co", "Opted_In__c": true})])
        .await;
    for (query, expected) in [
        ("SELECT COUNT() FROM Lead", 20),
        ("select count() from lead where Email != null", 1),
        ("SELECT COUNT() FROM Lead WHERE Email = null AND Opted_In__c = false", 19),
        ("SELECT COUNT() FROM Lead WHERE External_Id__c IN ('k-00001', 'K-00002', 'x')", 2),
        ("SELECT COUNT() FROM Lead WHERE External_Id__c LIKE 'K-0001%'", 10),
        ("SELECT COUNT() FROM Lead WHERE Status = 'Open - Not Contacted'", 20),
        ("SELECT COUNT() FROM Account", 0),
    ] {
        let expected = json!({"totalSize": expected, "done": true, "records": []});
        assert_eq!(asked(&org, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn fields_are_selected() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;

    let query = format!("SELECT Id, LastName, Email FROM Lead WHERE Id = '{id}' LIMIT 1");
    let answer = asked(&org, &query).await;

    let url = format!("/services/data/v62.0/sobjects/Lead/{id}");
    let record = json!({
        "attributes": {"type": "Lead", "url": url}, "Id": id, "LastName": "Ames", "Email": null,
    });
    assert_eq!(answer, json!({"totalSize": 1, "done": true, "records": [record]}));
}

#[tokio::test]
async fn more_than_2000_records_come_in_pages() {
    let org = Org::start().await;
    fill(&org, 4500).await;

    let mut page = asked(&org, "SELECT External_Id__c FROM Lead").await;
    let mut keys = Vec::new();
    loop {
        assert_eq!(page["totalSize"], 4500);
        let records = page["records"].as_array().unwrap();
        keys.extend(records.iter().map(|record| record["External_Id__c"].clone()));
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        assert_eq!((&page["done"], records.len()), (&json!(false), 2000));
        page = reply(org.request(Method::GET, next).bearer_auth(&org.token)).await.json;
    }

    assert_eq!(page["done"], true);
    assert_eq!(keys.len(), 4500);
    keys.sort_by_key(ToString::to_string);
    keys.dedup();
    assert_eq!(keys.len(), 4500);
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused() {
    let org = Org::start().await;
    for (query, code, message) in [
        ("SELECT", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE", "sObject type 'Nothing' is not supported."),
        (
            "SELECT Nothing__c FROM Lead",
            "INVALID_FIELD",
            "No such column 'Nothing__c' on entity 'Lead'",
        ),
        (
            "SELECT COUNT() FROM Lead WHERE Nothing__c = 1",
            "INVALID_FIELD",
            "No such column 'Nothing__c' on entity 'Lead'",
        ),
    ] {
        assert_eq!(answered(&org, query).await, refused(400, code, message), "{query}");
    }
    let locator = org.get("/query/1-2000").await;
    assert_eq!(locator, refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator"));
}

#[tokio::test]
async fn columns_are_described_instead_of_rows_when_asked_for() {
    let org = Org::start().await;
    org.insert("Lead", lead("K-1")).await;
    let query = "/query?q=SELECT+Id,Opted_In__c,Score__c+FROM+Lead&columns=true";

    let answer = org.get(query).await.json;

    assert_eq!(answer["entityName"], "Lead");
    assert_eq!((&answer["keyPrefix"], &answer["idSelected"]), (&json!("00Q"), &json!(true)));
    let columns = answer["columnMetadata"].as_array().unwrap();
    let kinds: Vec<[&Value; 4]> = columns
        .iter()
        .map(|one| [&one["columnName"], &one["textType"], &one["booleanType"], &one["numberType"]])
        .collect();
    assert_eq!(kinds[0], [&json!("Id"), &json!(true), &json!(false), &json!(false)]);
    assert_eq!(kinds[1], [&json!("Opted_In__c"), &json!(false), &json!(true), &json!(false)]);
    assert_eq!(kinds[2], [&json!("Score__c"), &json!(false), &json!(false), &json!(true)]);
    assert!(answer.get("records").is_none());
}

#[tokio::test]
async fn the_user_can_be_looked_up() {
    let org = Org::start().await;

    let user = org.get("/sobjects/User/005S1000000SimuIAC").await.json;

    assert_eq!(user["Username"], "integration@batch-sync.example");
}
