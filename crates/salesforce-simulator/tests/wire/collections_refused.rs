//! Section 2.4: keys that are not clear, and calls that are refused as a whole.

use reqwest::{Method, StatusCode};
use salesforce_simulator::{Config, ErrorScope, Schema, UpdateOnly};
use serde_json::{Value, json};

use crate::client::{LEADS, Org, failed, lead, records_of, refused, reply};

/// Records whose key is a number, and unique.
const METERS: &str = r#"{"objects": [{"name": "Meter__c", "keyPrefix": "a02", "fields": [
    {"name": "No__c", "type": "double", "precision": 18, "externalId": true, "unique": true},
    {"name": "Name", "type": "string", "length": 80}
]}]}"#;

#[tokio::test]
async fn every_record_of_a_key_that_is_there_twice_fails() {
    let org = Org::start().await;

    let results = org.upsert([lead("K-1"), lead("K-2"), lead("k-1")]).await;

    let twice = |key: &str| {
        let message = format!("Duplicate external id specified: {key}");
        failed("DUPLICATE_VALUE", &message, &["External_Id__c"])
    };
    assert_eq!(results[0], twice("K-1"));
    assert_eq!(results[1]["created"], true);
    assert_eq!(results[2], twice("k-1"));
    assert_eq!(org.stored("Lead").await, json!([lead("K-2")]));
}

#[tokio::test]
async fn keys_that_are_numbers_are_compared_by_value() {
    let schema = Schema::standard().with(METERS).unwrap();
    let org = Org::with(Config { schema, ..Config::default() }).await;
    let meter = |no: Value| json!({"No__c": no, "Name": "m"});
    let meters = |no: [Value; 4]| records_of("Meter__c", no.map(meter));
    let path = "/composite/sobjects/Meter__c/No__c";

    let together = meters([json!(1001), json!(1001.0), json!(7), json!(1001)]);
    let together = org.patch(path, together).await.json;
    let code = |at: usize| together[at]["errors"][0]["statusCode"].as_str();
    assert_eq!(
        [0, 1, 2, 3].map(code),
        [0, 1, 2, 3].map(|at| (at != 2).then_some("DUPLICATE_VALUE"))
    );

    for (no, is_created) in [(json!(1001), true), (json!(1001.0), false), (json!(1001.5), true)] {
        let answer = org.patch(path, records_of("Meter__c", [meter(no.clone())])).await.json;
        assert_eq!(answer[0]["created"], is_created, "{no}");
    }
    let again = records_of("Meter__c", [meter(json!(1001.0))]);
    let inserted = org.post("/composite/sobjects", again).await.json;
    assert_eq!(inserted[0]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
}

#[tokio::test]
async fn a_key_of_several_rows_is_ambiguous() {
    let org = Org::start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let account = json!({"Name": "Acme", "Region_Key__c": "North"});
        ids.push(org.insert("Account", account).await);
    }

    let records = [json!({"Region_Key__c": "North", "Name": "Acme"})];
    let path = "/composite/sobjects/Account/Region_Key__c";
    let answer = org.patch(path, records_of("Account", records)).await;

    let message = format!(
        "Region Key: more than one record found for external id field: [{}, {}]",
        ids[0], ids[1]
    );
    let expected = failed("DUPLICATE_EXTERNAL_ID", &message, &["Region_Key__c"]);
    assert_eq!(answer.json, json!([expected]));
}

#[tokio::test]
async fn an_upsert_needs_its_key_and_takes_no_id() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;
    let mut with_id = lead("K-1");
    with_id["Id"] = json!(id);

    let results =
        org.upsert([json!({"LastName": "Ames", "Company": "Acme"}), with_id, lead("")]).await;

    let not_specified =
        failed("MISSING_ARGUMENT", "External_Id__c not specified", &["External_Id__c"]);
    let not_wanted = "The Id field should not be specified in the sobject data.";
    assert_eq!(
        results,
        json!([not_specified, failed("INVALID_FIELD", not_wanted, &["Id"]), not_specified])
    );
}

#[tokio::test]
async fn update_only_creates_all_the_same_unless_a_switch_says_otherwise() {
    let path = format!("{LEADS}?updateOnly=true");
    for (update_only, version, is_created) in [
        (UpdateOnly::Ignored, "v62.0", true),
        (UpdateOnly::Honored, "v60.0", true),
        (UpdateOnly::Honored, "v61.0", false),
    ] {
        let org = Org::with(Config { update_only, ..Config::default() }).await;
        let org = org.at_version(version);
        org.upsert([lead("K-1")]).await;

        let body = records_of("Lead", [lead("K-1"), lead("K-2")]);
        let results = org.patch(&path, body).await.json;

        assert_eq!(results[0]["created"], false);
        assert_eq!(results[1]["success"], is_created, "{update_only:?} {version}");
        let rows = org.simulator.state().objects["Lead"].rows;
        assert_eq!(rows, 1 + u64::from(is_created), "{update_only:?} {version}");
    }
}

#[tokio::test]
async fn upsert_of_collections_came_with_version_46() {
    let body = records_of("Lead", [lead("K-1")]);

    let before = Org::start().await.at_version("v45.0").patch(LEADS, body.clone()).await;
    let since = Org::start().await.at_version("v46.0").patch(LEADS, body).await;

    assert_eq!(before, refused(404, "NOT_FOUND", "The requested resource does not exist"));
    assert_eq!(since.status, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_object_or_key_field_is_not_found() {
    let org = Org::start().await;
    let body = || records_of("Lead", [lead("K-1")]);

    let object = org.patch("/composite/sobjects/Nothing/External_Id__c", body()).await;
    let field = org.patch("/composite/sobjects/Lead/Nothing__c", body()).await;
    let no_key = org.patch("/composite/sobjects/Lead/LastName", body()).await;

    assert_eq!(object, refused(404, "NOT_FOUND", "The requested resource does not exist"));
    let message =
        |name| format!("Provided external ID field does not exist or is not accessible: {name}");
    assert_eq!(field, refused(404, "NOT_FOUND", &message("Nothing__c")));
    assert_eq!(no_key, refused(404, "NOT_FOUND", &message("LastName")));
}

#[tokio::test]
async fn a_request_that_is_not_one_is_refused_as_a_whole() {
    let org = Org::start().await;
    let asked = async |body: &'static str| {
        let answer = reply(org.call(Method::PATCH, LEADS).body(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json.as_array().unwrap().len(), 1);
        let problem = &answer.json[0];
        (problem["errorCode"].clone(), problem["message"].as_str().unwrap().to_owned())
    };

    let (code, message) = asked("").await;
    assert_eq!(code, "JSON_PARSER_ERROR");
    assert!(message.starts_with("The HTTP entity body is required"), "{message}");
    for body in ["{", "[]", "{}", r#"{"records": 1}"#, r#"{"records": [1]}"#, "nonsense"] {
        let (code, message) = asked(body).await;
        assert_eq!(code, "JSON_PARSER_ERROR", "{body}");
        assert!(message.contains("at [line:1, column:"), "{message}");
    }
    assert_eq!(asked(r#"{"records": []}"#).await.0, "INVALID_INPUT");
    assert_eq!(asked(r#"{"records": [{}]}"#).await.0, "INVALID_TYPE");
    let other = r#"{"records": [{"attributes": {"type": "Contact"}}]}"#;
    assert_eq!(asked(other).await.0, "INVALID_TYPE");
    let unknown = r#"{"records": [{"attributes": {"type": "Nothing"}}]}"#;
    let (code, message) = asked(unknown).await;
    assert_eq!(code, "INVALID_TYPE");
    assert!(message.starts_with("sObject type 'Nothing' is not supported."), "{message}");
}

#[tokio::test]
async fn a_wrong_type_fails_the_request_or_the_record() {
    let bad = json!({
        "External_Id__c": "K-2", "LastName": "Bell", "Company": "Acme", "Birth_Date__c": "soon",
    });
    let body = || records_of("Lead", [lead("K-1"), bad.clone()]);
    let record = Config { type_errors: ErrorScope::Record, ..Config::default() };

    let whole = Org::start().await;
    let answer = whole.patch(LEADS, body()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json[0]["errorCode"], "JSON_PARSER_ERROR");
    let message = answer.json[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "Cannot deserialize instance of date from VALUE_STRING value soon or request may be \
             missing a required field at [line:1, column:"
        ),
        "{message}"
    );
    assert_eq!(whole.simulator.state().objects["Lead"].rows, 0);
    let row = Org::with(record).await;
    let results = row.patch(LEADS, body()).await.json;
    assert_eq!(results[0]["created"], true);
    let message = "Birth Date: value not of required type: soon";
    let expected = failed("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &["Birth_Date__c"]);
    assert_eq!(results[1], expected);
}

#[tokio::test]
async fn the_parser_says_where_a_wrong_value_is() {
    let org = Org::start().await;
    let body = "{\"records\": [\n{\"attributes\": {\"type\": \"Lead\"}, \"LastName\": 4}]}";

    let answer = reply(org.call(Method::PATCH, LEADS).body(body)).await;

    let message = "Cannot deserialize instance of string from VALUE_NUMBER_INT value 4 or request \
                   may be missing a required field at [line:2, column:46]";
    assert_eq!(answer, refused(400, "JSON_PARSER_ERROR", message));
}

#[tokio::test]
async fn an_unknown_field_fails_the_request_or_the_record() {
    let mut bad = lead("K-2");
    bad["Nothing__c"] = json!("x");
    let body = || records_of("Lead", [lead("K-1"), bad.clone()]);
    let record = Config { unknown_fields: ErrorScope::Record, ..Config::default() };
    let message = "No such column 'Nothing__c' on sobject of type Lead";

    let whole = Org::start().await.patch(LEADS, body()).await;
    assert_eq!(whole, refused(400, "INVALID_FIELD", message));
    let results = Org::with(record).await.patch(LEADS, body()).await.json;
    assert_eq!(results[0]["created"], true);
    assert_eq!(results[1], failed("INVALID_FIELD", message, &[]));
}
