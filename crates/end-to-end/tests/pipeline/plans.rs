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

/// A plan, and what a run of so many rows with the same settings did.
fn planned_and_done(settings: &[(&str, &str)], rows: u64) -> (Value, Heard, Report) {
    planned_and_done_with(settings, sheet("P-", rows, 0), rows)
}

/// A plan, and what a run of the same file with the same settings did.
fn planned_and_done_with(
    settings: &[(&str, &str)],
    file: String,
    rows: u64,
) -> (Value, Heard, Report) {
    let mut pipeline = Pipeline::start();
    for (name, value) in settings {
        pipeline.set(name, value);
    }
    pipeline.put("leads.csv", file);
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

/// Five hundred keys, of which fifty come twice and one forty times, in so many rows.
fn repeats() -> (String, u64) {
    let mut file = sheet("P-", 500, 0);
    let row = |key| format!("P-{key},Ada,ada@example.com,Again,\n");
    (1..=50).for_each(|key| file.push_str(&row(key)));
    (0..38).for_each(|_| file.push_str(&row(1)));
    (file, 500 + 50 + 38)
}

#[test]
fn rows_that_repeat_a_key_take_the_calls_that_were_planned() {
    let (file, rows) = repeats();
    let bulk = [("SALESFORCE_API", "bulk")];

    let (plan, heard, _) = planned_and_done_with(&bulk, file.clone(), rows);

    let way = &plan["bulk"];
    assert_eq!((&way["bulkBatches"], heard.bulk_batches), (&json!(1), 1), "{heard:?} {plan}");
    // One for what comes a second time, and 38 for the one key that comes once more each time.
    assert_eq!((heard.calls, &way["forRepeats"]), (5 + 39, &json!(39)), "{plan}");
    assert_eq!(way["apiCalls"], 10 + 39, "{plan}");

    let (plan, heard, _) = planned_and_done_with(&[], file, rows);

    let way = &plan["collections"];
    // Of the third batch, 150 keys, and one of them 38 times more.
    assert_eq!(way["apiCalls"], 3 + 38, "{plan}");
    assert_eq!((heard.calls, &way["forRepeats"]), (3 + 38, &json!(38)), "{plan}");
}

#[test]
fn jobs_for_rows_that_repeat_a_key_are_made_as_they_were_planned() {
    let twice = || (1..=2_100).map(|key| format!("P-{key},Ada,ada@example.com,Again,\n"));
    let file = sheet("P-", 2_100, 0) + &twice().collect::<String>();

    let (plan, heard, _) = planned_and_done_with(&[("SALESFORCE_API", "bulk")], file, 4_200);

    let way = &plan["bulk"];
    assert_eq!((&way["bulkBatches"], heard.bulk_batches), (&json!(2), 2), "{heard:?} {plan}");
    assert_eq!((heard.calls, &way["apiCalls"]), (2 * 5, &json!(2 * 10)), "{plan}");
}
