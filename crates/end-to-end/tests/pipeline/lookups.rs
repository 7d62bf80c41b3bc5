//! Updates and deletes by an external id: records are looked up first. Salesforce ignores
//! `updateOnly`, and its records are the judge.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    judge::Load,
    kinds::{Kind, LEADS},
    pipeline::{Pipeline, Report},
    processes::{Program, wait_until},
};

const UPDATES: Kind = Kind { name: "updates-by-key", operation: "update", ..LEADS };

/// Its consumers look at the key only.
const DELETES: Kind = Kind { name: "deletes-by-key", operation: "delete", ..LEADS };

/// A file of leads with the keys `L1` to `L…`.
fn leads(rows: u64, version: u32) -> String {
    let mut file = "Key,Name,Email,Company\n".to_owned();
    for row in 1..=rows {
        writeln!(file, "L{row},Ames {version},l{row}@example.com,Company {version}").unwrap();
    }
    file
}

/// A pipeline whose org has so many of these leads.
fn pipeline_with_leads(rows: u64) -> Pipeline {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_LEASE", "1s");
    pipeline.put("leads.csv", leads(rows, 0));
    let consumer = LEADS.consumer(&pipeline);
    let ended = LEADS.sync(&pipeline, "leads", "leads.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    consumer.signal("TERM");
    consumer.end();
    pipeline
}

/// Batches that go by this API.
fn by(pipeline: &mut Pipeline, api: &str, batch_rows: u64) {
    pipeline.set("SALESFORCE_API", api);
    pipeline.set("BATCH_ROWS", &batch_rows.to_string());
}

/// Waits until a consumer has died at this step, and starts another one.
fn die_at(pipeline: &mut Pipeline, kind: &Kind, step: &str, sync: &Program) -> Program {
    pipeline.set("FAILPOINTS", step);
    let mut dying = kind.program(pipeline, "consumer", &[]);
    pipeline.set("FAILPOINTS", "");
    wait_until("the consumer has died", || !dying.is_running());
    let ended = dying.end();
    assert_eq!(ended.code, None, "{step} was not reached: {ended:?} {}", sync.stderr());
    kind.consumer(pipeline)
}

/// Calls to these paths, as the org's log has them.
fn calls(pipeline: &Pipeline, paths: &[&str]) -> u64 {
    let requests = pipeline.salesforce_requests();
    let paths_of = requests.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap());
    paths_of.filter(|path| paths.iter().any(|part| path.contains(part))).count() as u64
}

#[test]
fn a_delete_by_external_id_that_is_handed_out_again_rejects_no_row_that_it_deleted() {
    let rows = 1_000;
    for (api, steps) in [
        ("collections", &["records-kept=return", "answered=return", "answered=3*off->return"][..]),
        ("bulk", &["records-kept=return", "ingest-closed=return", "ingest-ended=return"]),
    ] {
        let mut pipeline = pipeline_with_leads(0);
        for (step, nth) in steps.iter().zip(0..) {
            by(&mut pipeline, "collections", 200);
            pipeline.put("leads.csv", leads(rows, nth));
            let consumer = LEADS.consumer(&pipeline);
            let ended = LEADS.sync(&pipeline, &format!("leads-{nth}"), "leads.csv").end();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            consumer.kill();
            by(&mut pipeline, api, 250);
            let run = format!("gone-{nth}");
            let sync = DELETES.sync(&pipeline, &run, "leads.csv");

            let consumer = die_at(&mut pipeline, &DELETES, step, &sync);
            let ended = sync.end();

            assert_eq!(ended.code, Some(0), "{api} {step}: {ended:?}");
            let report = Report::of(&ended);
            report.assert_it_adds_up(rows);
            assert_eq!(report.number("deleted"), rows, "{api} {step}");
            let load = Load::of(&run, "leads.csv");
            pipeline.assert_every_row_is_in_its_place(&DELETES, &[load]);
            consumer.kill();
        }
    }
}

#[test]
fn an_update_by_external_id_creates_no_record_whatever_breaks() {
    let (known, all) = (2_000, 3_000);
    for (api, step) in [("collections", "answered=5*off->return"), ("bulk", "ingest-ended=return")]
    {
        let mut pipeline = pipeline_with_leads(known);
        by(&mut pipeline, api, 250);
        pipeline.put("all.csv", leads(all, 1));
        pipeline.set_faults(&json!({
            "unavailablePermille": 50, "serverErrorPermille": 30, "resetPermille": 30,
            "answerCutPermille": 50, "answerLostPermille": 50, "tokenCallsMax": 9,
        }));
        let sync = UPDATES.sync(&pipeline, "all", "all.csv");

        let _consumer = die_at(&mut pipeline, &UPDATES, step, &sync);
        let ended = sync.end();

        assert_eq!(ended.code, Some(3), "{api}: {ended:?}");
        let report = Report::of(&ended);
        report.assert_it_adds_up(all);
        assert_eq!((report.number("created"), report.number("updated")), (0, known), "{api}");
        assert_eq!(report.by_code("NOT_FOUND"), all - known, "{api}");
        pipeline.assert_every_row_is_in_its_place(&UPDATES, &[Load::of("all", "all.csv")]);
    }
}

#[test]
fn a_plan_counts_the_calls_that_look_records_up() {
    let rows = 1_100;
    for api in ["collections", "bulk"] {
        let mut pipeline = pipeline_with_leads(rows);
        pipeline.set("SALESFORCE_API", api);
        pipeline.put("all.csv", leads(rows, 1));
        let arguments = ["plan", "--file", "all.csv", "--key", "Key", "--json"];
        let planned = UPDATES.program(&pipeline, "producer", &arguments).end();
        let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
        let lookups = calls(&pipeline, &["/query"]);
        let data = ["/query", "/composite/", "/jobs/"];
        let before = calls(&pipeline, &data);

        let _consumer = UPDATES.consumer(&pipeline);
        let ended = UPDATES.sync(&pipeline, "all", "all.csv").end();

        assert_eq!(ended.code, Some(0), "{ended:?}");
        let made = calls(&pipeline, &data) - before;
        assert_eq!(Report::of(&ended).number("apiCalls"), made, "{api}: counted as the org does");
        assert_eq!(plan[api]["lookups"], calls(&pipeline, &["/query"]) - lookups, "{api}");
        if api == "collections" {
            assert_eq!(plan[api]["apiCalls"], made, "{plan}");
        }
    }
}
