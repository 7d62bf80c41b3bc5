use std::time::Duration;

use ingest_core::Rows;
use job_queue::{Claimed, Control, Created, Depth, FeedError, NewRun, RunState};

use crate::support::{
    Fixture, after, claim_soon, consumer_of, delivered, id, job, new_run, reject,
};

pub(crate) async fn claim(fixture: &Fixture) -> Option<Claimed> {
    consumer_of(fixture.queue.clone(), "consumer").claim().await.unwrap()
}

#[tokio::test]
async fn a_paused_run_is_neither_read_nor_delivered_until_it_is_resumed() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0), job("a", 1)], after(2)).await.unwrap();

    assert_eq!(fixture.queue.pause_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.queue.pause_run(&id("a")).await.unwrap(), Control::Already);
    let pushed = feeder.push(&mut vec![job("a", 2)], after(3)).await;
    assert!(matches!(pushed, Err(FeedError::Paused { .. })), "{pushed:?}");
    assert_eq!(fixture.deliver_all().await, [0; 0]);
    assert!(fixture.ledger("a").await.paused);

    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Already);
    feeder.push(&mut vec![job("a", 2)], after(3)).await.unwrap();
    feeder.finish(0).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [0, 1, 2]);
    let ledger = fixture.ledger("a").await;
    assert_eq!(
        (ledger.state, ledger.tally.created, ledger.paused),
        (RunState::Completed, 30, false)
    );
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_paused_run_keeps_its_queue_and_stands_in_nobodys_way() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 250).await;
    fixture.queue.pause_run(&id("a")).await.unwrap();
    fixture.create("b").await;
    fixture.feed_all("b", 2).await;

    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 2, "what is to do is that of b");
    assert_eq!(fixture.deliver_all().await, [0, 1]);

    assert_eq!(fixture.ledger("b").await.state, RunState::Completed);
    let (ledger, depth) = (fixture.ledger("a").await, fixture.queue.depth().await.unwrap());
    assert_eq!((ledger.batches_queued, ledger.batches_settled, depth.jobs), (250, 0, 0));
    assert!(depth.bytes > 0, "their memory is taken");

    fixture.queue.resume_run(&id("a")).await.unwrap();
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 250);
    assert_eq!(fixture.deliver_all().await, (0..250).collect::<Vec<_>>(), "in file order");
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
}

/// Whatever is delayed or leased when it is paused comes when it is resumed, and not before.
#[tokio::test]
async fn what_comes_due_while_a_run_is_paused_waits_for_its_end() {
    let lease = Duration::from_millis(400);
    let fixture = Fixture::with_lease(lease).await;
    fixture.create("a").await;
    fixture.feed_all("a", 3).await;
    let mut other = consumer_of(fixture.queue.clone(), "other");
    let mut gone = consumer_of(fixture.queue.clone(), "gone");
    drop(gone.claim().await.unwrap().unwrap());
    let delayed = gone.claim().await.unwrap().unwrap();
    delayed.release(lease).await.unwrap();
    drop(gone);

    fixture.queue.pause_run(&id("a")).await.unwrap();
    for _ in 0..20 {
        assert!(other.claim().await.unwrap().is_none());
        tokio::time::sleep(lease / 10).await;
    }
    fixture.queue.resume_run(&id("a")).await.unwrap();

    let mut sequences = Vec::new();
    while let Some(claimed) = other.claim().await.unwrap() {
        sequences.push(claimed.job().sequence);
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }
    assert_eq!(sequences.len(), 3, "{sequences:?}");
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
}

#[tokio::test]
async fn a_held_run_is_not_delivered_until_a_person_resumes_it() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;

    assert_eq!(fixture.queue.hold_run(&id("a"), "storage is full", None).await.unwrap(), 1);

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    let held = fixture.ledger("a").await.held.unwrap();
    assert_eq!((held.reason.as_str(), held.times), ("storage is full", 1));
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 0, "nobody is needed for it");
    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(fixture.deliver_all().await, [0, 1]);
    assert_eq!(fixture.ledger("a").await.held, None);
}

#[tokio::test]
async fn a_hold_ends_by_itself_when_its_time_is_over() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    assert!(consumer.claim().await.unwrap().unwrap().release(Duration::ZERO).await.is_ok());

    let hold = async || {
        let time = Some(Duration::from_millis(300));
        fixture.queue.hold_run(&id("a"), "storage is full", time).await.unwrap()
    };
    assert_eq!((hold().await, hold().await), (1, 1), "it is held already");
    assert!(consumer.claim().await.unwrap().is_none());
    claim_soon(&mut consumer).await.release(Duration::ZERO).await.unwrap();
    assert_eq!(hold().await, 2);

    let claimed = claim_soon(&mut consumer).await;
    assert_eq!(fixture.ledger("a").await.held, None);
    assert_eq!(fixture.queue.times_held(&id("a")).await.unwrap(), 2, "and is not forgotten");
    claimed.settle(&delivered(&claimed)).await.unwrap();
    assert_eq!(fixture.queue.times_held(&id("a")).await.unwrap(), 0, "a row was delivered");
    assert_eq!(hold().await, 0, "it has ended");
}

#[tokio::test]
async fn a_failed_run_keeps_its_queue_and_goes_on_where_it_was() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut (0..4).map(|n| job("a", n)).collect::<Vec<_>>(), after(4)).await.unwrap();
    let partly_done = claim(&fixture).await.unwrap();
    let mut rest = partly_done.job().clone();
    rest.tally.created = 4;
    rest.rows = rest.rows.subset(4..10);
    partly_done.requeue(&rest, Duration::ZERO).await.unwrap();
    let loading = claim(&fixture).await.unwrap();
    assert_eq!(loading.job().sequence, 0, "in file order, whatever went back");
    loading.set_external_job(Some("750A")).await.unwrap();
    loading.release(Duration::ZERO).await.unwrap();

    fixture.queue.fail_run(&id("a"), "because").await.unwrap();
    feeder.release().await;
    assert_eq!(fixture.deliver_all().await, [0; 0]);
    assert_eq!(fixture.ledger("a").await.batches_queued, 4);

    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert_eq!(feeder.resume_point(), after(4));
    feeder.finish(0).await.unwrap();
    let again = claim(&fixture).await.unwrap();
    assert_eq!((again.job(), again.external_job()), (&rest, Some("750A")));
    again.settle(&delivered(&again)).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [1, 2, 3]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.tally.created), (RunState::Completed, 40));
}

#[tokio::test]
async fn a_run_whose_file_is_gone_gives_its_queue_up_and_takes_no_room() {
    let fixture = Fixture::with_run("gone").await;
    let mut feeder = fixture.queue.acquire_run(&id("gone")).await.unwrap();
    feeder.push(&mut (0..6).map(|n| job("gone", n)).collect::<Vec<_>>(), after(6)).await.unwrap();
    let under_way = claim(&fixture).await.unwrap();
    let released_later = claim(&fixture).await.unwrap();
    let waits = claim(&fixture).await.unwrap();
    waits.release(Duration::from_secs(60)).await.unwrap();

    fixture.queue.fail_run_of_replaced_file(&id("gone"), "it was replaced").await.unwrap();

    assert_eq!(fixture.ledger("gone").await.batches_queued, 2, "those that are delivered now");
    released_later.release(Duration::ZERO).await.unwrap();
    under_way.settle(&delivered(&under_way)).await.unwrap();
    feeder.release().await;
    let ledger = fixture.ledger("gone").await;
    assert_eq!(
        (ledger.state, ledger.tally.created, ledger.unfinished()),
        (RunState::Failed, 10, 50)
    );
    assert_eq!(fixture.queue.depth().await.unwrap().bytes, 0);
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn a_failed_run_can_be_cancelled_which_empties_its_queue() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 5).await;
    fixture.queue.fail_run(&id("a"), "because").await.unwrap();

    assert_eq!(fixture.queue.cancel_run(&id("a")).await.unwrap(), Control::Done);

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.cancelled()), (RunState::Cancelled, 50));
    assert_eq!(fixture.queue_keys(), [""; 0]);
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_is_done_and_leaves_out_the_rest() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let jobs: Vec<_> = (0..50).map(|sequence| job("a", sequence)).collect();
    feeder.push(&mut jobs.clone(), after(50)).await.unwrap();
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
    let pushed = feeder.push(&mut vec![job("a", 50)], after(51)).await.unwrap_err();
    assert_eq!(pushed.to_string(), "run a is cancelling");

    under_way.settle(&delivered(&under_way)).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!(ledger.state, RunState::Cancelled);
    assert_eq!((ledger.tally.created, ledger.tally.updated, ledger.rejected), (20, 3, 1));
    assert_eq!((ledger.cancelled(), ledger.unfinished()), (500 - 24, 0));
    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    assert_eq!(fixture.queue.cancel_run(&id("a")).await.unwrap(), Control::Already);
}

#[tokio::test]
async fn a_run_that_is_being_cancelled_is_neither_paused_nor_waiting_nor_unfinished() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    let _under_way = claim(&fixture).await.unwrap();
    feeder.note_backpressure(Duration::ZERO).await.unwrap();
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

    // It was to wait, as for an org that is full: nothing is left to wait for.
    under_way.release(Duration::from_secs(600)).await.unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.state, ledger.cancelled()), (RunState::Cancelled, 10));
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
    assert_eq!(fixture.queue.ledger(&id("forgotten")).await.unwrap(), None);
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
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![large(0), large(1)], after(2)).await.unwrap();

    let run = id("a");
    let cancelling = fixture.queue.cancel_run(&run);
    let cancelled = tokio::time::timeout(Duration::from_secs(20), cancelling).await;

    assert_eq!(cancelled.unwrap().unwrap(), Control::Done);
    assert_eq!(fixture.ledger("a").await.state, RunState::Cancelled);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_waits_no_more_as_the_one_before_did() {
    let fixture = Fixture::with_run("a").await;
    let mut waiting = fixture.queue.acquire_run(&id("a")).await.unwrap();
    waiting.note_backpressure(Duration::ZERO).await.unwrap();
    waiting.release().await;
    assert!(!fixture.ledger("a").await.waits_for_room, "nobody does");

    let _feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert!(ledger.feeder_alive && !ledger.waits_for_room);
}
