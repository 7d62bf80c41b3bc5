//! A Redis without memory for more: what drains it goes on, as does who looks, pauses or cancels, and all
//! others wait.

use std::time::Duration;

use job_queue::{Control, NewRun, QueueError};
use prometheus_client::{encoding::text::encode, registry::Registry};
use test_support::until;

use crate::support::{Fixture, after, claim_soon, consumer_of, delivered, id, new_run};

const MIB: u64 = 1 << 20;

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

/// What is in Redis is less than its memory; what comes in one push is not.
#[tokio::test]
async fn a_push_that_is_too_large_for_the_memory_left_is_counted_and_said_until_it_has_room() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let told: String = redis::cmd("INFO").arg("memory").query(&mut fixture.redis()).unwrap();
    let used = told.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    set_memory(&fixture, used.trim().parse::<u64>().unwrap() + MIB);
    assert!(fixture.queue.has_room().await.unwrap());
    assert_eq!(refusals(&fixture), 0);

    let large = format!("EXT-1,{}", "x".repeat(4 << 20));
    let mut jobs = vec![test_support::batch(&new_run("a"), 0, 1, [large])];
    let mut pushing = std::pin::pin!(feeder.push(&mut jobs, after(1)));
    let mut other = fixture.redis();
    let refused = async {
        until("it is refused", async || (refusals(&fixture) > 0).then_some(())).await;
        // Between two tries, once Redis has freed what it read, what is small has its place.
        let mut small = async || {
            redis::cmd("SETRANGE").arg("none").arg(0).arg("").query::<u64>(&mut other).ok()
        };
        until("what is small has its place", async || small().await).await;
        assert!(!fixture.queue.has_room().await.unwrap());
    };
    tokio::select! {
        pushed = &mut pushing => panic!("Redis took it: {pushed:?}"),
        () = refused => (),
    }

    set_memory(&fixture, 0);
    pushing.await.unwrap();
    assert!(fixture.queue.has_room().await.unwrap());
    assert!(refusals(&fixture) > 0);
}

/// Requests that this process heard were refused since Redis is full.
fn refusals(fixture: &Fixture) -> u64 {
    let (mut registry, mut text) = (Registry::default(), String::new());
    fixture.queue.metrics().register(&mut registry);
    encode(&mut text, &registry).unwrap();
    let figure = text.lines().find_map(|line| line.strip_prefix("redis_full_refusals_total "));
    figure.expect("it is exported").parse().unwrap()
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
