//! What Redis, and the way to it, do to a run: nothing.

use std::time::Instant;

use redis::{Commands, Connection};
use test_support::{MovingProxy, RedisSentinel, RedisServer, free_port};

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::{pause_for, wait_until},
    silent_proxy::SilentProxy,
};

pub(crate) const ROWS: u64 = 10_000;

/// A run that takes a while, with a queue that stays small.
pub(crate) fn slow_pipeline() -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=200"]);
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    pipeline
}

pub(crate) fn connection(redis: &RedisServer) -> Connection {
    redis::Client::open(redis.url()).unwrap().get_connection().unwrap()
}

/// A field of what Redis tells about itself; empty when it does not.
pub(crate) fn info(url: &str, section: &str, field: &str) -> String {
    // Asked over a new connection each time: a change of roles cuts the old ones.
    let client = redis::Client::open(url).unwrap();
    let ask = |mut redis: Connection| redis::cmd("INFO").arg(section).query::<String>(&mut redis);
    let info = client.get_connection().and_then(ask).unwrap_or_default();
    let field = format!("{field}:");
    info.lines().find_map(|line| line.strip_prefix(&field)).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_redis_that_stands_still_for_longer_than_its_leases_is_waited_for() {
    let pipeline = slow_pipeline();
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "stall", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    pipeline.redis.stand_still();
    pause_for(4_000);
    pipeline.redis.go_on();
    pause_for(4_000);

    pipeline.assert_all_arrived("stall", sync, ROWS);
}

#[test]
fn connections_that_are_cut_over_and_over_are_opened_again() {
    let pipeline = slow_pipeline();
    let mut consumer = pipeline.consumer();
    let mut sync = pipeline.sync(&["--run-id", "cuts", "--json"]);
    pipeline.wait_until_rows_arrive(500);

    let mut redis = connection(&pipeline.redis);
    let mut cut = 0;
    for _ in 0..20 {
        let kill = ["KILL", "TYPE", "normal", "SKIPME", "yes"];
        cut += redis::cmd("CLIENT").arg(&kill).query::<u64>(&mut redis).unwrap();
        pause_for(100);
    }

    assert!(cut >= 20, "{cut} connections were cut");
    assert!(consumer.is_running() && sync.is_running());
    pipeline.assert_all_arrived("cuts", sync, ROWS);
}

/// The peer of such a connection vanished without a word: it stays open, takes
/// everything, and answers nothing.
#[test]
fn a_connection_that_falls_silent_is_given_up_for_another() {
    let mut pipeline = slow_pipeline();
    let proxy = SilentProxy::before(pipeline.redis.port());
    pipeline.set("REDIS_URL", &proxy.url());
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "silent", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    proxy.fall_silent();
    let begun = Instant::now();

    pipeline.assert_all_arrived("silent", sync, ROWS);
    assert!(begun.elapsed().as_secs() >= 20, "nothing waited for an answer");
}

#[test]
fn a_redis_that_is_replaced_by_its_replica_is_found_through_sentinel() {
    let mut pipeline = slow_pipeline();
    let master = pipeline.redis.port().to_string();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &master]);
    // It gets what is written from then on, and before that nothing, though the link is up.
    wait_until("the replica has a copy", || {
        info(&pipeline.redis.url(), "replication", "slave0").contains("state=online")
    });
    let sentinel = RedisSentinel::start("batch-sync", &pipeline.redis);
    wait_until("sentinel knows the replica", || {
        let url = format!("redis://{}", sentinel.address());
        info(&url, "sentinel", "master0").contains("slaves=1")
    });
    pipeline.set("REDIS_URL", &format!("redis+sentinel://{}/batch-sync", sentinel.address()));
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "failover", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    pipeline.redis.kill();
    wait_until("the replica is the master", || {
        info(&replica.url(), "replication", "role") == "master"
    });

    pipeline.assert_all_arrived("failover", sync, ROWS);
    let settled: u64 = connection(&replica).bitcount("{batch-sync}:run:failover:settled").unwrap();
    assert_eq!(settled, ROWS / 200, "the rest was settled at the replica");
}

/// The address of a managed Redis: it leads to the new master, and the connections to the old one,
/// which answers as a replica from then on, stay open.
#[test]
fn a_master_that_lives_on_as_a_replica_is_left_for_the_new_one_behind_the_same_address() {
    let mut pipeline = slow_pipeline();
    let old = pipeline.redis.port();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &old.to_string()]);
    wait_until("the replica has a copy", || {
        info(&pipeline.redis.url(), "replication", "slave0").contains("state=online")
    });
    let proxy = MovingProxy::before(&format!("127.0.0.1:{old}"));
    pipeline.set("REDIS_URL", &format!("redis://{}", proxy.address()));
    let _consumers = [pipeline.consumer(), pipeline.consumer()];
    let sync = pipeline.sync(&["--run-id", "moved", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    fail_over(&pipeline.redis, &replica);
    proxy.move_to(&format!("127.0.0.1:{}", replica.port()));

    pipeline.assert_all_arrived("moved", sync, ROWS);
    assert_eq!(info(&pipeline.redis.url(), "replication", "role"), "slave");
    let settled: u64 = connection(&replica).bitcount("{batch-sync}:run:moved:settled").unwrap();
    assert_eq!(settled, ROWS / 200, "the rest was settled at the new master");
}

/// The replica has all that the master was answered for, becomes the master, and the other one its
/// replica, without a restart of either.
fn fail_over(master: &RedisServer, replica: &RedisServer) {
    let () = redis::cmd("CLIENT")
        .arg(&["PAUSE", "60000", "WRITE"])
        .query(&mut connection(master))
        .unwrap();
    let offset = || info(&master.url(), "replication", "master_repl_offset");
    wait_until("the replica has it all", || {
        info(&replica.url(), "replication", "slave_repl_offset") == offset()
    });
    let () = redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query(&mut connection(replica)).unwrap();
    let port = replica.port().to_string();
    let mut old = connection(master);
    let () = redis::cmd("REPLICAOF").arg(&["127.0.0.1", &port]).query(&mut old).unwrap();
    let () = redis::cmd("CLIENT").arg("UNPAUSE").query(&mut old).unwrap();
}

/// Far more batches than rows in each: what could stay behind is by batch.
#[test]
fn a_run_leaves_little_in_redis_and_nothing_when_its_time_is_over() {
    let mut pipeline = Pipeline::start();
    for (name, value) in [("BATCH_ROWS", "10"), ("RUN_KEEP", "20s")] {
        pipeline.set(name, value);
    }
    pipeline.generate(20_000, &["--bad-rows", "100"]);
    let memory = || info(&pipeline.redis.url(), "memory", "used_memory").parse::<u64>().unwrap();
    let run = |name| {
        let consumer = pipeline.consumer();
        let ended = pipeline.sync(&["--run-id", name, "--json"]).end();
        consumer.signal("TERM");
        assert_eq!((ended.code, consumer.end().code), (Some(3), Some(0)), "{ended:?}");
        assert!(Report::of(&ended).number("rejected") > 1_500, "{ended:?}");
        pipeline.assert_every_row_is_where_it_belongs(name, FILE);
    };

    // Buffers and scripts, which Redis keeps, are there after the first one.
    run("first");
    let before = memory();
    run("second");

    let left = memory().saturating_sub(before);
    assert!(left < 300_000, "{left} bytes are left of a run of 2,000 batches");
    let mut redis = connection(&pipeline.redis);
    let mut of_runs = || redis.keys::<_, Vec<String>>("{batch-sync}:run:*").unwrap();
    assert!(!of_runs().is_empty());
    wait_until("the runs are forgotten", || of_runs().is_empty());
}

/// A power cut: what was appended within the last second is not on the disk. Without rejected rows:
/// those that are written already may come in another order the second time, see GUARANTEES.md.
#[test]
fn what_redis_forgets_in_a_power_cut_is_fed_and_delivered_again() {
    let mut pipeline = slow_pipeline();
    pipeline.generate(ROWS, &["--force"]);
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "power", "--json"]);
    for round in 1..=3 {
        pipeline.wait_until_rows_arrive(1_000 * round);
        let on_disk = pipeline.redis.log_bytes();
        let figures = || {
            let report = pipeline.report("power");
            ["batchesSettled", "batchesFed"].map(|figure| report.number(figure))
        };
        let [settled, fed] = figures();
        wait_until("some more is settled, and fed", || {
            let [settled_now, fed_now] = figures();
            settled_now >= settled + 5 && fed_now > fed
        });

        let lost = pipeline.redis.lose_log_after(on_disk);
        assert!(!lost.is_empty());
        pipeline.redis.start_again();
    }

    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    pipeline.assert_every_row_is_where_it_belongs("power", FILE);
}

/// Redis has the last push then and not its checkpoint: twenty batches that nobody may claim fill
/// the queue, and its feeder waits for room.
#[test]
fn a_full_queue_whose_last_push_is_forgotten_by_halves_is_fed_again_though_nobody_makes_room() {
    let mut pipeline = slow_pipeline();
    pipeline.generate(ROWS, &["--force"]);
    let sync = pipeline.sync(&["--run-id", "full", "--json"]);
    let fed = || pipeline.report("full").number("batchesFed");
    wait_until("the queue is full", || sync.stderr().contains("run full") && fed() == 20);

    pipeline.redis.lose_log_from_last("fed_sequence");
    pipeline.redis.start_again();
    let fed = || pipeline.report("full").number("batchesFed");
    wait_until("the queue is full again", || fed() == 20);

    let _consumer = pipeline.consumer();
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    pipeline.assert_every_row_is_where_it_belongs("full", FILE);
}

/// Consumers are slower than the producer, which waits for room; people look and steer meanwhile.
#[test]
fn a_full_redis_is_told_by_all_and_keeps_nobody_from_looking_and_steering() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "30");
    for file in ["other.csv", "third.csv"] {
        pipeline.put(file, "External_Id__c,Name\n1,a\n");
    }
    for arguments in [
        &["sync", "--file", "third.csv", "--run-id", "third", "--no-wait", "--yes"][..],
        &["pause", "third"],
    ] {
        let ended = pipeline.program("producer", arguments).end();
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    }
    let metrics = format!("127.0.0.1:{}", free_port());
    let own = [("METRICS_LISTEN", metrics.clone())];
    let consumer = pipeline.program_with("consumer", &own, &[]);
    let http = format!("127.0.0.1:{}", free_port());
    let server = pipeline.program("producer", &["serve", "--http-listen", &http]);
    let get = |address: &str| {
        let answer = reqwest::blocking::get(format!("http://{address}/readyz")).ok()?;
        Some((answer.status().as_u16(), answer.text().ok()?))
    };
    let sync = pipeline.sync(&["--run-id", "oom", "--json"]);
    pipeline.wait_until_rows_arrive(500);
    let set_memory = |bytes: &str| {
        let set = ["SET", "maxmemory", bytes];
        let () = redis::cmd("CONFIG").arg(&set).query(&mut connection(&pipeline.redis)).unwrap();
    };

    set_memory("1");
    for (arguments, says) in [
        (&["runs"][..], "oom"),
        (&["show", "third"], "paused"),
        (&["cancel", "third", "--yes"], "third"),
        (&["show", "third"], "cancelled"),
    ] {
        let ended = pipeline.program("producer", arguments).end();
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    for address in [&metrics, &http] {
        wait_until("it says that redis is full, and is ready", || {
            get(address).is_some_and(|(code, said)| code == 200 && said.contains("is full: raise"))
        });
    }
    wait_until("the producer says what it waits for", || {
        sync.stderr().contains("redis is full and cannot")
    });
    let start = reqwest::blocking::Client::new()
        .post(format!("http://{http}/api/sync/start"))
        .header("content-type", "application/json")
        .body(r#"{"fileName": "other.csv"}"#)
        .send()
        .unwrap();
    assert_eq!(start.status(), 503);
    let said = start.text().unwrap();
    assert!(said.contains("redis is full"), "{said}");

    set_memory("0");
    wait_until("the producer says that it goes on", || {
        sync.stderr().contains("redis has room again")
    });
    let lines = sync.stderr().lines().filter(|line| line.contains("redis ")).count();
    assert_eq!(lines, 2, "{}", sync.stderr());
    pipeline.assert_all_arrived("oom", sync, ROWS);
    assert!(!consumer.stderr().contains("ERROR"), "{}", consumer.stderr());
    drop(server);
}
