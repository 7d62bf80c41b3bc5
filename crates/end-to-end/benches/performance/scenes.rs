//! What is measured. Each figure is the median of rounds that alternate with those of its neighbour:
//! the machine may be busy, the ratio holds.

use std::time::Instant;

use futures::TryStreamExt;
use serde_json::json;

use crate::{
    bare::rows_per_second,
    figure::{Figure, Goal},
    pipeline::{FILE, Pipeline, Report, block_on},
    processes::setting,
    stage::{Run, Stage, Way, cpu_at_end},
};

const ROUNDS: usize = 3;
const MILLION: u64 = 1_000_000;

/// Blob to queue, and `check`, beside a plain download of the same blob.
pub(crate) fn reading() -> Vec<Figure> {
    let mut stage = Stage::of_generated_rows(2 * MILLION);
    let megabytes = stage.bytes as f64 / 1e6;
    let mut rates = [const { Vec::new() }; 3];
    let (mut producer_cpu, mut redis_cpu) = (Vec::new(), Vec::new());
    let mut check_peak: f64 = 0.0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        download(&stage.pipeline);
        rates[0].push(megabytes / started.elapsed().as_secs_f64());
        let (seconds, producer, redis) = stage.feed();
        rates[1].push(megabytes / seconds);
        producer_cpu.push(producer / 2.0);
        redis_cpu.push(redis / 2.0);
        let started = Instant::now();
        let check = stage.pipeline.program("producer", &["check", "--file", FILE, "--json"]);
        cpu_at_end(&check);
        rates[2].push(megabytes / started.elapsed().as_secs_f64());
        let ended = check.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report = Report::of(&ended);
        assert_eq!(report.number("rows"), stage.rows);
        check_peak = check_peak.max(report.number("peakMemoryBytes") as f64 / 1048576.0);
    }
    let [plain, feed, check] = rates.map(median);
    vec![
        Figure {
            id: "feed",
            what: "blob to queue, default batches".to_owned(),
            unit: "MB/s",
            ours: feed,
            neighbour: Some(("plain download", plain)),
            goal: Goal::RatioAtLeast(0.5),
        },
        Figure {
            id: "check",
            what: "check: decoded, mapped, converted, nothing sent".to_owned(),
            unit: "MB/s",
            ours: check,
            neighbour: Some(("plain download", plain)),
            goal: Goal::RatioAtLeast(0.3),
        },
        alone("check-peak", "check, most memory", "MiB", check_peak, Goal::None),
        alone(
            "feed-producer-cpu",
            "producer, processor of a million rows read and queued",
            "s",
            median(producer_cpu),
            Goal::None,
        ),
        alone(
            "feed-redis-cpu",
            "redis, processor of a million rows queued",
            "s",
            median(redis_cpu),
            Goal::None,
        ),
    ]
}

/// What a million rows cost in processor time, by both APIs, without compression.
pub(crate) fn processor() -> Vec<Figure> {
    let mut stage = Stage::of_wide_rows(MILLION, 130);
    let way = || Way::plain().with("SALESFORCE_GZIP", "false");
    let mut runs = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        runs[0].push(stage.run(&way()));
        runs[1].push(stage.run(&way().with("SALESFORCE_API", "bulk")));
        runs[2].push(stage.run(&way().consumers(2)));
    }
    let [collections, bulk, two] = runs;
    vec![
        alone(
            "consumer-cpu-collections",
            "consumer, processor of a million rows of 130 bytes, Collections",
            "s",
            median_of(&collections, |run| run.consumers_cpu),
            Goal::AtMost(4.0),
        ),
        alone(
            "consumer-cpu-bulk",
            "consumer, the same by Bulk",
            "s",
            median_of(&bulk, |run| run.consumers_cpu),
            Goal::AtMost(6.0),
        ),
        alone(
            "redis-cpu",
            "redis, processor of a million rows, default batches",
            "s",
            median_of(&collections, |run| run.redis_cpu),
            Goal::AtMost(2.0),
        ),
        alone(
            "rows-per-second",
            "end to end without latency, two consumers",
            "rows/s",
            median_of(&two, |run| run.rows / run.seconds),
            Goal::None,
        ),
        alone(
            "rows-per-second-bulk",
            "end to end without latency, one consumer, Bulk",
            "rows/s",
            median_of(&bulk, |run| run.rows / run.seconds),
            Goal::None,
        ),
    ]
}

/// What is left of the rate when calls fail.
pub(crate) fn faults() -> Vec<Figure> {
    let mut stage = Stage::of_generated_rows(MILLION / 2);
    let way = |faults| Way::plain().faults(faults);
    let mut runs = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        runs[0].push(stage.run(&way(json!({"latencyMs": 20}))));
        runs[1].push(stage.run(&way(json!({"latencyMs": 20, "unavailablePermille": 50}))));
        runs[2].push(stage.run(&way(json!({"latencyMs": 20, "answerLostPermille": 20}))));
        runs[3].push(stage.run(&way(json!({"latencyMs": 20, "unavailablePermille": 500}))));
    }
    let [calm, unavailable, lost, half] = runs.map(|runs| median_of(&runs, |run| run.steady));
    let figure = |id, what: &str, ours, goal| Figure {
        id,
        what: what.to_owned(),
        unit: "rows/s",
        ours,
        neighbour: Some(("without faults", calm)),
        goal,
    };
    let most = Goal::RatioAtLeast(0.8);
    vec![
        figure("unavailable", "5 % of calls answer 503, 20 ms an answer", unavailable, most),
        figure("lost-answers", "2 % of answers are lost, 20 ms an answer", lost, most),
        figure("half-unavailable", "half of all calls answer 503", half, Goal::None),
    ]
}

/// How near a run comes to what the org takes.
pub(crate) fn latency() -> Vec<Figure> {
    let mut stage = Stage::of_generated_rows(MILLION / 2);
    let late = json!({"latencyMs": 50});
    let limited = json!({"latencyMs": 50, "concurrencyMax": 10});
    let ten = Way::plain().faults(limited.clone());
    let (mut runs, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        runs.push(stage.run(&ten));
        bare.push(rows_per_second(&stage, &limited, 10, 200));
    }
    let (ten, bare_ten) = (median_of(&runs, |run| run.steady), median(bare));

    let fifty_ms = || Way::plain().faults(late.clone());
    let hundred = Way { full: 95, ..fifty_ms() };
    let hundred = hundred.with("SALESFORCE_CONCURRENCY_MAX", "100").with("BATCH_ROWS", "20");
    let (mut runs, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        runs.push(stage.run(&hundred));
        bare.push(rows_per_second(&stage, &late, 100, 20));
    }
    let bare_hundred = median(bare);
    let full = median_of(&runs, |run| run.seconds_to_full.unwrap_or(f64::INFINITY));
    let (at_hundred, busy) = (median_of(&runs, |run| run.steady), median_of(&runs, |run| run.busy));

    let eight = |consumers| {
        fifty_ms()
            .consumers(consumers)
            .with("CONSUMER_CONCURRENCY", "8")
            .with("SALESFORCE_CONCURRENCY_MAX", "100")
            .with("BATCH_ROWS", "50")
    };
    let mut pairs = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        pairs[0].push(stage.run(&eight(1)));
        pairs[1].push(stage.run(&eight(2)));
    }
    let [one, two] = pairs.map(|runs| median_of(&runs, |run| run.steady));
    vec![
        Figure {
            id: "limit-10",
            what: "50 ms an answer, 10 calls at once, defaults".to_owned(),
            unit: "rows/s",
            ours: ten,
            neighbour: Some(("bare calls", bare_ten)),
            goal: Goal::RatioAtLeast(0.95),
        },
        alone(
            "limit-100-full",
            "50 ms an answer, 100 calls at once: until all are made",
            "s",
            full,
            Goal::AtMost(2.0),
        ),
        Figure {
            id: "limit-100",
            what: format!("the same, 20 rows a call; {:.0} % of the machine in use", busy * 100.0),
            unit: "rows/s",
            ours: at_hundred,
            neighbour: Some(("bare calls", bare_hundred)),
            goal: Goal::RatioAtLeast(0.9),
        },
        Figure {
            id: "two-consumers",
            what: "two consumers of 8 batches at once, 50 ms, 50 rows a call".to_owned(),
            unit: "rows/s",
            ours: two,
            neighbour: Some(("one consumer", one)),
            goal: Goal::RatioAtLeast(1.95),
        },
    ]
}

/// The most memory that programs take, by both APIs, with narrow and with wide rows.
pub(crate) fn memory() -> Vec<Figure> {
    let mut peaks = Vec::new();
    for (rows, row_bytes) in [(MILLION, 76), (MILLION / 4, 750), (MILLION / 10, 2_000)] {
        let mut stage = Stage::of_wide_rows(rows, row_bytes);
        for api in ["collections", "bulk"] {
            peaks.push(stage.run(&Way::plain().with("SALESFORCE_API", api)));
        }
    }
    let most = |peak: fn(&Run) -> f64| peaks.iter().map(peak).fold(0.0, f64::max);
    let what = |who: &str| format!("{who}, most memory: rows of 76 to 2,000 bytes, both APIs");
    vec![
        alone(
            "producer-peak",
            &what("producer"),
            "MiB",
            most(|run| run.producer_peak),
            Goal::AtMost(64.0),
        ),
        alone(
            "consumer-peak",
            &what("consumer"),
            "MiB",
            most(|run| run.consumer_peak),
            Goal::AtMost(64.0),
        ),
    ]
}

/// A row of a large file beside one of a file of a million. `BENCH_ROWS` says how large.
pub(crate) fn size() -> Vec<Figure> {
    let rows = setting("BENCH_ROWS").unwrap_or(10 * MILLION);
    let mut small = Stage::of_generated_rows(MILLION);
    let mut runs: Vec<_> = (0..ROUNDS).map(|_| small.run(&Way::plain().consumers(2))).collect();
    drop(small);
    let mut large = Stage::of_generated_rows(rows);
    let large = large.run(&Way::plain().consumers(2));
    let cost = |run: &Run| (run.producer_cpu + run.consumers_cpu + run.redis_cpu) / run.rows * 1e6;
    let neighbour = median_of(&runs, cost);
    runs.push(large.clone());
    vec![
        Figure {
            id: "size",
            what: format!("processor of a row, a file of {} million rows", rows / MILLION),
            unit: "µs",
            ours: cost(&large),
            neighbour: Some(("of a million", neighbour)),
            goal: Goal::RatioAtMost(1.05),
        },
        alone(
            "size-rows-per-second",
            "the same, end to end, two consumers",
            "rows/s",
            large.rows / large.seconds,
            Goal::None,
        ),
        alone(
            "size-producer-peak",
            "the same, most memory of the producer",
            "MiB",
            large.producer_peak,
            Goal::AtMost(64.0),
        ),
    ]
}

fn alone(id: &'static str, what: &str, unit: &'static str, ours: f64, goal: Goal) -> Figure {
    Figure { id, what: what.to_owned(), unit, ours, neighbour: None, goal }
}

/// Reads a blob and forgets it.
fn download(pipeline: &Pipeline) {
    block_on(async {
        let store = pipeline.store();
        let blob = store.properties(FILE).await.unwrap();
        let chunks = store.read(FILE, &blob.etag, blob.bytes, 0, Default::default());
        let sum = |sum, chunk: bytes::Bytes| async move { Ok(sum + chunk.len() as u64) };
        assert_eq!(chunks.try_fold(0, sum).await.unwrap(), blob.bytes);
    });
}

pub(crate) fn median_of(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(figure).collect())
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
