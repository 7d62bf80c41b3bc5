//! A Redis without memory for more: what drains it goes on, as does who looks, pauses or cancels, and all
//! others wait.

use std::time::Duration;

use job_queue::{Control, NewRun, QueueError};

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

#[tokio::test]
async fn a_full_redis_is_read_and_steered_and_gives_all_back_when_there_is_room() {
    let fixture = Fixture::with_run("a").await;
    fixture.queue.create_run(&new_run("b")).await.unwrap();
    for run in ["a", "b"] {
        fixture.feed_all(run, 20).await;
    }
    assert!(fixture.queue.has_room().await.unwrap());
    set_memory(&fixture, 1);
    let queue = fixture.queue.for_a_person();

    assert!(!queue.has_room().await.unwrap());
    assert_eq!(queue.runs(10).await.unwrap().len(), 2);
    assert_eq!(queue.unfinished_runs().await.unwrap().len(), 2);
    assert_eq!(queue.ledger(&id("a")).await.unwrap().unwrap().batches_fed, 20);
    assert_eq!(queue.pause_run(&id("a")).await.unwrap(), Control::Done);
    assert!(queue.ledger(&id("a")).await.unwrap().unwrap().paused);
    assert_eq!(queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(queue.cancel_run(&id("b")).await.unwrap(), Control::Done);
    assert_eq!(queue.ledger(&id("b")).await.unwrap().unwrap().batches_queued, 0);

    set_memory(&fixture, 0);
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    for _ in 0..20 {
        let claimed = claim_soon(&mut consumer).await;
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }
    assert_eq!(fixture.ledger("a").await.tally.created, 200);
    assert_eq!(fixture.ledger("b").await.tally.created, 0);
}

#[tokio::test]
async fn a_person_is_told_that_redis_is_full_and_what_to_do() {
    let fixture = Fixture::new().await;
    set_memory(&fixture, 1);

    let refused = fixture.queue.for_a_person().create_run(&new_run("a")).await.unwrap_err();

    assert!(matches!(refused, QueueError::Full { .. }), "{refused:?}");
    let says = refused.to_string();
    assert!(says.contains("redis is full") && says.contains("raise its maxmemory"), "{says}");
}
