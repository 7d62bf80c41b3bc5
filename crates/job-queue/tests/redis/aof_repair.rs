//! A power cut in the middle of a transaction, and a second start: Redis 7.0 executes the half
//! that it left in its file.

use std::time::Duration;

use ingest_core::BatchJob;
use job_queue::{Claimed, Depth, Output, RunState, Settled};
use test_support::RedisServer;

use crate::support::{Fixture, claim_soon, consumer_of, id, reject, with_ids};

const LEASE: Duration = Duration::from_millis(500);

/// Eight rows delivered, with their ids, two rejected.
fn outcome(claimed: &Claimed) -> BatchJob {
    let mut job = with_ids(claimed, 8);
    let first = claimed.job().sequence * 10 + 1;
    job.tally.created = 8;
    job.rejects = [(first, "A"), (first + 1, "B")].map(|(at, code)| reject(at, code)).into();
    job
}

/// A run of two batches on a Redis that writes its file before it answers, as it mostly does.
async fn two_batches() -> Fixture {
    let redis = RedisServer::start_with(&["--appendfsync", "no"]);
    let fixture = Fixture::on(redis, LEASE).await;
    fixture.create("a").await;
    fixture.feed_all("a", 2).await;
    fixture
}

/// Restarts Redis on its file, cut `bytes` behind `start`. Gives false when there is nothing to cut.
async fn restart_without_what_follows(fixture: &mut Fixture, start: u64, bytes: u64) -> bool {
    let is_torn = !fixture.redis.lose_log_after(start + bytes).is_empty();
    fixture.redis.start_again();
    // Whoever is there asks for something, sooner or later.
    fixture.queue.live_consumers().await.unwrap();
    is_torn
}

/// Settles what is left, and expects each batch to count once.
async fn assert_each_batch_counts_once(fixture: &Fixture, cut: u64) {
    let mut consumer = consumer_of(fixture.queue.clone(), "last");
    while fixture.ledger("a").await.state != RunState::Completed {
        let claimed = claim_soon(&mut consumer).await;
        claimed.settle(&outcome(&claimed)).await.unwrap();
    }
    let ledger = fixture.ledger("a").await;
    let figures =
        (ledger.tally.created, ledger.rejected, ledger.batches_settled, ledger.unfinished());
    assert_eq!(figures, (16, 4, 2, 0), "cut after {cut} bytes");
    assert_eq!(ledger.state, RunState::Completed, "cut after {cut} bytes");
    let codes = [("A".to_owned(), 2), ("B".to_owned(), 2)];
    assert_eq!(ledger.rejected_by_code, codes.into(), "cut after {cut} bytes");
    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    assert_eq!(pending.lines.len(), 4, "cut after {cut} bytes");
    let ids = fixture.queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    assert_eq!((ids.lines.len(), ledger.ids), (2, 16), "cut after {cut} bytes");
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default(), "cut after {cut} bytes");
}

#[tokio::test]
async fn a_batch_whose_settling_is_torn_apart_counts_once() {
    let mut cut = 3;
    loop {
        let mut fixture = two_batches().await;
        let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
        let claimed = consumer.claim().await.unwrap().unwrap();
        let before = fixture.redis.log_bytes();
        claimed.settle(&outcome(&claimed)).await.unwrap();

        let is_torn = restart_without_what_follows(&mut fixture, before, cut).await;
        let settled = claimed.settle(&outcome(&claimed)).await.unwrap();
        let expected = if is_torn { Settled::Recorded } else { Settled::AlreadySettled };
        assert_eq!(settled, expected, "cut after {cut} bytes");
        drop(consumer);
        restart_without_what_follows(&mut fixture, 0, u64::from(u32::MAX)).await;

        assert_each_batch_counts_once(&fixture, cut).await;
        if !is_torn {
            break;
        }
        cut += 41;
    }
    assert!(cut > 500, "a settling is longer than {cut} bytes");
}

#[tokio::test]
async fn a_batch_whose_claim_is_torn_apart_is_delivered_once() {
    for cut in (3..400).step_by(41) {
        let mut fixture = two_batches().await;
        let before = fixture.redis.log_bytes();
        let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
        drop(consumer.claim().await.unwrap().unwrap());
        drop(consumer);

        restart_without_what_follows(&mut fixture, before, cut).await;
        // What is written behind the half is of another run: it would not hide what the half does.
        fixture.create("b").await;
        restart_without_what_follows(&mut fixture, 0, u64::from(u32::MAX)).await;

        assert_each_batch_counts_once(&fixture, cut).await;
    }
}

/// Redis 6 writes `SCRIPT LOAD` into its file: it would know the scripts when it has just started,
/// and nobody would write anything anew.
#[tokio::test]
async fn the_scripts_are_not_known_to_a_redis_6_that_has_just_started() {
    let fixture = Fixture::with_run("a").await;
    let mut redis = fixture.redis();

    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut redis).unwrap();

    let calls = |command: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(command)?.split(',').next());
        line.map_or(0, |calls| calls.parse::<u64>().unwrap())
    };
    // That of what writes anew, which may be known.
    assert_eq!(calls("cmdstat_script|load:calls=") + calls("cmdstat_script:calls="), 1, "{info}");
    assert!(calls("cmdstat_eval:calls=") > 20, "{info}");
}

/// A managed Redis may keep `RESTORE` for itself.
#[tokio::test]
async fn a_redis_that_may_not_write_anew_does_everything_else() {
    let fixture = Fixture::new().await;
    let deny = ["SETUSER", "default", "-restore"];
    let () = redis::cmd("ACL").arg(&deny).query(&mut fixture.redis()).unwrap();

    fixture.create("a").await;
    fixture.feed_all("a", 2).await;
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut fixture.redis()).unwrap();

    assert_eq!(fixture.deliver_all().await, [0, 1]);
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
}
