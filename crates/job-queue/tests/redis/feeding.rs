use std::time::Duration;

use ingest_core::ResumePoint;
use job_queue::{Control, Created, FeedError, NewRun, Queue, QueueArgs, QueueError, RunState};

use redis::Commands;

use crate::support::{Fixture, after, id, job, new_run};

#[tokio::test]
async fn a_run_is_entered_once_and_a_file_is_read_by_one_run_at_a_time() {
    let fixture = Fixture::with_run("a").await;
    let of_the_same_file = |run: &str| NewRun { run: id(run), ..new_run("a") };
    let create = async |new: NewRun| fixture.queue.create_run(&new).await.unwrap();

    assert_eq!(create(new_run("a")).await, Created::Exists);
    assert_eq!(create(of_the_same_file("b")).await, Created::UnderWay(id("a")));
    let other_version = NewRun { etag: "0x2".to_owned(), ..of_the_same_file("c") };
    assert_eq!(create(other_version).await, Created::New);

    fixture.feed_all("a", 0).await;
    assert_eq!(create(of_the_same_file("b")).await, Created::New);
}

#[tokio::test]
async fn a_failed_run_is_not_taken_up_while_another_one_reads_its_file() {
    let fixture = Fixture::with_run("a").await;
    fixture.queue.fail_run(&id("a"), "because").await.unwrap();
    let other = NewRun { run: id("b"), ..new_run("a") };
    assert_eq!(fixture.queue.create_run(&other).await.unwrap(), Created::New);

    let resumed = fixture.queue.resume_run(&id("a")).await.unwrap();
    let taken_up = fixture.queue.acquire_run(&id("a")).await.unwrap_err();

    assert_eq!(resumed, Control::UnderWay(id("b")));
    assert!(matches!(&taken_up, FeedError::UnderWay { other, .. } if *other == id("b")));
    assert_eq!(fixture.ledger("a").await.state, RunState::Failed);
    fixture.feed_all("b", 0).await;
    assert_eq!(fixture.queue.resume_run(&id("a")).await.unwrap(), Control::Already);
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Feeding);
    drop(feeder);
}

#[tokio::test]
async fn the_same_start_key_gives_the_same_run() {
    let fixture = Fixture::new().await;
    let keyed = |run: &str| NewRun { start_key: Some("k".repeat(300)), ..new_run(run) };
    assert_eq!(fixture.queue.create_run(&keyed("a")).await.unwrap(), Created::New);

    let again = fixture.queue.create_run(&keyed("b")).await.unwrap();

    assert_eq!(again, Created::Repeated(id("a")));
    assert_eq!(fixture.queue.ledger(&id("b")).await.unwrap(), None);
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let fixture = Fixture::with_run("a").await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    fixture.create("b").await;

    let runs = fixture.queue.runs(10).await.unwrap();

    assert_eq!(runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(fixture.queue.runs(1).await.unwrap().len(), 1);
    assert_eq!(fixture.queue.runs(0).await.unwrap().len(), 0);
}

#[tokio::test]
async fn pages_of_runs_follow_each_other_also_when_runs_began_at_once() {
    let fixture = Fixture::new().await;
    let names: Vec<String> = (0..10).map(|n| format!("run-{n}")).collect();
    for name in &names {
        fixture.create(name).await;
        let at = 1_795_440_000_000_u64 + u64::from(name == "run-9");
        fixture.set_in_ledger(name, "started_at_ms", at);
        let () = fixture.redis().zadd("{batch-sync}:runs", name, at).unwrap();
    }

    let (mut listed, mut next) = (Vec::new(), None);
    loop {
        let page = fixture.queue.runs_page(next.as_deref(), 3).await.unwrap();
        assert!(page.runs.len() <= 3);
        listed.extend(page.runs.into_iter().map(|run| run.run.to_string()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }

    assert_eq!(listed, names.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn only_one_producer_feeds_a_run() {
    let fixture = Fixture::with_run("a").await;
    let first = fixture.queue.acquire_run(&id("a")).await.unwrap();

    let second = fixture.queue.acquire_run(&id("a")).await;

    assert!(matches!(second, Err(FeedError::HeldByAnother { .. })), "{second:?}");
    assert!(fixture.ledger("a").await.feeder_alive);
    first.release().await;
    assert!(!fixture.ledger("a").await.feeder_alive);
    fixture.queue.acquire_run(&id("a")).await.unwrap();
}

#[tokio::test]
async fn a_producer_that_lost_its_claim_pushes_nothing_more() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let () = redis::cmd("SET")
        .arg("{batch-sync}:run:a:feeder")
        .arg("another")
        .query(&mut fixture.redis())
        .unwrap();

    let pushed = feeder.push(&mut vec![job("a", 0)], after(1)).await;

    assert!(matches!(pushed, Err(FeedError::LockLost { .. })), "{pushed:?}");
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 0);
}

#[tokio::test]
async fn a_push_repeated_after_a_crash_changes_nothing() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let jobs = [job("a", 0), job("a", 1)];
    let depth = feeder.push(&mut jobs.to_vec(), after(2)).await.unwrap();
    feeder.release().await;
    // As if the process had died after the push and before its checkpoint.
    fixture.set_in_ledger("a", "fed_sequence", 0);

    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let again = feeder.push(&mut jobs.to_vec(), after(2)).await.unwrap();

    assert_eq!(again, depth);
    assert_eq!(fixture.ledger("a").await.read, 20);
    feeder.finish(0).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [0, 1]);
    assert_eq!(fixture.ledger("a").await.unfinished(), 0);
}

#[tokio::test]
async fn a_settled_batch_that_is_pushed_again_is_not_delivered_again() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0), job("a", 1)], after(2)).await.unwrap();
    feeder.release().await;
    assert_eq!(fixture.deliver_all().await, [0, 1]);
    fixture.set_in_ledger("a", "fed_sequence", 0);

    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let depth =
        feeder.push(&mut vec![job("a", 0), job("a", 1), job("a", 2)], after(3)).await.unwrap();

    assert_eq!(depth.own.jobs, 1);
    assert_eq!(fixture.deliver_all().await, [2]);
    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.read, ledger.tally.created), (30, 30));
}

#[tokio::test]
async fn a_batch_that_was_settled_while_it_was_pushed_again_is_dropped_at_the_claim() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    // As if a consumer had settled the first copy between announcement and push.
    let () = redis::cmd("SETBIT")
        .arg("{batch-sync}:run:a:settled")
        .arg(&[0, 1])
        .query(&mut fixture.redis())
        .unwrap();

    assert_eq!(fixture.deliver_all().await, [0; 0]);
    assert_eq!(fixture.queue.depth().await.unwrap(), job_queue::Depth::default());
}

/// A master that was replaced by a replica which had not heard of the run yet.
#[tokio::test]
async fn a_run_that_redis_forgot_gets_no_entry_of_pauses_alone() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let () = fixture.redis().del("{batch-sync}:run:a").unwrap();

    feeder.note_backpressure(Duration::from_secs(1)).await.unwrap();

    assert_eq!(fixture.queue.ledger(&id("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_ledger_that_went_back_is_noticed_before_a_batch_is_left_out() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    // As if Redis had lost its last second.
    fixture.set_in_ledger("a", "fed_sequence", 0);

    let pushed = feeder.push(&mut vec![job("a", 1)], after(2)).await;

    assert!(matches!(pushed, Err(FeedError::Rewound { .. })), "{pushed:?}");
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 1, "nothing was pushed behind the gap");
    assert!(matches!(feeder.finish(0).await, Err(FeedError::Rewound { .. })));
}

#[tokio::test]
async fn who_waits_for_room_hears_what_the_next_push_would_hear() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    let read = fixture.ledger("a").await.read;

    feeder.check().await.unwrap();
    fixture.queue.pause_run(&id("a")).await.unwrap();
    feeder.check().await.unwrap();
    fixture.queue.resume_run(&id("a")).await.unwrap();
    assert_eq!(fixture.ledger("a").await.read, read, "it announces nothing");
    // As if Redis had lost its last second.
    fixture.set_in_ledger("a", "fed_sequence", 0);
    let went_back = feeder.check().await;
    let () = fixture.redis().del("{batch-sync}:run:a:feeder").unwrap();
    let lost = feeder.check().await;

    assert!(matches!(went_back, Err(FeedError::Rewound { .. })), "{went_back:?}");
    assert!(matches!(lost, Err(FeedError::LockLost { .. })), "{lost:?}");
}

/// The last step of a push of batch 0, alone.
fn checkpoint(fixture: &Fixture) -> Vec<String> {
    let mut redis = fixture.redis();
    let token: String = redis.get("{batch-sync}:run:a:feeder").unwrap();
    let parts = [
        include_str!("../../src/lua/parts/keys.lua"),
        include_str!("../../src/lua/parts/clock.lua"),
        include_str!("../../src/lua/parts/round.lua"),
        include_str!("../../src/lua/parts/outputs.lua"),
        include_str!("../../src/lua/parts/depths.lua"),
        include_str!("../../src/lua/parts/feeding.lua"),
        include_str!("../../src/lua/queue/checkpoint.lua"),
    ];
    let checkpoint = redis::Script::new(&parts.concat());
    let mut script = checkpoint.key("{batch-sync}:");
    script.arg("a").arg(token).arg(0).arg(1).arg(10).arg(12).arg(200).arg(0).arg("").arg(0);
    script.invoke(&mut redis).unwrap()
}

/// As if Redis had failed over to a replica that has the announcement and not the push.
#[tokio::test]
async fn a_checkpoint_does_not_pass_a_batch_that_is_nowhere() {
    let fixture = Fixture::with_run("a").await;
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();

    assert_eq!(checkpoint(&fixture), ["rewound"]);
    assert_eq!(fixture.ledger("a").await.batches_fed, 0);
    feeder.release().await;
}

/// As if a consumer had been quicker than the feeder.
#[tokio::test]
async fn a_checkpoint_behind_a_batch_that_is_settled_leaves_nothing_of_it() {
    let fixture = Fixture::with_run("a").await;
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let () = fixture.redis().setbit("{batch-sync}:run:a:settled", 0, true).unwrap();

    assert_eq!(checkpoint(&fixture), ["ok", "0", "0", "0"]);
    assert_eq!(fixture.ledger("a").await.batches_fed, 1);
    assert_eq!(fixture.queue_keys(), [""; 0]);
    feeder.release().await;
}

#[tokio::test]
async fn a_run_without_rows_is_complete_when_it_is_read() {
    let fixture = Fixture::with_run("a").await;

    fixture.feed_all("a", 0).await;

    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
}

#[tokio::test]
async fn skipped_lines_are_counted_on_where_feeding_goes_on() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&mut vec![job("a", 0)], ResumePoint { skipped: 3, ..after(1) }).await.unwrap();
    feeder.release().await;

    let mut next = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert_eq!(next.resume_point().skipped, 3);
    assert_eq!(fixture.ledger("a").await.skipped, 3);
    next.finish(5).await.unwrap();

    assert_eq!(fixture.ledger("a").await.skipped, 5);
}

#[tokio::test]
async fn the_end_can_be_told_twice() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    fixture.deliver_all().await;

    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();

    assert!(feeder.is_fed());
    feeder.finish(0).await.unwrap();
    assert_eq!(fixture.ledger("a").await.state, RunState::Completed);
}

#[tokio::test]
async fn an_unknown_run_and_an_unreachable_redis_are_named_without_the_password() {
    let fixture = Fixture::new().await;
    let unknown = fixture.queue.acquire_run(&id("nothing")).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no run nothing; `producer runs` lists them");

    let away = Queue::connect(&QueueArgs::at("redis://me:hunter2@127.0.0.1:1")).await.unwrap_err();
    assert!(matches!(away, QueueError::Unreachable { .. }), "{away:?}");
    let said = format!("{away} {away:?}");
    assert!(said.contains("127.0.0.1:1") && !said.contains("hunter2"), "{said}");

    let malformed = Queue::connect(&QueueArgs::at("postgres://hunter2")).await.unwrap_err();
    assert!(!format!("{malformed:?} {malformed}").contains("hunter2"));
}

#[tokio::test]
async fn a_feeder_that_died_is_told_from_a_living_one() {
    let fixture = Fixture::with_run("a").await;
    assert!(!fixture.queue.has_live_feeder(&id("a")).await.unwrap(), "nobody was there");
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    assert!(fixture.queue.has_live_feeder(&id("a")).await.unwrap());

    // As kill -9 leaves it: the claim is there, and nobody renews it.
    drop(feeder);

    assert!(fixture.ledger("a").await.feeder_alive);
    assert!(!fixture.queue.has_live_feeder(&id("a")).await.unwrap());
}

/// A producer died, and the clock of Redis' host was set back by an hour: its claim would last as
/// much longer.
#[tokio::test]
async fn the_claim_of_a_dead_producer_ends_also_when_redis_clock_was_set_back() {
    let fixture = Fixture::with_run("a").await;
    drop(fixture.queue.acquire_run(&id("a")).await.unwrap());
    let () = fixture.redis().pexpire("{batch-sync}:run:a:feeder", 3_600_000).unwrap();

    let held = fixture.queue.acquire_run(&id("a")).await.unwrap_err();

    assert!(held.to_string().contains("its lock expires within 11 s"), "{held}");
    let left_ms: i64 = fixture.redis().pttl("{batch-sync}:run:a:feeder").unwrap();
    assert!(left_ms <= 10_000, "{left_ms}");
}

#[tokio::test]
async fn a_claim_is_renewed_as_long_as_its_holder_lives() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();

    // Longer than it takes until it is renewed, so that it was.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;

    let other = fixture.queue.acquire_run(&id("a")).await;
    assert!(matches!(other, Err(FeedError::HeldByAnother { .. })), "{other:?}");
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
}
