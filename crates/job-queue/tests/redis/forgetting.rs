use std::time::Duration;

use job_queue::{Depth, NewRun, Output, RunState, Settled};
use redis::Commands;

use crate::{
    control::claim,
    support::{Fixture, delivered, id, new_run, reject},
};

/// Run a, forgotten so long after its end.
async fn with_a_run_kept_for(keep: Duration) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.queue.create_run(&NewRun { keep, ..new_run("a") }).await.unwrap();
    fixture
}

#[tokio::test]
async fn an_ended_run_is_forgotten_after_a_while_but_not_before_its_rejects_are_written() {
    let fixture = with_a_run_kept_for(Duration::from_millis(200)).await;
    fixture.feed_all("a", 1).await;
    let claimed = claim(&fixture).await.unwrap();
    let mut job = delivered(&claimed);
    job.tally.created = 9;
    job.rejects.push(reject(10, "BAD"));
    claimed.settle(&job).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);

    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1_000).await.unwrap();
    fixture.queue.confirm_lines(&id("a"), Output::Rejects, &pending).await.unwrap();
    assert_eq!(fixture.ledger("a").await.rejected, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert_eq!(fixture.queue.ledger(&id("a")).await.unwrap(), None);
    let of_run: Vec<String> =
        redis::cmd("KEYS").arg("{batch-sync}:run:*").query(&mut fixture.redis()).unwrap();
    assert_eq!(of_run, [""; 0]);
    fixture.create("b").await;
    let listed: Vec<String> = redis::cmd("ZRANGE")
        .arg("{batch-sync}:runs")
        .arg(&[0, -1])
        .query(&mut fixture.redis())
        .unwrap();
    assert_eq!(listed, ["b"]);
}

#[tokio::test]
async fn what_comes_after_the_end_of_a_run_is_forgotten_with_it() {
    let fixture = with_a_run_kept_for(Duration::from_millis(300)).await;
    fixture.feed_all("a", 3).await;
    let (claimed, held) = (claim(&fixture).await.unwrap(), claim(&fixture).await.unwrap());
    fixture.queue.fail_run(&id("a"), "because").await.unwrap();

    let mut job = delivered(&claimed);
    (job.tally.created, job.rejects) = (9, vec![reject(10, "BAD")]);
    claimed.settle(&job).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(fixture.ledger("a").await.rejected, 1, "not before its rejects are written");
    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1_000).await.unwrap();
    fixture.queue.confirm_lines(&id("a"), Output::Rejects, &pending).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(held.settle(&delivered(&held)).await.unwrap(), Settled::LeaseLost);

    let of_run: Vec<String> = fixture.redis().keys("{batch-sync}:run:*").unwrap();
    assert_eq!(of_run, [""; 0]);
    assert_eq!(fixture.deliver_all().await, [0; 0], "nobody knows the run of the last batch");
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_failed_run_that_is_taken_up_again_is_not_forgotten_on_the_way() {
    let fixture = with_a_run_kept_for(Duration::from_millis(200)).await;
    fixture.queue.fail_run(&id("a"), "because").await.unwrap();

    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert_eq!(fixture.ledger("a").await.state, RunState::Feeding);
    feeder.release().await;
}
