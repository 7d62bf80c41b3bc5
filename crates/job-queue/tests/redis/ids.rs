//! Lines of the ids file: they leave with their batch, once, and wait until they are written.

use std::time::Duration;

use ingest_core::BatchJob;
use job_queue::{NewRun, Output, RunState, Settled};
use redis::Commands;

use crate::{
    control::claim,
    support::{Fixture, after, delivered, id, job, new_run, with_ids},
};

async fn pending(fixture: &Fixture) -> String {
    let pending = fixture.queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    String::from_utf8(pending.lines.concat()).unwrap()
}

/// Lines of the records from `first` on.
fn lines(first: u64, count: u64) -> String {
    (first..first + count)
        .map(|record| format!("{record},\"EXT-{record},Name {record}\",00Q{record:012},created\n"))
        .collect()
}

#[tokio::test]
async fn each_line_leaves_with_its_batch_once() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let (first, second) = (claim(&fixture).await.unwrap(), claim(&fixture).await.unwrap());

    second.settle(&with_ids(&second, 10)).await.unwrap();
    first.settle(&with_ids(&first, 10)).await.unwrap();
    for again in [&first, &second] {
        assert_eq!(again.settle(&with_ids(again, 10)).await.unwrap(), Settled::AlreadySettled);
    }

    assert_eq!(pending(&fixture).await, lines(11, 10) + &lines(1, 10), "as they were settled");
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.ids, ledger.delivered(), ledger.state), (20, 20, RunState::Completed));
}

#[tokio::test]
async fn lines_of_early_passes_travel_with_the_batch_and_leave_with_its_last_row() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let claimed = claim(&fixture).await.unwrap();
    let mut rest = with_ids(&claimed, 7);
    rest.tally.created = 7;
    rest.rows = claimed.job().rows.subset(7..10);
    claimed.requeue(&rest, Duration::ZERO).await.unwrap();
    assert_eq!((pending(&fixture).await.as_str(), fixture.ledger("a").await.ids), ("", 0));

    let claimed = claim(&fixture).await.unwrap();
    assert_eq!(claimed.job().ids.len(), 7);
    claimed.settle(&with_ids(&claimed, 3)).await.unwrap();

    assert_eq!(pending(&fixture).await, lines(1, 10));
    assert_eq!(fixture.ledger("a").await.ids, 10);
}

#[tokio::test]
async fn what_is_done_of_a_cancelled_batch_has_its_lines() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let claimed = claim(&fixture).await.unwrap();
    let mut rest = with_ids(&claimed, 4);
    rest.tally.created = 4;
    rest.rows = claimed.job().rows.subset(4..10);
    claimed.requeue(&rest, Duration::ZERO).await.unwrap();

    fixture.queue.cancel_run(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.ids, ledger.cancelled()), (RunState::Cancelled, 4, 6));
    assert_eq!(pending(&fixture).await, lines(1, 4));
}

#[tokio::test]
async fn lines_weigh_on_the_queue_until_they_are_written() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    let claimed = claim(&fixture).await.unwrap();

    claimed.settle(&with_ids(&claimed, 10)).await.unwrap();

    let bytes = lines(1, 10).len() as u64;
    let own = feeder.fullness().await.unwrap().own;
    assert_eq!((own.jobs, own.bytes), (0, bytes));
    let written = fixture.queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    assert!(!fixture.queue.all_lines_are_written(&id("a")).await.unwrap());
    assert!(fixture.queue.lines_are_written(&id("a"), Output::Rejects).await.unwrap());
    assert!(fixture.queue.confirm_lines(&id("a"), Output::Ids, &written).await.unwrap());
    assert!(!fixture.queue.confirm_lines(&id("a"), Output::Ids, &written).await.unwrap(), "once");
    assert_eq!(feeder.fullness().await.unwrap().own.bytes, 0);
    assert!(fixture.queue.all_lines_are_written(&id("a")).await.unwrap());
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.ids_written_bytes, ledger.rejects_written_bytes), (bytes, 0));
}

#[tokio::test]
async fn a_run_is_not_forgotten_before_its_lines_are_written() {
    let fixture = Fixture::new().await;
    let keep = Duration::from_millis(200);
    fixture.queue.create_run(&NewRun { keep, ..new_run("a") }).await.unwrap();
    fixture.feed_all("a", 1).await;
    let claimed = claim(&fixture).await.unwrap();
    claimed.settle(&with_ids(&claimed, 10)).await.unwrap();
    tokio::time::sleep(keep * 2).await;
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);

    let written = fixture.queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    fixture.queue.confirm_lines(&id("a"), Output::Ids, &written).await.unwrap();
    tokio::time::sleep(keep * 2).await;

    assert_eq!(fixture.queue.ledger(&id("a")).await.unwrap(), None);
    let left: Vec<String> = fixture.redis().keys("{batch-sync}:run:*").unwrap();
    assert_eq!(left, [""; 0]);
}

/// Its lines go on where it was: in the position of the ledger.
#[tokio::test]
async fn whoever_writes_after_a_crash_gets_the_same_lines_in_the_same_place() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    for _ in 0..3 {
        let claimed = claim(&fixture).await.unwrap();
        claimed.settle(&with_ids(&claimed, 10)).await.unwrap();
    }
    let (queue, bytes) = (&fixture.queue, lines(1, 10).len());
    let first = queue.pending_lines(&id("a"), Output::Ids, bytes).await.unwrap();
    assert_eq!((first.position, first.lines.len()), (0, 1), "a piece for each batch");

    // Written, and its writer is gone before it said so.
    let again = queue.pending_lines(&id("a"), Output::Ids, bytes).await.unwrap();
    assert_eq!(again, first);
    assert!(queue.confirm_lines(&id("a"), Output::Ids, &again).await.unwrap());
    assert!(!queue.confirm_lines(&id("a"), Output::Ids, &first).await.unwrap());

    let next = queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    assert_eq!(next.position, bytes as u64);
    assert_eq!(next.lines.concat(), (lines(11, 10) + &lines(21, 10)).as_bytes());
}

#[tokio::test]
async fn a_run_without_ids_has_nothing_of_them_in_redis() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let claimed = claim(&fixture).await.unwrap();
    claimed.settle(&delivered(&claimed)).await.unwrap();

    let fields: Vec<String> = fixture.redis().hkeys("{batch-sync}:run:a").unwrap();
    assert!(fields.iter().all(|field| !field.contains("ids")), "{fields:?}");
    assert!(!fixture.redis().exists::<_, bool>("{batch-sync}:run:a:ids").unwrap());
    assert_eq!(fixture.ledger("a").await.ids, 0);
}

#[tokio::test]
async fn lines_leave_a_batch_although_redis_is_full() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let (first, second) = (claim(&fixture).await.unwrap(), claim(&fixture).await.unwrap());
    let mut set = redis::cmd("CONFIG");
    let () = set.arg("SET").arg("maxmemory").arg(1).query(&mut fixture.redis()).unwrap();

    let mut rest: BatchJob = with_ids(&first, 9);
    rest.tally.created = 9;
    rest.rows = first.job().rows.subset([9]);
    first.requeue(&rest, Duration::ZERO).await.unwrap();
    second.settle(&with_ids(&second, 10)).await.unwrap();

    let written = fixture.queue.pending_lines(&id("a"), Output::Ids, 1 << 20).await.unwrap();
    assert_eq!(written.lines.concat(), lines(11, 10).as_bytes());
    assert!(fixture.queue.confirm_lines(&id("a"), Output::Ids, &written).await.unwrap());
}
