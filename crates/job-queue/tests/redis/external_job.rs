//! Batches for which something is under way in Salesforce.

use std::time::Duration;

use ingest_core::BatchJob;
use job_queue::{Allowance, Control, OrgLimits, RunState, Settled};

use crate::support::{Fixture, claim_soon, consumer_of, delivered, id};

const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn whoever_gets_the_batch_next_hears_what_is_under_way() {
    let fixture = Fixture::with_lease(SHORT).await;
    fixture.create("a").await;
    fixture.feed_all("a", 1).await;
    let mut gone = consumer_of(fixture.queue.clone(), "gone");
    let stale = gone.claim().await.unwrap().unwrap();
    assert_eq!(stale.external_job(), None);
    assert_eq!(stale.set_external_job(Some("750A")).await.unwrap(), Settled::Recorded);
    drop(gone);

    let mut other = consumer_of(fixture.queue.clone(), "other");
    let taken_over = claim_soon(&mut other).await;

    assert_eq!(taken_over.external_job(), Some("750A"));
    assert_eq!(stale.set_external_job(Some("750B")).await.unwrap(), Settled::LeaseLost);
    assert_eq!(taken_over.release(Duration::ZERO).await.unwrap(), Settled::Recorded);
    let again = other.claim().await.unwrap().unwrap();
    assert_eq!(again.external_job(), Some("750A"));
    assert_eq!(again.settle(&delivered(&again)).await.unwrap(), Settled::Recorded);
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn the_note_is_forgotten_with_the_rows_it_was_for() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "a");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.set_external_job(Some("750A")).await.unwrap();
    let job = claimed.job();

    let rest = BatchJob { rows: job.rows.subset([3, 4]), ..job.clone() };
    claimed.requeue(&rest, Duration::ZERO).await.unwrap();
    let smaller = consumer.claim().await.unwrap().unwrap();

    assert_eq!((smaller.external_job(), smaller.job().rows.len()), (None, 2));
    smaller.set_external_job(Some("750B")).await.unwrap();
    smaller.set_external_job(None).await.unwrap();
    smaller.release(Duration::ZERO).await.unwrap();
    assert_eq!(consumer.claim().await.unwrap().unwrap().external_job(), None);
}

#[tokio::test]
async fn the_records_of_a_batch_are_kept_until_it_is_settled_whoever_has_it() {
    let fixture = Fixture::with_lease(SHORT).await;
    fixture.create("a").await;
    fixture.feed_all("a", 1).await;
    let mut gone = consumer_of(fixture.queue.clone(), "gone");
    let stale = gone.claim().await.unwrap().unwrap();
    assert_eq!(stale.kept_records().await.unwrap(), None);
    assert_eq!(stale.keep_records("1:00Q").await.unwrap(), Settled::Recorded);
    drop(gone);

    let mut other = consumer_of(fixture.queue.clone(), "other");
    let taken_over = claim_soon(&mut other).await;

    assert_eq!(taken_over.kept_records().await.unwrap().as_deref(), Some("1:00Q"));
    assert_eq!(stale.keep_records("1:003").await.unwrap(), Settled::LeaseLost);
    let job = taken_over.job();
    let rest = BatchJob { rows: job.rows.subset([3, 4]), ..job.clone() };
    taken_over.requeue(&rest, Duration::ZERO).await.unwrap();
    let smaller = other.claim().await.unwrap().unwrap();
    assert_eq!(smaller.kept_records().await.unwrap().as_deref(), Some("1:00Q"));
    assert_eq!(smaller.settle(&delivered(&smaller)).await.unwrap(), Settled::Recorded);
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn what_is_under_way_waits_in_a_paused_run_and_is_seen_through_in_a_cancelled_one() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "a");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.set_external_job(Some("750A")).await.unwrap();
    claimed.release(Duration::ZERO).await.unwrap();

    assert_eq!(fixture.queue.pause_run(&id("a")).await.unwrap(), Control::Done);
    assert!(consumer.claim().await.unwrap().is_none());
    assert_eq!(fixture.queue.cancel_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelling);
    let cancelled = consumer.claim().await.unwrap().unwrap();
    assert_eq!(cancelled.external_job(), Some("750A"));

    // Five rows are delivered; the others go with the run.
    let mut rest = cancelled.job().clone();
    rest.rows = cancelled.job().rows.subset(0..5);
    rest.tally.created = 5;
    cancelled.requeue(&rest, Duration::ZERO).await.unwrap();
    assert!(consumer.claim().await.unwrap().is_none());

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.tally.created), (RunState::Cancelled, 5));
}

#[tokio::test]
async fn everybody_hears_what_the_org_has_left() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.org_limits().await.unwrap(), None);
    let calls = Allowance { max: 15_000, left: 14_000 };

    for bulk_batches in [Some(Allowance { max: 15_000, left: 1 }), None] {
        let limits = OrgLimits { calls, bulk_batches };
        fixture.queue.publish_org_limits(&limits).await.unwrap();

        let (heard, seen_at_ms) = fixture.queue.org_limits().await.unwrap().unwrap();

        assert_eq!(heard, limits);
        assert!(seen_at_ms > 1_700_000_000_000);
    }
}
