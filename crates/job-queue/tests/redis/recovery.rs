//! Batches that fell out of Redis, put there by hand: what half an executed script leaves.

use std::time::Duration;

use job_queue::{BatchBackend, Depth, FeedError, RunState};
use redis::Commands;

use crate::support::{Fixture, after, consumer_of, id, job};

const RUN: &str = "{batch-sync}:run:a";

/// Where the first batch is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Queued,
    Delayed,
    Leased,
}

impl Place {
    fn key(self) -> String {
        match self {
            Self::Queued => format!("{RUN}:queued"),
            Self::Delayed => format!("{RUN}:delayed"),
            Self::Leased => format!("{RUN}:leases"),
        }
    }
}

const PLACES: [Place; 3] = [Place::Queued, Place::Delayed, Place::Leased];

/// A run of three batches whose first one has come to a place, and its id on the queue.
async fn with_a_batch(place: Place) -> (Fixture, String) {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    let mut redis = fixture.redis();
    let first: Vec<String> = redis.zrange(format!("{RUN}:queued"), 0, 0).unwrap();
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    match place {
        Place::Queued => {}
        Place::Leased => drop(consumer.claim().await.unwrap().unwrap()),
        Place::Delayed => {
            let claimed = consumer.claim().await.unwrap().unwrap();
            claimed.release(Duration::from_secs(60)).await.unwrap();
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
async fn requeue_run(fixture: &Fixture, lost: u64) {
    let state = fixture.queue.requeue_run(&id("a"), lost).await.unwrap();
    assert_eq!(state, Some(RunState::Feeding));
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert_eq!(feeder.resume_point().sequence, 0);
    feeder.push(&mut vec![job("a", 0), job("a", 1), job("a", 2)], after(3)).await.unwrap();
    feeder.finish(0).await.unwrap();
    feeder.release().await;
}

async fn assert_complete(fixture: &Fixture) {
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.read, ledger.tally.created), (RunState::Completed, 30, 30));
    assert_eq!((ledger.batches_fed, ledger.batches_settled), (3, 3));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn a_batch_is_not_lost_in_any_of_its_places() {
    for place in PLACES {
        let (fixture, _) = with_a_batch(place).await;

        assert_eq!(lost(&fixture).await, 0, "{place:?}");
        let state = fixture.queue.requeue_run(&id("a"), 0).await.unwrap();
        assert_eq!(state, Some(RunState::Draining), "{place:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_in_no_place_is_fed_and_delivered_again_and_no_other() {
    for place in PLACES {
        let (fixture, first) = with_a_batch(place).await;
        let removed: u64 = fixture.redis().zrem(place.key(), &first).unwrap();
        assert_eq!(removed, 1);
        assert_eq!(fixture.deliver_all().await, [1, 2], "{place:?}");

        let lost = lost(&fixture).await;
        assert_eq!(lost, 1, "{place:?}");
        requeue_run(&fixture, lost).await;

        assert_eq!(fixture.deliver_all().await, [0], "{place:?}");
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn a_batch_whose_payload_is_gone_is_fed_again() {
    let (fixture, first) = with_a_batch(Place::Queued).await;
    let removed: u64 = fixture.redis().hdel(format!("{RUN}:data"), &first).unwrap();
    assert_eq!(removed, 1);
    assert_eq!(fixture.deliver_all().await, [1, 2]);

    let lost = lost(&fixture).await;
    assert_eq!(lost, 1);
    requeue_run(&fixture, lost).await;

    assert_eq!(fixture.deliver_all().await, [0]);
    assert_complete(&fixture).await;
}

/// Its feeder may wait for the room that what is left of lost batches takes.
#[tokio::test]
async fn a_run_that_loses_a_batch_while_it_is_fed_goes_back_and_its_feeder_hears_of_it() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0), job("a", 1)], after(2)).await.unwrap();
    let removed: u64 = fixture.redis().zrem(format!("{RUN}:queued"), 1).unwrap();
    assert_eq!((removed, feeder.fullness().await.unwrap().own.jobs), (1, 2));

    let lost = lost(&fixture).await;
    let state = fixture.queue.requeue_run(&id("a"), lost).await.unwrap();
    let heard = feeder.check().await;
    feeder.release().await;

    assert_eq!((lost, state), (1, Some(RunState::Feeding)));
    assert!(matches!(heard, Err(FeedError::Rewound { .. })), "{heard:?}");
    requeue_run(&fixture, 0).await;
    assert_eq!(fixture.deliver_all().await, [0, 1, 2]);
    assert_complete(&fixture).await;
}

/// A run may be in no round, or its queue not be looked at when a lease ends, for the same reason.
#[tokio::test]
async fn a_run_that_fell_out_of_its_round_comes_back_when_it_stands_still() {
    for place in PLACES {
        let (fixture, first) = with_a_batch(place).await;
        let mut redis = fixture.redis();
        let () = redis.zadd(place.key(), &first, 1).unwrap();
        let rounds: Vec<String> = redis.keys("{batch-sync}:round:*").unwrap();
        let () = redis.del(rounds).unwrap();
        let () = redis.del("{batch-sync}:wake").unwrap();
        assert_eq!(fixture.deliver_all().await, [0; 0], "{place:?}");

        let state = fixture.queue.requeue_run(&id("a"), lost(&fixture).await).await.unwrap();

        assert_eq!(state, Some(RunState::Draining), "{place:?}");
        assert_eq!(fixture.deliver_all().await.len(), 3, "{place:?}");
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn what_another_run_has_on_the_queue_hides_no_lost_batch() {
    let (fixture, first) = with_a_batch(Place::Queued).await;
    fixture.create("b").await;
    fixture.feed_all("b", 250).await;
    let () = fixture.redis().zrem(format!("{RUN}:queued"), &first).unwrap();

    let lost = lost(&fixture).await;

    assert_eq!(lost, 1);
    requeue_run(&fixture, lost).await;
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
    let () = redis.hdel(format!("{RUN}:notes"), &first).unwrap();

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
        let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
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
        let state = fixture.queue.requeue_run(&id("a"), 0).await.unwrap();
        assert_eq!(state, Some(RunState::Completed));
        assert_complete(&fixture).await;
    }
}

#[tokio::test]
async fn an_empty_queue_has_no_depth_whatever_was_counted() {
    let (fixture, _) = with_a_batch(Place::Queued).await;
    let () = fixture.redis().zincr("{batch-sync}:weights", RUN, 1_000_000_000).unwrap();
    let () = fixture.redis().rpush("{batch-sync}:to-do", "1").unwrap();
    let () = fixture.redis().hincr(RUN, "to_do", 1).unwrap();

    assert_eq!(fixture.deliver_all().await, [0, 1, 2]);

    assert_complete(&fixture).await;
}
