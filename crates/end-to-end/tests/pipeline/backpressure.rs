use redis::Commands;

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::wait_until,
};

const ROWS: u64 = 50_000;
const MIB: u64 = 1 << 20;

#[test]
fn without_consumers_the_producer_stops_at_the_high_watermark_and_goes_on_with_them() {
    let mut pipeline = Pipeline::start();
    // Of three pushes, the last is cut: what is read beside a push has to leave room for that push.
    pipeline.set("QUEUE_DEPTH_HIGH", "150");
    pipeline.generate(ROWS, &[]);
    let mut sync = pipeline.sync(&["--run-id", "full", "--json"]);

    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));
    let deepest = deepest_within_two_seconds(&pipeline);

    assert_eq!(deepest, 150, "not one batch more");
    assert!(sync.is_running());
    assert!(sync.stderr().contains("no consumer is running"), "{}", sync.stderr());
    let _consumer = pipeline.consumer();
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(ROWS);
    assert!(report.number("pausedMs") >= 2_000 && report.number("pauses") > 0, "{report:?}");
    pipeline.assert_every_row_is_where_it_belongs("full", FILE);
}

#[test]
fn redis_stays_below_the_watermark_in_bytes() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "1000000");
    pipeline.set("QUEUE_BYTES_HIGH", &(8 * MIB).to_string());
    pipeline.generate(400_000, &[]);
    let empty = memory(&pipeline);

    let sync = pipeline.sync(&["--run-id", "bytes"]);
    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));

    let used = memory(&pipeline) - empty;
    assert!(used < (8 + 16) * MIB, "{used} bytes for 8 MiB of rows");
    sync.signal("INT");
    sync.end();
}

fn deepest_within_two_seconds(pipeline: &Pipeline) -> u64 {
    let mut connection = connection(pipeline);
    let looks = (0..100).map(|_| {
        crate::processes::pause();
        connection.hlen("{batch-sync}:run:full:data").unwrap()
    });
    looks.max().unwrap()
}

fn memory(pipeline: &Pipeline) -> u64 {
    let info: String = redis::cmd("INFO").arg("memory").query(&mut connection(pipeline)).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    line.trim().parse().unwrap()
}

fn connection(pipeline: &Pipeline) -> redis::Connection {
    redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap()
}
