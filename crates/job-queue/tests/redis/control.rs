use std::time::Duration;

use ingest_core::Rows;
use job_queue::{
    BatchBackend, Claimed, Control, Created, Depth, FeedError, NewRun, RunState, Settled,
};

use redis::Commands;

use crate::support::{Fixture, after, delivered, id, job, new_run, reject};

const RUN: &str = "{batch-sync}:run:a";

async fn claim(fixture: &Fixture) -> Option<Claimed> {
    BatchBackend::new(fixture.queue.clone(), "consumer").claim().await.unwrap()
}

#[tokio::test]
async fn a_paused_run_is_neither_read_nor_delivered_until_it_is_resumed() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    feeder.push(&[job("a", 0), job("a", 1)], after(2)).await.unwrap();

    assert_eq!(fixture.queue.pause_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.queue.pause_run(&id("a")).await.unwrap(), Control::Already);
    let pushed = feeder.push(&[job("a", 2)], after(3)).await;
    assert!(matches!(pushed, Err(FeedError::Paused { .. })), "{pushed:?}");
    assert_eq!(fixture.deliver_all().await, [0; 0]);
    assert!(fixture.ledger("a").await.paused);

    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Already);
    feeder.push(&[job("a", 2)], after(3)).await.unwrap();
    feeder.finish().await.unwrap();
    assert_eq!(fixture.deliver_all().await, [0, 1, 2]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.created, ledger.paused), (RunState::Completed, 30, false));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_paused_run_does_not_stand_in_the_way_of_others() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 250).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    fixture.create("b").await;
    fixture.feed_all("b", 2).await;

    // A claim that only parks says that there is nothing; a consumer asks again.
    for _ in 0..3 {
        fixture.deliver_all().await;
    }

    assert_eq!(fixture.ledger("b").await.state, RunState::Completed);
    let depth = fixture.queue.depth().await.unwrap();
    assert_eq!(depth.jobs, 0, "parked batches are not what a producer waits for");
    assert!(depth.bytes > 0, "their memory is");

    fixture.queue.resume_run(&id("a")).await.unwrap();
    let order = fixture.deliver_all().await;
    assert_eq!(order, (0..250).collect::<Vec<_>>(), "they come back in file order");
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_run_that_is_paused_again_before_all_is_back_does_not_either() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 250).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    for _ in 0..3 {
        fixture.deliver_all().await;
    }

    fixture.queue.resume_run(&id("a")).await.unwrap();
    fixture.queue.pause_run(&id("a")).await.unwrap();
    fixture.create("b").await;
    fixture.feed_all("b", 2).await;
    for _ in 0..3 {
        fixture.deliver_all().await;
    }

    assert_eq!(fixture.ledger("b").await.state, RunState::Completed);
    assert_eq!(fixture.ledger("a").await.batches_settled, 0);
    let coming_back: u64 = fixture.redis().scard("{batch-sync}:batches:resumed").unwrap();
    assert_eq!(coming_back, 0, "a claim looks at one of them, which had better be another");
    fixture.queue.resume_run(&id("a")).await.unwrap();
    assert_eq!(fixture.deliver_all().await, (0..250).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_is_done_and_leaves_out_the_rest() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    let jobs: Vec<_> = (0..50).map(|sequence| job("a", sequence)).collect();
    feeder.push(&jobs, after(50)).await.unwrap();
    let done = claim(&fixture).await.unwrap();
    done.settle(&delivered(&done)).await.unwrap();
    let under_way = claim(&fixture).await.unwrap();
    let partly_done = claim(&fixture).await.unwrap();
    let mut rest = partly_done.job().clone();
    rest.tally.updated = 3;
    rest.rejects.push(reject(24, "BAD"));
    rest.rows = rest.rows.subset(4..10);
    partly_done.requeue(&rest, Duration::from_secs(60)).await.unwrap();

    assert_eq!(fixture.queue.cancel_run(&id("a")).await.unwrap(), Control::Done);

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.unfinished()), (RunState::Cancelling, 500 - 10 - 4));
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 1, "the one that is under way");
    let pushed = feeder.push(&[job("a", 50)], after(51)).await.unwrap_err();
    assert_eq!(pushed.to_string(), "run a is cancelling");

    under_way.settle(&delivered(&under_way)).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!(ledger.state, RunState::Cancelled);
    assert_eq!((ledger.created, ledger.updated, ledger.rejected), (20, 3, 1));
    assert_eq!((ledger.cancelled(), ledger.unfinished()), (500 - 24, 0));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue.cancel_run(&id("a")).await.unwrap(), Control::Already);
}

#[tokio::test]
async fn a_run_that_is_being_cancelled_is_neither_paused_nor_waiting_nor_unfinished() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    feeder.push(&[job("a", 0)], after(1)).await.unwrap();
    let _under_way = claim(&fixture).await.unwrap();
    feeder.note_waiting(Duration::ZERO).await.unwrap();
    fixture.queue.pause_run(&id("a")).await.unwrap();
    assert!(fixture.ledger("a").await.waits_for_room);

    fixture.queue.cancel_run(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!(ledger.state, RunState::Cancelling);
    assert!(!ledger.paused && !ledger.waits_for_room);
    assert_eq!(fixture.queue.unfinished_runs().await.unwrap(), []);
    let of_the_same_file = NewRun { run: id("b"), ..new_run("a") };
    assert_eq!(fixture.queue.create_run(&of_the_same_file).await.unwrap(), Created::New);
}

#[tokio::test]
async fn a_paused_run_can_be_cancelled_without_any_consumer() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 250).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    fixture.deliver_all().await;

    fixture.queue.cancel_run(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.cancelled()), (RunState::Cancelled, 2_500));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.deliver_all().await, [0; 0]);
}

#[tokio::test]
async fn a_batch_that_its_consumer_gives_back_after_the_cancelling_is_left_out() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let under_way = claim(&fixture).await.unwrap();
    fixture.queue.cancel_run(&id("a")).await.unwrap();

    under_way.put_back(Duration::ZERO).await.unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.cancelled()), (RunState::Cancelled, 10));
}

/// A producer that dies between its push and its checkpoint leaves such batches.
#[tokio::test]
async fn what_was_pushed_behind_the_checkpoint_does_not_end_a_cancelled_run_and_still_counts() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    feeder.push(&[job("a", 0), job("a", 1)], after(2)).await.unwrap();
    let mut before = fixture.redis();
    let checkpoint: Vec<(String, String)> = before.hgetall(RUN).unwrap();
    feeder.push(&[job("a", 2), job("a", 3), job("a", 4)], after(5)).await.unwrap();
    for (field, value) in checkpoint.iter().filter(|(field, _)| field.starts_with("fed_")) {
        let () = before.hset(RUN, field, value).unwrap();
    }
    let mut consumer = BatchBackend::new(fixture.queue.clone(), "consumer");
    let mut held = Vec::new();
    while let Some(claimed) = consumer.claim().await.unwrap() {
        held.push(claimed);
    }
    let [first, second, third, fourth, fifth] = held.try_into().unwrap();
    first.settle(&delivered(&first)).await.unwrap();
    third.settle(&delivered(&third)).await.unwrap();

    fixture.queue.cancel_run(&id("a")).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelling, "the second is still out");
    fifth.settle(&delivered(&fifth)).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelling, "the second is still out");
    second.settle(&delivered(&second)).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelled);
    let mut half = fourth.job().clone();
    half.tally.created = 4;
    half.rows = half.rows.subset(4..10);
    fourth.requeue(&half, Duration::ZERO).await.unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.delivered(), ledger.cancelled()), (44, 6));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn only_a_run_that_is_under_way_can_be_stopped() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 0).await;
    let queue = &fixture.queue;

    let completed = Control::Refused(RunState::Completed);
    assert_eq!(queue.pause_run(&id("a")).await.unwrap(), completed);
    assert_eq!(queue.resume_run(&id("a")).await.unwrap(), completed);
    assert_eq!(queue.cancel_run(&id("a")).await.unwrap(), completed);
    assert_eq!(queue.pause_run(&id("none")).await.unwrap(), Control::Unknown);
    assert_eq!(queue.resume_run(&id("none")).await.unwrap(), Control::Unknown);
    assert_eq!(queue.cancel_run(&id("none")).await.unwrap(), Control::Unknown);
}

#[tokio::test]
async fn a_failed_run_leaves_nothing_parked() {
    let lease = Duration::from_millis(200);
    let fixture = Fixture::with_lease(lease).await;
    fixture.create("a").await;
    fixture.feed_all("a", 3).await;
    drop(claim(&fixture).await.unwrap());
    tokio::time::sleep(2 * lease).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    fixture.deliver_all().await;

    fixture.queue.fail_run(&id("a"), "because").await.unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

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

    let pending = fixture.queue.pending_rejects(&id("a"), 1_000).await.unwrap();
    fixture.queue.rejects_drained(&id("a"), 0, &pending.lines).await.unwrap();
    assert_eq!(fixture.ledger("a").await.rejected, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert_eq!(fixture.queue.run(&id("a")).await.unwrap(), None);
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
    let pending = fixture.queue.pending_rejects(&id("a"), 1_000).await.unwrap();
    fixture.queue.rejects_drained(&id("a"), 0, &pending.lines).await.unwrap();
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

    let feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;

    assert_eq!(fixture.ledger("a").await.state, RunState::Feeding);
    feeder.release().await;
}

#[tokio::test]
async fn a_run_whose_file_is_gone_is_not_resumed_and_another_failed_one_is() {
    let fixture = Fixture::with_run("gone").await;
    fixture.create("mended").await;
    fixture.queue.fail_run_of_replaced_file(&id("gone"), "it was replaced").await.unwrap();
    fixture.queue.fail_run(&id("mended"), "a column is missing").await.unwrap();

    let gone = fixture.queue.resume_run(&id("gone")).await.unwrap();
    let mended = fixture.queue.resume_run(&id("mended")).await.unwrap();

    assert_eq!((gone, mended), (Control::Refused(RunState::Failed), Control::Already));
    assert!(fixture.ledger("gone").await.file_replaced);
    assert!(!fixture.ledger("mended").await.file_replaced);
}

#[tokio::test]
async fn settings_are_changed_of_a_run_that_is_there() {
    let fixture = Fixture::with_run("a").await;

    fixture.queue.keep_settings(&id("a"), "others").await.unwrap();
    fixture.queue.keep_settings(&id("forgotten"), "others").await.unwrap();

    assert_eq!(fixture.ledger("a").await.settings, "others");
    assert_eq!(fixture.queue.run(&id("forgotten")).await.unwrap(), None);
}

/// Runs a and b; all eight batches of a are parked.
async fn with_a_parked_run() -> Fixture {
    let fixture = Fixture::with_run("a").await;
    fixture.create("b").await;
    fixture.feed_all("a", 8).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [0; 0], "all of it is parked");
    fixture
}

#[tokio::test]
async fn parked_batches_come_back_as_there_is_room_and_hold_their_own_run_back() {
    let fixture = with_a_parked_run().await;
    let feeder_of_a = fixture.queue.feeder(&id("a")).await.unwrap();
    let feeder_of_b = fixture.queue.feeder(&id("b")).await.unwrap();
    assert_eq!(feeder_of_a.depth().await.unwrap().jobs, 8, "its own may come back");
    assert_eq!(feeder_of_b.depth().await.unwrap().jobs, 0, "they do not stand in b's way");
    feeder_of_b.limit_queue_to(5).await.unwrap();
    feeder_of_b.release().await;
    fixture.feed_all("b", 4).await;

    fixture.queue.resume_run(&id("a")).await.unwrap();
    let mut consumer = BatchBackend::new(fixture.queue.clone(), "consumer");
    let (mut deepest, mut delivered_batches) = (0, 0);
    while let Some(claimed) = consumer.claim().await.unwrap() {
        deepest = deepest.max(fixture.queue.depth().await.unwrap().jobs);
        claimed.settle(&delivered(&claimed)).await.unwrap();
        delivered_batches += 1;
    }

    assert_eq!((deepest, delivered_batches), (5, 12));
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
    assert_eq!(feeder_of_a.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn what_is_cancelled_while_it_is_parked_leaves_the_depth_of_others() {
    let fixture = with_a_parked_run().await;
    fixture.feed_all("b", 4).await;

    fixture.queue.cancel_run(&id("a")).await.unwrap();

    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 4);
}

#[tokio::test]
async fn batches_that_are_larger_than_what_is_fetched_at_once_are_cancelled_too() {
    let fixture = Fixture::with_run("a").await;
    let large = |sequence| {
        let mut job = job("a", sequence);
        job.rows = Rows::default();
        job.rows.push(sequence * 10 + 1, &vec![b'x'; 2 << 20]);
        job
    };
    let mut feeder = fixture.queue.feeder(&id("a")).await.unwrap();
    feeder.push(&[large(0), large(1)], after(2)).await.unwrap();

    let run = id("a");
    let cancelling = fixture.queue.cancel_run(&run);
    let cancelled = tokio::time::timeout(Duration::from_secs(20), cancelling).await;

    assert_eq!(cancelled.unwrap().unwrap(), Control::Done);
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelled);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_waits_no_more_as_the_one_before_did() {
    let fixture = Fixture::with_run("a").await;
    let mut waiting = fixture.queue.feeder(&id("a")).await.unwrap();
    waiting.note_waiting(Duration::ZERO).await.unwrap();
    waiting.release().await;
    assert!(!fixture.ledger("a").await.waits_for_room, "nobody does");

    let _feeder = fixture.queue.feeder(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert!(ledger.feeder_alive && !ledger.waits_for_room);
}
