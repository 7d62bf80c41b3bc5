//! What goes wrong with ingest jobs when it is told to.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use salesforce_simulator::{Fault, Faults, PlannedFault, RowErrorRule};
use serde_json::json;

use crate::{
    client::{Org, refused},
    jobs::{JOBS, leads, upsert_of_leads},
};

#[tokio::test]
async fn a_job_can_be_told_to_fail_before_and_in_the_middle_of_its_rows() {
    let org = Org::start().await;
    for (fault, rows, processed) in [
        (Fault::JobFailed, 2000, 0..=0),
        (Fault::JobHalfDone, 2000, 950..=1100),
        (Fault::JobHalfDone, 10, 4..=6),
    ] {
        org.simulator.reset();
        org.simulator.plan(PlannedFault::once(fault));

        let job = org.load(upsert_of_leads(), &leads(0..rows)).await;

        assert_eq!(job["state"], "Failed");
        assert_eq!(job["errorMessage"], Faults::JOB_ERROR);
        let done = job["numberRecordsProcessed"].as_u64().unwrap();
        assert!(processed.contains(&done), "{done}");
        assert_eq!(org.simulator.state().objects["Lead"].rows, done);
        let [done, failed, unprocessed] = org.sorted_keys(&job).await;
        assert_eq!((done.len() + unprocessed.len(), failed.len()), (rows, 0));
        assert!(done.is_disjoint(&unprocessed));
        assert_eq!(org.simulator.state().faults[&fault], 1);
    }
    let job = org.load(upsert_of_leads(), &leads(0..2000)).await;
    assert_eq!(job["state"], "JobComplete");
}

#[tokio::test]
async fn a_job_can_be_lost() {
    let org = Org::with_faults(Faults { job_lost_permille: 1000, ..Faults::default() }).await;

    let answer = org.load(upsert_of_leads(), &leads(0..2)).await;

    assert_eq!(answer[0]["errorCode"], "NOT_FOUND");
    assert_eq!(org.simulator.state().objects["Lead"].rows, 0);
    assert_eq!(org.simulator.state().faults[&Fault::JobLost], 1);
}

#[tokio::test]
async fn a_job_can_be_slow() {
    let faults = Faults { job_slow_ms: 300, job_batch_ms: 100, ..Faults::default() };
    let org = Org::with_faults(faults).await;
    org.simulator.plan(PlannedFault::once(Fault::JobSlow).on("/jobs/ingest/750"));

    let started = Instant::now();
    org.load(upsert_of_leads(), &leads(0..2)).await;
    let slow = started.elapsed();
    let started = Instant::now();
    org.load(upsert_of_leads(), &leads(0..2)).await;

    assert!(slow >= Duration::from_millis(400), "{slow:?}");
    assert!((100..400).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_job_under_way_is_aborted_between_its_batches() {
    let org = Org::with_faults(Faults { job_batch_ms: 400, ..Faults::default() }).await;
    let id = org.job(upsert_of_leads()).await;
    org.upload(&id, &leads(0..30_000)).await;
    org.close(&id).await;
    org.simulator.wait_for(|state| state.objects["Lead"].rows == 10_000).await;

    let aborted = org.patch(&format!("{JOBS}/{id}"), json!({"state": "Aborted"})).await;

    assert_eq!(aborted.json["state"], "Aborted");
    let job = org.poll(&id).await;
    let [done, failed, unprocessed] = org.sorted_keys(&job).await;
    assert_eq!((done.len(), failed.len(), unprocessed.len()), (10_000, 0, 20_000));
    assert_eq!(job["numberRecordsProcessed"], 10_000);
    assert_eq!(org.simulator.state().objects["Lead"].rows, 10_000);
}

#[tokio::test]
async fn nothing_is_stored_after_an_abort_in_the_middle_of_a_batch() {
    let org = Org::start().await;
    let id = org.job(upsert_of_leads()).await;
    org.upload(&id, &leads(0..10_000)).await;
    org.close(&id).await;
    while org.poll(&id).await["numberRecordsProcessed"] == 0 {}

    org.patch(&format!("{JOBS}/{id}"), json!({"state": "Aborted"})).await;

    let job = org.poll(&id).await;
    let stored = org.simulator.state().objects["Lead"].rows;
    // Whatever is on its way would be there by then.
    org.load(upsert_of_leads(), &leads(20_000..30_000)).await;
    assert_eq!(job["numberRecordsProcessed"], stored);
    assert_eq!(org.simulator.state().objects["Lead"].rows, stored + 10_000);
    let [done, failed, unprocessed] = org.sorted_keys(&job).await;
    assert_eq!((done.len() as u64, failed.len()), (stored, 0));
    assert_eq!(done.len() + unprocessed.len(), 10_000);
}

#[tokio::test]
async fn what_was_asked_is_done_when_its_answer_is_lost() {
    let org = Org::start().await;
    let lose_next = || org.simulator.plan(PlannedFault::once(Fault::AnswerLost).on("/jobs/ingest"));

    lose_next();
    // A poll changes nothing, so its answer is not lost.
    assert_eq!(org.get(JOBS).await.json["records"], json!([]));
    let create = org.call(Method::POST, JOBS).json(&upsert_of_leads());
    assert!(create.send().await.is_err());
    let jobs = org.get(JOBS).await.json;
    assert_eq!(jobs["records"][0]["state"], "Open");
    let id = jobs["records"][0]["id"].as_str().unwrap();
    lose_next();
    let upload = org
        .call(Method::PUT, &format!("{JOBS}/{id}/batches"))
        .header("content-type", "text/csv")
        .body(leads(0..3));
    assert!(upload.send().await.is_err());
    let again = org.upload(id, &leads(0..3)).await;
    assert_eq!(again, refused(400, "INVALIDJOBSTATE", "Invalid job state: Open"));
    lose_next();
    let close =
        org.call(Method::PATCH, &format!("{JOBS}/{id}")).json(&json!({"state": "UploadComplete"}));
    assert!(close.send().await.is_err());
    org.jobs_end().await;

    assert_eq!(org.poll(id).await["state"], "JobComplete");
    assert_eq!(org.simulator.state().objects["Lead"].rows, 3);
    assert_eq!(org.simulator.state().faults[&Fault::AnswerLost], 3);
}

#[tokio::test]
async fn a_result_file_can_break_off() {
    let org = Org::start().await;
    let job = org.load(upsert_of_leads(), &leads(0..5000)).await;
    let path = format!("{JOBS}/{}/successfulResults", job["id"].as_str().unwrap());
    org.simulator.plan(PlannedFault::once(Fault::AnswerCut));

    let response = org.call(Method::GET, &path).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.is_err());
    assert_eq!(org.results(&job, "successfulResults").await.len(), 5001);
}

#[tokio::test]
async fn rows_of_jobs_meet_the_faults_of_rows() {
    let rule = RowErrorRule {
        key_prefix: "K-7".to_owned(),
        status_code: "UNABLE_TO_LOCK_ROW".to_owned(),
        message: "unable to obtain exclusive access to this record".to_owned(),
        times: Some(1),
    };
    let org = Org::with_faults(Faults { row_errors: vec![rule], ..Faults::default() }).await;

    let first = org.load(upsert_of_leads(), &leads(0..10)).await;
    let second = org.load(upsert_of_leads(), &leads(0..10)).await;

    let failed = org.results(&first, "failedResults").await;
    let error = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--";
    assert_eq!(failed[1][1..3], [error, "K-7"]);
    assert_eq!(second["numberRecordsFailed"], 0);
}

#[tokio::test]
async fn a_reset_ends_jobs_and_nothing_of_them_is_stored_later() {
    let org = Org::with_faults(Faults { job_batch_ms: 200, ..Faults::default() }).await;
    let id = org.job(upsert_of_leads()).await;
    org.upload(&id, &leads(0..15_000)).await;
    org.close(&id).await;
    org.simulator.wait_for(|state| state.objects["Lead"].rows > 0).await;

    org.simulator.reset();
    org.load(upsert_of_leads(), &leads(0..1)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert_eq!(org.simulator.state().objects["Lead"].rows, 1);
    assert_eq!(org.get(&format!("{JOBS}/{id}")).await.json[0]["errorCode"], "NOT_FOUND");
}
