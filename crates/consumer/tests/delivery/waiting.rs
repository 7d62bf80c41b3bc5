//! Consumers that die while their batches wait.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use salesforce_simulator::{Config, Fault, Faults, PlannedFault};

use super::{
    bulk::BULK,
    support::{Scene, good_batches},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// More than a batch is handed out when its consumers die of it, at default settings.
const DEATHS: u32 = 6;

/// Waits until another consumer than the one before has told of so many batches that they wait.
async fn wait(
    scene: &Scene,
    batches: usize,
    before: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let start = Instant::now();
    loop {
        let notes = scene.notes("a").await;
        let (waits, tokens): (BTreeMap<_, _>, BTreeMap<_, _>) =
            notes.into_iter().partition(|(key, _)| key.contains(':'));
        let waits = waits.keys().filter(|key| key.ends_with(":waits")).count();
        let is_other = tokens.iter().all(|(batch, token)| before.get(batch) != Some(token));
        if waits == batches && tokens.len() == batches && is_other {
            return tokens;
        }
        let ledger = scene.ledger("a").await;
        assert_eq!(ledger.rejected, 0, "{:?}", ledger.rejected_by_code);
        assert!(start.elapsed() < PATIENCE, "{waits} of {tokens:?} wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Four batches whose consumers are killed one after the other while all of them wait; then
/// `relief` ends the wait, and the rows arrive.
async fn all_arrive_whoever_died(
    config: Config,
    arguments: &[&str],
    cause: impl Fn(&Scene),
    relief: impl Fn(&Scene),
) {
    let scene = Scene::with(config, Duration::from_secs(1)).await;
    cause(&scene);
    scene.feed("a", &good_batches(4)).await;
    let mut tokens = BTreeMap::new();
    for _ in 0..DEATHS {
        let consumer = scene.consumer(arguments);
        tokens = wait(&scene, 4, &tokens).await;
        consumer.kill().await;
    }

    relief(&scene);
    let consumer = scene.consumer(arguments);
    let ledger = scene.delivered("a").await;

    assert_eq!((ledger.tally.created, scene.writes().await), (400, 400));
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn consumers_that_die_while_they_wait_for_the_daily_limit_make_no_poison() {
    let used_up = |scene: &Scene| scene.plan(PlannedFault::once(Fault::TotalLimit).times(1_000));
    let is_free = |scene: &Scene| scene.salesforce.set_faults(Faults::default());

    all_arrive_whoever_died(Config::default(), &[], used_up, is_free).await;
}

#[tokio::test]
async fn consumers_that_die_while_they_wait_at_the_reserve_make_no_poison() {
    let config = Config { daily_limit: 10_000, ..Config::default() };
    let used = |used| move |scene: &Scene| scene.salesforce.set_api_calls(used, 10_000);

    all_arrive_whoever_died(config, &[], used(9_500), used(0)).await;
}

#[tokio::test]
async fn consumers_that_die_in_an_outage_make_no_poison() {
    let is_down = |scene: &Scene| scene.plan(PlannedFault::once(Fault::Throttled).times(1_000));
    let is_up = |scene: &Scene| scene.salesforce.set_faults(Faults::default());
    let faults = Faults { retry_after_seconds: 300, ..Faults::default() };

    all_arrive_whoever_died(Config { faults, ..Config::default() }, &[], is_down, is_up).await;
}

#[tokio::test]
async fn consumers_that_die_while_they_wait_for_bulk_batches_make_no_poison() {
    let no_batches = |scene: &Scene| {
        let quota = PlannedFault::refusing(400, "EXCEEDED_QUOTA", "").times(1_000);
        scene.salesforce.plan(quota.on("/jobs/ingest"));
    };
    let is_free = |scene: &Scene| scene.salesforce.set_faults(Faults::default());

    all_arrive_whoever_died(Config::default(), &[BULK], no_batches, is_free).await;
}
