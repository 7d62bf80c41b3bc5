//! What a run of a million rows with 10 % rejects takes of memory, and leaves in Redis.
#![allow(clippy::unwrap_used, reason = "a benchmark may crash")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/pipeline/pipeline.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pipeline;
#[path = "../tests/pipeline/processes.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod processes;

use pipeline::{Pipeline, Report};
use processes::wait_until;
use redis::{Commands, Connection};

const ROWS: u64 = 1_000_000;
const RUN_KEEP: &str = "40s";

fn main() {
    let mut pipeline = Pipeline::start();
    pipeline.set("RUN_KEEP", RUN_KEEP);
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();
    // The scripts, and buffers that Redis keeps, are there after it.
    run(&mut pipeline, 10_000);
    wait_until_forgotten(&mut redis);
    let before = used(&mut redis, "used_memory");

    let (report, consumer_peak) = run(&mut pipeline, ROWS);

    let after = used(&mut redis, "used_memory");
    let peak = used(&mut redis, "used_memory_peak");
    wait_until_forgotten(&mut redis);
    let forgotten = used(&mut redis, "used_memory");
    println!(
        "\nmemory of a run of {ROWS} rows, {} rejected, batches of 100, RUN_KEEP={RUN_KEEP}",
        report.number("rejected")
    );
    println!(
        "  redis: {} KiB before, {} KiB at most, {} KiB more when the run has ended, {} KiB more when \
         it is forgotten",
        before >> 10,
        peak >> 10,
        grown(before, after),
        grown(before, forgotten),
    );
    println!(
        "  peak: producer {:.0} MiB, each of two consumers {:.0} MiB",
        report.number("producerPeakMemoryBytes") as f64 / 1048576.0,
        consumer_peak as f64 / 1048576.0,
    );
}

/// Gives the report, and the peak memory of the larger consumer.
fn run(pipeline: &mut Pipeline, rows: u64) -> (Report, u64) {
    pipeline.generate(rows, &["--bad-rows", "100", "--force"]);
    let consumers = [pipeline.consumer(), pipeline.consumer()];
    let ended = pipeline.sync(&["--json"]).end();
    let report = Report::of(&ended);
    report.assert_it_adds_up(rows);
    let peak = consumers.iter().map(processes::Program::peak_memory_bytes).max();
    for consumer in consumers {
        consumer.signal("TERM");
        assert_eq!(consumer.end().code, Some(0));
    }
    (report, peak.unwrap_or_default())
}

fn wait_until_forgotten(redis: &mut Connection) {
    wait_until("the run is forgotten", || {
        redis.keys::<_, Vec<String>>("{batch-sync}:run:*").unwrap().is_empty()
    });
}

fn used(redis: &mut Connection, field: &str) -> i64 {
    let info: String = redis::cmd("INFO").arg("memory").query(redis).unwrap();
    let field = format!("{field}:");
    info.lines().find_map(|line| line.strip_prefix(&field)).unwrap().trim().parse().unwrap()
}

/// In KiB.
fn grown(before: i64, after: i64) -> i64 {
    (after - before) / 1024
}
