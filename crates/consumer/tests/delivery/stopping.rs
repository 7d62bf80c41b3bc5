use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use job_queue::RunState;
use salesforce_simulator::{Config, Fault, Faults, PlannedFault, RowErrorRule};

use super::support::{Scene, good_batches};

#[tokio::test]
async fn a_stopped_consumer_ends_its_calls_and_puts_the_rest_back() {
    let slow = Faults { latency_ms: 200, ..Faults::default() };
    // With leases of an hour, a batch that was kept would keep the run open.
    let scene =
        Scene::with(Config { faults: slow, ..Config::default() }, Duration::from_secs(3_600)).await;
    scene.feed("stopped", &good_batches(40)).await;
    let consumer = scene.consumer(&[]);
    scene.stored(800).await;

    let ended = consumer.stop().await;

    assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
    let settled = scene.ledger("stopped").await.batches_settled;
    assert_eq!(settled * 100, scene.salesforce.state().objects["Lead"].rows);
    assert_eq!(scene.queue.depth().await.unwrap().jobs, 40 - settled);
    assert_eq!(scene.queue.consumers_alive().await.unwrap(), 0);
    let _another = scene.consumer(&[]);
    scene.delivered("stopped").await;
    assert_eq!(scene.writes().await, 4_000, "no row was sent twice");
}

#[tokio::test]
async fn a_batch_that_is_sent_in_parts_keeps_the_parts_that_are_done() {
    let scene = Scene::with_faults(Faults { latency_ms: 100, ..Faults::default() }).await;
    scene.feed("parts", &good_batches(1)).await;
    let consumer = scene.consumer(&["--salesforce-batch=10"]);
    scene.stored(20).await;

    consumer.stop().await.unwrap();

    assert_eq!(scene.ledger("parts").await.batches_settled, 0);
    let _another = scene.consumer(&["--salesforce-batch=10"]);
    let ledger = scene.delivered("parts").await;
    assert_eq!((ledger.created, ledger.api_calls), (100, 10));
    assert_eq!(scene.writes().await, 100, "no row was sent twice");
}

#[tokio::test]
async fn calls_that_take_too_long_are_given_up_and_their_batches_put_back() {
    // With leases of an hour, a batch that was kept would keep the run open.
    let scene = Scene::with(Config::default(), Duration::from_secs(3_600)).await;
    scene.feed("fast", &good_batches(1)).await;
    let consumer = scene.consumer(&["--shutdown-grace=200ms"]);
    scene.delivered("fast").await;
    scene.salesforce.set_faults(Faults { latency_ms: 20_000, ..Faults::default() });
    scene.feed("slow", &good_batches(4)).await;
    scene.calls_in_flight(4).await;

    let start = Instant::now();
    let ended = consumer.stop().await;

    assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    scene.salesforce.set_faults(Faults::default());
    let _another = scene.consumer(&[]);
    scene.delivered("slow").await;
}

#[tokio::test]
async fn a_wait_for_the_daily_quota_is_cut_short_by_a_stop() {
    let scene = Scene::new().await;
    scene.plan(PlannedFault::once(Fault::TotalLimit).times(1_000));
    scene.feed("quota", &good_batches(8)).await;
    let consumer = scene.consumer(&[]);
    scene.struck(Fault::TotalLimit).await;

    let start = Instant::now();
    let ended = consumer.stop().await;

    assert_eq!(ended.unwrap(), ExitCode::SUCCESS);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let ledger = scene.ledger("quota").await;
    assert_eq!((ledger.rejected, ledger.batches_settled), (0, 0));
    assert_eq!(scene.queue.depth().await.unwrap().jobs, 8);
}

#[tokio::test]
async fn a_full_org_stops_the_consumer_and_the_rows_stay_queued() {
    let full = RowErrorRule {
        key_prefix: "E-0001".to_owned(),
        status_code: "STORAGE_LIMIT_EXCEEDED".to_owned(),
        message: "storage limit exceeded".to_owned(),
        times: None,
    };
    let scene = Scene::with_faults(Faults { row_errors: vec![full], ..Faults::default() }).await;
    scene.feed("full", &good_batches(3)).await;

    let words = format!("{:#}", scene.consumer(&[]).ended().await.unwrap_err());

    assert!(words.contains("STORAGE_LIMIT_EXCEEDED"), "{words}");
    assert!(words.contains("free or buy data storage"), "{words}");
    let ledger = scene.ledger("full").await;
    assert_eq!((ledger.state, ledger.rejected), (RunState::Draining, 0));
    assert_eq!(scene.queue.depth().await.unwrap().jobs, 3 - ledger.batches_settled);
    scene.salesforce.set_faults(Faults::default());
    let _another = scene.consumer(&[]);
    scene.delivered("full").await;
}

#[tokio::test]
async fn a_token_that_ends_and_cannot_be_renewed_stops_the_consumer() {
    let scene = Scene::new().await;
    scene.feed("token", &good_batches(10)).await;
    scene.plan(PlannedFault::once(Fault::SessionExpired).after(5));
    let token = format!("--salesforce-access-token={}", scene.salesforce.issue_token());
    let url = format!("--salesforce-instance-url={}", scene.salesforce.url());

    let words = format!("{:#}", scene.consumer(&[&token, &url]).ended().await.unwrap_err());

    assert!(words.contains("set a new SALESFORCE_ACCESS_TOKEN"), "{words}");
    let _another = scene.consumer(&[]);
    scene.delivered("token").await;
    assert_eq!(scene.writes().await, 1_000, "a call that is refused for its token does no work");
}

/// All rows of the second hundred have a field that may not be written.
fn second_hundred_may_not_be_written() -> Faults {
    let rule = RowErrorRule {
        key_prefix: "E-0001".to_owned(),
        status_code: "INVALID_FIELD_FOR_INSERT_UPDATE".to_owned(),
        message: "Unable to create/update fields: Email".to_owned(),
        times: None,
    };
    Faults { row_errors: vec![rule], ..Faults::default() }
}

#[tokio::test]
async fn a_consumer_stops_when_no_row_may_be_written() {
    let scene = Scene::with_faults(second_hundred_may_not_be_written()).await;
    scene.feed("unwritable", &good_batches(2)[1..]).await;

    let ended = scene.consumer(&[]).ended().await;

    let words = format!("{:#}", ended.unwrap_err());
    assert!(words.contains("INVALID_FIELD_FOR_INSERT_UPDATE for every row"), "{words}");
    assert_eq!(scene.ledger("unwritable").await.rejected, 0);
}

#[tokio::test]
async fn rows_that_may_not_be_written_stop_nobody_once_others_were_stored() {
    let hundreds = good_batches(2);
    for (name, batches, in_one_go) in [
        ("by another consumer", hundreds.clone(), false),
        ("of the same batch", vec![hundreds.concat()], false),
        ("by the same consumer", vec![hundreds.concat()], true),
    ] {
        let scene = Scene::with_faults(second_hundred_may_not_be_written()).await;
        scene.feed("a", &batches).await;
        let arguments = ["--concurrency=1", "--salesforce-batch=100"];
        if !in_one_go {
            scene.plan(PlannedFault::once(Fault::Throttled).after(1));
            let first = scene.consumer(&arguments);
            scene.struck(Fault::Throttled).await;
            first.stop().await.unwrap();
        }

        let consumer = scene.consumer(&arguments);
        let ledger = scene.ended("a").await;

        assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
        assert_eq!((ledger.created, ledger.rejected), (100, 100), "{name}");
        assert_eq!(ledger.rejected_by_code["INVALID_FIELD_FOR_INSERT_UPDATE"], 100, "{name}");
    }
}
