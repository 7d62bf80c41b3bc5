//! What `producer plan` promises is what the run does, as the org counts it.

use serde_json::{Value, json};

use crate::{
    kinds::LEADS,
    pipeline::{Pipeline, Report},
    records::sheet,
};

/// The plan of a run of the file, with these settings.
fn plan(pipeline: &Pipeline, file: &str) -> Value {
    let ended = LEADS.program(pipeline, "producer", &["plan", "--file", file, "--json"]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Requests that the org has heard, for data and for jobs; those that look how far a job is, apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Heard {
    calls: u64,
    looks: u64,
    bulk_batches: u64,
}

impl Heard {
    fn by_now(pipeline: &Pipeline) -> Self {
        let requests = pipeline.salesforce_requests();
        let mut heard = Self::default();
        for request in requests.as_array().unwrap() {
            let path = request["path"].as_str().unwrap();
            let is_job = path.contains("/jobs/ingest/");
            let is_look = is_job && request["method"] == "GET" && path.matches('/').count() == 6;
            heard.looks += u64::from(is_look);
            let is_data = path.contains("/composite/") || path.contains("/jobs/ingest");
            heard.calls += u64::from(is_data && !is_look);
        }
        heard.bulk_batches = pipeline.salesforce_state()["bulkBatches"].as_u64().unwrap();
        heard
    }

    fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            looks: self.looks - before.looks,
            bulk_batches: self.bulk_batches - before.bulk_batches,
        }
    }
}

/// A plan, and what a run of the same file with the same settings did.
fn planned_and_done(settings: &[(&str, &str)], rows: u64) -> (Value, Heard, Report) {
    let mut pipeline = Pipeline::start();
    for (name, value) in settings {
        pipeline.set(name, value);
    }
    pipeline.put("leads.csv", sheet("P-", rows, 0));
    let planned = plan(&pipeline, "leads.csv");
    let before = Heard::by_now(&pipeline);
    let _consumer = pipeline.consumer_without_load();
    let ended = LEADS.sync(&pipeline, "planned", "leads.csv").end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = Report::of(&ended);
    report.assert_it_adds_up(rows);
    (planned, Heard::by_now(&pipeline).since(before), report)
}

#[test]
fn calls_are_made_as_they_were_planned() {
    for (settings, rows, calls) in [
        (&[][..], 2_050, 11),
        (&[("SALESFORCE_BATCH", "60")][..], 2_050, 35),
        (&[("BATCH_ROWS", "100")][..], 2_050, 21),
        (&[("BATCH_ROWS", "250")][..], 2_050, 17),
        (&[("SALESFORCE_API", "auto")][..], 1_800, 9),
    ] {
        let (plan, heard, report) = planned_and_done(settings, rows);

        let way = &plan["collections"];
        assert_eq!((&plan["api"], &plan["rows"]), (&json!("collections"), &json!(rows)));
        assert_eq!(way["apiCalls"], calls, "{settings:?}: {plan}");
        assert_eq!(heard, Heard { calls, ..Heard::default() }, "{settings:?}");
        assert_eq!(way["batches"], report.number("batchesFed"), "{settings:?}");
    }
}

#[test]
fn jobs_are_made_as_they_were_planned() {
    for (settings, rows, jobs) in [
        (&[("SALESFORCE_API", "bulk")][..], 20_500, 3),
        (&[("SALESFORCE_API", "bulk"), ("BATCH_ROWS", "2500")][..], 5_500, 3),
        (&[("SALESFORCE_API", "auto")][..], 12_500, 2),
    ] {
        let (plan, heard, report) = planned_and_done(settings, rows);

        let way = &plan["bulk"];
        assert_eq!((&plan["api"], &plan["rows"]), (&json!("bulk"), &json!(rows)));
        assert_eq!((&way["batches"], &way["bulkBatches"]), (&json!(jobs), &json!(jobs)), "{plan}");
        assert_eq!((report.number("batchesFed"), heard.bulk_batches), (jobs, jobs), "{settings:?}");
        // How often a job is looked at depends on how long it takes: the plan has room for some.
        let planned = way["apiCalls"].as_u64().unwrap();
        assert!(heard.looks >= jobs && heard.calls + heard.looks <= planned, "{heard:?} {plan}");
        assert_eq!(heard.calls, jobs * 5, "create, upload, close, results, delete");
    }
}
