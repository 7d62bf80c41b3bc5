//! Time that Redis was not there for is no time to a lease; and what a process holds is its own.

use std::time::Duration;

use job_queue::{BatchBackend, Settled};
use redis::Commands;

use crate::support::{Fixture, claim_soon, connect, consumer_of, delivered, id};

const LEASE: Duration = Duration::from_secs(1);

async fn with_batches(batches: u64) -> Fixture {
    let fixture = Fixture::with_lease(LEASE).await;
    fixture.create("a").await;
    fixture.feed_all("a", batches).await;
    fixture
}

async fn consumer(fixture: &Fixture, name: &str) -> BatchBackend {
    consumer_of(connect(&fixture.redis, LEASE).await, name)
}

/// Each time for longer than a lease.
async fn stall(fixture: &Fixture) {
    fixture.redis.stand_still();
    tokio::time::sleep(LEASE * 3 / 2).await;
    fixture.redis.go_on();
}

#[tokio::test]
async fn a_stalled_redis_takes_no_lease_from_its_living_holder() {
    let fixture = with_batches(1).await;
    let (mut one, mut two) = (consumer(&fixture, "one").await, consumer(&fixture, "two").await);
    let claimed = one.claim().await.unwrap().unwrap();

    // Which of them Redis hears first, is chance.
    for _ in 0..6 {
        let (others, ()) = tokio::join!(two.claim(), stall(&fixture));
        assert!(others.unwrap().is_none(), "it is held");
        assert!(one.claim().await.unwrap().is_none(), "by ourselves");
    }

    assert!(!claimed.is_lost());
    assert_eq!(claimed.settle(&delivered(&claimed)).await.unwrap(), Settled::Recorded);
}

#[tokio::test]
async fn a_redis_that_was_away_takes_no_lease_either() {
    let mut fixture = with_batches(1).await;
    let (mut one, mut two) = (consumer(&fixture, "one").await, consumer(&fixture, "two").await);
    let claimed = one.claim().await.unwrap().unwrap();

    fixture.in_the_log().await;
    fixture.redis.kill();
    tokio::time::sleep(LEASE * 3 / 2).await;
    fixture.redis.start_again();

    assert!(two.claim().await.unwrap().is_none());
    assert_eq!(claimed.settle(&delivered(&claimed)).await.unwrap(), Settled::Recorded);
}

/// Consumers and servers may have leases of their own: a gap that is short to one would end the
/// lease of another.
#[tokio::test]
async fn a_gap_is_judged_by_the_shortest_lease_whoever_comes_first_after_it() {
    let fixture = with_batches(1).await;
    let mut short = consumer(&fixture, "short").await;
    let claimed = short.claim().await.unwrap().unwrap();
    // So that it is somebody with a longer lease who reads the clock first.
    let mut long = consumer_of(connect(&fixture.redis, Duration::from_secs(60)).await, "long");
    assert!(long.claim().await.unwrap().is_none());

    for _ in 0..3 {
        fixture.step_clock(10_000);
        assert!(long.claim().await.unwrap().is_none(), "its holder lives");
        tokio::time::sleep(LEASE / 2).await;
    }

    assert!(!claimed.is_lost());
    assert_eq!(claimed.settle(&delivered(&claimed)).await.unwrap(), Settled::Recorded);
}

/// The one with the short lease is gone, and the other reads the clock seldom: that is no gap.
#[tokio::test]
async fn leases_end_when_only_consumers_with_longer_ones_are_left() {
    let fixture = with_batches(1).await;
    drop(consumer(&fixture, "dead").await.claim().await.unwrap().unwrap());

    let mut long = consumer_of(connect(&fixture.redis, LEASE * 8).await, "long");
    let began = std::time::Instant::now();
    let claiming = async {
        loop {
            if let Some(claimed) = long.claim().await.unwrap() {
                return claimed;
            }
            // Seldom, but as often as a lease of eight seconds wants.
            tokio::time::sleep(LEASE * 2).await;
        }
    };
    tokio::time::timeout(LEASE * 30, claiming).await.expect("the lease ends");

    assert!(began.elapsed() < LEASE * 12, "{:?}", began.elapsed());
}

/// The clock of the host that Redis runs on is set, an hour ahead or back.
#[tokio::test]
async fn a_clock_that_steps_takes_no_lease_and_holds_up_no_delay() {
    for step_ms in [3_600_000, -3_600_000_i64] {
        let fixture = with_batches(2).await;
        let (mut one, mut two) = (consumer(&fixture, "one").await, consumer(&fixture, "two").await);
        let held = one.claim().await.unwrap().unwrap();
        let given_back = one.claim().await.unwrap().unwrap();

        fixture.step_clock(step_ms);
        // Before anybody who holds a lease has noticed.
        given_back.release(LEASE / 2).await.unwrap();

        assert!(two.claim().await.unwrap().is_none(), "{step_ms}: one is held, one delayed");
        let delayed = claim_soon(&mut two).await;
        assert_eq!(delayed.job().sequence, 1, "{step_ms}");
        assert_eq!(held.settle(&delivered(&held)).await.unwrap(), Settled::Recorded);
    }
}

/// As after kill -9 of all consumers: nobody reads the clock for hours. Whoever comes first waits
/// for what is left of a lease, and no longer.
#[tokio::test]
async fn leases_of_the_dead_end_also_when_nobody_was_there_for_long() {
    let fixture = with_batches(1).await;
    drop(consumer(&fixture, "dead").await.claim().await.unwrap().unwrap());
    fixture.step_clock(36_000_000);

    let mut other = consumer(&fixture, "other").await;
    let began = std::time::Instant::now();
    claim_soon(&mut other).await;

    assert!(began.elapsed() < LEASE * 2, "{:?}", began.elapsed());
}

/// A delivery is in vain when its consumer went silent while it was sending, and only then.
#[tokio::test]
async fn a_batch_is_not_blamed_for_a_consumer_that_died_while_it_waited() {
    let fixture = with_batches(1).await;
    for (waits, deliveries) in [(true, 1), (false, 2), (true, 2), (false, 3)] {
        let mut dying = consumer(&fixture, "dying").await;
        let claimed = claim_soon(&mut dying).await;
        if waits {
            claimed.set_waiting(true).await.unwrap();
        } else {
            claimed.set_waiting(true).await.unwrap();
            claimed.set_waiting(false).await.unwrap();
        }
        drop((claimed, dying));

        let mut next = consumer(&fixture, "next").await;
        let claimed = claim_soon(&mut next).await;
        assert_eq!(claimed.deliveries(), deliveries);
        claimed.release(Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_goes_on_waiting_when_its_lease_is_had_back() {
    let fixture = with_batches(1).await;
    let mut one = consumer(&fixture, "one").await;
    let claimed = one.claim().await.unwrap().unwrap();
    claimed.set_waiting(true).await.unwrap();
    let () = fixture.redis().zadd("{batch-sync}:run:a:leases", "0", 1).unwrap();
    let () = fixture.redis().zadd("{batch-sync}:wake", "{batch-sync}:run:a", 1).unwrap();
    assert!(one.claim().await.unwrap().is_none(), "what we hold is not handed to us");
    drop((claimed, one));

    let mut other = consumer(&fixture, "other").await;
    let claimed = claim_soon(&mut other).await;

    assert_eq!(claimed.deliveries(), 1);
}

/// It was frozen, not dead: that it comes back takes back what it was blamed for.
#[tokio::test]
async fn a_batch_is_not_blamed_for_a_consumer_that_stood_still_and_lives() {
    let fixture = with_batches(1).await;
    let (mut one, mut two) = (consumer(&fixture, "one").await, consumer(&fixture, "two").await);
    let frozen = one.claim().await.unwrap().unwrap();
    let () = fixture.redis().zadd("{batch-sync}:run:a:leases", "0", 1).unwrap();
    let () = fixture.redis().zadd("{batch-sync}:wake", "{batch-sync}:run:a", 1).unwrap();
    let taken = two.claim().await.unwrap().unwrap();
    assert_eq!(taken.deliveries(), 2, "for all that is known, one has died of it");

    while !frozen.is_lost() {
        tokio::time::sleep(LEASE / 20).await;
    }
    taken.release(Duration::ZERO).await.unwrap();

    let again = claim_soon(&mut two).await;
    assert_eq!(again.deliveries(), 1);
}

/// The process stood still (a debugger, a suspended machine) for longer than its lease, and nobody
/// else was there: its lease is had back by its token.
#[tokio::test]
async fn a_lease_that_ran_out_is_had_back_while_nobody_took_the_batch() {
    let fixture = with_batches(1).await;
    let mut one = consumer(&fixture, "one").await;
    let claimed = one.claim().await.unwrap().unwrap();
    let () = fixture.redis().zadd("{batch-sync}:run:a:leases", "0", 1).unwrap();
    let () = fixture.redis().zadd("{batch-sync}:wake", "{batch-sync}:run:a", 1).unwrap();

    assert!(one.claim().await.unwrap().is_none(), "what we hold is not handed to us");

    assert!(!claimed.is_lost());
    let until: f64 = fixture.redis().zscore("{batch-sync}:run:a:leases", "0").unwrap();
    assert!(until > 1.0, "it is renewed");
    assert_eq!(claimed.settle(&delivered(&claimed)).await.unwrap(), Settled::Recorded);
    assert_eq!(fixture.ledger("a").await.tally.created, 10);
    assert_eq!(fixture.queue.ledger(&id("a")).await.unwrap().unwrap().batches_settled, 1);
}
