//! The whole product on local services: the producer beside a plain download of
//! the same blob, and rows per second from blob to Salesforce.
#![allow(clippy::unwrap_used, reason = "a benchmark may crash")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/pipeline/pipeline.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pipeline;
#[path = "../tests/pipeline/processes.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod processes;

use std::time::Instant;

use futures::TryStreamExt;
use pipeline::{FILE, Pipeline, Report, block_on};

const ROUNDS: usize = 3;
const ROWS: u64 = 2_000_000;

fn main() {
    let mut pipeline = Pipeline::start();
    pipeline.generate(ROWS, &[]);
    reading(&mut pipeline);
    checking(&pipeline);

    println!("\nend to end: batches of 100, a simulator without latency, one round each");
    to_the_end(&pipeline, ROWS, 1);
    to_the_end(&pipeline, ROWS, 2);
    pipeline.generate(100_000, &["--force"]);
    to_the_end(&pipeline, 100_000, 2);
}

/// No consumer, and a queue without limits: what is left is reading, decoding
/// and pushing.
fn reading(pipeline: &mut Pipeline) {
    pipeline.set("QUEUE_DEPTH_HIGH", "1000000000");
    pipeline.set("QUEUE_BYTES_HIGH", "1000000000000");
    let (mut plain, mut producer) = (Vec::new(), Vec::new());
    let mut megabytes = 0.0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        megabytes = download(pipeline, FILE) as f64 / 1e6;
        plain.push(megabytes / started.elapsed().as_secs_f64());

        let started = Instant::now();
        let ended = pipeline.sync(&["--no-wait"]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        producer.push(megabytes / started.elapsed().as_secs_f64());
        flush(pipeline);
    }
    let (plain, producer) = (median(plain), median(producer));
    println!("\nreading {megabytes:.0} MB from Azurite, {ROWS} rows, median of {ROUNDS} rounds");
    println!(
        "  producer, blob to queue{producer:>9.0} MB/s   plain download{plain:>9.0} MB/s   ratio {:.2}",
        producer / plain
    );
    pipeline.set("QUEUE_DEPTH_HIGH", "");
    pipeline.set("QUEUE_BYTES_HIGH", "");
}

/// All of the file through decoding, mapping and conversion, and nothing sent.
fn checking(pipeline: &Pipeline) {
    let (mut plain, mut check) = (Vec::new(), Vec::new());
    let (mut megabytes, mut peak) = (0.0, 0);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        megabytes = download(pipeline, FILE) as f64 / 1e6;
        plain.push(megabytes / started.elapsed().as_secs_f64());

        let started = Instant::now();
        let ended = pipeline.program("producer", &["check", "--file", FILE, "--json"]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        check.push(megabytes / started.elapsed().as_secs_f64());
        let report = Report::of(&ended);
        assert_eq!(report.number("rows"), ROWS);
        peak = report.number("peakMemoryBytes");
    }
    let (plain, check) = (median(plain), median(check));
    println!("\nchecking {megabytes:.0} MB from Azurite, {ROWS} rows, median of {ROUNDS} rounds");
    println!(
        "  producer check{check:>18.0} MB/s   plain download{plain:>9.0} MB/s   ratio {:.2}   peak memory \
         {:.0} MiB",
        check / plain,
        peak as f64 / 1048576.0
    );
}

/// Reads a blob and gives its length.
fn download(pipeline: &Pipeline, name: &str) -> u64 {
    block_on(async {
        let store = pipeline.store();
        let blob = store.properties(name).await.unwrap();
        let chunks = store.read(name, &blob.etag, blob.bytes, 0, Default::default());
        chunks.try_fold(0, async |sum, chunk| Ok(sum + chunk.len() as u64)).await.unwrap()
    })
}

fn to_the_end(pipeline: &Pipeline, rows: u64, consumers: usize) {
    let consumers: Vec<_> = (0..consumers).map(|_| pipeline.consumer()).collect();
    let ended = pipeline.sync(&["--json"]).end();
    let report = Report::of(&ended);
    report.assert_it_adds_up(rows);
    let consumer_peak = consumers.iter().map(processes::Program::peak_memory_bytes).max();
    println!(
        "  {rows:>9} rows, {} consumer(s){:>9} rows/s   peak memory: producer {:.0} MiB, consumer {:.0} MiB",
        consumers.len(),
        report.number("rowsPerSecond"),
        report.number("producerPeakMemoryBytes") as f64 / 1048576.0,
        consumer_peak.unwrap_or_default() as f64 / 1048576.0,
    );
    flush(pipeline);
}

fn flush(pipeline: &Pipeline) {
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let () = redis::cmd("FLUSHALL").query(&mut client.get_connection().unwrap()).unwrap();
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
