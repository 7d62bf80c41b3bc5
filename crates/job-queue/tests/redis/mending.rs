//! Batches that fell out of Redis, put there by hand: what half an executed script leaves.

use std::time::Duration;

use job_queue::{BatchBackend, Depth, RunState};
use redis::Commands;

use crate::support::{Fixture, after, id, job};

const QUEUE: &str = "{batch-sync}:batches";
const RUN: &str = "{batch-sync}:run:a";

/// Where the first batch is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Queued,
    Delayed,
    Leased,
    Parked,
}

impl Place {
    fn key(self) -> String {
        match self {
            Self::Queued => format!("{QUEUE}:scheduled"),
            Self::Delayed => format!("{QUEUE}:delayed"),
            Self::Leased => format!("{QUEUE}:leases"),
            Self::Parked => format!("{RUN}:parked"),
        }
    }
}

const PLACES: [Place; 4] = [Place::Queued, Place::Delayed, Place::Leased, Place::Parked];

/// A run of three batches whose first one has come to a place, and its id on the queue.
async fn with_a_batch(place: Place) -> (Fixture, String) {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    let mut redis = fixture.redis();
    let first: Vec<String> = redis.zrange(format!("{QUEUE}:scheduled"), 0, 0).unwrap();
    let mut consumer = BatchBackend::new(fixture.queue.clone(), "consumer");
    match place {
        Place::Queued => {}
        Place::Leased => drop(consumer.claim().await.unwrap().unwrap()),
        Place::Delayed => {
            let claimed = consumer.claim().await.unwrap().unwrap();
            claimed.put_back(Duration::from_secs(60)).await.unwrap();
        }
        Place::Parked => {
            fixture.queue.pause_run(&id("a")).await.unwrap();
            assert!(consumer.claim().await.unwrap().is_none());
        }
    }
    let score: Option<f64> = redis.zscore(place.key(), &first[0]).unwrap();
    assert!(score.is_some(), "it is not {place:?}");
    (fixture, first.into_iter().next().unwrap())
}

async fn lost(fixture: &Fixture) -> u64 {
    fixture.queue.count_lost_batches(&fixture.ledger("a").await).await.unwrap()
}

/// As whoever follows the run does.
async fn feed_again(fixture: &Fixture, lost: u64) {
    let state = fixture.queue.feed_again(&id("a"), lost).await.unwrap();
    assert_eq!(state, Some(RunState::Feeding));
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    assert_eq!(feeder.resume_point().sequence, 0);
    feeder.push(&[job("a", 0), job("a", 1), job("a", 2)], after(3)).await.unwrap();
    feeder.finish().await.unwrap();
    feeder.release().await;
}

async fn assert_complete(fixture: &Fixture) {
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.read, ledger.created), (RunState::Completed, 30, 30));
    assert_eq!((ledger.batches_fed, ledger.batches_settled), (3, 3));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn a_batch_is_not_lost_in_any_of_its_places() {
    for place in PLACES {
        let (fixture, _) = with_a_batch(place).await;

        assert_eq!(lost(&fixture).await, 0, "{place:?}");
        let state = fixture.queue.feed_again(&id("a"), 0).await.unwrap();
        assert_eq!(state, Some(RunState::Draining), "{place:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_in_no_place_is_fed_and_delivered_again_and_no_other() {
    for place in PLACES {
        let (fixture, first) = with_a_batch(place).await;
        let removed: u64 = fixture.redis().zrem(place.key(), &first).unwrap();
        assert_eq!(removed, 1);
        fixture.queue.resume_run(&id("a")).await.unwrap();
        assert_eq!(fixture.deliver_all().await, [1, 2], "{place:?}");

        let lost = lost(&fixture).await;
        assert_eq!(lost, 1, "{place:?}");
        feed_again(&fixture, lost).await;

        assert_eq!(fixture.deliver_all().await, [0], "{place:?}");
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn a_batch_whose_payload_or_metadata_is_gone_is_fed_again() {
    for key in ["data", "meta"] {
        let (fixture, first) = with_a_batch(Place::Queued).await;
        let mut redis = fixture.redis();
        let removed: u64 = match key {
            "data" => redis.hdel(format!("{QUEUE}:data"), &first).unwrap(),
            _meta => redis.del(format!("{QUEUE}:meta:{first}")).unwrap(),
        };
        assert_eq!(removed, 1);
        assert_eq!(fixture.deliver_all().await, [1, 2], "{key}");

        let lost = lost(&fixture).await;
        assert_eq!(lost, 1, "{key}");
        feed_again(&fixture, lost).await;

        assert_eq!(fixture.deliver_all().await, [0], "{key}");
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn what_another_run_has_on_the_queue_hides_no_lost_batch() {
    let (fixture, first) = with_a_batch(Place::Queued).await;
    fixture.create("b").await;
    fixture.feed_all("b", 250).await;
    let () = fixture.redis().zrem(format!("{QUEUE}:scheduled"), &first).unwrap();

    let lost = lost(&fixture).await;

    assert_eq!(lost, 1);
    feed_again(&fixture, lost).await;
    assert_eq!(fixture.deliver_all().await.len(), 253);
    assert_complete(&fixture).await;
}

#[tokio::test]
async fn a_cancelled_run_ends_without_what_is_lost() {
    let (fixture, first) = with_a_batch(Place::Leased).await;
    fixture.queue.cancel_run(&id("a")).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelling, "one is being delivered");
    let mut redis = fixture.redis();
    let () = redis.zrem(Place::Leased.key(), &first).unwrap();
    let () = redis.hdel(format!("{QUEUE}:tokens"), &first).unwrap();

    fixture.queue.cancel_run(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.cancelled()), (RunState::Cancelled, 30));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_run_ends_when_its_last_batch_is_settled_whatever_was_counted() {
    for (counted, ends_by_itself) in [(1, true), (3, true), (-1, false)] {
        let (fixture, _) = with_a_batch(Place::Queued).await;
        let () = fixture.redis().hincr(RUN, "batches_settled", counted).unwrap();
        let mut consumer = BatchBackend::new(fixture.queue.clone(), "consumer");
        let deliver_one = async |consumer: &mut BatchBackend| {
            let claimed = consumer.claim().await.unwrap().unwrap();
            claimed.settle(&crate::support::delivered(&claimed)).await.unwrap();
        };
        deliver_one(&mut consumer).await;
        deliver_one(&mut consumer).await;
        assert_eq!(fixture.ledger("a").await.state, RunState::Draining, "counted {counted}");

        deliver_one(&mut consumer).await;

        let is_ended = fixture.ledger("a").await.state == RunState::Completed;
        assert_eq!(is_ended, ends_by_itself, "counted {counted}");
        let state = fixture.queue.feed_again(&id("a"), 0).await.unwrap();
        assert_eq!(state, Some(RunState::Completed));
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn an_empty_queue_has_no_depth_whatever_was_counted() {
    let (fixture, _) = with_a_batch(Place::Queued).await;
    for figure in ["bytes", "parked"] {
        let () = fixture.redis().hincr(format!("{QUEUE}:depth"), figure, 1_000_000_000).unwrap();
    }

    assert_eq!(fixture.deliver_all().await, [0, 1, 2]);

    assert_complete(&fixture).await;
}
