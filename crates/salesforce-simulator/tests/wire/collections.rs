//! Section 2: what holds for a call with many records.

use reqwest::{Method, StatusCode};
use salesforce_simulator::Config;
use serde_json::{Value, json};

use crate::client::{LEADS, Org, Reply, failed, lead, records_of, refused, reply, without_ids};

const ROLLED_BACK: &str = "Record rolled back because not all records were valid and the request \
                           was using AllOrNone header";

fn with_type(object: &str, mut record: Value) -> Value {
    record["attributes"] = json!({"type": object});
    record
}

#[tokio::test]
async fn the_example_of_the_reference_is_answered_as_it_says() {
    let org = Org::start().await;
    org.insert("Account", json!({"ErpKey__c": "A-9", "Name": "Acme"})).await;
    let body = r#"{"allOrNone":false,"records":[
        {"attributes":{"type":"Contact"},"LegacyId__c":"C-1","LastName":"Ames","Account":{"ErpKey__c":"A-9"}},
        {"attributes":{"type":"Contact"},"LegacyId__c":"C-2","LastName":null},
        {"attributes":{"type":"Contact"},"LegacyId__c":"C-3","LastName":"Cole","Email":"x"}]}"#;

    let request = org.call(Method::PATCH, "/composite/sobjects/Contact/LegacyId__c");
    let answer = reply(request.body(body)).await;

    assert_eq!(answer.status, StatusCode::OK);
    let missing = "Required fields are missing: [LastName]";
    let email = "Email: invalid email address: x";
    assert_eq!(
        without_ids(answer.json),
        json!([
            {"success": true, "errors": [], "created": true},
            failed("REQUIRED_FIELD_MISSING", missing, &["LastName"]),
            failed("INVALID_EMAIL_ADDRESS", email, &["Email"]),
        ])
    );
}

#[tokio::test]
async fn a_second_upsert_updates_and_keeps_the_id_and_the_other_fields() {
    let org = Org::start().await;
    let first = org.upsert([json!({
        "External_Id__c": "K-1", "LastName": "Ames", "Company": "Acme", "Email": "a@b.co",
    })]);
    let first = first.await;

    let second = org.upsert([json!({"External_Id__c": "K-1", "LastName": "Bell", "Email": null})]);
    let second = second.await;

    assert_eq!(second[0]["created"], false);
    assert_eq!(second[0]["id"], first[0]["id"]);
    let rows = org.simulator.rows("Lead").await;
    assert_eq!(
        json!(rows),
        json!([{
            "Id": first[0]["id"], "External_Id__c": "K-1", "LastName": "Bell",
            "Company": "Acme", "_writes": 2,
        }])
    );
}

#[tokio::test]
async fn external_ids_are_compared_in_any_case_and_kept_as_first_written() {
    let org = Org::start().await;
    org.upsert([lead("Key-Ä")]).await;

    let again = org.upsert([lead("kEY-ä")]).await;

    assert_eq!(again[0]["created"], false);
    assert_eq!(org.stored("Lead").await, json!([lead("Key-Ä")]));
}

#[tokio::test]
async fn insert_gives_ids_and_no_created() {
    let org = Org::start().await;

    let body = records_of("Lead", [lead("K-1"), json!({"LastName": "Bell"})]);
    let answer = org.post("/composite/sobjects", body).await;

    assert_eq!(answer.status, StatusCode::OK);
    let missing = "Required fields are missing: [Company]";
    assert_eq!(
        without_ids(answer.json),
        json!([
            {"success": true, "errors": []},
            failed("REQUIRED_FIELD_MISSING", missing, &["Company"]),
        ])
    );
}

#[tokio::test]
async fn update_goes_by_id() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;
    let gone = org.insert("Lead", lead("K-2")).await;
    org.delete(&format!("/sobjects/Lead/{gone}")).await;

    let records = [
        json!({"id": id, "LastName": "Bell"}),
        json!({"LastName": "Bell"}),
        json!({"id": "x", "LastName": "Bell"}),
        json!({"id": "001xx000003DGbMAAW", "LastName": "Bell"}),
        json!({"id": "00QS1000000000zMAA", "LastName": "Bell"}),
        json!({"id": gone, "LastName": "Bell"}),
        json!({"id": id, "LastName": null}),
    ];
    let answer = org.patch("/composite/sobjects", records_of("Lead", records)).await;

    let wrong_type = |id: &str| {
        let message = format!("Lead ID: id value of incorrect type: {id}");
        failed("MALFORMED_ID", &message, &["Id"])
    };
    let missing = "Required fields are missing: [LastName]";
    assert_eq!(
        without_ids(answer.json),
        json!([
            {"success": true, "errors": []},
            failed("MISSING_ARGUMENT", "Id not specified in an update call", &["Id"]),
            wrong_type("x"),
            wrong_type("001xx000003DGbMAAW"),
            failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &["Id"]),
            failed("ENTITY_IS_DELETED", "entity is deleted", &[]),
            failed("REQUIRED_FIELD_MISSING", missing, &["LastName"]),
        ])
    );
    assert_eq!(org.stored("Lead").await[0]["LastName"], "Bell");
}

#[tokio::test]
async fn delete_takes_ids_from_the_query() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;

    let path = format!("/composite/sobjects?ids={id},{id},x,00QS1000000000zMAA&allOrNone=false");
    let answer = org.delete(&path).await;

    assert_eq!(
        without_ids(answer.json),
        json!([
            {"success": true, "errors": []},
            failed("ENTITY_IS_DELETED", "entity is deleted", &[]),
            failed("MALFORMED_ID", "malformed id x", &[]),
            failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]),
        ])
    );
    let lead = &org.simulator.state().objects["Lead"];
    assert_eq!((lead.rows, lead.deleted), (0, 1));
}

#[tokio::test]
async fn a_deleted_key_is_free_again() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;
    org.delete(&format!("/composite/sobjects?ids={id}")).await;

    let again = org.upsert([lead("K-1")]).await;

    assert_eq!(again[0]["created"], true);
    assert_ne!(again[0]["id"], id);
}

#[tokio::test]
async fn all_or_none_stores_nothing_when_one_record_is_bad() {
    let org = Org::start().await;
    org.upsert([lead("K-1")]).await;
    let mut body = records_of(
        "Lead",
        [
            json!({"External_Id__c": "K-1", "LastName": "Changed"}),
            json!({"External_Id__c": "K-2"}),
            lead("K-3"),
        ],
    );
    body["allOrNone"] = json!(true);

    let answer = org.patch(LEADS, body).await;

    assert_eq!(answer.status, StatusCode::OK);
    let rolled_back = failed("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, &[]);
    let missing = "Required fields are missing: [LastName, Company]";
    assert_eq!(
        answer.json,
        json!([
            rolled_back,
            failed("REQUIRED_FIELD_MISSING", missing, &["LastName", "Company"]),
            rolled_back,
        ])
    );
    assert_eq!(org.stored("Lead").await, json!([lead("K-1")]));
    assert_eq!(org.upsert([lead("K-3")]).await[0]["created"], true);
}

#[tokio::test]
async fn a_row_written_twice_in_a_request_is_rolled_back_to_its_first_state() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;
    let mut body = records_of(
        "Lead",
        [
            json!({"id": id, "LastName": "Bell"}),
            json!({"id": id, "LastName": "Cole"}),
            json!({"id": id, "LastName": null}),
        ],
    );
    body["allOrNone"] = json!(true);

    org.patch("/composite/sobjects", body).await;

    assert_eq!(org.stored("Lead").await, json!([lead("K-1")]));
}

#[tokio::test]
async fn all_or_none_stores_everything_when_all_is_well() {
    let org = Org::start().await;
    let mut body = records_of("Lead", [lead("K-1"), lead("K-2")]);
    body["allOrNone"] = json!(true);

    let answer = org.patch(LEADS, body).await;

    let created = json!({"success": true, "errors": [], "created": true});
    assert_eq!(without_ids(answer.json), json!([created, created]));
    assert_eq!(org.simulator.state().objects["Lead"].created, 2);
}

#[tokio::test]
async fn all_or_none_brings_deleted_rows_back() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;

    let answer = org.delete(&format!("/composite/sobjects?ids={id},x&allOrNone=true")).await;

    let rolled_back = failed("ALL_OR_NONE_OPERATION_ROLLED_BACK", ROLLED_BACK, &[]);
    assert_eq!(answer.json[0], rolled_back);
    assert_eq!(org.upsert([lead("K-1")]).await[0]["created"], false);
}

#[tokio::test]
async fn a_record_that_was_rolled_back_may_show_an_id() {
    let config = Config { rolled_back_has_id: true, ..Config::default() };
    let org = Org::with(config).await;
    let mut body = records_of("Lead", [lead("K-1"), json!({"External_Id__c": "K-2"})]);
    body["allOrNone"] = json!(true);

    let answer = org.patch(LEADS, body).await;

    assert_eq!(answer.json[0]["success"], false);
    assert_eq!(answer.json[0]["id"].as_str().unwrap().len(), 18);
    assert_eq!(org.simulator.state().objects["Lead"].rows, 0);
}

#[tokio::test]
async fn two_hundred_records_are_taken_and_one_more_is_not() {
    let org = Org::start().await;
    let leads = |count| records_of("Lead", (0..count).map(|number| lead(&format!("K-{number}"))));

    let most = org.patch(LEADS, leads(200)).await;
    let too_many = org.patch(LEADS, leads(201)).await;

    assert_eq!(most.json.as_array().unwrap().len(), 200);
    let message = "record limit reached. cannot submit more than 200 records into this call";
    assert_eq!(too_many, refused(400, "EXCEEDED_ID_LIMIT", message));
    let ids = vec!["00QS10000000001MAA"; 201].join(",");
    let deleted = org.delete(&format!("/composite/sobjects?ids={ids}")).await;
    assert_eq!(deleted, refused(400, "EXCEEDED_ID_LIMIT", message));
}

#[tokio::test]
async fn ten_runs_of_a_type_are_taken_and_eleven_are_not() {
    let org = Org::start().await;
    let records = |runs: usize| -> Value {
        let records: Vec<Value> = (0..runs)
            .map(|run| match run % 2 {
                0 => with_type("Lead", json!({"LastName": "Ames", "Company": "Acme"})),
                _ => with_type("Account", json!({"Name": "Acme"})),
            })
            .collect();
        json!({"records": records})
    };

    let ten = org.post("/composite/sobjects", records(10)).await;
    let eleven = org.post("/composite/sobjects", records(11)).await;

    assert!(ten.json.as_array().unwrap().iter().all(|result| result["success"] == true));
    assert_eq!(eleven.json[0]["errorCode"], "LIMIT_EXCEEDED");
    let state = org.simulator.state();
    assert_eq!((state.objects["Lead"].rows, state.objects["Account"].rows), (5, 5));
}

#[tokio::test]
async fn many_records_can_be_read_by_id() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("K-1")).await;

    let body = json!({"ids": [id, "00QS1000000000zMAA"], "fields": ["id", "lastname", "Email"]});
    let answer = org.post("/composite/sobjects/Lead", body).await;

    let url = format!("/services/data/v62.0/sobjects/Lead/{id}");
    let lead = json!({
        "attributes": {"type": "Lead", "url": url}, "Id": id, "LastName": "Ames", "Email": null,
    });
    assert_eq!(answer, Reply { status: StatusCode::OK, json: json!([lead, null]) });
}
