//! `--json` of every command is what its example in `crates/producer/json-examples` says.

use std::{collections::BTreeSet, fs, path::Path};

use redis::Commands;
use serde_json::Value;

use crate::{
    pipeline::{FILE, Pipeline},
    processes::Ended,
};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../producer/json-examples");

/// Objects whose names are data: codes of rejected rows.
const NAMED_BY_DATA: &[&str] = &["rejectedByCode"];

#[test]
fn what_a_command_prints_for_programs_is_as_documented() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &["--bad-rows", "50"]);
    let consumer = pipeline.consumer();
    let run = |arguments: &[&str]| pipeline.program("producer", arguments).end();

    let mut seen = BTreeSet::new();
    let mut check = |name: &'static str, ended: &Ended, code: i32| {
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
        assert_is_like_its_example(name, &ended.stdout);
        seen.insert(format!("{name}.json"));
    };
    let local = format!("{EXAMPLES}/sync.json");
    check("upload", &run(&["upload", &local, "--as", "exports/accounts.csv", "--json"]), 0);
    check("loads", &run(&["loads", "--json"]), 0);
    check("sync", &run(&["sync", "--file", FILE, "--run-id", "nightly-7", "--json"]), 3);
    pipeline.assert_every_row_is_where_it_belongs("nightly-7", FILE);
    check("show", &run(&["show", "nightly-7", "--json"]), 0);
    check("verify", &run(&["verify", "nightly-7", "--json"]), 0);
    check("runs", &run(&["runs", "--json"]), 0);
    let by_columns = ["--key", "ExternalId", "--batch-keep-together", "Company"];
    let plan = [&["plan", "--file", FILE, "--count", "--json"], &by_columns[..]].concat();
    check("plan", &run(&plan), 0);
    check("replay", &run(&["replay", "nightly-7", "--json"]), 3);
    consumer.kill();
    let queued = run(&["sync", "--file", FILE, "--run-id", "nightly-8", "--no-wait", "--json"]);
    check("sync", &queued, 0);
    check("pause", &run(&["pause", "nightly-8", "--json"]), 0);
    check("show", &run(&["show", "nightly-8", "--json"]), 0);
    pretend_a_server_is_alive(&pipeline);
    check("resume", &run(&["resume", "nightly-8", "--json"]), 0);
    check("cancel", &run(&["cancel", "nightly-8", "--yes", "--json"]), 0);

    let files = fs::read_dir(EXAMPLES).unwrap();
    let examples: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(seen, examples, "every example is of a command that was run");
}

fn pretend_a_server_is_alive(pipeline: &Pipeline) {
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let mut redis = client.get_connection().unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut redis).unwrap();
    let () = redis.zadd("{batch-sync}:servers", "server", (seconds + 60) * 1_000).unwrap();
}

fn assert_is_like_its_example(name: &str, printed: &str) {
    let example = fs::read_to_string(Path::new(EXAMPLES).join(format!("{name}.json"))).unwrap();
    let example: Value = serde_json::from_str(&example).unwrap();
    let printed: Value = serde_json::from_str(printed).unwrap();
    let mut differences = Vec::new();
    compare(name, &example, &printed, &mut differences);
    assert!(differences.is_empty(), "{differences:#?}\nprinted: {printed:#}");
}

/// Names and types must be the same; a `null` may stand for a value that is not there now.
fn compare(path: &str, example: &Value, printed: &Value, differences: &mut Vec<String>) {
    match (example, printed) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        (Value::Array(of), Value::Array(items)) => {
            for (item, like) in items.iter().zip(of.iter().cycle()) {
                compare(&format!("{path}[]"), like, item, differences);
            }
        }
        (Value::Object(example), Value::Object(printed)) => {
            if NAMED_BY_DATA.iter().any(|name| path.ends_with(name)) {
                let wrong = printed.iter().filter(|(_, count)| !count.is_number());
                differences.extend(wrong.map(|(name, _)| format!("{path}.{name} is no number")));
                return;
            }
            let names: BTreeSet<&String> = example.keys().chain(printed.keys()).collect();
            for name in names {
                let path = format!("{path}.{name}");
                match (example.get(name), printed.get(name)) {
                    (Some(example), Some(printed)) => {
                        compare(&path, example, printed, differences);
                    }
                    (None, _) => differences.push(format!("{path} is not in the example")),
                    (_, None) => differences.push(format!("{path} is in the example only")),
                }
            }
        }
        _ => differences.push(format!("{path} has another type than in the example")),
    }
}
