use std::time::Duration;

use bytes::Bytes;
use ingest_core::{BatchJob, Rows};
use job_queue::{Created, Depth, NewRun, Output, RunState, Settled};
use redis::Commands;

use crate::support::{Fixture, after, connect, consumer_of, delivered, id, job, new_run, reject};

const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn batches_are_handed_out_in_file_order_and_counted() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 250).await;

    let sequences = fixture.deliver_all().await;

    assert_eq!(sequences, (0..250).collect::<Vec<_>>());
    let ledger = fixture.ledger("a").await;
    assert_eq!(
        (
            ledger.state,
            ledger.read,
            ledger.tally.created,
            ledger.unfinished(),
            ledger.batches_settled
        ),
        (RunState::Completed, 2_500, 2_500, 0, 250)
    );
}

#[tokio::test]
async fn a_settled_batch_leaves_nothing_on_the_queue() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 30).await;
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 30);

    fixture.deliver_all().await;

    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn a_batch_whose_consumer_is_gone_goes_to_another_after_its_lease() {
    let fixture = Fixture::with_lease(SHORT).await;
    fixture.create("a").await;
    fixture.feed_all("a", 1).await;
    let mut gone = consumer_of(fixture.queue.clone(), "gone");
    let stale = gone.claim().await.unwrap().unwrap();
    drop(gone);

    let mut other = consumer_of(fixture.queue.clone(), "other");
    assert!(other.claim().await.unwrap().is_none(), "the lease still runs");
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let taken_over = other.claim().await.unwrap().unwrap();

    assert_eq!(taken_over.deliveries(), 2);
    assert_eq!(stale.settle(&delivered(&stale)).await.unwrap(), Settled::LeaseLost);
    assert_eq!(stale.release(Duration::ZERO).await.unwrap(), Settled::LeaseLost);
    assert_eq!(fixture.ledger("a").await.tally.created, 0);
    assert_eq!(taken_over.settle(&delivered(&taken_over)).await.unwrap(), Settled::Recorded);
    assert_eq!(stale.settle(&delivered(&stale)).await.unwrap(), Settled::AlreadySettled);
    assert_eq!(fixture.ledger("a").await.tally.created, 10);
}

#[tokio::test]
async fn a_lease_is_renewed_as_long_as_its_holder_lives() {
    let fixture = Fixture::with_lease(SHORT).await;
    fixture.create("a").await;
    fixture.feed_all("a", 1).await;
    let mut slow = consumer_of(fixture.queue.clone(), "slow");
    let claimed = slow.claim().await.unwrap().unwrap();

    tokio::time::sleep(SHORT * 3).await;

    let mut other = consumer_of(fixture.queue.clone(), "other");
    assert!(other.claim().await.unwrap().is_none());
    assert!(!claimed.is_lost());
    assert_eq!(claimed.settle(&delivered(&claimed)).await.unwrap(), Settled::Recorded);
}

#[tokio::test]
async fn the_rest_of_a_batch_comes_back_alone_and_is_counted_with_the_whole() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let full = fixture.queue.depth().await.unwrap();
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    let mut rest = claimed.job().clone();
    rest.rows = rest.rows.subset([3, 4]);
    rest.tally.created = 7;
    rest.rejects.push(reject(10, "REQUIRED_FIELD_MISSING"));
    rest.passes = 1;

    claimed.requeue(&rest, Duration::ZERO).await.unwrap();

    assert_eq!(fixture.ledger("a").await.tally.created, 0, "counts wait for the last row");
    assert!(fixture.queue.depth().await.unwrap().bytes < full.bytes);
    let again = consumer.claim().await.unwrap().unwrap();
    assert_eq!((again.deliveries(), again.job()), (1, &rest));
    again.settle(&delivered(&again)).await.unwrap();
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.tally.created, ledger.rejected, ledger.unfinished()), (9, 1, 0));
    assert_eq!(ledger.state, RunState::Completed);
}

#[tokio::test]
async fn a_delayed_batch_is_not_handed_out_before_its_time() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();

    claimed.release(Duration::from_millis(300)).await.unwrap();

    assert!(consumer.claim().await.unwrap().is_none());
    tokio::time::sleep(Duration::from_millis(350)).await;
    let again = consumer.claim().await.unwrap().unwrap();
    assert_eq!(again.deliveries(), 1, "what was put back was not a delivery");
}

#[tokio::test]
async fn rejected_rows_wait_for_the_file_in_order_and_weigh_on_the_queue() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    for codes in [["A", "B"], ["B", "B"]] {
        let claimed = consumer.claim().await.unwrap().unwrap();
        let mut job = delivered(&claimed);
        job.tally.created = 8;
        job.rejects = codes.map(|code| reject(1, code)).into();
        claimed.settle(&job).await.unwrap();
    }

    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!(ledger.rejected_by_code, [("A".to_owned(), 1), ("B".to_owned(), 3)].into());
    assert_eq!((pending.position, pending.lines.len()), (0, 4));
    let bytes = pending.lines.iter().map(|line| line.len() as u64).sum();
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default(), "others need not wait");
    let own = feeder.fullness().await.unwrap().own;
    assert_eq!(own, Depth { jobs: 0, bytes });

    let mut written = pending;
    let left = written.lines.split_off(3);
    assert!(fixture.queue.confirm_lines(&id("a"), Output::Rejects, &written).await.unwrap());
    assert!(
        !fixture.queue.confirm_lines(&id("a"), Output::Rejects, &written).await.unwrap(),
        "done before"
    );
    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1).await.unwrap();
    assert_eq!(pending.lines, left, "one line at least, whatever its size");
}

#[tokio::test]
async fn nine_thousand_jobs_that_are_due_at_once_do_not_wedge_the_queue() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 9_000).await;
    // All of them delayed, and all delays over: what the fetch script of apalis-redis dies of.
    let names = ["{batch-sync}:run:a:queued", "{batch-sync}:run:a:delayed"];
    let () = redis::cmd("RENAME").arg(&names).query(&mut fixture.redis()).unwrap();

    let sequences = fixture.deliver_all().await;

    assert_eq!(sequences.len(), 9_000);
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
}

#[tokio::test]
async fn a_consumer_outlives_a_redis_that_is_killed_and_comes_back() {
    let mut fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    fixture.in_the_log().await;
    fixture.redis.kill();

    let settling = tokio::spawn(async move { claimed.settle(&delivered(&claimed)).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!settling.is_finished());
    fixture.redis.start_again();

    assert_eq!(settling.await.unwrap().unwrap(), Settled::Recorded);
    assert_eq!(fixture.deliver_all().await, [1]);
    assert_eq!(fixture.ledger("a").await.unfinished(), 0);
}

#[tokio::test]
async fn what_is_left_of_a_job_without_a_payload_is_dropped() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let () = fixture.redis().hdel("{batch-sync}:run:a:data", 0).unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);

    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn live_consumers_are_counted_until_their_lease_ends() {
    let fixture = Fixture::with_lease(SHORT).await;
    assert_eq!(fixture.queue.live_consumers().await.unwrap(), 0);
    let mut consumer = consumer_of(connect(&fixture.redis, SHORT).await, "one");
    consumer.claim().await.unwrap();
    tokio::time::sleep(SHORT / 2).await;
    assert_eq!(fixture.queue.live_consumers().await.unwrap(), 1);

    drop(consumer);
    tokio::time::sleep(SHORT * 2).await;

    assert_eq!(fixture.queue.live_consumers().await.unwrap(), 0);
}

#[tokio::test]
async fn a_batch_of_rejects_only_is_a_batch() {
    let fixture = Fixture::with_run("a").await;
    let mut only_rejects = job("a", 0);
    only_rejects.rows = Rows::default();
    only_rejects.rejects = (1..=10).map(|record| reject(record, "FIELD_COUNT")).collect();
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![only_rejects], crate::support::after(1)).await.unwrap();
    feeder.finish(0).await.unwrap();

    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.settle(claimed.job()).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.rejected, ledger.unfinished()), (10, 0));
    assert_eq!(ledger.state, RunState::Completed);
}

/// Containers of one image often have one host name, and each has process id 1.
#[tokio::test]
async fn consumers_of_one_name_leave_each_others_batches_alone() {
    let fixture = Fixture::with_lease(SHORT).await;
    fixture.create("a").await;
    fixture.feed_all("a", 2).await;
    let mut first = consumer_of(fixture.queue.clone(), "consumer-1");
    let mut second = consumer_of(fixture.queue.clone(), "consumer-1");
    let of_first = first.claim().await.unwrap().unwrap();
    let of_second = second.claim().await.unwrap().unwrap();
    assert_ne!(of_first.job().sequence, of_second.job().sequence);

    drop(first);
    assert!(second.claim().await.unwrap().is_none(), "nothing was given back");
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let taken_over = second.claim().await.unwrap().unwrap();

    assert_eq!(taken_over.job(), of_first.job(), "its own it has still");
    let late = of_first.settle(&delivered(&of_first)).await.unwrap();
    assert_eq!(late, Settled::LeaseLost, "the name gives no right to the batch");
    for held in [taken_over, of_second] {
        assert_eq!(held.settle(&delivered(&held)).await.unwrap(), Settled::Recorded);
    }
    assert_eq!(fixture.ledger("a").await.tally.created, 20);
}

/// The header of a run is in Redis once, whatever its size and however many batches are queued.
#[tokio::test]
async fn the_header_of_a_run_is_kept_once_and_comes_with_each_batch() {
    let fixture = Fixture::new().await;
    let header = Bytes::from(["Name"; 10_000].join(","));
    let new = NewRun { header: header.clone(), ..new_run("wide") };
    assert_eq!(fixture.queue.create_run(&new).await.unwrap(), Created::New);
    let mut feeder = fixture.queue.acquire_run(&id("wide")).await.unwrap();
    let wide = |number| BatchJob { header: header.clone(), ..job("wide", number) };
    let jobs: Vec<_> = (0..100).map(wide).collect();
    feeder.push(&mut jobs.clone(), after(100)).await.unwrap();

    let queued = fixture.queue.depth().await.unwrap().bytes;

    assert!(queued < 100 * 1_000, "{queued} bytes of 100 batches");
    let mut consumer = consumer_of(fixture.queue.clone(), "c");
    for _ in 0..3 {
        let claimed = consumer.claim().await.unwrap().unwrap();
        assert_eq!(claimed.job(), &wide(claimed.job().sequence));
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }
}

/// A run may be forgotten, and its id given to another file, while a consumer lives.
#[tokio::test]
async fn batches_of_a_run_that_was_begun_anew_come_with_its_own_header() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "c");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.settle(&delivered(&claimed)).await.unwrap();
    let () = redis::cmd("FLUSHALL").query(&mut fixture.redis()).unwrap();

    let header = Bytes::from_static(b"Name,ExternalId");
    let new = NewRun { header: header.clone(), ..new_run("a") };
    assert_eq!(fixture.queue.create_run(&new).await.unwrap(), Created::New);
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder
        .push(&mut vec![BatchJob { header: header.clone(), ..job("a", 0) }], after(1))
        .await
        .unwrap();

    let claimed = consumer.claim().await.unwrap().unwrap();
    assert_eq!(claimed.job().header, header);
}
