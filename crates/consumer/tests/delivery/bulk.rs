//! Batches that go as ingest jobs, against the simulator.

use std::time::{Duration, Instant};

use job_queue::{Control, Ledger, RunState};
use salesforce_simulator::{Config, Fault, Faults, PlannedFault};
use serde_json::Value;

use super::support::{Scene, good_batches, load_of};

pub(crate) const BULK: &str = "--salesforce-api=bulk";

/// `batches` batches of `rows` good rows each.
pub(crate) fn batches_of(batches: usize, rows: usize) -> Vec<Vec<String>> {
    let all: Vec<String> =
        good_batches((batches * rows).div_ceil(100)).into_iter().flatten().collect();
    all.chunks(rows).take(batches).map(<[String]>::to_vec).collect()
}

/// Rows as Salesforce holds them, without what differs from org to org.
async fn stored(scene: &Scene) -> Vec<Value> {
    let mut rows = scene.salesforce.rows("Lead").await;
    for row in &mut rows {
        let fields = row.as_object_mut().unwrap();
        fields.retain(|name, _| !matches!(name.as_str(), "Id" | "_writes" | "SystemModstamp"));
    }
    rows
}

/// Loads these batches by one API; the answer is rows, rejects and the ledger.
async fn load(api: &str, batches: &[Vec<String>]) -> (Vec<Value>, Vec<String>, Ledger) {
    let scene = Scene::new().await;
    scene.feed("a", batches).await;
    let consumer = scene.consumer(&[&format!("--salesforce-api={api}")]);
    let ledger = scene.ended("a").await;
    consumer.stop().await.unwrap();
    let mut rejects = scene.rejects("a").await;
    rejects.sort();
    (stored(&scene).await, rejects, ledger)
}

#[tokio::test]
async fn a_batch_is_one_ingest_job_that_is_removed_afterwards() {
    let scene = Scene::new().await;
    scene.feed("a", &batches_of(1, 300)).await;

    let consumer = scene.consumer(&[BULK]);
    let ledger = scene.delivered("a").await;
    consumer.stop().await.unwrap();

    let state = scene.salesforce.state();
    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.tally.retried), (300, 0, 0));
    assert_eq!((scene.writes().await, state.bulk_batches), (300, 1));
    assert!(state.jobs.values().all(|jobs| *jobs == 0), "{:?}", state.jobs);
    let log = scene.salesforce.requests();
    let calls = log.iter().filter(|request| request.path.contains("/jobs/ingest")).count();
    assert_eq!(ledger.tally.api_calls, calls as u64);
}

#[tokio::test]
async fn rows_and_rejects_are_those_of_collections() {
    let mut rows = good_batches(1).remove(0);
    rows.extend(
        [
            "A-1,\"Comma, \"\"quoted\"\"\",\"Line\nfeed\",",
            "A-2,Carriage,\"Line\r\nfeed\",c@example.com",
            "A-3,#N/A,Acme,",
            "A-4,,Acme,no address",
            "A-5,Null,Acme,#N/A",
            "A-6,  Blanks  ,\" Acme \",",
            "A-7,Ünïcode 🙂,Łódź,",
            "A-8,Mail,Acme,no address",
            ",No key,Acme,",
            &format!("A-9,{},Acme,", "x".repeat(81)),
            "a-1,Again,Later,",
            "A-1,Third,Last,",
            "A-10,Name,,",
        ]
        .map(str::to_owned),
    );

    let (rows_of_calls, rejects_of_calls, of_calls) = load("collections", &[rows.clone()]).await;
    let (rows_of_jobs, rejects_of_jobs, of_jobs) = load("bulk", &[rows]).await;

    assert_eq!(rows_of_jobs, rows_of_calls);
    assert_eq!(rejects_of_jobs, rejects_of_calls);
    assert_eq!(of_jobs.rejected_by_code, of_calls.rejected_by_code);
    assert_eq!(
        (of_jobs.tally.created, of_jobs.tally.updated),
        (of_calls.tally.created, of_calls.tally.updated)
    );
    assert_eq!(of_jobs.tally.retried, of_calls.tally.retried);
    assert_eq!(of_jobs.rejected, 6);
}

#[tokio::test]
async fn rows_that_repeat_a_key_are_loaded_in_file_order() {
    let scene = Scene::new().await;
    let row = |n: u32| format!("E-1,Ames {n},Acme,");
    scene.feed("a", &[(0..4).map(row).collect()]).await;

    let _consumer = scene.consumer(&[BULK]);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.tally.created, ledger.tally.updated), (1, 3));
    assert_eq!(scene.values("LastName").await, [("E-1".to_owned(), "Ames 3".to_owned())]);
    assert_eq!(scene.salesforce.state().bulk_batches, 1, "three go by calls");
}

#[tokio::test]
async fn rows_that_repeat_a_key_are_not_sent_while_their_run_is_paused() {
    let faults = Faults { job_delay_ms: 2_000, ..Faults::default() };
    let scene = Scene::with_faults(faults).await;
    let row = |n: u32| format!("E-{},Ames {n},Acme,", n % 300);
    scene.feed("a", &[(0..400).map(row).collect()]).await;
    let _consumer = scene.consumer(&[BULK]);
    let closed = scene.salesforce.wait_for(|state| state.jobs.contains_key("UploadComplete"));
    tokio::time::timeout(Duration::from_secs(60), closed).await.unwrap();

    let run = "a".parse().unwrap();
    scene.queue.pause_run(&run).await.unwrap();
    // Its job is removed once the batch is given back.
    let gone = scene.salesforce.wait_for(|state| state.jobs.values().all(|jobs| *jobs == 0));
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    let written_meanwhile = scene.writes().await;
    scene.queue.resume_run(&run).await.unwrap();
    let ledger = scene.delivered("a").await;

    assert_eq!(written_meanwhile, 300);
    assert_eq!((ledger.tally.created, ledger.tally.updated, scene.writes().await), (300, 100, 400));
    let values = scene.values("LastName").await;
    let changed = |(key, name): &&(String, String)| name[5..] != key[2..];
    assert_eq!(values.iter().filter(changed).count(), 100);
}

#[tokio::test]
async fn a_stopped_consumer_hands_its_job_on_and_no_row_is_loaded_twice() {
    let faults = Faults { job_delay_ms: 4_000, ..Faults::default() };
    let config = Config { faults, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(3_600)).await;
    scene.feed("a", &batches_of(1, 500)).await;
    let first = scene.consumer(&[BULK]);
    let closed = scene.salesforce.wait_for(|state| state.jobs.contains_key("UploadComplete"));
    tokio::time::timeout(Duration::from_secs(60), closed).await.unwrap();

    let stopping = Instant::now();
    first.stop().await.unwrap();
    let took = stopping.elapsed();
    let second = scene.consumer(&[BULK]);
    let ledger = scene.delivered("a").await;
    second.stop().await.unwrap();

    assert!(took < Duration::from_secs(3), "it did not wait for the job: {took:?}");
    assert_eq!((ledger.tally.created, ledger.tally.updated), (500, 0));
    assert_eq!((scene.writes().await, scene.salesforce.state().bulk_batches), (500, 1));
}

#[tokio::test]
async fn a_job_under_way_is_aborted_when_its_run_is_cancelled() {
    for consumer_is_there in [true, false] {
        let faults = Faults { job_delay_ms: 3_600_000, ..Faults::default() };
        let scene = Scene::with_faults(faults).await;
        scene.feed("a", &batches_of(2, 300)).await;
        let consumer = scene.consumer(&[BULK, "--concurrency=1"]);
        let closed = scene.salesforce.wait_for(|state| state.jobs.contains_key("UploadComplete"));
        tokio::time::timeout(Duration::from_secs(60), closed).await.unwrap();
        let _consumer = if consumer_is_there {
            consumer
        } else {
            consumer.stop().await.unwrap();
            scene.consumer(&[BULK])
        };

        let cancelled = scene.queue.cancel_run(&"a".parse().unwrap()).await.unwrap();
        let ledger = scene.ended("a").await;

        assert_eq!((cancelled, ledger.state), (Control::Done, RunState::Cancelled));
        assert_eq!((ledger.tally.created, ledger.cancelled()), (0, 600));
        let state = scene.salesforce.state();
        assert!(state.jobs.values().all(|jobs| *jobs == 0), "{:?}", state.jobs);
        assert_eq!(scene.writes().await, 0);
    }
}

#[tokio::test]
async fn what_a_job_loaded_before_its_run_was_cancelled_counts_as_delivered() {
    let scene = Scene::new().await;
    scene.feed("a", &batches_of(1, 10_000)).await;
    let consumer = scene.consumer(&[BULK]);
    let _closed = scene.salesforce.wait_for(|state| state.objects["Lead"].rows > 0).await;

    scene.queue.cancel_run(&"a".parse().unwrap()).await.unwrap();
    let ledger = scene.ended("a").await;
    consumer.stop().await.unwrap();

    let stored = scene.salesforce.state().objects["Lead"].rows;
    assert_eq!((ledger.tally.created, ledger.tally.created + ledger.cancelled()), (stored, 10_000));
    assert_eq!(scene.writes().await, stored);
}

/// Twelve jobs past these faults; each row is stored, and written once.
async fn all_arrive_once_in_spite_of(name: &str, faults: Faults) -> Scene {
    let config = Config { faults, seed: 3, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    scene.feed("a", &batches_of(12, 300)).await;

    let consumer = scene.consumer(&[BULK]);
    let ledger = scene.delivered("a").await;
    consumer.stop().await.unwrap();

    assert_eq!((ledger.tally.created, ledger.tally.updated), (3_600, 0), "{name}");
    assert_eq!(scene.writes().await, 3_600, "{name}");
    assert!(!scene.salesforce.state().faults.is_empty(), "{name} did not strike");
    scene
}

#[tokio::test]
async fn a_job_that_fails_is_followed_by_another_with_the_rows_it_left() {
    let failed = Faults { job_failed_permille: 300, ..Faults::default() };
    all_arrive_once_in_spite_of("failed jobs", failed).await;
    let half_done = Faults { job_half_done_permille: 300, ..Faults::default() };
    all_arrive_once_in_spite_of("half-done jobs", half_done).await;
    let lost = Faults { job_lost_permille: 300, ..Faults::default() };
    all_arrive_once_in_spite_of("lost jobs", lost).await;
    let slow = Faults { job_slow_permille: 300, job_slow_ms: 700, ..Faults::default() };
    all_arrive_once_in_spite_of("slow jobs", slow).await;
}

#[tokio::test]
async fn jobs_that_all_fail_reject_no_row() {
    let failed = Faults { job_failed_permille: 1_000, ..Faults::default() };
    let lost = Faults { job_lost_permille: 1_000, ..Faults::default() };
    // Each takes half of what the one before left.
    let half_done = Faults { job_half_done_permille: 1_000, ..Faults::default() };

    tokio::join!(all_arrive_once(failed), all_arrive_once(lost), all_arrive_once(half_done));
}

async fn all_arrive_once(faults: Faults) {
    let name = format!("{faults:?}");
    let scene = Scene::with_faults(faults).await;
    scene.feed("a", &batches_of(1, 300)).await;

    let consumer = scene.consumer(&[BULK]);
    let ledger = scene.delivered("a").await;
    consumer.stop().await.unwrap();

    assert_eq!(
        (ledger.tally.created, ledger.tally.updated, scene.writes().await),
        (300, 0, 300),
        "{name}"
    );
    let jobs = scene.salesforce.state().jobs;
    assert!(jobs.values().all(|jobs| *jobs == 0), "left behind: {jobs:?}, {name}");
}

#[tokio::test]
async fn locked_rows_go_alone_into_the_next_job() {
    let locks = Faults { row_lock_permille: 50, ..Faults::default() };
    let scene = all_arrive_once_in_spite_of("locks", locks).await;

    let ledger = scene.ledger("a").await;
    assert!((60..=400).contains(&ledger.tally.retried), "{}", ledger.tally.retried);
}

#[tokio::test]
async fn every_request_about_a_job_is_repeated_when_it_has_to_be() {
    for (fault, path) in [
        (Fault::Unavailable, "/jobs/ingest"),
        (Fault::Throttled, "/jobs/ingest"),
        (Fault::SessionExpired, "/jobs/ingest"),
        (Fault::BadGateway, "/batches"),
        (Fault::Reset, "/batches"),
        (Fault::BadGateway, "/jobs/ingest/750"),
        (Fault::AnswerCut, "successfulResults"),
        (Fault::AnswerCut, "/jobs/ingest"),
        (Fault::SlowDrip, "Results"),
        (Fault::ServerError, "/jobs/ingest"),
    ] {
        let scene = Scene::new().await;
        // A token that is refused as soon as it is given ends the consumer.
        let times = if fault == Fault::SessionExpired { 1 } else { 2 };
        scene.salesforce.plan(PlannedFault::once(fault).times(times).on(path));
        scene.feed("a", &batches_of(2, 300)).await;

        let consumer = scene.consumer(&[BULK]);
        let ledger = scene.delivered("a").await;
        consumer.stop().await.unwrap();

        assert_eq!((ledger.tally.created, scene.writes().await), (600, 600), "{fault:?} {path}");
    }
}

#[tokio::test]
async fn results_that_cannot_be_read_for_a_while_cost_no_row() {
    use Fault::{AnswerCut, ServerError};
    tokio::join!(
        past_silent_results(ServerError, 3, "successfulResults", "upsert"),
        past_silent_results(ServerError, 3, "successfulResults", "insert"),
        past_silent_results(ServerError, 3, "failedResults", "insert"),
        past_silent_results(AnswerCut, 6, "successfulResults", "upsert"),
        past_silent_results(AnswerCut, 6, "successfulResults", "insert"),
    );
}

/// One job with a row that is refused; reading what became of the others fails for a while.
async fn past_silent_results(fault: Fault, times: u32, path: &str, operation: &str) {
    let scene = Scene::new().await;
    scene.salesforce.plan(PlannedFault::once(fault).times(times).on(path));
    let rows = [vec!["Ames,Acme".to_owned(); 50], vec!["Bell,".to_owned()]].concat();
    let keyed = rows.iter().enumerate().map(|(key, row)| format!("E-{key},{row}")).collect();
    let load = load_of(&[BULK, &format!("--salesforce-operation={operation}")]);
    let (header, rows) = match operation {
        "insert" => ("LastName,Company", rows),
        _ => ("External_Id__c,LastName,Company", keyed),
    };
    scene.feed_for(Some(&load), header, "a", &[rows]).await;

    let consumer = scene.consumer(&[]);
    let ledger = scene.ended("a").await;
    consumer.stop().await.unwrap();

    let name = format!("{fault:?} on {path} of an {operation}");
    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.rejected), (50, 0, 1), "{name}");
    assert_eq!(ledger.rejected_by_code.get("REQUIRED_FIELD_MISSING"), Some(&1), "{name}");
    assert_eq!(scene.writes().await, 50, "{name}");
    assert_eq!(scene.salesforce.state().faults[&fault], u64::from(times), "{name}");
}

#[tokio::test]
async fn auto_takes_bulk_for_large_batches_while_the_org_has_batches_to_spare() {
    let config = Config { bulk_batches_daily_max: 10, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    scene.feed("small", &batches_of(2, 200)).await;
    scene.feed("large", &batches_of(11, 2_001)).await;

    let consumer = scene.consumer(&["--salesforce-api=auto", "--salesforce-api-reserve=20%"]);
    scene.delivered("small").await;
    scene.delivered("large").await;
    consumer.stop().await.unwrap();

    assert_eq!(scene.salesforce.state().bulk_batches, 8, "two of ten are kept for others");
    let (limits, _) = scene.queue.org_limits().await.unwrap().unwrap();
    assert_eq!(limits.bulk_batches.unwrap().max, 10);
}

#[tokio::test]
async fn with_bulk_alone_batches_wait_visibly_for_the_next_day() {
    let config = Config { bulk_batches_daily_max: 1, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    scene.feed("a", &batches_of(2, 300)).await;

    let consumer = scene.consumer(&[BULK, "--salesforce-api-reserve=0"]);
    let (start, mut first_is_done) = (Instant::now(), false);
    let pause = loop {
        let pause = scene.queue.outage().await.unwrap();
        if let Some(pause) = pause.filter(|_| first_is_done) {
            break pause;
        }
        first_is_done = scene.ledger("a").await.tally.created == 300;
        assert!(start.elapsed() < Duration::from_secs(60), "nobody says that it waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    consumer.stop().await.unwrap();

    assert!(pause.reason.contains("Bulk batches are used up"), "{}", pause.reason);
    let ledger = scene.ledger("a").await;
    assert_eq!((ledger.tally.created, ledger.rejected, scene.writes().await), (300, 0, 300));
}

#[tokio::test]
async fn a_user_who_may_not_see_the_limits_tries_again_whether_batches_are_free() {
    let scene = Scene::new().await;
    let hidden = PlannedFault::refusing(403, "INSUFFICIENT_ACCESS", "").times(1_000);
    scene.salesforce.plan(hidden.on("/limits"));
    scene.salesforce.plan(PlannedFault::refusing(400, "EXCEEDED_QUOTA", "").on("/jobs/ingest"));
    scene.feed("a", &batches_of(2, 300)).await;

    let _consumer = scene.consumer(&[BULK, "--salesforce-limit-check=1s"]);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.tally.created, scene.salesforce.state().bulk_batches), (600, 2));
}

#[tokio::test]
async fn a_reserve_in_calls_keeps_the_same_share_of_the_batches() {
    let config = Config { bulk_batches_daily_max: 10, ..Config::default() };
    let reserve = format!("--salesforce-api-reserve={}", config.daily_limit / 2);
    let scene = Scene::with(config, Duration::from_secs(30)).await;
    scene.feed("a", &batches_of(6, 2_001)).await;

    let _consumer = scene.consumer(&["--salesforce-api=auto", &reserve]);
    scene.delivered("a").await;

    assert_eq!(scene.salesforce.state().bulk_batches, 5);
}

#[tokio::test]
async fn inserts_updates_and_deletes_go_by_bulk_as_well() {
    let scene = Scene::new().await;
    let twins = vec!["Ames,Acme".to_owned(); 50];
    let load = load_of(&[BULK, "--salesforce-operation=insert"]);
    scene.feed_for(Some(&load), "LastName,Company", "insert", &[twins]).await;
    let insert = scene.consumer(&[]);
    let ledger = scene.delivered("insert").await;
    insert.stop().await.unwrap();
    assert_eq!((ledger.tally.created, scene.writes().await), (50, 50));
    let ids: Vec<String> = scene.values("Id").await.into_iter().map(|(_key, id)| id).collect();

    let rows = [format!("{},Bell", ids[0]), "00Q000000000000AAA,Nobody".to_owned()];
    scene.feed_under("Id,LastName", "update", &[rows.to_vec()]).await;
    let by_id = "--salesforce-external-id=Id";
    let update = scene.consumer(&[BULK, "--salesforce-operation=update", by_id]);
    let ledger = scene.ended("update").await;
    update.stop().await.unwrap();
    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.rejected), (0, 1, 1));

    let rows = [vec![ids[0].clone(), ids[0][..15].to_owned()], ids[1..].to_vec()].concat();
    let delete = [BULK, "--salesforce-operation=delete", by_id];
    scene.feed_for(Some(&load_of(&delete)), "Id", "delete", &[rows]).await;
    let _delete = scene.consumer(&delete);
    let ledger = scene.delivered("delete").await;
    assert_eq!((ledger.tally.deleted, scene.salesforce.state().objects["Lead"].rows), (51, 0));
}
