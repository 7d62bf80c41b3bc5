use std::time::Duration;

use job_queue::ImportBackend;

use crate::support::{Fixture, connect, consumer_of, id};

#[tokio::test]
async fn a_run_is_imported_by_one_server_at_a_time() {
    let fixture = Fixture::with_run("a").await;
    assert!(fixture.queue.push_import(&id("a")).await.unwrap());
    assert!(fixture.queue.push_import(&id("a")).await.unwrap());
    assert!(!fixture.queue.push_import(&id("none")).await.unwrap());

    let mut server = ImportBackend::new(fixture.queue.clone(), "one");
    let import = server.claim().await.unwrap().unwrap();
    assert_eq!((import.run(), import.deliveries()), (&id("a"), 1));
    let mut other = ImportBackend::new(fixture.queue.clone(), "other");
    assert!(other.claim().await.unwrap().is_none());
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    assert!(consumer.claim().await.unwrap().is_none(), "an import is no batch");
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 0);

    import.ack().await.unwrap();

    assert!(other.claim().await.unwrap().is_none());
    let left: Vec<String> =
        redis::cmd("KEYS").arg("{batch-sync}:full-import*").query(&mut fixture.redis()).unwrap();
    assert_eq!(left, [""; 0]);
    fixture.queue.push_import(&id("a")).await.unwrap();
    assert!(other.claim().await.unwrap().is_some(), "it can be asked for again");
}

#[tokio::test]
async fn a_server_that_died_is_replaced_when_its_lease_ends() {
    let lease = Duration::from_millis(300);
    let fixture = Fixture::with_lease(lease).await;
    fixture.create("a").await;
    fixture.queue.push_import(&id("a")).await.unwrap();
    let mut dead = ImportBackend::new(fixture.queue.clone(), "dead");
    drop(dead.claim().await.unwrap().unwrap());
    drop(dead);

    let mut other = ImportBackend::new(connect(&fixture.redis, lease).await, "other");
    let import = loop {
        if let Some(import) = other.claim().await.unwrap() {
            break import;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };

    assert_eq!((import.run(), import.deliveries()), (&id("a"), 2));
}

#[tokio::test]
async fn an_import_ends_with_a_pause_only_while_the_run_is_paused() {
    let fixture = Fixture::with_run("a").await;
    fixture.queue.push_import(&id("a")).await.unwrap();
    let mut server = ImportBackend::new(fixture.queue.clone(), "server");
    let import = server.claim().await.unwrap().unwrap();

    assert!(!import.ack_if_paused().await.unwrap(), "resumed in the same moment");
    fixture.queue.pause_run(&id("a")).await.unwrap();
    assert!(import.ack_if_paused().await.unwrap());

    fixture.queue.resume_run(&id("a")).await.unwrap();
    fixture.queue.push_import(&id("a")).await.unwrap();
    assert!(server.claim().await.unwrap().is_some());
}

#[tokio::test]
async fn an_import_that_is_asked_for_while_a_server_is_done_with_it_comes_again() {
    let fixture = Fixture::with_run("a").await;
    fixture.queue.push_import(&id("a")).await.unwrap();
    let mut server = ImportBackend::new(fixture.queue.clone(), "server");
    let import = server.claim().await.unwrap().unwrap();

    fixture.queue.push_import(&id("a")).await.unwrap();
    assert!(server.claim().await.unwrap().is_none(), "one server has it");
    import.ack().await.unwrap();

    let again = server.claim().await.unwrap().unwrap();
    again.ack().await.unwrap();
    assert!(server.claim().await.unwrap().is_none(), "it was asked for once");
}

#[tokio::test]
async fn servers_are_counted_apart_from_consumers() {
    let fixture = Fixture::new().await;
    let mut server = ImportBackend::new(fixture.queue.clone(), "server");
    server.claim().await.unwrap();

    let seen = tokio::time::timeout(Duration::from_secs(5), async {
        while fixture.queue.live_servers().await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    });

    seen.await.unwrap();
    assert_eq!(fixture.queue.live_consumers().await.unwrap(), 0);
}

#[tokio::test]
async fn the_use_of_the_api_is_told_to_everybody() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.api_usage().await.unwrap(), None);

    fixture.queue.publish_api_usage(120, 15_000).await.unwrap();

    let usage = fixture.queue.api_usage().await.unwrap().unwrap();
    assert_eq!((usage.used, usage.max), (120, 15_000));
    assert!(usage.seen_at_ms > 1_700_000_000_000);
}
