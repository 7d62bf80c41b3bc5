use std::time::{Duration, Instant};

use redis::Commands;
use serde_json::Value;

use crate::{
    pipeline::{FILE, Pipeline},
    processes::{Program, wait_until},
};

const ROWS: u64 = 20_000;

/// A pipeline whose Salesforce takes a while, so that there is a middle to die in.
fn slow_pipeline() -> Pipeline {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=100"]);
    pipeline.generate(ROWS, &["--bad-rows", "10"]);
    pipeline
}

#[test]
fn consumers_killed_in_mid_run_lose_nothing_and_count_nothing_twice() {
    let pipeline = slow_pipeline();
    let sync = pipeline.sync(&["--run-id", "killed", "--json"]);
    for round in 0..3 {
        let consumers = [pipeline.consumer(), pipeline.consumer()];
        pipeline.wait_until_rows_arrive(2_000 * (round + 1));
        consumers.into_iter().for_each(Program::kill);
    }
    let _last = pipeline.consumer();

    pipeline.assert_all_arrived("killed", sync, ROWS);
}

#[test]
fn a_producer_killed_in_mid_run_goes_on_where_it_stopped() {
    let mut pipeline = slow_pipeline();
    // A small queue: the producer dies while it still has most of the file to read.
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    let _consumer = pipeline.consumer();
    for round in 0..3 {
        let sync = pipeline.sync(&["--run-id", "resumed"]);
        pipeline.wait_until_rows_arrive(2_000 * (round + 1));
        sync.kill();
    }
    assert!(pipeline.report("resumed").number("read") < ROWS, "it died before the end of the file");

    let sync = pipeline.sync(&["--run-id", "resumed", "--json"]);

    pipeline.assert_all_arrived("resumed", sync, ROWS);
}

#[test]
fn everything_killed_at_once_goes_on_when_it_is_started_again() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "50");
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "all"]);
    pipeline.wait_until_rows_arrive(3_000);

    sync.kill();
    consumer.kill();
    pipeline.redis.kill();
    pipeline.redis.start_again();

    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "all", "--json"]);
    pipeline.assert_all_arrived("all", sync, ROWS);
}

#[test]
fn a_redis_that_is_killed_and_comes_back_is_waited_for() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "50");
    let mut consumer = pipeline.consumer();
    let mut sync = pipeline.sync(&["--run-id", "redis", "--json"]);
    pipeline.wait_until_rows_arrive(3_000);

    pipeline.redis.kill();
    wait_until("both have noticed", || {
        [&sync, &consumer].iter().all(|program| program.stderr().contains("retrying until it can"))
    });
    assert!(sync.is_running() && consumer.is_running());
    pipeline.redis.start_again();

    pipeline.assert_all_arrived("redis", sync, ROWS);
}

/// As if the writer of the rejects file had died after an append and before it
/// could tell Redis, once for each number of lines that it may have written.
#[test]
fn a_rejects_file_has_each_row_once_also_when_its_writer_died_unheard() {
    let pipeline = Pipeline::start();
    pipeline.generate(2_000, &["--bad-rows", "10"]);
    let _consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", "unheard"]).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let file = pipeline.get("rejects/unheard.csv");
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').skip(1).collect();
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();

    for heard in [0, 1, lines.len() - 1] {
        let heard_bytes: usize = lines[..heard].iter().map(|line| line.len()).sum();
        let run = "{batch-sync}:run:unheard";
        let () = redis.hset(run, "rejects_written_bytes", heard_bytes).unwrap();
        let () = redis.rpush(format!("{run}:rejects"), &lines[heard..]).unwrap();

        let ended = pipeline.sync(&["--run-id", "unheard"]).end();

        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert_eq!(pipeline.get("rejects/unheard.csv"), file, "{heard} lines were heard of");
        assert_eq!(redis.llen(format!("{run}:rejects")), Ok(0));
    }
    pipeline.assert_every_row_is_where_it_belongs("unheard", FILE);
}

#[test]
fn ctrl_c_is_heard_while_redis_is_away() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "away"]);
    pipeline.wait_until_rows_arrive(1_000);
    pipeline.redis.kill();
    wait_until("it has noticed", || sync.stderr().contains("retrying until it can"));

    sync.signal("INT");
    let ended = sync.end();

    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("producer resume away"), "{}", ended.stderr);
}

#[test]
fn a_full_redis_is_waited_for_and_drains() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "50");
    let sync = pipeline.sync(&["--run-id", "oom", "--json"]);
    wait_until("the queue is full", || sync.stderr().contains("reading pauses"));
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();
    let full = ["SET", "maxmemory", "1mb"];
    let () = redis::cmd("CONFIG").arg(&full).query(&mut redis).unwrap();

    let _consumer = pipeline.consumer();
    pipeline.wait_until_rows_arrive(500);
    wait_until("the producer waits", || sync.stderr().contains("retrying until it can"));
    let () = redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).query(&mut redis).unwrap();

    pipeline.assert_all_arrived("oom", sync, ROWS);
}

/// What a Redis that is away for longer than a claim lasts leaves behind.
#[test]
fn a_producer_whose_claim_ran_out_takes_the_run_up_again() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "claim", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let gone = client.get_connection().unwrap().del("{batch-sync}:run:claim:feeder");
    assert_eq!(gone, Ok(1));

    pipeline.assert_all_arrived("claim", sync, ROWS);
}

#[test]
fn ctrl_c_stops_safely_and_says_how_to_go_on() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "stopped"]);
    pipeline.wait_until_rows_arrive(1_000);

    sync.signal("INT");
    let ended = sync.end();

    assert_eq!(ended.code, Some(130), "{ended:?}");
    let command = "producer resume stopped";
    assert!(ended.stderr.contains(command), "{}", ended.stderr);
    assert_eq!(pipeline.report("stopped").text("status"), "interrupted");
    let sync = pipeline.sync(&["--run-id", "stopped", "--json"]);
    pipeline.assert_all_arrived("stopped", sync, ROWS);
}

#[test]
fn a_consumer_that_is_told_to_stop_hands_its_batches_on_at_once() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_LEASE", "1h");
    // Of the batches it holds, one is on its way and the others wait for their turn.
    pipeline.set("SALESFORCE_CONCURRENCY_MAX", "1");
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "term", "--json"]);
    pipeline.wait_until_rows_arrive(2_000);

    consumer.signal("TERM");
    let ended = consumer.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    // With leases of an hour, a batch that was not handed on would keep the run open.
    let _another = pipeline.consumer();
    pipeline.assert_all_arrived("term", sync, ROWS);
}

#[test]
fn a_consumer_that_is_told_to_stop_ends_within_its_grace_however_slow_the_answers_are() {
    let mut pipeline = slow_pipeline();
    pipeline.set("QUEUE_LEASE", "1h");
    pipeline.set("CONSUMER_SHUTDOWN_GRACE", "2s");
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "grace", "--json"]);
    pipeline.wait_until_rows_arrive(2_000);
    let rows = pipeline.leads().len();
    pipeline.set_faults(&serde_json::json!({"latencyMs": 60_000}));
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();
    // Calls that began before the fault are answered at once. Then as many hang as may be made, and more
    // batches are held than have calls.
    let (mut answered, mut since) = (Value::Null, Instant::now());
    wait_until("each call hangs", || {
        let state = pipeline.salesforce_state();
        if state["requests"] != answered {
            (answered, since) = (state["requests"].clone(), Instant::now());
        }
        let held: u64 = redis.zcard("{batch-sync}:run:grace:leases").unwrap();
        let hang = state["callsInFlight"].as_u64().unwrap();
        since.elapsed() > Duration::from_millis(500) && hang > 0 && held > hang
    });

    let told = Instant::now();
    consumer.signal("TERM");
    let ended = consumer.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!((2..12).contains(&told.elapsed().as_secs()), "it took {:?}", told.elapsed());
    assert_eq!(redis.zcard("{batch-sync}:run:grace:leases"), Ok(0), "each batch is handed back");
    assert!((rows as u64) < ROWS);
    // With leases of an hour, a batch that was not handed on would keep the run open.
    pipeline.set_faults(&serde_json::json!({"latencyMs": 0}));
    let _another = pipeline.consumer();
    pipeline.assert_all_arrived("grace", sync, ROWS);
}
