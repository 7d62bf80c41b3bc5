//! Section 3.1: the life of an ingest job.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::{Method, StatusCode, header};
use salesforce_simulator::{Config, Faults};
use serde_json::{Value, json};

use crate::{
    client::{Org, refused, reply},
    jobs::{JOBS, leads, upsert_of_leads},
};

#[tokio::test]
async fn a_job_goes_from_order_to_results() {
    let org = Org::with_faults(Faults { job_delay_ms: 300, ..Faults::default() }).await;

    let created = org.post(JOBS, upsert_of_leads()).await;

    assert_eq!(created.status, StatusCode::OK);
    let id = created.json["id"].as_str().unwrap();
    assert!(id.starts_with("750") && id.len() == 18, "{id}");
    let mut expected = json!({
        "id": id, "operation": "upsert", "object": "Lead", "createdById": "005S1000000SimuIAC",
        "state": "Open", "externalIdFieldName": "External_Id__c", "concurrencyMode": "Parallel",
        "contentType": "CSV", "apiVersion": 62.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
        "contentUrl": format!("services/data/v62.0/jobs/ingest/{id}/batches"),
    });
    for moment in ["createdDate", "systemModstamp"] {
        let text = created.json[moment].as_str().unwrap();
        assert!(text.len() == 28 && text.ends_with("+0000"), "{text}");
        expected[moment] = json!(text);
    }
    assert_eq!(created.json, expected);
    let uploaded = org.upload(id, &leads(0..3)).await;
    assert_eq!((uploaded.status, uploaded.json), (StatusCode::CREATED, Value::Null));
    assert_eq!(org.close(id).await.json["state"], "UploadComplete");
    assert_eq!(org.poll(id).await["state"], "UploadComplete");
    org.jobs_end().await;

    let job = org.poll(id).await;
    assert_eq!(job["state"], "JobComplete");
    assert_eq!(job["jobType"], "V2Ingest");
    assert_eq!(job["numberRecordsProcessed"], 3);
    assert_eq!(job["numberRecordsFailed"], 0);
    assert_eq!(job["retries"], 0);
    assert!(job["totalProcessingTime"].as_u64().unwrap() >= 300, "{job}");
    assert!(job.get("errorMessage").is_none());
    assert_eq!(org.simulator.state().objects["Lead"].rows, 3);
    assert_eq!(org.simulator.state().bulk_batches, 1);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let org = Org::start().await;
    let upsert_by = |field: &str| {
        let mut order = upsert_of_leads();
        order["externalIdFieldName"] = json!(field);
        order
    };
    for (order, code, message) in [
        (json!({"object": "Nothing", "operation": "insert"}), "INVALIDENTITY", "Nothing"),
        (json!({"object": "Lead", "operation": "improve"}), "INVALIDJOB", "improve"),
        (json!({"object": "Lead", "operation": "upsert"}), "INVALIDJOB", "External ID was blank"),
        (upsert_by("Company"), "INVALIDJOB", "Company does not match an External ID"),
        (upsert_by("Nothing__c"), "INVALIDJOB", "Nothing__c does not match"),
        (
            json!({"object": "Lead", "operation": "insert", "externalIdFieldName": "X"}),
            "INVALIDJOB",
            "for upsert only",
        ),
        (
            json!({"object": "Lead", "operation": "insert", "contentType": "XML"}),
            "INVALIDJOB",
            "must be CSV",
        ),
        (json!({"object": "Lead", "operation": "hardDelete"}), "FEATURENOTENABLED", "permission"),
        (
            json!({"object": "Lead", "operation": "insert", "lineEnding": "CR"}),
            "JSON_PARSER_ERROR",
            "Unexpected value",
        ),
    ] {
        let reply = org.post(JOBS, order.clone()).await;

        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{order}");
        assert_eq!(reply.json[0]["errorCode"], code, "{order}");
        let text = reply.json[0]["message"].as_str().unwrap();
        assert!(text.contains(message), "{order}: {text}");
    }
    assert_eq!(org.get(JOBS).await.json["records"], json!([]));
}

#[tokio::test]
async fn each_state_allows_its_own_steps_only() {
    let org = Org::with_faults(Faults { job_delay_ms: 60_000, ..Faults::default() }).await;
    let invalid =
        |state: &str| refused(400, "INVALIDJOBSTATE", &format!("Invalid job state: {state}"));
    let id = org.job(upsert_of_leads()).await;
    let path = format!("{JOBS}/{id}");
    let abort = json!({"state": "Aborted"});

    assert_eq!(org.delete(&path).await, invalid("Open"));
    assert_eq!(org.get(&format!("{path}/failedResults")).await, invalid("Open"));
    org.upload(&id, &leads(0..2)).await;
    assert_eq!(org.upload(&id, &leads(0..2)).await, invalid("Open"));
    org.close(&id).await;
    assert_eq!(org.close(&id).await, invalid("UploadComplete"));
    assert_eq!(org.upload(&id, &leads(0..2)).await, invalid("UploadComplete"));
    assert_eq!(org.patch(&path, abort.clone()).await.json["state"], "Aborted");
    assert_eq!(org.patch(&path, abort).await, invalid("Aborted"));
    assert_eq!(org.close(&id).await, invalid("Aborted"));
    let job = org.poll(&id).await;
    let [done, failed, unprocessed] = org.sorted_keys(&job).await;
    assert_eq!((done.len(), failed.len(), unprocessed.len()), (0, 0, 2));
    let deleted = org.delete(&path).await;
    assert_eq!((deleted.status, deleted.json), (StatusCode::NO_CONTENT, Value::Null));
    let gone = refused(404, "NOT_FOUND", "The requested resource does not exist");
    assert_eq!(org.get(&path).await, gone);
    assert_eq!(org.delete(&path).await, gone);
    assert_eq!(org.upload(&id, "").await, gone);
    assert_eq!(org.simulator.state().objects["Lead"].rows, 0);
}

#[tokio::test]
async fn a_job_that_waits_is_deleted_and_never_worked_off() {
    let org = Org::with_faults(Faults { job_delay_ms: 100, ..Faults::default() }).await;
    let id = org.job(upsert_of_leads()).await;
    org.upload(&id, &leads(0..2)).await;
    org.close(&id).await;

    let deleted = org.delete(&format!("{JOBS}/{id}")).await;
    org.load(upsert_of_leads(), &leads(5..6)).await;

    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(org.simulator.state().objects["Lead"].rows, 1);
}

#[tokio::test]
async fn jobs_are_listed_oldest_first_a_thousand_a_page() {
    let org = Org::start().await;
    for _ in 0..1001 {
        org.job(upsert_of_leads()).await;
    }

    let first = org.get(JOBS).await.json;
    let next = first["nextRecordsUrl"].as_str().unwrap();
    let second = org.get(next.strip_prefix("/services/data/v62.0").unwrap()).await.json;

    assert_eq!(first["records"].as_array().unwrap().len(), 1000);
    assert_eq!(first["done"], false);
    assert_eq!(second["records"].as_array().unwrap().len(), 1);
    assert_eq!((&second["done"], &second["nextRecordsUrl"]), (&json!(true), &json!(null)));
    assert_ne!(first["records"][999]["id"], second["records"][0]["id"]);
}

#[tokio::test]
async fn a_small_job_comes_in_one_request() {
    let org = Org::start().await;
    let order = upsert_of_leads();
    let body = |content: &str| {
        format!(
            "--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; \
             name=\"job\"\r\n\r\n{order}\r\n--B\r\nContent-Type: text/csv\r\nContent-Disposition: \
             form-data; name=\"content\"; filename=\"content\"\r\n\r\n{content}\r\n--B--\r\n"
        )
    };
    let send = |content: &str| {
        org.call(Method::POST, JOBS)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
            .body(body(content))
    };

    let created = reply(send(&leads(0..3))).await;
    org.jobs_end().await;
    let too_long = reply(send(&leads(0..6000))).await;

    assert_eq!(created.status, StatusCode::OK);
    assert_eq!(created.json["state"], "UploadComplete");
    assert_eq!(org.poll(created.json["id"].as_str().unwrap()).await["state"], "JobComplete");
    assert_eq!(org.simulator.state().objects["Lead"].rows, 3);
    let expected = "InvalidJob : more than 100000 characters of data";
    assert_eq!(too_long, refused(400, "INVALIDJOB", expected));
}

#[tokio::test]
async fn rows_come_and_results_go_packed() {
    let org = Org::start().await;
    let id = org.job(upsert_of_leads()).await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(leads(0..3000).as_bytes()).unwrap();
    let upload = org
        .call(Method::PUT, &format!("{JOBS}/{id}/batches"))
        .header(header::CONTENT_TYPE, "text/csv; charset=UTF-8")
        .header(header::CONTENT_ENCODING, "gzip")
        .body(packed.finish().unwrap());

    assert_eq!(reply(upload).await.status, StatusCode::CREATED);
    org.close(&id).await;
    org.jobs_end().await;
    let plain = reqwest::Client::builder().no_gzip().no_proxy().build().unwrap();
    let path = format!("/services/data/v62.0{JOBS}/{id}/successfulresults");
    let response = plain
        .get(format!("{}{path}", org.simulator.url()))
        .bearer_auth(&org.token)
        .header(header::ACCEPT_ENCODING, "gzip")
        .send()
        .await
        .unwrap();

    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    assert!(response.headers()["sforce-limit-info"].to_str().unwrap().starts_with("api-usage=4/"));
    let mut text = String::new();
    let bytes = response.bytes().await.unwrap();
    GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 3001);
}

#[tokio::test]
async fn an_upload_is_csv_and_has_an_end() {
    let config = Config { upload_bytes_max: 1000, ..Config::default() };
    let org = Org::with(config).await;
    let id = org.job(upsert_of_leads()).await;
    let as_json = org.call(Method::PUT, &format!("{JOBS}/{id}/batches")).json(&json!({}));

    assert_eq!(reply(as_json).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let too_long = org.upload(&id, &leads(0..100)).await;
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(org.upload(&id, &leads(0..10)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn old_versions_have_no_jobs_and_other_methods_are_named() {
    let org = Org::start().await.at_version("v40.0");
    assert_eq!(org.get(JOBS).await.status, StatusCode::NOT_FOUND);

    let org = org.at_version("v41.0");
    assert_eq!(org.get(JOBS).await.status, StatusCode::OK);
    let wrong = org.delete(JOBS).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.json[0]["message"], "HTTP Method 'DELETE' not allowed. Allowed are GET,POST");
}

#[tokio::test]
async fn the_number_of_unfinished_jobs_may_be_limited() {
    let org = Org::with(Config { bulk_jobs_max: Some(1), ..Config::default() }).await;
    let id = org.job(upsert_of_leads()).await;

    let second = org.post(JOBS, upsert_of_leads()).await;
    org.patch(&format!("{JOBS}/{id}"), json!({"state": "Aborted"})).await;

    assert_eq!(second, refused(400, "LIMIT_EXCEEDED", "more than 1 jobs at once"));
    org.job(upsert_of_leads()).await;
}

#[tokio::test]
async fn a_job_takes_a_batch_of_the_day_for_each_ten_thousand_rows_begun() {
    let org = Org::start().await;

    for (rows, batches) in [(10_000, 1), (10_001, 3), (20_000, 5)] {
        let job = org.load(upsert_of_leads(), &leads(0..rows)).await;

        assert_eq!(job["state"], "JobComplete");
        assert_eq!(org.simulator.state().bulk_batches, batches, "after {rows} rows");
    }
}

#[tokio::test]
async fn batches_of_a_day_run_out() {
    let config = Config { bulk_batches_daily_max: 2, ..Config::default() };
    let org = Org::with(config).await;

    let job = org.load(upsert_of_leads(), &leads(0..20_500)).await;

    assert_eq!(job["state"], "Failed");
    assert!(job["errorMessage"].as_str().unwrap().starts_with("ExceededQuota : "), "{job}");
    assert_eq!(job["numberRecordsProcessed"], 20_000);
    let [done, failed, unprocessed] = org.sorted_keys(&job).await;
    assert_eq!((done.len(), failed.len(), unprocessed.len()), (20_000, 0, 500));
    let limits = org.get("/limits").await.json;
    assert_eq!(limits["DailyBulkApiBatches"], json!({"Max": 2, "Remaining": 0}));
}
