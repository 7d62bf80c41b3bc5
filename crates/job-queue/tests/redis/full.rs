//! A Redis without memory for more: what drains it goes on, and all others wait.

use std::time::Duration;

use job_queue::NewRun;

use crate::support::{Fixture, claim_soon, consumer_of, delivered, id, new_run};

fn set_memory(fixture: &Fixture, bytes: u64) {
    let mut set = redis::cmd("CONFIG");
    let () = set.arg("SET").arg("maxmemory").arg(bytes).query(&mut fixture.redis()).unwrap();
}

#[tokio::test]
async fn a_consumer_that_comes_when_redis_is_full_drains_runs_that_had_no_load() {
    let fixture = Fixture::with_lease(Duration::from_secs(1)).await;
    fixture.queue.create_run(&NewRun { load: None, ..new_run("a") }).await.unwrap();
    fixture.feed_all("a", 20).await;
    set_memory(&fixture, 1);

    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    for _ in 0..20 {
        let claimed = claim_soon(&mut consumer).await;
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }

    set_memory(&fixture, 0);
    assert_eq!(fixture.ledger("a").await.tally.created, 200);
}

#[tokio::test]
async fn who_takes_up_a_run_waits_for_a_full_redis() {
    let fixture = Fixture::with_run("a").await;
    set_memory(&fixture, 1);

    let mut taking = std::pin::pin!(async { fixture.queue.acquire_run(&id("a")).await.map(drop) });
    let taken = tokio::time::timeout(Duration::from_millis(300), &mut taking).await;
    assert!(taken.is_err(), "it is refused: {taken:?}");
    set_memory(&fixture, 0);

    taking.await.unwrap();
}
