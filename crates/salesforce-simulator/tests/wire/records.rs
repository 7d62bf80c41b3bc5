//! Section 2.6: one record at a time.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::{Org, Reply, lead, refused};

const KEY: &str = "/sobjects/Lead/External_Id__c/K-1";

fn without_key() -> Value {
    json!({"LastName": "Ames", "Company": "Acme"})
}

#[tokio::test]
async fn an_upsert_answers_201_when_it_creates_and_200_when_it_updates() {
    let org = Org::start().await;

    let first = org.patch(KEY, without_key()).await;
    let second = org.patch(KEY, json!({"LastName": "Bell"})).await;

    let id = first.json["id"].clone();
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(first.json, json!({"id": id, "success": true, "errors": [], "created": true}));
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(second.json, json!({"id": id, "success": true, "errors": [], "created": false}));
}

#[tokio::test]
async fn an_update_by_key_has_no_body_up_to_version_45() {
    let org = Org::start().await.at_version("v45.0");
    org.patch(KEY, without_key()).await;

    let answer = org.patch(KEY, json!({"LastName": "Bell"})).await;

    assert_eq!(answer, Reply { status: StatusCode::NO_CONTENT, json: json!(null) });
}

#[tokio::test]
async fn a_standard_field_with_id_lookup_names_records_as_an_external_id_does() {
    let org = Org::start().await;
    // The record is there before anybody looks for one by this field.
    let new = json!({"LastName": "Ames", "Email": "Ames@example.com"});
    let created = org.post("/sobjects/Contact", new).await;
    let id = created.json["id"].as_str().unwrap();

    let updated =
        org.patch("/sobjects/Contact/Email/ames@example.com", json!({"LastName": "Bell"})).await;
    assert_eq!((updated.status, updated.json["id"].as_str()), (StatusCode::OK, Some(id)));
    org.patch(&format!("/sobjects/Contact/{id}"), json!({"Email": "bell@example.com"})).await;

    let status = async |path: &str| org.get(path).await.status;
    assert_eq!(status("/sobjects/Contact/Email/ames@example.com").await, StatusCode::NOT_FOUND);
    assert_eq!(status("/sobjects/Contact/Email/bell@example.com").await, StatusCode::OK);
    let by_title = org.patch("/sobjects/Contact/Title/Mr", json!({"LastName": "Cole"})).await;
    assert_eq!(by_title.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_may_have_any_character() {
    let org = Org::start().await;

    org.patch("/sobjects/Lead/External_Id__c/a%2Fb%20%C3%A9", without_key()).await;

    assert_eq!(org.stored("Lead").await[0]["External_Id__c"], "a/b é");
    let found = org.get("/sobjects/Lead/External_Id__c/a%2Fb%20%C3%A9?fields=LastName").await;
    assert_eq!(found.json["LastName"], "Ames");
}

#[tokio::test]
async fn a_key_of_several_rows_is_answered_with_a_choice() {
    let org = Org::start().await;
    let mut urls = Vec::new();
    for _ in 0..2 {
        let account = json!({"Name": "Acme", "Region_Key__c": "North"});
        let id = org.insert("Account", account).await;
        urls.push(format!("/services/data/v62.0/sobjects/Account/{id}"));
    }

    let answer = org.patch("/sobjects/Account/Region_Key__c/North", json!({"Name": "B"})).await;

    assert_eq!(answer.status, StatusCode::MULTIPLE_CHOICES);
    assert_eq!(answer.json, json!(urls));
}

#[tokio::test]
async fn a_record_is_inserted_read_changed_and_deleted() {
    let org = Org::start().await;

    let inserted = org.post("/sobjects/Lead", lead("K-1")).await;
    assert_eq!(inserted.status, StatusCode::CREATED);
    let id = inserted.json["id"].as_str().unwrap().to_owned();
    assert_eq!(inserted.json, json!({"id": id, "success": true, "errors": []}));

    let path = format!("/sobjects/Lead/{id}");
    let changed = org.patch(&path, json!({"Email": "a@b.co", "AnnualRevenue": 12.5})).await;
    assert_eq!(changed, Reply { status: StatusCode::NO_CONTENT, json: json!(null) });

    let read = org.get(&path).await.json;
    assert_eq!(read["Id"], id);
    assert_eq!(read["attributes"]["type"], "Lead");
    assert_eq!(read["attributes"]["url"], format!("/services/data/v62.0{path}"));
    assert_eq!(read["Email"], "a@b.co");
    assert_eq!(read["AnnualRevenue"], 12.5);
    assert_eq!(read["Phone"], json!(null));
    assert_eq!(read["Opted_In__c"], false);
    assert_eq!(read["Status"], "Open - Not Contacted");

    assert_eq!(org.delete(&path).await.status, StatusCode::NO_CONTENT);
    let gone = refused(404, "ENTITY_IS_DELETED", "entity is deleted");
    assert_eq!(org.get(&path).await, gone);
    assert_eq!(org.patch(&path, json!({})).await, gone);
    assert_eq!(org.delete(&path).await, gone);
}

#[tokio::test]
async fn errors_of_a_single_record_are_a_list_with_status_400() {
    let org = Org::start().await;

    let missing = org.post("/sobjects/Lead", json!({"LastName": "Ames"})).await;
    let unknown = org.post("/sobjects/Lead", json!({"Nothing__c": 1})).await;

    let expected = json!([{
        "message": "Required fields are missing: [Company]",
        "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Company"],
    }]);
    assert_eq!(missing, Reply { status: StatusCode::BAD_REQUEST, json: expected });
    let message = "No such column 'Nothing__c' on sobject of type Lead";
    assert_eq!(unknown, refused(400, "INVALID_FIELD", message));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let org = Org::start().await;
    let nothing = refused(404, "NOT_FOUND", "The requested resource does not exist");

    assert_eq!(org.get("/sobjects/Lead/00QS10000000001MAA").await, nothing);
    assert_eq!(org.get("/sobjects/Lead/External_Id__c/K-1").await, nothing);
    assert_eq!(org.get("/sobjects/Nothing/00QS10000000001MAA").await, nothing);
    assert_eq!(org.post("/sobjects/Nothing", json!({})).await, nothing);
    let message = "Provided external ID field does not exist or is not accessible: Name";
    assert_eq!(org.get("/sobjects/Lead/Name/x").await, refused(404, "NOT_FOUND", message));
}

#[tokio::test]
async fn the_key_of_the_path_must_not_be_in_the_body() {
    let org = Org::start().await;

    let answer = org.patch(KEY, lead("K-1")).await;

    let message = "The External_Id__c field should not be specified in the sobject data.";
    assert_eq!(answer, refused(400, "INVALID_FIELD", message));
}
