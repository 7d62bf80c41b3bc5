use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use salesforce_simulator::{Config, Fault, Faults, PlannedFault};

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
    assert_eq!(scene.queue.live_consumers().await.unwrap(), 0);
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
    assert_eq!((ledger.tally.created, ledger.tally.api_calls), (100, 10));
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
