//! Ingest jobs of consumers that lose their batch on the way.

use std::time::Duration;

use job_queue::BatchBackend;
use salesforce_simulator::{Config, Fault, Faults, PlannedFault};

use super::{
    bulk::{BULK, batches_of},
    support::{Consumer, Scene},
};

const INSERT: &str = "--salesforce-operation=insert";

/// A lease that nobody renews before a test is over.
const HOUR: Duration = Duration::from_secs(3_600);

/// Waits until a consumer that does one batch after the other is through with those before.
async fn is_through(scene: &Scene, consumer: Consumer, load: &[&str]) {
    scene.feed_with(load, "next", &batches_of(1, 10)).await;
    scene.delivered("next").await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_is_kept_for_whoever_has_the_batch_now() {
    let faults = Faults { job_delay_ms: 1_500, ..Faults::default() };
    let scene = Scene::with(Config { faults, ..Config::default() }, HOUR).await;
    scene.feed("a", &batches_of(1, 300)).await;
    let consumer = scene.consumer(&[BULK, "--concurrency=1"]);
    scene.jobs_are("UploadComplete", 1).await;

    scene.take_lease_away("a").await;
    is_through(&scene, consumer, &[BULK]).await;

    assert_eq!(scene.salesforce.state().jobs["JobComplete"], 1, "its results are still to be read");
}

#[tokio::test]
async fn a_job_is_not_closed_by_a_consumer_that_lost_its_batch() {
    let scene = Scene::with(Config::default(), HOUR).await;
    scene.salesforce.plan(PlannedFault::once(Fault::Throttled).on("/batches"));
    scene.feed_with(&[BULK, INSERT], "a", &batches_of(1, 300)).await;
    let consumer = scene.consumer(&["--concurrency=1"]);
    scene.struck(Fault::Throttled).await;

    scene.take_lease_away("a").await;
    is_through(&scene, consumer, &[BULK, INSERT]).await;

    let state = scene.salesforce.state();
    assert_eq!((state.jobs["Open"], state.objects["Lead"].rows), (1, 10));
}

#[tokio::test]
async fn no_row_is_taken_for_stored_because_its_open_job_was_removed() {
    let config = Config { bulk_batches_daily_max: 10, ..Config::default() };
    let scene = Scene::with(config, Duration::from_secs(2)).await;
    // The upload gets through, and the close does not.
    scene.salesforce.plan(PlannedFault::once(Fault::Throttled).after(1).on("/jobs/ingest/750"));
    scene.feed_with(&[BULK, INSERT], "a", &batches_of(1, 300)).await;
    let first = scene.consumer(&["--salesforce-api-reserve=0"]);
    scene.struck(Fault::Throttled).await;
    first.stop().await.unwrap();
    scene.jobs_are("Open", 1).await;

    // It removes that job, and is gone before it may make another.
    let second = scene.consumer(&["--salesforce-api-reserve=99%"]);
    scene.jobs_are("Open", 0).await;
    scene.take_lease_away("a").await;
    second.stop().await.unwrap();
    let third = scene.consumer(&["--salesforce-api-reserve=0"]);
    let ledger = scene.delivered("a").await;
    third.stop().await.unwrap();

    assert_eq!((ledger.tally.created, scene.writes().await), (300, 300));
}

/// A consumer gets the batch and dies with it.
async fn one_more_dies(scene: &Scene) {
    let mut killed = BatchBackend::new(scene.queue.clone(), "killed", None);
    while killed.claim().await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_job_that_outlives_its_consumers_is_no_poison() {
    for state_at_the_end in ["UploadComplete", "JobComplete"] {
        let faults = Faults { job_delay_ms: 4_000, ..Faults::default() };
        let config = Config { faults, ..Config::default() };
        let scene = Scene::with(config, Duration::from_secs(1)).await;
        scene.feed("a", &batches_of(1, 300)).await;
        let first = scene.consumer(&[BULK]);
        scene.jobs_are("UploadComplete", 1).await;
        first.stop().await.unwrap();

        one_more_dies(&scene).await;
        while !scene.salesforce.state().jobs.contains_key(state_at_the_end) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let second = scene.consumer(&[BULK, "--deliveries-max=1"]);
        let ledger = scene.delivered("a").await;
        second.stop().await.unwrap();

        assert_eq!((ledger.tally.created, scene.writes().await), (300, 300), "{state_at_the_end}");
    }
}

#[tokio::test]
async fn a_batch_that_kills_its_consumers_before_a_row_is_loaded_is_poison_with_a_job_too() {
    let scene = Scene::with(Config::default(), Duration::from_secs(1)).await;
    scene.salesforce.plan(PlannedFault::once(Fault::Throttled).on("/batches"));
    scene.feed("a", &batches_of(1, 300)).await;
    let first = scene.consumer(&[BULK]);
    scene.struck(Fault::Throttled).await;
    first.stop().await.unwrap();

    one_more_dies(&scene).await;
    let _second = scene.consumer(&[BULK, "--deliveries-max=1"]);
    let ledger = scene.ended("a").await;

    assert_eq!(ledger.rejected_by_code["POISON_BATCH"], 300);
}
