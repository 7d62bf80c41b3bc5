//! Section 4.2: what one record can be refused for, word for word.

use reqwest::StatusCode;
use salesforce_simulator::{BooleanNulls, Config, EmptyRecords, ErrorScope};
use serde_json::{Value, json};

use crate::client::{LEADS, Org, failed, lead, records_of};

/// Upserts a lead with some more fields, and gives its result.
async fn upserted(org: &Org, more: Value) -> Value {
    let mut record = lead("K-1");
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    org.upsert([record]).await[0].take()
}

#[tokio::test]
async fn each_rule_of_a_field_has_its_words() {
    let org = Org::start().await;
    let long = "x".repeat(81);
    let cases = [
        (
            json!({"LastName": long}),
            "STRING_TOO_LONG",
            format!("Last Name: data value too large: {long} (max length=80)"),
            "LastName",
        ),
        (
            json!({"Email": "nobody"}),
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: nobody".to_owned(),
            "Email",
        ),
        (
            json!({"Status": "Nonsense"}),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Status: bad value for restricted picklist field: Nonsense".to_owned(),
            "Status",
        ),
        (
            json!({"AnnualRevenue": 100_000_000_000_000_000_u64}),
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Annual Revenue: value outside of valid range on numeric field: 100000000000000000"
                .to_owned(),
            "AnnualRevenue",
        ),
        (
            json!({"Account__c": "x"}),
            "MALFORMED_ID",
            "Account: id value of incorrect type: x".to_owned(),
            "Account__c",
        ),
        (
            json!({"Account__c": "00QS10000000001MAA"}),
            "MALFORMED_ID",
            "Account: id value of incorrect type: 00QS10000000001MAA".to_owned(),
            "Account__c",
        ),
        (
            json!({"Account__c": "001S10000000001MAA"}),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id".to_owned(),
            "Account__c",
        ),
        (
            json!({"Grade__c": "A"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: Grade__c. Please check the security settings of this \
             field and verify that it is read/write for your profile or permission set."
                .to_owned(),
            "Grade__c",
        ),
    ];

    for (more, code, message, field) in cases {
        assert_eq!(upserted(&org, more.clone()).await, failed(code, &message, &[field]), "{more}");
    }
    assert_eq!(org.simulator.state().objects["Lead"].rows, 0);
    assert_eq!(org.simulator.state().objects["Lead"].rejected["MALFORMED_ID"], 2);
}

#[tokio::test]
async fn a_record_says_everything_that_is_wrong_with_it() {
    let org = Org::start().await;

    let bad = json!({"External_Id__c": "K-1", "Email": "x", "Company": "y".repeat(256)});
    let results = org.upsert([bad]).await;

    let codes: Vec<&str> = results[0]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["statusCode"].as_str().unwrap())
        .collect();
    let expected = ["STRING_TOO_LONG", "INVALID_EMAIL_ADDRESS", "REQUIRED_FIELD_MISSING"];
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    let mut expected_sorted = expected;
    expected_sorted.sort_unstable();
    assert_eq!(sorted, expected_sorted);
}

#[tokio::test]
async fn every_type_of_field_is_stored_as_it_came() {
    let org = Org::start().await;
    let more = json!({
        "FirstName": "Zoë, \"Z\"\n", "Opted_In__c": true, "Birth_Date__c": "2024-02-29",
        "Last_Seen__c": "2026-11-23T10:15:00.000Z", "Call_At__c": "10:15:00.000Z",
        "NumberOfEmployees": 12, "Interests__c": "Mail;Fairs", "LeadSource": "Anything",
        "Status": "Working - Contacted", "Website": "https://example.com/a?b=c",
    });

    let result = upserted(&org, more.clone()).await;

    assert_eq!(result["created"], true, "{result}");
    let mut expected = lead("K-1");
    expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(org.stored("Lead").await, json!([expected]));
}

#[tokio::test]
async fn numbers_keep_their_digits() {
    let org = Org::start().await;
    let body = r#"{"records":[{"attributes":{"type":"Lead"},"External_Id__c":"K-1","LastName":"A",
        "Company":"B","AnnualRevenue":1234567890123456.10,"Score__c":-0.50}]}"#;
    let request = org.call(reqwest::Method::PATCH, LEADS).body(body);
    assert_eq!(crate::client::reply(request).await.json[0]["created"], true);

    let url = format!("{}/__sim/rows/Lead", org.simulator.url());
    let line = org.http.get(url).send().await.unwrap().text().await.unwrap();

    assert!(line.contains(r#""AnnualRevenue":1234567890123456.10"#), "{line}");
    assert!(line.contains(r#""Score__c":-0.50"#), "{line}");
}

#[tokio::test]
async fn a_parent_is_found_by_its_external_id() {
    let org = Org::start().await;
    let account = org.insert("Account", json!({"ErpKey__c": "A-9", "Name": "Acme"})).await;
    for _ in 0..2 {
        org.insert("Account", json!({"Region_Key__c": "North", "Name": "Acme"})).await;
    }
    let by = async |parent: Value| upserted(&org, json!({"Account__r": parent})).await;

    let unknown = by(json!({"ErpKey__c": "A-0"})).await;
    let message = "Foreign key external ID: A-0 not found for field ErpKey__c in entity Account";
    assert_eq!(unknown, failed("INVALID_FIELD", message, &[]));
    let ambiguous = by(json!({"Region_Key__c": "North"})).await;
    assert_eq!(ambiguous["errors"][0]["statusCode"], "DUPLICATE_EXTERNAL_ID");
    for parent in [json!({}), json!({"Name": "Acme"}), json!("A-9")] {
        let nonsense = by(parent.clone()).await;
        assert_eq!(nonsense["errors"][0]["statusCode"], "INVALID_FIELD", "{parent}");
    }
    let typed = json!({"attributes": {"type": "Account"}, "erpkey__c": "a-9"});
    assert_eq!(by(typed).await["created"], true);
    assert_eq!(org.stored("Lead").await[0]["Account__c"], account);
    assert_eq!(by(json!(null)).await["created"], false);
    assert!(org.stored("Lead").await[0].get("Account__c").is_none());
}

#[tokio::test]
async fn a_reference_takes_ids_of_15_and_18_characters() {
    let org = Org::start().await;
    let account = org.insert("Account", json!({"Name": "Acme"})).await;

    let result = upserted(&org, json!({"Account__c": account[..15]})).await;

    assert_eq!(result["created"], true, "{result}");
    assert_eq!(org.stored("Lead").await[0]["Account__c"], account);
}

#[tokio::test]
async fn a_unique_value_is_taken_once() {
    let org = Org::start().await;
    let badge = |key: &str, badge: &str| {
        let mut record = lead(key);
        record["Badge_Number__c"] = json!(badge);
        record
    };
    let first = org.upsert([badge("K-1", "b7")]).await[0]["id"].clone();

    let results = org.upsert([badge("K-2", "b7"), badge("K-3", "B7"), badge("K-1", "b7")]).await;

    let message = format!(
        "duplicate value found: Badge_Number__c duplicates value on record with id: {}",
        first.as_str().unwrap()
    );
    assert_eq!(results[0], failed("DUPLICATE_VALUE", &message, &[]));
    assert_eq!(results[1]["created"], true, "upper and lower case differ in this field");
    assert_eq!(results[2]["created"], false, "its own value is not taken");
    let changed = org.upsert([badge("K-3", "b7")]).await;
    assert_eq!(changed[0], results[0], "nor can a row that is there take it");
    let inserted = org.post("/composite/sobjects", records_of("Lead", [lead("k-1")])).await.json;
    assert_eq!(inserted[0]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
}

#[tokio::test]
async fn rows_whose_key_has_an_unwanted_start_are_rejected() {
    let mut config = Config::default();
    config.faults.fail_keys = vec!["BAD-".to_owned()];
    let org = Org::with(config).await;

    let results = org.upsert([lead("BAD-1"), lead("GOOD-1")]).await;

    let error = &results[0]["errors"][0];
    assert_eq!(error["statusCode"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(results[1]["created"], true);
    let state = org.simulator.state();
    assert_eq!(state.objects["Lead"].rejected["FIELD_CUSTOM_VALIDATION_EXCEPTION"], 1);
}

#[tokio::test]
async fn an_explicit_null_of_a_boolean_is_false_or_refused_as_told() {
    for (boolean_nulls, expected) in [
        (
            BooleanNulls::False,
            json!([{"Company": "Acme", "External_Id__c": "K", "LastName": "Ames", "Opted_In__c": false}]),
        ),
        (BooleanNulls::Refused, json!([])),
    ] {
        let config = Config { boolean_nulls, type_errors: ErrorScope::Record, ..Config::default() };
        let org = Org::with(config).await;
        let mut record = lead("K");
        record["Opted_In__c"] = json!(null);

        org.upsert([record]).await;

        assert_eq!(org.stored("Lead").await, expected, "{boolean_nulls:?}");
    }
}

#[tokio::test]
async fn a_call_without_records_is_refused_or_answered_with_none_as_told() {
    for (empty_records, expected) in [
        (EmptyRecords::Refused, (StatusCode::BAD_REQUEST, "INVALID_INPUT")),
        (EmptyRecords::Accepted, (StatusCode::OK, "")),
    ] {
        let org = Org::with(Config { empty_records, ..Config::default() }).await;

        let reply = org.patch(LEADS, json!({"records": []})).await;

        let code = reply.json[0]["errorCode"].as_str().unwrap_or_default();
        assert_eq!((reply.status, code), expected);
    }
}
