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
async fn records_are_looked_up_by_keys_of_any_spelling() {
    let org = Org::start().await;
    let keys = ["It's", r"back\slash", "Ünï 🙂", "two\nlines", "plain"];
    org.upsert(keys.iter().map(|key| lead(key))).await;
    let ids = |answer: Value| -> Vec<Value> {
        answer["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["External_Id__c"].clone())
            .collect()
    };
    for (literals, found) in [
        (r"'IT\'S','x'", vec!["It's"]),
        (r"'back\\slash', 'backslash'", vec![r"back\slash"]),
        ("'ÜNÏ 🙂'", vec!["Ünï 🙂"]),
        (r"'two\nlines', 'PLAIN'", vec!["two\nlines", "plain"]),
        ("'plai', 'plain '", vec![]),
    ] {
        let query =
            format!("SELECT Id, External_Id__c FROM Lead WHERE External_Id__c IN ({literals})");

        assert_eq!(ids(asked(&org, &query).await), found, "{literals}");
    }
}

#[tokio::test]
async fn a_field_that_counts_capitals_is_compared_with_them() {
    let org = Org::start().await;
    for (key, badge) in [("K-1", "a-1"), ("K-2", "A-1")] {
        let mut lead = lead(key);
        lead["Badge_Number__c"] = json!(badge);
        org.insert("Lead", lead).await;
    }

    let answer = asked(&org, "SELECT COUNT() FROM Lead WHERE Badge_Number__c IN ('a-1')").await;

    assert_eq!(answer["totalSize"], 1);
}

#[tokio::test]
async fn numbers_are_compared_by_value_and_never_in_quotes() {
    let org = Org::start().await;
    let mut scored = lead("K-1");
    scored["Score__c"] = json!(100.5);
    org.insert("Lead", scored).await;
    for (literals, found) in [
        ("100.50", 1),
        ("1.005E2, 7", 1),
        ("1e9223372036854775807", 0),
        ("100.5", 1),
        ("100", 0),
        ("-100.5", 0),
        ("1005", 0),
    ] {
        let query = format!("SELECT COUNT() FROM Lead WHERE Score__c IN ({literals})");
        assert_eq!(asked(&org, &query).await["totalSize"], found, "{literals}");
    }
    let quoted = answered(&org, "SELECT COUNT() FROM Lead WHERE Score__c IN ('100.5')").await;
    let bare = answered(&org, "SELECT COUNT() FROM Lead WHERE LastName IN (5)").await;

    let message = |field, kind, how| {
        format!(
            "value of filter criterion for field '{field}' must be of type {kind} and should \
             {how}enclosed in quotes"
        )
    };
    let expected = message("Score__c", "double", "not be ");
    assert_eq!(quoted, refused(400, "INVALID_FIELD", &expected));
    assert_eq!(bare, refused(400, "INVALID_FIELD", &message("LastName", "string", "be ")));
}

#[tokio::test]
async fn a_query_that_is_longer_than_a_request_may_be_is_refused() {
    let org = Org::start().await;
    let query = |keys: usize| {
        let keys: Vec<String> = (0..keys).map(|key| format!("'K-{key:036}'")).collect();
        format!("SELECT Id FROM Lead WHERE External_Id__c IN ({})", keys.join(","))
    };

    assert_eq!(answered(&org, &query(200)).await.status, StatusCode::OK);
    assert_eq!(answered(&org, &query(400)).await.status, StatusCode::URI_TOO_LONG);
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

/// A moment as a query names it, so many seconds from now.
fn moment(seconds: i64) -> String {
    let moment = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

async fn count(org: &Org, resource: &str, conditions: &str) -> Value {
    let query = format!("SELECT COUNT() FROM Lead WHERE {conditions}");
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let answer = org.get(&format!("/{resource}?q={encoded}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.json);
    answer.json["totalSize"].clone()
}

const USER: &str = "005S1000000SimuIAC";

#[tokio::test]
async fn records_are_counted_by_who_created_them_and_when() {
    let org = Org::start().await;
    let before = moment(-60);
    fill(&org, 20).await;
    let after = moment(60);
    for (conditions, expected) in [
        (format!("CreatedById = '{USER}' AND CreatedDate >= {before}"), 20),
        (format!("createdbyid = '{}' AND createddate > {before}", &USER[..15]), 20),
        (format!("LastModifiedById = '{USER}' AND LastModifiedDate <= {after}"), 20),
        (format!("SystemModstamp >= {before} AND SystemModstamp < {after}"), 20),
        (format!("CreatedDate > {after}"), 0),
        (format!("CreatedDate < {before}"), 0),
        ("CreatedDate >= 2001-01-01T00:00:00.000+01:00".to_owned(), 20),
        ("CreatedDate = 2001-01-01T00:00:00Z".to_owned(), 0),
        ("CreatedById = '005S1000000SomeXYZ'".to_owned(), 0),
        ("CreatedById != '005S1000000SomeXYZ' AND External_Id__c = 'K-00001'".to_owned(), 1),
    ] {
        assert_eq!(count(&org, "query", &conditions).await, expected, "{conditions}");
    }
}

#[tokio::test]
async fn deleted_records_are_counted_in_the_recycle_bin_only() {
    let org = Org::start().await;
    fill(&org, 5).await;
    let ids: Vec<String> = org.simulator.rows("Lead").await[..2]
        .iter()
        .map(|lead| lead["Id"].as_str().unwrap().to_owned())
        .collect();
    org.delete(&format!("/composite/sobjects?ids={}", ids.join(","))).await;
    let of_user = format!("LastModifiedById = '{USER}' AND SystemModstamp >= {}", moment(-60));
    for (resource, conditions, expected) in [
        ("query", of_user.clone(), 3),
        ("queryAll", of_user.clone(), 5),
        ("query", "IsDeleted = true".to_owned(), 0),
        ("queryAll", format!("IsDeleted = true AND {of_user}"), 2),
        ("queryAll", "IsDeleted = FALSE".to_owned(), 3),
        ("queryAll", format!("IsDeleted != false AND Id = '{}'", ids[0]), 1),
    ] {
        assert_eq!(count(&org, resource, &conditions).await, expected, "{resource} {conditions}");
    }

    let lost =
        reply(org.request(Method::POST, "/__sim/lose").json(&json!({"object": "lead", "rows": 2})))
            .await;

    assert_eq!(lost.json, json!({"lost": 2}));
    assert_eq!(count(&org, "query", &of_user).await, 1);
    assert_eq!(count(&org, "queryAll", &of_user).await, 3, "and not even the bin has them");
}

#[tokio::test]
async fn a_delete_that_is_rolled_back_leaves_nothing_in_the_recycle_bin() {
    let org = Org::start().await;
    fill(&org, 1).await;
    let lead = org.simulator.rows("Lead").await.remove(0);
    let ids = format!("{},00QS10000009999MAA", lead["Id"].as_str().unwrap());

    org.delete(&format!("/composite/sobjects?ids={ids}&allOrNone=true")).await;

    assert_eq!(count(&org, "query", "IsDeleted = false").await, 1);
    assert_eq!(count(&org, "queryAll", "IsDeleted = true").await, 0);
}

#[tokio::test]
async fn a_condition_that_is_not_known_is_refused_and_never_passed_over() {
    let org = Org::start().await;
    let quoted = |field: &str, kind: &str, how: &str| {
        format!(
            "value of filter criterion for field '{field}' must be of type {kind} and should \
             {how}enclosed in quotes"
        )
    };
    for (condition, code, message) in [
        (
            "CreatedDate >= '2026-11-23T10:15:00Z'",
            "INVALID_FIELD",
            quoted("CreatedDate", "dateTime", "not be "),
        ),
        ("CreatedDate > 2026-11-23", "INVALID_FIELD", quoted("CreatedDate", "dateTime", "not be ")),
        ("CreatedById = 5", "INVALID_FIELD", quoted("CreatedById", "reference", "be ")),
        ("CreatedById = 'me'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: me".to_owned()),
        ("IsDeleted = 'true'", "INVALID_FIELD", quoted("IsDeleted", "boolean", "not be ")),
        (
            "CreatedDate LIKE 2026-11-23T10:15:00Z",
            "MALFORMED_QUERY",
            "the simulator does not know this comparison of CreatedDate".to_owned(),
        ),
        (
            "IsDeleted > false",
            "MALFORMED_QUERY",
            "the simulator does not know this comparison of IsDeleted".to_owned(),
        ),
        ("Score__c > 5", "MALFORMED_QUERY", "the simulator knows no order of Score__c".to_owned()),
    ] {
        let query = format!("SELECT COUNT() FROM Lead WHERE {condition}");
        assert_eq!(answered(&org, &query).await, refused(400, code, &message), "{condition}");
    }
}
