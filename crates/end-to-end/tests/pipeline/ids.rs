//! The ids file: each delivered row once, with the id that the record has in Salesforce, whoever dies.
//! The records of the simulator and the file as the `csv` crate reads it are the judge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    pipeline::{Pipeline, Report, block_on},
    processes::{Ended, Program},
};

const ROWS: u64 = 12_000;

/// A line of an ids file.
#[derive(Debug)]
struct Line {
    record: u64,
    key: String,
    id: String,
    change: String,
}

/// A pipeline whose runs write ids, and take a while.
fn pipeline() -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=60", "--row-lock-permille=20"]);
    pipeline.set("LOAD_IDS", "true");
    pipeline.set("QUEUE_LEASE", "1s");
    pipeline.set("QUEUE_DEPTH_HIGH", "30");
    pipeline.generate(ROWS, &["--bad-rows", "10", "--awkward"]);
    pipeline
}

/// All lines of all parts of the ids file of a run.
fn lines(pipeline: &Pipeline, run: &str) -> Vec<Line> {
    let is_there = |name: &String| block_on(pipeline.store().properties(name)).is_ok();
    let others = (2..).map(|part| format!("ids/{run}.{part}.csv"));
    let names = [format!("ids/{run}.csv")].into_iter().chain(others).take_while(is_there);
    let mut lines = Vec::new();
    for name in names {
        let content = pipeline.get(&name);
        let mut reader = csv::Reader::from_reader(&content[..]);
        assert_eq!(reader.headers().unwrap(), vec!["_record", "ExternalId", "Id", "_change"]);
        lines.extend(reader.records().map(|line| {
            let line = line.unwrap();
            let [record, key, id, change] = [0, 1, 2, 3].map(|at| line[at].to_owned());
            Line { record: record.parse().unwrap(), key, id, change }
        }));
    }
    lines
}

/// Each row that is not rejected has one line: its key, and the id of the record with this key. Gives
/// how many were created.
fn assert_each_row_has_its_record(pipeline: &Pipeline, run: &str, ended: &Ended) -> u64 {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(ended);
    report.assert_it_adds_up(ROWS);
    assert_eq!(report.text("idsFile"), format!("ids/{run}.csv"));
    assert_eq!(report.number("ids"), report.number("delivered"));

    let lines = lines(pipeline, run);
    let changed = |change: &str| lines.iter().filter(|line| line.change == change).count() as u64;
    for change in ["created", "updated"] {
        assert_eq!(changed(change), report.number(change), "{change} in {run}");
    }
    let mut records: Vec<u64> = lines.iter().map(|line| line.record).collect();
    let rejects = pipeline.rejects(run);
    let rejected = rejects.iter().map(|row| row[row.len() - 3].parse::<u64>().unwrap());
    records.extend(rejected);
    records.sort_unstable();
    assert!(records.iter().copied().eq(1..=ROWS), "each record of {run} is in one file, once");

    let leads = pipeline.leads();
    let id_of = |lead: &Value| lead["Id"].as_str().unwrap().to_owned();
    let known: BTreeMap<&str, String> =
        leads.iter().map(|(key, lead)| (key.as_str(), id_of(lead))).collect();
    for line in &lines {
        assert_eq!(known.get(line.key.as_str()), Some(&line.id), "{line:?} of {run}");
    }
    let verified = pipeline.program("producer", &["verify", run, "--json"]).end();
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let verified: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(verified["idsFileRows"], report.number("ids"));
    let written: BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    assert!(written.iter().copied().eq(known.keys().copied()), "all records of {run} are named");
    changed("created")
}

#[test]
fn each_delivered_row_has_its_id_once_whoever_is_killed() {
    for (api, batch_rows) in [("collections", "100"), ("bulk", "400")] {
        let mut pipeline = pipeline();
        pipeline.set("SALESFORCE_API", api);
        pipeline.set("BATCH_ROWS", batch_rows);
        for round in 0..3 {
            let consumers = [pipeline.consumer(), pipeline.consumer()];
            let sync = pipeline.sync(&["--run-id", api]);
            pipeline.wait_until_rows_arrive(2_000 * (round + 1));
            sync.kill();
            consumers.into_iter().for_each(Program::kill);
        }
        pipeline.redis.kill();
        pipeline.redis.start_again();
        let _consumers = [pipeline.consumer(), pipeline.consumer()];

        let ended = pipeline.sync(&["--run-id", api, "--json"]).end();

        assert_each_row_has_its_record(&pipeline, api, &ended);
    }
}

#[test]
fn the_writer_of_the_ids_file_may_die_at_any_step() {
    let mut pipeline = pipeline();
    let _consumer = pipeline.consumer();
    let steps = [
        "lines-appended=return",
        "lines-appended=1*off->return",
        "lines-forgotten=return",
        "lines-forgotten=1*off->return",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let run = format!("step-{number}");
        pipeline.set("FAILPOINTS", step);
        let died = pipeline.sync(&["--run-id", &run, "--json"]).end();
        pipeline.set("FAILPOINTS", "");
        assert_eq!(died.code, None, "{step} was not reached: {died:?}");

        let ended = pipeline.sync(&["--run-id", &run, "--json"]).end();

        assert_each_row_has_its_record(&pipeline, &run, &ended);
    }
}

#[test]
fn a_server_shows_and_writes_ids_and_the_next_run_reads_them() {
    let mut pipeline = pipeline();
    let _consumer = pipeline.consumer();
    let ended = pipeline.sync(&["--run-id", "first", "--json"]).end();
    let created = assert_each_row_has_its_record(&pipeline, "first", &ended);
    assert_eq!(created, pipeline.leads().len() as u64);
    let printed = pipeline.program("producer", &["ids", "first"]).end();
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert_eq!(printed.stdout.as_bytes(), &pipeline.get("ids/first.csv")[..]);
    let shown = pipeline.program("producer", &["show", "first"]).end();
    assert!(shown.stdout.contains("ids/first.csv"), "{}", shown.stdout);

    // All records that the run made are to go again.
    pipeline.set("MAPPING_FILE", "");
    pipeline.set("LOAD_IDS", "false");
    let delete =
        ["--object=Lead", "--operation=delete", "--external-id=Id", "--run-id=undo", "--yes"];
    let arguments = [&["sync", "--file", "ids/first.csv", "--json"], &delete[..]].concat();
    let undone = pipeline.program("producer", &arguments).end();

    assert_eq!(undone.code, Some(0), "{undone:?}");
    let report = Report::of(&undone);
    assert_eq!((report.number("deleted"), report.number("ids")), (created, 0), "{report:?}");
    assert_eq!(pipeline.leads().len(), 0);
    let without = pipeline.program("producer", &["ids", "undo"]).end();
    assert_eq!(without.code, Some(1), "{without:?}");
    assert!(without.stderr.contains("has no ids file"), "{}", without.stderr);
}
