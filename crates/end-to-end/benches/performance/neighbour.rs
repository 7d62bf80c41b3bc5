//! What a team would build in Node.js instead, tuned: the same work by the same design.

use std::{path::Path, process::Command, time::Instant};

use serde_json::json;

use crate::{
    figure::{Figure, Goal},
    pipeline::FILE,
    processes::{Program, path_setting, wait_until},
    scenes::{median, median_of},
    stage::{Run, Stage, Way, cpu_at_end, cpu_seconds},
};

const ROUNDS: usize = 3;
const ROWS: u64 = 1_000_000;

/// Calls at once: more made it no faster.
const CONCURRENCY: &str = "8";

/// A run of the Node.js programs.
struct Other {
    seconds: f64,
    cpu: f64,
}

/// Rows a second of processor, of producer and consumer together, without compression and latency.
pub(crate) fn beside_node() -> Vec<Figure> {
    let mut stage = Stage::of_generated_rows(ROWS);
    let node = path_setting("NODE").expect("NODE names Node.js; run `make bench`");
    let scripts = path_setting("NEIGHBOUR").expect("NEIGHBOUR names its folder; run `make bench`");
    let way = Way::plain().with("SALESFORCE_GZIP", "false");
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    // The first run is compared row by row, and the others with it.
    stage.run(&way);
    for _ in 0..ROUNDS {
        ours.push(stage.run(&way));
        others.push(run(&mut stage, &node, &scripts));
    }
    let rows = ROWS as f64;
    let cpu = |run: &Run| rows / (run.producer_cpu + run.consumers_cpu);
    vec![
        Figure {
            id: "rows-per-cpu-second",
            what: "rows a second of processor, producer and consumer".to_owned(),
            unit: "rows/s",
            ours: median_of(&ours, cpu),
            neighbour: Some(("node.js", median(others.iter().map(|run| rows / run.cpu).collect()))),
            goal: Goal::RatioAtLeast(8.0),
        },
        Figure {
            id: "rows-per-second-one-consumer",
            what: "end to end without latency, one consumer".to_owned(),
            unit: "rows/s",
            ours: median_of(&ours, |run| rows / run.seconds),
            neighbour: Some((
                "node.js",
                median(others.iter().map(|run| rows / run.seconds).collect()),
            )),
            goal: Goal::None,
        },
    ]
}

fn run(stage: &mut Stage, node: &Path, scripts: &Path) -> Other {
    let pipeline = &stage.pipeline;
    let azure = pipeline.azurite.connection_string();
    let redis = pipeline.redis.url();
    let start = |script: &str, arguments: &[&str]| {
        let script = scripts.join(script);
        let mut all = vec![script.to_str().unwrap()];
        all.extend(arguments);
        Program::spawn("node", Command::new(node), pipeline.folder(), &all)
    };
    let signed_in = [&*pipeline.salesforce_url, "batch-sync", "local-only-secret", CONCURRENCY];
    let worker = start("worker.mjs", &[&[&*redis], &signed_in[..]].concat());
    wait_until("the worker has started", || worker.stderr().contains("ready"));
    let (started, at_start) = (Instant::now(), cpu_seconds(&worker).0);
    let arguments = [&*azure, "high-volume-ingest", FILE, &*redis, "200"];
    let producer = start("producer.mjs", &arguments);
    let producer_cpu = cpu_at_end(&producer);
    let ended = producer.end();
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), &*ROWS.to_string()), "{ended:?}");
    let rows = || pipeline.salesforce_state()["objects"]["Lead"]["rows"].as_u64();
    wait_until("all rows have arrived", || rows() == Some(ROWS));
    let other = Other {
        seconds: started.elapsed().as_secs_f64(),
        cpu: producer_cpu + cpu_seconds(&worker).0 - at_start,
    };
    worker.signal("TERM");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    stage.compare();
    stage.clear();
    stage.pipeline.set_faults(&json!({}));
    other
}
