//! `LOG_FORMAT=json`: all that the programs say on stderr during whole runs, read by the JSON reader of
//! Python.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;
use test_support::free_port;

use crate::{
    pipeline::Pipeline,
    processes::{Ended, wait_until},
};

/// It turns the direction of reading, and would end a string of JSON.
const FILE: &str = "a\"b\u{202e}vsc,{\"level\":\"ERROR\"}\u{2066}.csv";

/// Begins every cell that nobody may find in a log.
const CELL: &str = "Zq7-cell-";

/// Reads each line strictly; gives its fields as JSON of its own, or fails.
const READER: &str = r#"
import json, sys, unicodedata
from datetime import datetime

def without_repeats(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), names
    return dict(pairs)

def no_such_number(text):
    raise ValueError(text)

for line in sys.stdin.buffer.read().split(b"\n")[:-1]:
    text = line.decode("utf-8")
    event = json.loads(text, object_pairs_hook=without_repeats, parse_constant=no_such_number)
    for name in ("timestamp", "level", "target", "message"):
        assert isinstance(event[name], str), text
    assert datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).tzinfo, text
    assert event["level"] in ("ERROR", "WARN", "INFO", "DEBUG", "TRACE"), text
    for value in [text] + [value for value in event.values() if isinstance(value, str)]:
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in value), text
    print(json.dumps(event))
"#;

/// What an independent reader finds in the lines.
fn events(stderr: &str) -> Vec<Value> {
    assert!(stderr.is_empty() || stderr.ends_with('\n'), "{stderr}");
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let text = stderr.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{stderr}");
    let read = String::from_utf8(output.stdout).unwrap();
    let events: Vec<_> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), stderr.lines().count());
    events
}

/// Rows that are delivered, rows that the mapping or Salesforce rejects, and some that are none.
fn content() -> String {
    let mut text = "ExternalId,Name,Email,Company\n".to_owned();
    for row in 0..2_000 {
        let name = match row % 100 {
            3 => String::new(),
            9 => format!("{CELL}\"quote\""),
            17 => CELL.repeat(40),
            _ => format!("{CELL}name-{row}"),
        };
        let email = if row % 50 == 7 { format!("{CELL}no-address") } else { String::new() };
        writeln!(text, "{CELL}{row},{name},{email},{CELL}company").unwrap();
    }
    text
}

fn ended_well(events: &[Value], run: &str, said: &str) {
    let is_it = |event: &&Value| event["message"].as_str().unwrap().contains(said);
    let last =
        events.iter().find(is_it).unwrap_or_else(|| panic!("{said:?} is not in {events:#?}"));
    assert_eq!((&last["run"], &last["object"]), (&run.into(), &"Lead".into()), "{last}");
    assert!(last["duration_ms"].is_u64(), "{last}");
}

#[test]
fn every_line_on_stderr_is_json_and_shows_no_secret_and_no_cell() {
    let mut pipeline = Pipeline::with_salesforce(&[
        "--row-lock-permille=20",
        "--unavailable-permille=20",
        "--answer-lost-permille=20",
        "--latency-ms=20",
        "--seed=11",
    ]);
    let listen = format!("127.0.0.1:{}", free_port());
    let token = "json-logs-token-of-the-api";
    for (name, value) in [
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "debug"),
        ("API_TOKEN", token),
        ("HTTP_LISTEN", &listen),
    ] {
        pipeline.set(name, value);
    }
    pipeline.put(FILE, content());
    let mut consumers = vec![pipeline.consumer(), pipeline.consumer()];
    let server = pipeline.program("producer", &["serve"]);
    wait_until("the server listens", || {
        pipeline.program("producer", &["health"]).end().code == Some(0)
    });

    // One in the foreground, with a consumer that dies, and one on the server.
    let sync = pipeline.program("producer", &["sync", "--file", FILE, "--run-id", "one"]);
    pipeline.wait_until_rows_arrive(400);
    let dying = consumers.pop().unwrap();
    let of_the_dead = dying.stderr();
    dying.kill();
    let synced = sync.end();
    let resumed = reqwest::blocking::Client::new()
        .post(format!("http://{listen}/api/sync/start"))
        .bearer_auth(token)
        .header("Content-Type", "application/json")
        .body(serde_json::json!({"fileName": FILE}).to_string())
        .send()
        .unwrap();
    let run: Value = resumed.json().unwrap();
    let run = run["runId"].as_str().unwrap().to_owned();
    wait_until("the run of the server has ended", || {
        pipeline.report(&run).text("status") == "completed"
    });
    server.signal("TERM");
    consumers[0].signal("TERM");
    let (served, consumed) = (server.end(), consumers.pop().unwrap().end());
    let refused = pipeline.program_with("consumer", &[("SALESFORCE_BATCH", "201".into())], &[]);
    let secret = ("SALESFORCE_CLIENT_SECRET", "another-secret".to_owned());
    let denied = pipeline.program_with("consumer", &[secret], &["check"]);
    let (refused, denied) = (refused.end(), denied.end());

    let codes = [&synced, &served, &consumed, &refused, &denied].map(|ended| ended.code);
    assert_eq!(codes, [3, 0, 0, 2, 2].map(Some), "{synced:?} {served:?} {refused:?} {denied:?}");
    let [synced, served, consumed, refused, denied] =
        [synced, served, consumed, refused, denied].map(|ended: Ended| ended.stderr);
    let account = pipeline.azurite.connection_string();
    let account_key = account.split("AccountKey=").nth(1).map(|key| key.split(';').next().unwrap());
    let secrets = [CELL, token, "local-only-secret", "another-secret", account_key.unwrap_or(CELL)];
    for said in [&synced, &served, &consumed, &of_the_dead, &refused, &denied] {
        for secret in secrets {
            let found = said.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "a secret or a cell");
        }
    }

    let whole_lines = of_the_dead.rsplit_once('\n').map(|(lines, _)| format!("{lines}\n"));
    let _of_the_dead = events(&whole_lines.unwrap_or_default());
    ended_well(&events(&synced), "one", "Job Completed!");
    ended_well(&events(&served), &run, "Job Completed!");
    let delivered = events(&consumed);
    let settled = |event: &&Value| {
        event["message"].as_str().unwrap().starts_with("settled") && event["run"] == run.as_str()
    };
    let batches: BTreeSet<u64> = delivered
        .iter()
        .filter(settled)
        .map(|event| {
            let known = event["object"] == "Lead" && event["duration_ms"].is_u64();
            assert!(known, "{event}");
            event["batch"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(batches, (0..10).collect(), "each batch of the run");
    for (said, words) in [(refused, "for SALESFORCE_BATCH"), (denied, "invalid_client")] {
        let last = events(&said).pop().unwrap();
        assert_eq!(last["level"], "ERROR", "{last}");
        assert!(last["message"].as_str().unwrap().contains(words), "{last}");
    }
}
