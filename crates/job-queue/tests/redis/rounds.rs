//! Runs take turns, and each target has its own.

use std::time::Duration;

use job_queue::{BatchBackend, NewRun, RunState, Wanted};
use redis::Commands;

use crate::support::{Fixture, after, consumer_of, delivered, id, job, new_run, target, target_of};

/// Delivers so many batches, and gives the runs they are of.
async fn deliver(consumer: &mut BatchBackend, batches: usize) -> Vec<String> {
    let mut runs = Vec::new();
    while runs.len() < batches
        && let Some(claimed) = consumer.claim().await.unwrap()
    {
        runs.push(claimed.job().run.to_string());
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }
    runs
}

#[tokio::test]
async fn a_small_run_ends_beside_a_huge_one_after_as_many_turns_as_it_has_batches() {
    let fixture = Fixture::with_run("huge").await;
    fixture.feed_all("huge", 500).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    deliver(&mut consumer, 10).await;
    for run in ["b", "c", "d"] {
        fixture.create(run).await;
        fixture.feed_all(run, 5).await;
    }

    let turns = deliver(&mut consumer, 20).await;

    for run in ["huge", "b", "c", "d"] {
        assert_eq!(turns.iter().filter(|turn| *turn == run).count(), 5, "{turns:?}");
    }
    for run in ["b", "c", "d"] {
        assert_eq!(fixture.ledger(run).await.state, RunState::Completed);
    }
    assert_eq!(fixture.ledger("huge").await.batches_settled, 15);
}

/// Scores that apalis-redis gives are a producer's time; the checkpoint replaces them.
#[tokio::test]
async fn batches_come_in_file_order_and_turn_by_turn_whatever_a_producers_clock_says() {
    let fixture = Fixture::with_run("a").await;
    fixture.create("b").await;
    fixture.feed_all("a", 3).await;
    fixture.feed_all("b", 3).await;
    let mut redis = fixture.redis();

    for run in ["a", "b"] {
        let key = format!("{{batch-sync}}:run:{run}:queued");
        let scores: Vec<(String, u64)> = redis.zrange_withscores(key, 0, -1).unwrap();
        let expected = [("0".to_owned(), 0), ("1".to_owned(), 1), ("2".to_owned(), 2)];
        assert_eq!(scores, expected);
    }
    let turns = deliver(&mut consumer_of(fixture.queue.clone(), "consumer"), 6).await;
    assert_eq!(turns, ["a", "b", "a", "b", "a", "b"]);
}

#[tokio::test]
async fn nothing_is_handed_out_before_its_checkpoint() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.push(&[job("a", 0)], after(1)).await.unwrap();
    let mut redis = fixture.redis();
    // As apalis-redis leaves it.
    let key = |part: &str| format!("{{batch-sync}}:run:a:{part}");
    let () = redis.hset(key("data"), 1, job("a", 1).encode()).unwrap();
    let () = redis.zadd(key("scheduled"), 1, 1_795_440_000).unwrap();

    assert_eq!(fixture.deliver_all().await, [0]);
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 0, "it is not to do yet");

    feeder.push(&[job("a", 1)], after(2)).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [1]);
}

#[tokio::test]
async fn a_consumer_gets_batches_of_its_own_target_only() {
    let fixture = Fixture::with_run("leads").await;
    let contacts = NewRun { target: Some(target_of("Contact")), ..new_run("contacts") };
    fixture.queue.create_run(&contacts).await.unwrap();
    fixture.feed_all("leads", 3).await;
    fixture.feed_all("contacts", 3).await;

    let mut of_leads = consumer_of(fixture.queue.clone(), "leads");
    assert_eq!(deliver(&mut of_leads, 9).await, ["leads"; 3]);
    let others = fixture.queue.runs_of_others(&target()).await.unwrap();
    assert_eq!(others, [(id("contacts"), Some(target_of("Contact")))]);

    let mut of_contacts = BatchBackend::new(fixture.queue.clone(), "c", &target_of("Contact"));
    assert_eq!(deliver(&mut of_contacts, 9).await, ["contacts"; 3]);
}

#[tokio::test]
async fn a_run_without_a_target_gets_that_of_the_first_consumer_it_wants() {
    let fixture = Fixture::new().await;
    for (run, object) in [("any", None), ("contacts", Some("contact"))] {
        let wanted = Wanted { object: object.map(str::to_owned), ..Wanted::default() };
        let new = NewRun { wanted, target: None, ..new_run(run) };
        fixture.queue.create_run(&new).await.unwrap();
        fixture.feed_all(run, 2).await;
    }

    let mut of_leads = consumer_of(fixture.queue.clone(), "leads");
    assert_eq!(deliver(&mut of_leads, 9).await, ["any"; 2]);

    assert_eq!(fixture.ledger("any").await.target, Some(target()));
    assert_eq!(fixture.ledger("contacts").await.target, None);
    let others = fixture.queue.runs_of_others(&target()).await.unwrap();
    assert_eq!(others, [(id("contacts"), None)]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(deliver(&mut of_leads, 9).await, [""; 0]);
    let mut of_contacts = BatchBackend::new(fixture.queue.clone(), "c", &target_of("Contact"));
    assert_eq!(deliver(&mut of_contacts, 9).await, ["contacts"; 2]);
}

#[tokio::test]
async fn a_run_whose_target_is_changed_goes_to_other_consumers() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    let mut old = consumer_of(fixture.queue.clone(), "old");
    let mut new = BatchBackend::new(fixture.queue.clone(), "new", &target_of("Contact"));
    deliver(&mut old, 1).await;
    assert_eq!(deliver(&mut new, 9).await, [""; 0]);

    assert!(fixture.queue.set_target(&id("a"), &target_of("Contact")).await.unwrap());

    assert_eq!(deliver(&mut old, 9).await, [""; 0]);
    assert_eq!(deliver(&mut new, 9).await, ["a"; 2]);
    assert!(!fixture.queue.set_target(&id("none"), &target()).await.unwrap());
}

#[tokio::test]
async fn those_alive_say_what_they_deliver() {
    let fixture = Fixture::new().await;
    let mut consumers = [
        consumer_of(fixture.queue.clone(), "one"),
        consumer_of(fixture.queue.clone(), "two"),
        BatchBackend::new(fixture.queue.clone(), "three", &target_of("Contact")),
    ];
    for consumer in &mut consumers {
        consumer.claim().await.unwrap();
    }

    while fixture.queue.live_consumers().await.unwrap() < 3 {
        tokio::task::yield_now().await;
    }

    let alive = fixture.queue.live_targets().await.unwrap();
    assert_eq!(alive, [target_of("Contact"), target()]);
}

/// What scales consumers looks at one key: its length is what is to do.
#[tokio::test]
async fn one_list_is_as_long_as_there_is_to_do() {
    let fixture = Fixture::with_run("a").await;
    fixture.create("b").await;
    let length = || fixture.redis().llen::<_, u64>("{batch-sync}:to-do").unwrap();
    fixture.feed_all("a", 250).await;
    fixture.feed_all("b", 3).await;
    assert_eq!(length(), 253);

    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    deliver(&mut consumer, 4).await;
    let delayed = consumer.claim().await.unwrap().unwrap();
    delayed.release(Duration::from_secs(60)).await.unwrap();
    let _leased = consumer.claim().await.unwrap().unwrap();
    assert_eq!(length(), 249, "what is delayed or leased is to do as well");

    fixture.queue.pause_run(&id("a")).await.unwrap();
    assert_eq!(length(), 1);
    fixture.queue.resume_run(&id("a")).await.unwrap();
    fixture.queue.hold_run(&id("b"), "because", None).await.unwrap();
    assert_eq!(length(), 248);
    fixture.queue.fail_run(&id("a"), "because").await.unwrap();
    assert_eq!(length(), 0);
}
