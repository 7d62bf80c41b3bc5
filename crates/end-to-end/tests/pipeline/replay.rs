//! Rejected rows as a new run: after what they were rejected for was mended.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    pipeline::{FILE, Pipeline, Report},
    processes::{Ended, wait_until},
};

/// Salesforce refuses rows whose external id starts so, with this code.
fn refuse(pipeline: &Pipeline, rules: &[(&str, &str)]) {
    let rules: Vec<Value> = rules
        .iter()
        .map(|(prefix, code)| json!({"keyPrefix": prefix, "statusCode": code, "message": "no"}))
        .collect();
    let changed = reqwest::blocking::Client::new()
        .post(format!("{}/__sim/faults", pipeline.salesforce_url))
        .json(&json!({"rowErrors": rules}))
        .send()
        .unwrap();
    assert!(changed.status().is_success(), "{}", changed.text().unwrap());
}

fn replay(pipeline: &Pipeline, arguments: &[&str]) -> Ended {
    let mut all = vec!["replay"];
    all.extend(arguments);
    all.push("--json");
    pipeline.program("producer", &all).end()
}

/// Ids of rows that start with one of these, in a file of 1,000 generated rows.
fn ids(pipeline: &Pipeline, prefixes: &[&str]) -> BTreeSet<String> {
    let content = pipeline.get(FILE);
    let mut reader = csv::Reader::from_reader(&content[..]);
    let ids = reader.records().map(|row| row.unwrap()[0].to_owned());
    ids.filter(|id| prefixes.iter().any(|prefix| id.starts_with(prefix))).collect()
}

#[test]
fn rejected_rows_are_delivered_when_their_reason_is_mended() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &["--awkward"]);
    let locked = ids(&pipeline, &["EXT-0000001"]);
    assert!(locked.len() > 50, "the prefix means many rows: {}", locked.len());
    refuse(&pipeline, &[("EXT-0000001", "FIELD_CUSTOM_VALIDATION_EXCEPTION")]);
    let _consumer = pipeline.consumer();
    assert_eq!(pipeline.sync(&["--run-id", "first"]).end().code, Some(3));
    let first = pipeline.report("first");
    assert_eq!(first.number("rejected"), locked.len() as u64);

    refuse(&pipeline, &[]);
    let ended = replay(&pipeline, &["first"]);

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(locked.len() as u64);
    assert_eq!((report.text("replayOf"), report.text("file")), ("first", "rejects/first.csv"));
    pipeline.assert_every_row_is_where_it_belongs(report.text("run"), FILE);
    let verified = pipeline.program("producer", &["verify", report.text("run")]).end();
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn only_rows_of_the_wanted_code_are_replayed_and_a_replay_can_be_replayed() {
    let pipeline = Pipeline::start();
    pipeline.generate(1_000, &[]);
    let (one, two) = ("EXT-0000001", "EXT-0000002");
    refuse(&pipeline, &[(one, "STORAGE_LIMIT_EXCEEDED_X"), (two, "DUPLICATES_DETECTED")]);
    let _consumer = pipeline.consumer();
    assert_eq!(pipeline.sync(&["--run-id", "first"]).end().code, Some(3));

    refuse(&pipeline, &[(&format!("{one}0"), "DUPLICATES_DETECTED")]);
    let ended = replay(&pipeline, &["first", "--code", "STORAGE_LIMIT_EXCEEDED_X"]);

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(ids(&pipeline, &[one]).len() as u64);
    let left = ids(&pipeline, &[&format!("{one}0")]);
    assert_eq!(report.number("rejected"), left.len() as u64);
    let rejected: BTreeSet<String> =
        pipeline.rejects(report.text("run")).into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(rejected, left);

    refuse(&pipeline, &[]);
    let again = replay(&pipeline, &[report.text("run")]);

    assert_eq!(again.code, Some(0), "{again:?}");
    Report::of(&again).assert_it_adds_up(left.len() as u64);
    let waiting = ids(&pipeline, &[two]);
    assert_eq!(pipeline.leads().len(), 1_000 - waiting.len(), "the other code was not asked for");
}

#[test]
fn rows_that_were_mended_in_a_spreadsheet_are_delivered() {
    let pipeline = Pipeline::start();
    // No last name, too many cells, and a good one.
    pipeline.put(
        FILE,
        "ExternalId,Name,Email,Company\n\
         E1,,ada@example.com,\"Acme, Inc.\"\n\
         E2,Bo,bo@example.com,Acme,Inc.\n\
         E3,Cy,cy@example.com,Acme\n",
    );
    let _consumer = pipeline.consumer();
    assert_eq!(pipeline.sync(&["--run-id", "first"]).end().code, Some(3));

    // As a spreadsheet writes it: semicolons, quotes everywhere, lines of one length, a mark.
    let mut edited = csv::WriterBuilder::new()
        .delimiter(b';')
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xEF\xBB\xBF".to_vec());
    let header = ["ExternalId", "Name", "Email", "Company", "_record", "_code", "_message", ""];
    edited.write_record(header).unwrap();
    for row in pipeline.rejects("first") {
        let [.., record, code, message] = &row[..] else { panic!("{row:?}") };
        let cells = match row[0].as_str() {
            "E1" => {
                ["E1", "Ames; née Ng", "ada@example.com", "Acme, Inc.", record, code, message, ""]
            }
            _ => ["E2", "Bo", "bo@example.com", "Acme,Inc.", record, code, message, ""],
        };
        edited.write_record(cells).unwrap();
    }
    pipeline.put("rejects/mended.csv", edited.into_inner().unwrap());
    let ended = replay(&pipeline, &["first", "--file", "rejects/mended.csv"]);

    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(2);
    let leads = pipeline.leads();
    assert_eq!(leads.keys().collect::<Vec<_>>(), ["E1", "E2", "E3"]);
    assert_eq!(leads["E1"]["LastName"], "Ames; née Ng");
    assert_eq!(leads["E2"]["Company"], "Acme,Inc.");
}

#[test]
fn a_replay_that_is_interrupted_goes_on_where_it_stopped() {
    let mut pipeline = Pipeline::start();
    pipeline.generate(20_000, &[]);
    refuse(&pipeline, &[("EXT-", "FIELD_CUSTOM_VALIDATION_EXCEPTION")]);
    let consumer = pipeline.consumer();
    assert_eq!(pipeline.sync(&["--run-id", "first"]).end().code, Some(3));
    consumer.kill();
    refuse(&pipeline, &[]);

    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    let replay = pipeline.program("producer", &["replay", "first"]);
    wait_until("the queue is full", || replay.stderr().contains("reading pauses"));
    replay.kill();
    let runs = pipeline.program("producer", &["runs", "--json"]).end();
    let runs: Value = serde_json::from_str(&runs.stdout).unwrap();
    let run = runs[0]["run"].as_str().unwrap();
    let _consumer = pipeline.consumer();
    let ended = pipeline.program("producer", &["resume", run, "--json"]).end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(20_000);
    pipeline.assert_every_row_is_where_it_belongs(run, FILE);
}
