//! Runs that nobody can deliver for now, beside others that go on.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use job_queue::{Control, Ledger, RunState};
use salesforce_simulator::{Fault, Faults, PlannedFault, RowErrorRule};

use super::{
    bulk::{BULK, batches_of},
    support::{Consumer, Scene, good_batches},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a run is held.
pub(crate) async fn held(scene: &Scene, run: &str) -> Ledger {
    let start = Instant::now();
    loop {
        let ledger = scene.ledger(run).await;
        if ledger.held.is_some() {
            return ledger;
        }
        assert!(start.elapsed() < PATIENCE, "the run is not held: {ledger:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Rows like these meet a full org.
pub(crate) fn full_for(key_prefix: &str) -> Faults {
    let full = RowErrorRule {
        key_prefix: key_prefix.to_owned(),
        status_code: "STORAGE_LIMIT_EXCEEDED".to_owned(),
        message: "storage limit exceeded".to_owned(),
        times: None,
    };
    Faults { row_errors: vec![full], ..Faults::default() }
}

/// A run is held by what its rows meet, and says so; another one is delivered meanwhile by the same
/// consumer, and the first one when it is resumed.
pub(crate) async fn is_held_and_goes_on(scene: &Scene, consumer: Consumer, reason: &[&str]) {
    let ledger = held(scene, "a").await;
    let held = ledger.held.unwrap();
    for words in reason {
        assert!(held.reason.contains(words), "{words:?} is not in {}", held.reason);
    }
    assert_eq!((ledger.state, ledger.rejected), (RunState::Draining, 0));
    scene.salesforce.set_faults(Faults::default());
    scene.feed("other", &[vec!["O-1,Ames,Acme,"]]).await;
    scene.delivered("other").await;
    assert!(scene.ledger("a").await.held.is_some(), "nobody resumed it, and no time has passed");

    let run = "a".parse().unwrap();
    assert_eq!(scene.queue.resume_run(&run).await.unwrap(), Control::Done);
    let ledger = scene.delivered("a").await;

    assert_eq!(ledger.held, None);
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_full_org_holds_the_run_and_the_rows_stay_queued() {
    let scene = Scene::with_faults(full_for("E-0001")).await;
    scene.feed("a", &good_batches(3)).await;
    let consumer = scene.consumer(&[]);

    is_held_and_goes_on(&scene, consumer, &["STORAGE_LIMIT_EXCEEDED", "free or buy data storage"])
        .await;

    assert_eq!(scene.writes().await, 301, "what was done of the run was not done again");
}

#[tokio::test]
async fn a_refused_call_holds_the_run_whichever_api_it_goes_by() {
    for (status, code, path, arguments, words) in [
        (403, "API_DISABLED_FOR_ORG", "/composite/", &[][..], "switch the API on"),
        (403, "INSUFFICIENT_ACCESS", "/composite/", &[], "with a permission set"),
        (404, "NOT_FOUND", "/composite/", &[], "what the run's load names"),
        (405, "METHOD_NOT_ALLOWED", "/composite/", &[], "how the data API answers"),
        (403, "API_DISABLED_FOR_ORG", "/jobs/ingest", &[BULK], "switch the API on"),
        (400, "INVALIDENTITY", "/jobs/ingest", &[BULK], "--api collections"),
    ] {
        let scene = Scene::new().await;
        scene.salesforce.plan(PlannedFault::refusing(status, code, "").times(1_000).on(path));
        scene.feed("a", &good_batches(3)).await;
        let consumer = scene.consumer(arguments);

        is_held_and_goes_on(&scene, consumer, &[code, words]).await;

        assert_eq!(scene.writes().await, 301, "{code}");
    }
}

#[tokio::test]
async fn an_ingest_job_under_way_is_kept_while_its_run_is_held() {
    let faults = Faults { job_delay_ms: 1_000, ..Faults::default() };
    let scene = Scene::with_faults(faults).await;
    scene.feed("a", &batches_of(1, 300)).await;
    let consumer = scene.consumer(&[BULK]);
    scene.jobs_are("UploadComplete", 1).await;
    let refused = PlannedFault::refusing(403, "INSUFFICIENT_ACCESS", "").times(1_000);
    scene.salesforce.plan(refused.on("/jobs/ingest/750"));

    is_held_and_goes_on(&scene, consumer, &["INSUFFICIENT_ACCESS"]).await;

    let jobs = scene.salesforce.state();
    assert_eq!((scene.writes().await, jobs.bulk_batches), (301, 2), "one for each run");
}

/// Four batches go at once, in ten calls each. The first one meets a full org: calls that have begun
/// end, and no others start.
#[tokio::test]
async fn a_run_that_is_held_costs_no_more_calls_than_were_under_way() {
    let faults = Faults { latency_ms: 200, ..full_for("E-0000") };
    let scene = Scene::with_faults(faults).await;
    scene.feed("a", &good_batches(40)).await;

    let consumer = scene.consumer(&["--salesforce-batch=10"]);
    held(&scene, "a").await;
    scene.feed("other", &[vec!["O-1,Ames,Acme,"]]).await;
    scene.delivered("other").await;
    consumer.stop().await.unwrap();

    let log = scene.salesforce.requests();
    let writes = log.iter().filter(|request| request.path.contains("/composite/")).count();
    assert!(writes <= 4 + 3 + 1, "{writes} calls: the first ones, the next ones, the other run's");
    let ledger = scene.ledger("a").await;
    assert_eq!((ledger.held.unwrap().times, ledger.batches_settled), (1, 0));
}

/// All rows of the second hundred have a field that may not be written.
fn second_hundred_may_not_be_written() -> Faults {
    let rule = RowErrorRule {
        key_prefix: "E-0001".to_owned(),
        status_code: "INVALID_FIELD_FOR_INSERT_UPDATE".to_owned(),
        message: "Unable to create/update fields: Email".to_owned(),
        times: None,
    };
    Faults { row_errors: vec![rule], ..Faults::default() }
}

#[tokio::test]
async fn a_run_is_held_when_no_row_may_be_written() {
    let scene = Scene::with_faults(second_hundred_may_not_be_written()).await;
    scene.feed("a", &good_batches(2)[1..]).await;
    let consumer = scene.consumer(&[]);

    is_held_and_goes_on(&scene, consumer, &["INVALID_FIELD_FOR_INSERT_UPDATE for every row"]).await;
}

#[tokio::test]
async fn rows_that_may_not_be_written_hold_nothing_once_others_were_stored() {
    let hundreds = good_batches(2);
    for (name, batches, in_one_go) in [
        ("by another consumer", hundreds.clone(), false),
        ("of the same batch", vec![hundreds.concat()], false),
        ("by the same consumer", vec![hundreds.concat()], true),
    ] {
        let scene = Scene::with_faults(second_hundred_may_not_be_written()).await;
        scene.feed("a", &batches).await;
        let arguments = ["--concurrency=1", "--salesforce-batch=100"];
        if !in_one_go {
            scene.plan(PlannedFault::once(Fault::Throttled).after(1));
            let first = scene.consumer(&arguments);
            scene.struck(Fault::Throttled).await;
            first.stop().await.unwrap();
        }

        let consumer = scene.consumer(&arguments);
        let ledger = scene.ended("a").await;

        assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
        assert_eq!((ledger.tally.created, ledger.rejected), (100, 100), "{name}");
        assert_eq!(ledger.rejected_by_code["INVALID_FIELD_FOR_INSERT_UPDATE"], 100, "{name}");
    }
}
