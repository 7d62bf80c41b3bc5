//! Batches that fall out of Redis, taken out of it by hand: the run ends with every row, and
//! nobody does anything for it.

use redis::{Commands, Connection};

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::{Program, wait_until},
};

const ROWS: u64 = 2_000;
const QUEUE: &str = "{batch-sync}:run:lost";

fn connection(pipeline: &Pipeline) -> Connection {
    redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap()
}

/// A run of a hundred batches that are all on the queue.
fn all_queued() -> (Pipeline, Program) {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=200"]);
    pipeline.set("BATCH_ROWS", "20");
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    let sync = pipeline.sync(&["--run-id", "lost", "--json"]);
    wait_until("all is queued", || {
        sync.stderr().contains("run lost") && pipeline.report("lost").text("status") == "draining"
    });
    (pipeline, sync)
}

fn assert_all_arrived(pipeline: &Pipeline, sync: Program) {
    let ended = sync.end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("redis lost"), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(ROWS);
    pipeline.assert_every_row_is_where_it_belongs("lost", FILE);
    let mut redis = connection(pipeline);
    let parts = ["data", "queued", "delayed", "leases", "notes", "scheduled"];
    let left: Vec<bool> =
        parts.iter().map(|part| redis.exists(format!("{QUEUE}:{part}")).unwrap()).collect();
    assert_eq!(left, [false; 6], "left of the queue, of {parts:?}");
    assert_eq!(redis.zscore("{batch-sync}:weights", QUEUE), Ok(None::<f64>), "bytes of nothing");
}

#[test]
fn batches_that_are_queued_by_halves_are_fed_again_by_who_follows_the_run() {
    let (pipeline, sync) = all_queued();
    let mut redis = connection(&pipeline);
    let removed: [u64; 4] = [
        redis.zrem(format!("{QUEUE}:queued"), 3).unwrap(),
        redis.hdel(format!("{QUEUE}:data"), 50).unwrap(),
        redis.zrem(format!("{QUEUE}:queued"), 99).unwrap(),
        redis.hdel(format!("{QUEUE}:data"), 99).unwrap(),
    ];
    assert_eq!(removed, [1; 4]);
    let () = redis.zincr("{batch-sync}:weights", QUEUE, 1_000_000_000_u64).unwrap();

    let _consumer = pipeline.consumer();

    assert_all_arrived(&pipeline, sync);
}

#[test]
fn batches_whose_leases_are_gone_are_fed_again_by_who_follows_the_run() {
    let (pipeline, sync) = all_queued();
    let consumer = pipeline.consumer();
    let mut redis = connection(&pipeline);
    wait_until("batches are leased", || {
        redis.zcard::<_, u64>(format!("{QUEUE}:leases")).unwrap() > 1
    });
    consumer.kill();
    let removed: u64 = redis.del(format!("{QUEUE}:leases")).unwrap();
    assert_eq!(removed, 1);

    let _another = pipeline.consumer();

    assert_all_arrived(&pipeline, sync);
}

/// What is left of them fills the queue, so that the rest of the file waits for room.
#[test]
fn batches_that_fall_out_of_a_full_queue_are_fed_again_though_nobody_makes_room() {
    let mut pipeline = Pipeline::start();
    for (name, value) in [("BATCH_ROWS", "20"), ("QUEUE_DEPTH_HIGH", "20")] {
        pipeline.set(name, value);
    }
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    let sync = pipeline.sync(&["--run-id", "lost", "--json"]);
    let mut redis = connection(&pipeline);
    let mut queued = || redis.zcard::<_, u64>(format!("{QUEUE}:queued")).unwrap();
    wait_until("the queue is full", || queued() == 20);
    let removed: u64 = connection(&pipeline).del(format!("{QUEUE}:queued")).unwrap();
    assert_eq!(removed, 1);

    wait_until("the queue is full again", || queued() == 20);
    let _consumer = pipeline.consumer();

    assert_all_arrived(&pipeline, sync);
}
