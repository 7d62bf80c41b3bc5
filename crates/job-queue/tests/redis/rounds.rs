//! Runs take turns, and each has the load that is kept with it.

use std::{collections::BTreeMap, time::Duration};

use job_queue::{BatchBackend, NewRun, OrgClaim, Queue, QueueArgs, RunState};
use redis::Commands;

use crate::support::{Fixture, after, consumer_of, delivered, id, job, load, load_of, new_run};

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
    feeder.push(&mut vec![job("a", 0)], after(1)).await.unwrap();
    let mut redis = fixture.redis();
    // As apalis-redis leaves it.
    let key = |part: &str| format!("{{batch-sync}}:run:a:{part}");
    let () = redis.hset(key("data"), 1, job("a", 1).encode()).unwrap();
    let () = redis.zadd(key("scheduled"), 1, 1_795_440_000).unwrap();

    assert_eq!(fixture.deliver_all().await, [0]);
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 0, "it is not to do yet");

    feeder.push(&mut vec![job("a", 1)], after(2)).await.unwrap();
    assert_eq!(fixture.deliver_all().await, [1]);
}

#[tokio::test]
async fn any_consumer_gets_batches_former_run_each_with_the_load_of_its_run() {
    let fixture = Fixture::with_run("leads").await;
    let contacts = NewRun { load: Some(load_of("Contact")), ..new_run("contacts") };
    fixture.queue.create_run(&contacts).await.unwrap();
    fixture.feed_all("leads", 3).await;
    fixture.feed_all("contacts", 3).await;

    let mut consumer = BatchBackend::new(fixture.queue.clone(), "any", None);
    let mut batches = BTreeMap::new();
    while let Some(claimed) = consumer.claim().await.unwrap() {
        let load = if claimed.job().run.as_ref() == "leads" { load() } else { load_of("Contact") };
        assert_eq!((&*claimed.load().id, &*claimed.load().text), (&*load.summary.id, &*load.text));
        *batches.entry(claimed.job().run.to_string()).or_insert(0) += 1;
        claimed.settle(&delivered(&claimed)).await.unwrap();
    }

    assert_eq!(batches, [("contacts".to_owned(), 3), ("leads".to_owned(), 3)].into());
}

#[tokio::test]
async fn a_run_without_a_load_gets_that_of_a_consumer_which_it_keeps() {
    let fixture = Fixture::new().await;
    fixture.queue.create_run(&NewRun { load: None, ..new_run("any") }).await.unwrap();
    fixture.feed_all("any", 3).await;
    let mut without = BatchBackend::new(fixture.queue.clone(), "without", None);
    assert_eq!(deliver(&mut without, 9).await, [""; 0], "nobody says what becomes of it");

    let mut of_leads = consumer_of(fixture.queue.clone(), "leads");
    assert_eq!(deliver(&mut of_leads, 1).await, ["any"]);
    let of_contacts = load_of("Contact");
    let mut of_contacts = BatchBackend::new(fixture.queue.clone(), "c", Some(&of_contacts));
    let claimed = of_contacts.claim().await.unwrap().unwrap();

    assert_eq!(&*claimed.load().text, &*load().text);
    let ledger = fixture.ledger("any").await;
    assert_eq!((ledger.load, ledger.load_text), (Some(load().summary), load().text));
}

#[tokio::test]
async fn nothing_is_deleted_or_inserted_for_a_run_that_does_not_say_so() {
    let fixture = Fixture::new().await;
    fixture.queue.create_run(&NewRun { load: None, ..new_run("any") }).await.unwrap();
    fixture.feed_all("any", 2).await;
    let doing = |operation: &str| {
        let mut load = load();
        operation.clone_into(&mut load.summary.operation);
        BatchBackend::new(fixture.queue.clone(), operation, Some(&load))
    };

    for operation in ["delete", "hard-delete", "insert"] {
        assert_eq!(deliver(&mut doing(operation), 9).await, [""; 0], "{operation}");
        assert_eq!(fixture.ledger("any").await.load, None, "{operation}");
    }
    assert_eq!(deliver(&mut doing("update"), 9).await, ["any"; 2]);
}

#[tokio::test]
async fn a_load_that_does_not_fit_goes_again_unless_the_run_was_started_with_it() {
    let fixture = Fixture::with_run("said").await;
    fixture.queue.create_run(&NewRun { load: None, ..new_run("assumed") }).await.unwrap();
    fixture.queue.create_run(&NewRun { load: None, ..new_run("begun") }).await.unwrap();
    for run in ["said", "assumed", "begun"] {
        fixture.feed_all(run, 2).await;
    }
    let mut of_leads = consumer_of(fixture.queue.clone(), "leads");
    let mut held = Vec::new();
    while fixture.ledger("begun").await.batches_settled == 0 {
        let claimed = of_leads.claim().await.unwrap().unwrap();
        match claimed.job().run.as_ref() {
            "begun" => drop(claimed.settle(&delivered(&claimed)).await.unwrap()),
            _ => held.push(claimed),
        }
    }

    for run in ["said", "assumed", "begun"] {
        fixture.queue.fail_run_of_misfit(&id(run), "Lead has no field ErpKey__c").await.unwrap();
    }
    for claimed in held {
        claimed.release(Duration::ZERO).await.unwrap();
    }

    assert_eq!(fixture.ledger("said").await.load, Some(load().summary));
    assert_eq!(fixture.ledger("begun").await.load, Some(load().summary), "rows went by it");
    assert_eq!(fixture.ledger("assumed").await.load, None);
    assert_eq!(deliver(&mut of_leads, 9).await, [""; 0], "failed runs wait");

    fixture.queue.acquire_run(&id("assumed")).await.unwrap().release().await;
    let of_contacts = load_of("Contact");
    let mut of_contacts = BatchBackend::new(fixture.queue.clone(), "c", Some(&of_contacts));
    assert_eq!(deliver(&mut of_contacts, 9).await, ["assumed"; 2]);
    assert_eq!(fixture.ledger("assumed").await.load, Some(load_of("Contact").summary));
}

#[tokio::test]
async fn those_alive_say_what_they_load_without_being_told() {
    let fixture = Fixture::new().await;
    let mut consumers = [
        consumer_of(fixture.queue.clone(), "one"),
        consumer_of(fixture.queue.clone(), "two"),
        BatchBackend::new(fixture.queue.clone(), "three", Some(&load_of("Contact"))),
        BatchBackend::new(fixture.queue.clone(), "four", None),
    ];
    for consumer in &mut consumers {
        consumer.claim().await.unwrap();
    }

    while fixture.queue.live_consumers().await.unwrap() < 4 {
        tokio::task::yield_now().await;
    }

    let alive = fixture.queue.live_loads().await.unwrap();
    assert_eq!(alive.len(), 2);
    assert!(alive.contains(&load_of("Contact")) && alive.contains(&load()));
}

#[tokio::test]
async fn a_queue_belongs_to_one_org_until_another_one_adopts_it() {
    let fixture = Fixture::new().await;
    let claim = async |org, adopt| fixture.queue.claim_for_org(org, adopt).await.unwrap();
    assert_eq!(fixture.queue.org().await.unwrap(), None);

    let of_other = |org: &str| OrgClaim::OfOther { org: org.to_owned() };
    assert_eq!(claim("00D1", false).await, OrgClaim::Given);
    assert_eq!(claim("00D1", false).await, OrgClaim::Given);
    assert_eq!(claim("00D2", false).await, of_other("00D1"));
    assert_eq!(fixture.queue.org().await.unwrap(), Some("00D1".to_owned()));

    assert_eq!(claim("00D2", true).await, OrgClaim::Given);
    assert_eq!(claim("00D1", false).await, of_other("00D2"));
}

/// Consumers of the former org would go on sending rows to it.
#[tokio::test]
async fn a_queue_is_not_taken_over_while_consumers_of_its_org_are_live() {
    let fixture = Fixture::new().await;
    let adopt = async |org| fixture.queue.claim_for_org(org, true).await.unwrap();
    assert_eq!(adopt("00D1").await, OrgClaim::Given);
    let mut consumers =
        [consumer_of(fixture.queue.clone(), "one"), consumer_of(fixture.queue.clone(), "two")];
    for consumer in &mut consumers {
        consumer.claim().await.unwrap();
    }
    while fixture.queue.live_consumers().await.unwrap() < 2 {
        tokio::task::yield_now().await;
    }

    assert_eq!(adopt("00D2").await, OrgClaim::InUse { org: "00D1".to_owned(), consumers: 2 });
    assert_eq!(fixture.queue.org().await.unwrap().as_deref(), Some("00D1"));
    assert_eq!(adopt("00D1").await, OrgClaim::Given, "there is nothing to take over");

    // One that was killed sends no heartbeat any more.
    drop(consumers);
    let () = fixture.redis().del("{batch-sync}:consumers").unwrap();
    assert_eq!(adopt("00D2").await, OrgClaim::Given);
}

/// One whose heartbeat stopped for a while was not seen when its queue was given away.
#[tokio::test]
async fn a_consumer_of_the_former_org_gets_nothing_more_of_a_queue_that_was_given_away() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    let mut former = consumer_of(fixture.queue.clone(), "former").in_org("00D1");
    assert_eq!(fixture.queue.claim_for_org("00D1", false).await.unwrap(), OrgClaim::Given);
    assert!(former.claim().await.unwrap().is_some());
    let () = fixture.redis().del("{batch-sync}:consumers").unwrap();
    assert_eq!(fixture.queue.claim_for_org("00D2", true).await.unwrap(), OrgClaim::Given);

    let refused = former.claim().await.unwrap_err();

    assert!(refused.to_string().contains("belongs to org 00D2 now"), "{refused}");
    let mut adopting = consumer_of(fixture.queue.clone(), "adopting").in_org("00D2");
    assert!(adopting.claim().await.unwrap().is_some());
}

#[tokio::test]
async fn deployments_of_two_names_share_a_redis_and_nothing_else() {
    let fixture = Fixture::with_run("a").await;
    let args = QueueArgs { queue_name: "other".to_owned(), ..QueueArgs::at(&fixture.redis.url()) };
    let other = Queue::connect(&args).await.unwrap();
    other.create_run(&new_run("a")).await.unwrap();
    fixture.feed_all("a", 2).await;

    assert_eq!(deliver(&mut consumer_of(other.clone(), "of-other"), 9).await, [""; 0]);
    assert_eq!(other.ledger(&id("a")).await.unwrap().unwrap().read, 0);
    assert_eq!(deliver(&mut consumer_of(fixture.queue.clone(), "own"), 9).await, ["a"; 2]);
    assert_eq!(other.claim_for_org("00D2", false).await.unwrap(), OrgClaim::Given);
    assert_eq!(fixture.queue.org().await.unwrap(), None);
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
