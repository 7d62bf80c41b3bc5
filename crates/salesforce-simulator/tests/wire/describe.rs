//! Section 5.3: objects and fields.

use reqwest::{Method, StatusCode};
use salesforce_simulator::{Config, ErrorScope, FieldChange, Schema};
use serde_json::{Value, json};

use crate::client::{Org, lead, records_of, refused};

async fn field(org: &Org, object: &str, name: &str) -> Value {
    let described = org.get(&format!("/sobjects/{object}/describe")).await.json;
    let fields = described["fields"].as_array().unwrap();
    fields.iter().find(|field| field["name"] == name).unwrap().clone()
}

/// Checks the members that `expected` names.
fn has(field: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&field[name], value, "{name} of {}", field["name"]);
    }
}

#[tokio::test]
async fn objects_are_listed() {
    let org = Org::start().await;

    let list = org.get("/sobjects").await.json;

    assert_eq!(list["maxBatchSize"], 200);
    let names: Vec<&Value> =
        list["sobjects"].as_array().unwrap().iter().map(|object| &object["name"]).collect();
    assert_eq!(names, ["Lead", "Account", "Contact", "Task"]);
    assert_eq!(list["sobjects"][0]["keyPrefix"], "00Q");
    assert_eq!(org.get("/sobjects/lead").await.json["objectDescribe"]["name"], "Lead");
}

#[tokio::test]
async fn a_lead_has_the_fields_of_the_contract() {
    let org = Org::start().await;
    for (name, expected) in [
        (
            "External_Id__c",
            json!({"type": "string", "length": 64, "externalId": true, "idLookup": true,
                "unique": true, "caseSensitive": false, "custom": true, "createable": true,
                "updateable": true, "nillable": true, "soapType": "xsd:string"}),
        ),
        (
            "LastName",
            json!({"type": "string", "length": 80, "nillable": false, "defaultedOnCreate": false}),
        ),
        ("FirstName", json!({"type": "string", "nillable": true})),
        ("Company", json!({"type": "string", "length": 255, "nillable": false})),
        ("Email", json!({"type": "email", "length": 80, "externalId": false, "idLookup": true})),
        ("Title", json!({"externalId": false, "idLookup": false})),
        ("Phone", json!({"type": "phone", "length": 40})),
        (
            "AnnualRevenue",
            json!({"type": "currency", "precision": 18, "scale": 2, "soapType": "xsd:double"}),
        ),
        ("NumberOfEmployees", json!({"type": "int", "digits": 8, "soapType": "xsd:int"})),
        (
            "Opted_In__c",
            json!({"type": "boolean", "nillable": false, "defaultedOnCreate": true,
                "defaultValue": false, "soapType": "xsd:boolean"}),
        ),
        ("Birth_Date__c", json!({"type": "date", "soapType": "xsd:date"})),
        ("Last_Seen__c", json!({"type": "datetime", "soapType": "xsd:dateTime"})),
        (
            "Account__c",
            json!({"type": "reference", "referenceTo": ["Account"],
                "relationshipName": "Account__r", "length": 18, "soapType": "tns:ID"}),
        ),
        ("Name", json!({"createable": false, "updateable": false})),
        ("Grade__c", json!({"calculated": true, "createable": false})),
        ("Id", json!({"type": "id", "createable": false, "idLookup": true, "nillable": false})),
    ] {
        has(&field(&org, "Lead", name).await, &expected);
    }
    let status = field(&org, "Lead", "Status").await;
    has(
        &status,
        &json!({"type": "picklist", "restrictedPicklist": true, "nillable": false,
        "defaultedOnCreate": true}),
    );
    has(
        &status["picklistValues"][0],
        &json!({"value": "Open - Not Contacted", "active": true,
        "defaultValue": true}),
    );
}

#[tokio::test]
async fn an_unknown_object_is_not_found() {
    let org = Org::start().await;

    let answer = org.get("/sobjects/Nothing/describe").await;

    assert_eq!(answer, refused(404, "NOT_FOUND", "The requested resource does not exist"));
}

#[tokio::test]
async fn a_schema_file_adds_objects_that_can_be_loaded() {
    let schema = Schema::standard()
        .with(
            r#"{"objects": [{"name": "Parcel__c", "label": "Parcel", "keyPrefix": "a01", "fields": [
                {"name": "Key__c", "type": "string", "length": 20, "externalId": true, "unique": true},
                {"name": "Buyer__c", "type": "reference", "referenceTo": "Contact",
                 "relationshipName": "Buyer__r", "required": true}]}]}"#,
        )
        .unwrap();
    let org = Org::with(Config { schema, ..Config::default() }).await;
    org.insert("Contact", json!({"LegacyId__c": "C-1", "LastName": "Ames"})).await;

    let record = json!({"Key__c": "P-1", "Buyer__r": {"LegacyId__c": "C-1"}});
    let path = "/composite/sobjects/Parcel__c/Key__c";
    let without = json!({"Key__c": "P-2"});
    let answer = org.patch(path, records_of("Parcel__c", [record, without])).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json[0]["created"], true, "{}", answer.json);
    let error = &answer.json[1]["errors"][0];
    assert_eq!(error["statusCode"], "REQUIRED_FIELD_MISSING", "{}", answer.json);
    let described = org.get("/sobjects/Parcel__c/describe").await.json;
    assert_eq!((&described["custom"], &described["label"]), (&json!(true), &json!("Parcel")));
    let contact = org.simulator.rows("Contact").await[0]["Id"].clone();
    assert_eq!(org.stored("Parcel__c").await, json!([{"Key__c": "P-1", "Buyer__c": contact}]));
}

#[tokio::test]
async fn a_describe_that_is_known_is_not_sent_again() {
    let org = Org::start().await;
    let path = "/sobjects/Lead/describe";
    let first = org.call(Method::GET, path).send().await.unwrap();
    let since = first.headers()["last-modified"].to_str().unwrap().to_owned();
    for (date, status) in [
        (since.as_str(), StatusCode::NOT_MODIFIED),
        ("Fri, 01 Jan 2100 00:00:00 GMT", StatusCode::NOT_MODIFIED),
        ("Thu, 01 Jan 2015 00:00:00 GMT", StatusCode::OK),
        ("yesterday", StatusCode::OK),
    ] {
        let again = org.call(Method::GET, path).header("If-Modified-Since", date);

        assert_eq!(again.send().await.unwrap().status(), status, "{date}");
    }
}

#[tokio::test]
async fn a_reference_may_have_a_choice_of_objects() {
    let org = Org::start().await;

    let described = org.get("/sobjects/Task/describe").await.json;

    let fields = described["fields"].as_array().unwrap();
    let who = fields.iter().find(|field| field["name"] == "WhoId").unwrap();
    assert_eq!(who["referenceTo"], json!(["Contact", "Lead"]));
    assert_eq!(who["polymorphicForeignKey"], true);
    let records = [
        json!({"Crm_Key__c": "1", "Who": {"attributes": {"type": "Lead"}, "External_Id__c": "L"}}),
        json!({"Crm_Key__c": "2", "Who": {"External_Id__c": "L"}}),
        json!({"Crm_Key__c": "3", "Who": {"attributes": {"type": "Account"}, "ErpKey__c": "A"}}),
    ];
    let lead = org.insert("Lead", lead("L")).await;
    let results = org.patch("/composite/sobjects/Task/Crm_Key__c", records_of("Task", records));
    let results = results.await.json;
    let successes: Vec<&Value> =
        results.as_array().unwrap().iter().map(|result| &result["success"]).collect();
    assert_eq!(successes, [true, false, false]);
    assert_eq!(org.stored("Task").await, json!([{"Crm_Key__c": "1", "WhoId": lead}]));
}

#[tokio::test]
async fn a_field_changes_in_mid_run_and_a_reset_brings_it_back() {
    let org = Org::with(Config { unknown_fields: ErrorScope::Record, ..Config::default() }).await;
    let row = json!({"attributes": {"type": "Lead"}, "External_Id__c": "1", "LastName": "A",
        "Company": "B", "Email": "a@b.example", "FirstName": "x".repeat(41)});
    let upsert = async || {
        let body = json!({"records": [&row]});
        let answer = org.patch("/composite/sobjects/Lead/External_Id__c", body).await;
        answer.json[0]["errors"][0]["statusCode"].as_str().unwrap_or("stored").to_owned()
    };
    assert_eq!(upsert().await, "STRING_TOO_LONG");
    let change = |change| assert!(org.simulator.change_field(&change));

    change(FieldChange { length: Some(41), ..FieldChange::of("lead", "firstname") });
    assert_eq!(upsert().await, "stored");
    has(&field(&org, "Lead", "FirstName").await, &json!({"length": 41}));
    change(FieldChange { read_only: Some(true), ..FieldChange::of("Lead", "Email") });
    assert_eq!(upsert().await, "INVALID_FIELD_FOR_INSERT_UPDATE");
    has(&field(&org, "Lead", "Email").await, &json!({"createable": false, "updateable": false}));
    change(FieldChange { hidden: Some(true), ..FieldChange::of("Lead", "Email") });
    assert_eq!(upsert().await, "INVALID_FIELD");
    let described = org.get("/sobjects/Lead/describe").await.json.to_string();
    assert!(!described.contains("\"Email\""));

    org.simulator.reset();
    assert_eq!(upsert().await, "STRING_TOO_LONG");
    assert!(!org.simulator.change_field(&FieldChange::of("Lead", "Nothing__c")));
}

#[tokio::test]
async fn a_field_is_changed_through_the_control_api() {
    let org = Org::start().await;
    let change = async |body: Value| {
        let request = org.request(Method::POST, "/__sim/fields").json(&body);
        request.send().await.unwrap().status()
    };

    let values = json!({"object": "Lead", "field": "Status", "values": ["New"]});
    assert_eq!(change(values).await, StatusCode::OK);
    assert_eq!(field(&org, "Lead", "Status").await["picklistValues"][0]["value"], "New");
    assert_eq!(change(json!({"object": "Lead", "field": "X"})).await, StatusCode::NOT_FOUND);
    assert_eq!(change(json!({"object": "Lead"})).await, StatusCode::BAD_REQUEST);
}
