//! Sections 3.2 and 3.4: the rows of ingest jobs, and their results.

use reqwest::StatusCode;
use salesforce_simulator::{Config, ResultOrder};
use serde_json::{Value, json};

use crate::{
    client::{Org, lead},
    jobs::{JOBS, Table, leads, upsert_of_leads},
};

fn table(rows: &[&[&str]]) -> Table {
    rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

/// A job that did not take its file.
async fn failed_with(order: Value, content: &str, message: &str) {
    let org = Org::start().await;

    let job = org.load(order, content).await;

    assert_eq!(job["state"], "Failed", "{content:?}");
    assert_eq!(job["errorMessage"], message, "{content:?}");
    assert_eq!(job["numberRecordsProcessed"], 0, "{content:?}");
    assert_eq!(org.simulator.state().objects["Lead"].rows, 0);
}

#[tokio::test]
async fn results_say_what_became_of_each_row() {
    let org = Org::start().await;
    let known = org.insert("Lead", lead("A-2")).await;
    let content = "External_Id__c,LastName,Company,Email\n\
                   A-1,Ames,\"Acme, \"\"Inc\"\"\",\n\
                   A-2,Brown,,\n\
                   A-3,,Acme,x@y\n\
                   A-2x,#N/A,Acme,\n\
                   ,Cole,Acme,\n";

    let job = org.load(upsert_of_leads(), content).await;

    assert_eq!(job["state"], "JobComplete");
    assert_eq!(job["numberRecordsProcessed"], 5);
    assert_eq!(job["numberRecordsFailed"], 3);
    let mut done = org.results(&job, "successfulResults").await;
    assert_eq!(done[1].remove(0).len(), 18);
    assert_eq!(done[2].remove(0), known);
    let header = ["sf__Id", "sf__Created", "External_Id__c", "LastName", "Company", "Email"];
    let expected = table(&[
        &header,
        &["true", "A-1", "Ames", "Acme, \"Inc\"", ""],
        &["false", "A-2", "Brown", "", ""],
    ]);
    assert_eq!(done, expected);
    let email = "INVALID_EMAIL_ADDRESS:Email: invalid email address: x@y:Email --";
    let name = "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --";
    let key = "MISSING_ARGUMENT:External_Id__c not specified:External_Id__c --";
    let both = format!("{email}{name}");
    let expected = table(&[
        &["sf__Id", "sf__Error", "External_Id__c", "LastName", "Company", "Email"],
        &["", key, "", "Cole", "Acme", ""],
        &["", name, "A-2x", "#N/A", "Acme", ""],
        &["", &both, "A-3", "", "Acme", "x@y"],
    ]);
    assert_eq!(org.results(&job, "failedResults").await, expected);
    let expected = table(&[&["External_Id__c", "LastName", "Company", "Email"]]);
    assert_eq!(org.results(&job, "unprocessedrecords").await, expected);
    assert_eq!(org.results(&job, "unprocessedRecords").await, expected);
}

#[tokio::test]
async fn all_cells_are_quoted_and_the_end_of_line_is_that_of_the_upload() {
    let org = Org::start().await;
    let mut order = upsert_of_leads();
    order["lineEnding"] = json!("CRLF");
    order["columnDelimiter"] = json!("SEMICOLON");

    let job = org.load(order, "External_Id__c;LastName;Company\r\nA;\"b\"\"\r\n;\";C\r\n").await;

    let path = format!("{JOBS}/{}/successfulResults", job["id"].as_str().unwrap());
    let response = org.call(reqwest::Method::GET, &path).send().await.unwrap();
    let text = response.text().await.unwrap();
    let id = &text.lines().nth(1).unwrap()[1..19];
    assert_eq!(
        text,
        format!(
            "\"sf__Id\";\"sf__Created\";\"External_Id__c\";\"LastName\";\"Company\"\r\n\
             \"{id}\";\"true\";\"A\";\"b\"\"\r\n;\";\"C\"\r\n"
        )
    );
    assert_eq!(org.stored("Lead").await[0]["LastName"], "b\"\r\n;");
}

#[tokio::test]
async fn every_delimiter_has_its_name() {
    let org = Org::start().await;
    for (name, sign) in [
        ("COMMA", ','),
        ("TAB", '\t'),
        ("PIPE", '|'),
        ("SEMICOLON", ';'),
        ("CARET", '^'),
        ("BACKQUOTE", '`'),
    ] {
        let mut order = upsert_of_leads();
        order["columnDelimiter"] = json!(name);
        let content = leads(0..2).replace(',', &sign.to_string());

        let job = org.load(order, &content).await;

        assert_eq!(job["state"], "JobComplete", "{name}");
        assert_eq!(org.results(&job, "successfulResults").await.len(), 3, "{name}");
    }
}

#[tokio::test]
async fn cells_become_values_of_their_fields() {
    let org = Org::start().await;
    org.insert(
        "Lead",
        json!({"External_Id__c": "A", "LastName": "Old", "Company": "Acme",
        "Phone": "1", "City": "Rome"}),
    )
    .await;
    let content = "External_Id__c,LastName,Phone,City,Opted_In__c,NumberOfEmployees,\
                   AnnualRevenue,Birth_Date__c,Last_Seen__c,Interests__c\n\
                   A, New ,#N/A,,Yes,+012,10.50,2026-11-23,2026-11-23T10:15:00.000Z,Mail;Fairs\n";

    let job = org.load(upsert_of_leads(), content).await;

    assert_eq!(job["numberRecordsFailed"], 0);
    let expected = json!([{
        "AnnualRevenue": 10.50, "Birth_Date__c": "2026-11-23", "City": "Rome", "Company": "Acme",
        "External_Id__c": "A", "Interests__c": "Mail;Fairs", "LastName": " New ",
        "Last_Seen__c": "2026-11-23T10:15:00.000Z", "NumberOfEmployees": 12, "Opted_In__c": true,
    }]);
    assert_eq!(org.stored("Lead").await, expected);
}

#[tokio::test]
async fn a_cell_that_its_field_cannot_hold_fails_its_row_only() {
    let org = Org::start().await;
    let content = "External_Id__c,LastName,Company,Birth_Date__c,Grade__c\n\
                   A,Ames,Acme,23.11.2026,\n\
                   B,Brown,Acme,2026-11-23,\n\
                   C,Cole,Acme,,x\n";

    let job = org.load(upsert_of_leads(), content).await;

    assert_eq!(job["numberRecordsFailed"], 2);
    let failed = org.results(&job, "failedResults").await;
    let expected = "INVALID_TYPE_ON_FIELD_IN_RECORD:Failed to deserialize field at col 3. Due to, \
                    '23.11.2026' is not a valid value for the type xsd:date:Birth_Date__c --";
    assert_eq!(failed[1][1], expected);
    assert!(failed[2][1].starts_with("INVALID_FIELD_FOR_INSERT_UPDATE:"), "{}", failed[2][1]);
    assert!(failed[2][1].ends_with(":Grade__c --"), "{}", failed[2][1]);
}

#[tokio::test]
async fn a_file_that_is_wrong_as_a_whole_fails_the_job() {
    let lead = upsert_of_leads;
    let crlf = || {
        let mut order = upsert_of_leads();
        order["lineEnding"] = json!("CRLF");
        order
    };
    let ending = "ClientInputError : LineEnding is invalid on user data. Current LineEnding \
                  setting is ";
    let unknown = "InvalidBatch : Field name not found : ";
    for (order, content, message) in [
        (lead(), "External_Id__c,LastName\r\nA,B\r\n".to_owned(), format!("{ending}LF")),
        (lead(), "External_Id__c,LastName\nA,\"B\r\nC\"\n".to_owned(), format!("{ending}LF")),
        (crlf(), "External_Id__c,LastName\r\nA,\"B\nC\"\r\n".to_owned(), format!("{ending}CRLF")),
        (lead(), "External_Id__c,Nothing__c\nA,B\n".to_owned(), format!("{unknown}Nothing__c")),
        (
            lead(),
            "External_Id__c,Account.ErpKey__c\nA,B\n".to_owned(),
            format!("{unknown}Account.ErpKey__c"),
        ),
        (
            lead(),
            "External_Id__c,Account:Account__r.ErpKey__c\nA,B\n".to_owned(),
            format!("{unknown}Account:Account__r.ErpKey__c"),
        ),
        (
            lead(),
            "External_Id__c,LastName\nA\n".to_owned(),
            "InvalidBatch : row 1 has 1 cells, the header has 2".to_owned(),
        ),
        (lead(), String::new(), "InvalidBatch : the file has no header row".to_owned()),
        (
            lead(),
            format!("{}LastName\n", "Phone,".repeat(5001)),
            "InvalidBatch : more than 5000 columns".to_owned(),
        ),
        (
            lead(),
            format!("{}\n", "x".repeat(32_001)),
            "InvalidBatch : the header row is longer than 32000 characters".to_owned(),
        ),
        (
            lead(),
            format!("External_Id__c\n{}\n", "é".repeat(400_001)),
            "InvalidBatch : row 1 is longer than 400000 characters".to_owned(),
        ),
    ] {
        failed_with(order, &content, &message).await;
    }
}

#[tokio::test]
async fn a_row_of_a_wrong_form_leaves_the_rows_before_it_done() {
    let org = Org::start().await;
    let content = format!("{}K-500,Ames\nK-501,Ames,Acme\n", leads(0..500));

    let job = org.load(upsert_of_leads(), &content).await;

    assert_eq!(job["state"], "Failed");
    assert_eq!(job["errorMessage"], "InvalidBatch : row 501 has 2 cells, the header has 3");
    let [done, failed, unprocessed] = org.sorted_keys(&job).await;
    assert_eq!((done.len(), failed.len(), unprocessed.len()), (500, 0, 2));
}

#[tokio::test]
async fn a_key_that_comes_twice_fails_both_in_one_chunk_and_none_in_two() {
    let org = Org::start().await;
    let close = format!("{}K-1,Later,Acme\n", leads(0..100));
    let far = format!("{}K-201,Later,Acme\n", leads(200..420));

    let close = org.load(upsert_of_leads(), &close).await;
    let far = org.load(upsert_of_leads(), &far).await;

    assert_eq!(
        (&close["numberRecordsProcessed"], &close["numberRecordsFailed"]),
        (&101.into(), &2.into())
    );
    let failed = org.results(&close, "failedResults").await;
    let error = "DUPLICATE_VALUE:Duplicate external id specified: K-1:External_Id__c --";
    assert_eq!([&failed[1][1], &failed[2][1]], [error, error]);
    assert_eq!(
        (&far["numberRecordsProcessed"], &far["numberRecordsFailed"]),
        (&221.into(), &0.into())
    );
    let rows = org.stored("Lead").await;
    let twice = rows.as_array().unwrap().iter().find(|row| row["External_Id__c"] == "K-201");
    assert_eq!(twice.unwrap()["LastName"], "Later");
}

#[tokio::test]
async fn parents_are_found_by_their_keys_but_not_in_the_same_job() {
    let org = Org::start().await;
    org.insert("Account", json!({"ErpKey__c": "P", "Name": "Parent"})).await;
    let order =
        json!({"object": "Account", "operation": "upsert", "externalIdFieldName": "ErpKey__c"});
    let rows = (0..250).map(|number| format!("R-{number},Row,\n")).collect::<String>();
    let content = format!("ErpKey__c,Name,Parent.ErpKey__c\n{rows}C-1,Child,P\nC-2,Child,R-0\n");

    let first = org.load(order.clone(), &content).await;
    let second = org.load(order, "ErpKey__c,Parent.ErpKey__c\nC-1,#N/A\nR-1,R-0\n").await;

    assert_eq!(first["numberRecordsFailed"], 1);
    let failed = org.results(&first, "failedResults").await;
    let error = "INVALID_FIELD:Foreign key external ID: R-0 not found for field ErpKey__c in \
                 entity Account:--";
    assert_eq!((failed[1][1].as_str(), failed[1][2].as_str()), (error, "C-2"));
    assert_eq!(second["numberRecordsFailed"], 0);
    let rows = org.stored("Account").await;
    let row = |key: &str| {
        rows.as_array().unwrap().iter().find(|row| row["ErpKey__c"] == key).unwrap().clone()
    };
    assert_eq!(row("C-1").get("ParentId"), None);
    assert!(row("R-1")["ParentId"].is_string());
}

#[tokio::test]
async fn a_choice_of_parents_is_made_in_the_header() {
    let org = Org::start().await;
    let id = org.insert("Lead", lead("L-1")).await;
    let order =
        json!({"object": "Task", "operation": "upsert", "externalIdFieldName": "Crm_Key__c"});

    let job = org.load(order.clone(), "Crm_Key__c,Lead:Who.External_Id__c\nT-1,L-1\n").await;
    let without_type = org.load(order, "Crm_Key__c,Who.External_Id__c\nT-1,L-1\n").await;

    assert_eq!(job["numberRecordsFailed"], 0, "{job}");
    assert_eq!(org.stored("Task").await, json!([{"Crm_Key__c": "T-1", "WhoId": id}]));
    let expected = "InvalidBatch : Field name not found : Who.External_Id__c";
    assert_eq!(without_type["errorMessage"], expected);
}

#[tokio::test]
async fn insert_update_and_delete_go_by_id() {
    let org = Org::with(Config { hard_delete: true, ..Config::default() }).await;
    let of_lead = |operation: &str| json!({"object": "Lead", "operation": operation});

    let inserted =
        org.load(of_lead("insert"), "Id,LastName,Company\n,Ames,Acme\n,Brown,Acme\n").await;
    let ids = org.results(&inserted, "successfulResults").await;
    assert_eq!(ids[1][1], "true");
    let (one, two) = (&ids[1][0], &ids[2][0]);
    let account = org.insert("Account", json!({"Name": "A"})).await;
    let updated = org
        .load(of_lead("update"), &format!("Id,LastName\n{one},New\n00QS10000000099AAA,X\n,Y\n"))
        .await;
    let deleted = org.load(of_lead("delete"), &format!("Id\n{one}\n{one}\n{account}\nx\n")).await;
    let for_good = org.load(of_lead("hardDelete"), &format!("Id\n{two}\n")).await;

    assert_eq!(org.results(&updated, "successfulResults").await[1][..2], [one.as_str(), "false"]);
    let failed = org.results(&updated, "failedResults").await;
    let errors: Vec<&str> = failed[1..].iter().map(|row| row[1].as_str()).collect();
    let expected = [
        "MISSING_ARGUMENT:Id not specified in an update call:Id --",
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:Id --",
    ];
    assert_eq!(errors, expected);
    assert_eq!(org.results(&deleted, "successfulResults").await[1][0], *one);
    let failed = org.results(&deleted, "failedResults").await;
    let errors: Vec<&str> = failed[1..].iter().map(|row| row[1].as_str()).collect();
    let expected = [
        format!("MALFORMED_ID:Lead ID: id value of incorrect type: {account}:Id --"),
        "ENTITY_IS_DELETED:entity is deleted:--".to_owned(),
        "MALFORMED_ID:Lead ID: id value of incorrect type: x:Id --".to_owned(),
    ];
    assert_eq!(errors, expected);
    assert_eq!(for_good["numberRecordsFailed"], 0);
    let state = org.simulator.state();
    assert_eq!((state.objects["Lead"].rows, state.objects["Account"].rows), (0, 1));
}

#[tokio::test]
async fn what_is_deleted_for_good_is_in_no_recycle_bin() {
    let org = Org::with(Config { hard_delete: true, ..Config::default() }).await;
    let one = org.insert("Lead", lead("A")).await;
    let two = org.insert("Lead", lead("B")).await;
    let of_lead = |operation: &str| json!({"object": "Lead", "operation": operation});

    let deleted = org.load(of_lead("delete"), &format!("Id\n{one}\n")).await;
    // What is in the recycle bin stays there.
    let for_good = org.load(of_lead("hardDelete"), &format!("Id\n{one}\n{two}\n")).await;

    assert_eq!(deleted["numberRecordsFailed"], 0);
    let failed = org.results(&for_good, "failedResults").await;
    assert_eq!(failed[1][1], "ENTITY_IS_DELETED:entity is deleted:--");
    assert_eq!((failed.len(), &for_good["numberRecordsFailed"]), (2, &1.into()));
    let binned = org.get("/queryAll?q=SELECT+COUNT()+FROM+Lead+WHERE+IsDeleted+=+true").await;
    assert_eq!(binned.json["totalSize"], 1);
    let again = org.load(of_lead("hardDelete"), &format!("Id\n{two}\n")).await;
    assert_eq!(again["numberRecordsFailed"], 1);
}

#[tokio::test]
async fn a_job_that_deletes_takes_ids_and_nothing_else() {
    let org = Org::with(Config { hard_delete: true, ..Config::default() }).await;
    let id = org.insert("Lead", lead("A")).await;

    for operation in ["delete", "hardDelete"] {
        let order = json!({"object": "Lead", "operation": operation});
        let job = org.load(order, &format!("Id,LastName\n{id},Ames\n")).await;

        let expected = format!("InvalidBatch : The '{operation}' batch must contain only ids");
        assert_eq!((&job["state"], &job["errorMessage"]), (&"Failed".into(), &expected.into()));
    }
    assert_eq!(org.simulator.state().objects["Lead"].rows, 1);
}

#[tokio::test]
async fn a_refused_row_names_its_record_from_version_53_on() {
    for (version, named) in [("v52.0", false), ("v53.0", true)] {
        let org = Org::start().await.at_version(version);
        let id = org.insert("Lead", lead("A")).await;
        let content = "External_Id__c,Email\nA,nonsense\n";

        let job = org.load(upsert_of_leads(), content).await;

        let failed = org.results(&job, "failedResults").await;
        assert_eq!(failed[1][0], if named { id } else { String::new() }, "{version}");
    }
}

#[tokio::test]
async fn results_are_not_in_the_order_of_the_upload_unless_told() {
    for (order, is_kept) in [(ResultOrder::Shuffled, false), (ResultOrder::Upload, true)] {
        let org = Org::with(Config { bulk_result_order: order, ..Config::default() }).await;

        let job = org.load(upsert_of_leads(), &leads(0..300)).await;

        let rows = org.unsorted_results(&job, "successfulResults").await;
        let keys: Vec<String> = rows[1..].iter().map(|row| row[2].clone()).collect();
        let uploaded: Vec<String> = (0..300).map(|number| format!("K-{number}")).collect();
        assert_eq!(keys == uploaded, is_kept);
        assert_eq!(keys.len(), 300);
    }
}

#[tokio::test]
async fn columns_that_are_not_fields_may_be_missing_in_results() {
    let org = Org::with(Config { drop_unmapped_columns: true, ..Config::default() }).await;
    let content = "External_Id__c,Account__r.ErpKey__c,LastName,Company\nA,,Ames,Acme\n";

    let job = org.load(upsert_of_leads(), content).await;

    let header = &org.results(&job, "successfulResults").await[0];
    assert_eq!(header, &["sf__Id", "sf__Created", "External_Id__c", "LastName", "Company"]);
}

#[tokio::test]
async fn a_byte_order_mark_and_a_missing_last_newline_do_no_harm() {
    let org = Org::start().await;
    let content = format!("\u{feff}{}", leads(0..2).trim_end());

    let job = org.load(upsert_of_leads(), &content).await;

    assert_eq!((&job["state"], &job["numberRecordsProcessed"]), (&"JobComplete".into(), &2.into()));
    let gone = org.get(&format!("{JOBS}/{}/nonsense", job["id"].as_str().unwrap())).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}
