//! Objects and fields that change while runs are delivered.

use std::process::ExitCode;

use job_queue::{Control, RunState};
use salesforce_simulator::{Config, ErrorScope, Fault, FieldChange, PlannedFault, Simulator};

use super::{
    bulk::BULK,
    holding::held,
    support::{HEADER, Scene, good_batches},
};

/// A Salesforce that is slow enough to change things in mid-run, and says what is wrong in this way.
fn slow(unknown_fields: ErrorScope) -> Config {
    let faults = salesforce_simulator::Faults { latency_ms: 20, ..Default::default() };
    Config { unknown_fields, faults, ..Config::default() }
}

fn email() -> FieldChange {
    FieldChange::of("Lead", "Email")
}

/// Requests with this in their path.
fn calls(salesforce: &Simulator, path: &str) -> usize {
    salesforce.requests().iter().filter(|request| request.path.contains(path)).count()
}

/// Resumes a run and waits until it is delivered. A call that was in flight when the field came back
/// may hold it once more; what an ingest job of before the hold came to may not.
async fn goes_on(scene: &Scene, run: &str) {
    let id = run.parse().unwrap();
    assert_eq!(scene.queue.resume_run(&id).await.unwrap(), Control::Done);
    loop {
        let ledger = scene.ledger(run).await;
        if let Some(held) = &ledger.held {
            assert!(!held.reason.contains("InvalidBatch"), "{}", held.reason);
            scene.queue.resume_run(&id).await.unwrap();
        }
        if ledger.has_ended() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    scene.delivered(run).await;
}

/// The field is taken away in mid-run: the run is held with the reason, no row is rejected, and when
/// it is there again all arrive.
async fn holds_the_run(change: FieldChange, unknown_fields: ErrorScope, arguments: &[&str]) {
    let name = format!("{change:?} {unknown_fields:?} {arguments:?}");
    let lease = std::time::Duration::from_secs(30);
    let scene = Scene::with(slow(unknown_fields), lease).await;
    let batches = if arguments.contains(&"--salesforce-batch=1") { 2 } else { 30 };
    scene.feed("a", &good_batches(batches)).await;
    let consumer = scene.consumer(arguments);
    scene.stored(batches as u64 * 20).await;

    assert!(scene.salesforce.change_field(&change));
    let calls_before = scene.salesforce.state().api_calls;
    let ledger = held(&scene, "a").await;
    let calls_after = scene.salesforce.state().api_calls;

    let reason = ledger.held.unwrap().reason;
    assert!(
        reason.contains(&change.field) && reason.contains("field-level security"),
        "{name}: {reason}"
    );
    assert_eq!((ledger.state, ledger.rejected), (RunState::Draining, 0), "{name}");
    // Ten calls go at once; each may have got through, and then been refused with its next call. Six batches
    // more may have been claimed.
    let of_an_ingest_job = 10;
    let most = if arguments.contains(&BULK) { 16 * of_an_ingest_job + 2 } else { 10 + 10 + 2 };
    assert!(calls_after - calls_before <= most, "{name}: {} calls", calls_after - calls_before);
    let others = u64::from(change.field == "Email");
    if others == 1 {
        let header = "External_Id__c,LastName,Company";
        scene.feed_under(header, "other", &[vec!["O-1,Ames,Acme"]]).await;
        scene.delivered("other").await;
    }

    let back = FieldChange { hidden: Some(false), read_only: Some(false), ..change };
    assert!(scene.salesforce.change_field(&back));
    goes_on(&scene, "a").await;

    let emails = scene.values("Email").await;
    assert!(emails.iter().all(|(key, email)| key == "O-1" || email.contains('@')), "{name}");
    assert_eq!(emails.len() as u64, batches as u64 * 100 + others, "{name}");
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_mapped_field_that_is_hidden_in_mid_run_holds_the_run_with_a_handful_of_calls() {
    let hidden = || FieldChange { hidden: Some(true), ..email() };
    holds_the_run(hidden(), ErrorScope::Request, &[]).await;
    holds_the_run(hidden(), ErrorScope::Record, &[]).await;
    holds_the_run(hidden(), ErrorScope::Request, &["--mapping-leave-out=*"]).await;
    holds_the_run(hidden(), ErrorScope::Request, &["--salesforce-batch=1", "--concurrency=1"])
        .await;
}

/// Four jobs are under way. The first of them that has failed holds the run, and nobody has looked at
/// the others when the field is there again.
#[tokio::test]
async fn jobs_that_failed_for_a_hidden_field_do_not_hold_the_run_again_when_it_is_seen_again() {
    let mut config = slow(ErrorScope::Request);
    config.faults.job_delay_ms = 2_000;
    let scene = Scene::with(config, std::time::Duration::from_secs(30)).await;
    scene.feed("a", &good_batches(4)).await;
    let consumer = scene.consumer(&[BULK]);
    scene.jobs_are("UploadComplete", 4).await;

    let hidden = FieldChange { hidden: Some(true), ..email() };
    assert!(scene.salesforce.change_field(&hidden));
    let reason = held(&scene, "a").await.held.unwrap().reason;
    scene.jobs_are("Failed", 4).await;
    assert!(reason.contains("Email"), "{reason}");
    assert!(!scene.notes("a").await.is_empty(), "a job is still to be looked at");
    assert!(scene.salesforce.change_field(&FieldChange { hidden: Some(false), ..email() }));
    goes_on(&scene, "a").await;

    assert_eq!(scene.ledger("a").await.tally.created, 400);
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn an_external_id_that_is_hidden_or_may_not_be_written_in_mid_run_holds_the_run() {
    let external_id = || FieldChange::of("Lead", "External_Id__c");
    for arguments in [&[][..], &[BULK]] {
        let hidden = FieldChange { hidden: Some(true), ..external_id() };
        holds_the_run(hidden, ErrorScope::Request, arguments).await;
        let read_only = FieldChange { read_only: Some(true), ..external_id() };
        holds_the_run(read_only, ErrorScope::Request, arguments).await;
    }
}

#[tokio::test]
async fn a_mapped_field_that_may_not_be_written_any_more_holds_the_run() {
    let read_only = || FieldChange { read_only: Some(true), ..email() };
    holds_the_run(read_only(), ErrorScope::Request, &[]).await;
    holds_the_run(read_only(), ErrorScope::Request, &[BULK]).await;
}

#[tokio::test]
async fn a_field_of_a_mapping_file_that_is_hidden_in_mid_run_holds_the_run_and_names_the_column() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = "External_Id__c=External_Id__c\nLastName=LastName\nCompany=Company\nEmail=Email\n";
    std::fs::write(file.path(), lines).unwrap();
    let scene = Scene::with(slow(ErrorScope::Request), std::time::Duration::from_secs(30)).await;
    scene.feed("a", &good_batches(30)).await;
    let consumer = scene.consumer(&[&format!("--mapping-file={}", file.path().display())]);
    scene.stored(500).await;

    assert!(scene.salesforce.change_field(&FieldChange { hidden: Some(true), ..email() }));
    let ledger = held(&scene, "a").await;

    let reason = ledger.held.unwrap().reason;
    assert!(reason.contains("line 4, column `Email`"), "{reason}");
    assert_eq!(ledger.rejected, 0);
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

const STATUS: &str = "External_Id__c,LastName,Company,Status,FirstName";

/// Rows with a value of a picklist that is not there yet, and one that is too long today.
fn rows_of_tomorrow(run: usize) -> Vec<String> {
    let long = "x".repeat(50);
    vec![
        format!("{run}-1,Ames,Acme,Open - Not Contacted,Ada"),
        format!("{run}-2,Ames,Acme,Dormant,Ada"),
        format!("{run}-3,Ames,Acme,Open - Not Contacted,{long}"),
    ]
}

fn make_room_for_them(salesforce: &Simulator) {
    let values = ["Open - Not Contacted", "Dormant"].map(str::to_owned).to_vec();
    let status = FieldChange { values: Some(values), ..FieldChange::of("Lead", "Status") };
    let name = FieldChange { length: Some(60), ..FieldChange::of("Lead", "FirstName") };
    assert!(salesforce.change_field(&status) && salesforce.change_field(&name));
}

#[tokio::test]
async fn values_that_a_field_takes_since_today_need_no_restart() {
    for arguments in [&[][..], &[BULK]] {
        let scene = Scene::new().await;
        let consumer = scene.consumer(arguments);
        scene.feed_under(STATUS, "before", &[rows_of_tomorrow(1)]).await;
        assert_eq!(scene.ended("before").await.rejected_by_code["INVALID_VALUE"], 2);

        make_room_for_them(&scene.salesforce);
        scene.feed_under(STATUS, "after", &[rows_of_tomorrow(2)]).await;
        scene.delivered("after").await;

        assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
        assert_eq!(scene.salesforce.state().objects["Lead"].rows, 1 + 3);
    }
}

#[tokio::test]
async fn a_value_that_a_field_takes_since_the_run_began_is_taken_too() {
    let scene = Scene::new().await;
    let good = vec!["1-0,Ames,Acme,Open - Not Contacted,Ada".to_owned()];
    scene.plan(PlannedFault::once(Fault::SlowDrip).on("/composite/"));
    scene.feed_under(STATUS, "a", &[good, rows_of_tomorrow(1), rows_of_tomorrow(2)]).await;
    let consumer = scene.consumer(&["--concurrency=1"]);
    scene.stored(1).await;

    make_room_for_them(&scene.salesforce);
    scene.delivered("a").await;

    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    assert_eq!(calls(&scene.salesforce, "/sobjects/Lead/describe"), 3, "start, run, mismatch");
}

#[tokio::test]
async fn values_that_never_fit_are_no_reason_to_look_all_the_time() {
    let scene = Scene::new().await;
    let batches: Vec<_> = (0..50).map(rows_of_tomorrow).collect();
    scene.feed_under(STATUS, "a", &batches).await;
    let consumer = scene.consumer(&[]);

    let ledger = scene.ended("a").await;

    assert_eq!((ledger.tally.created, ledger.rejected), (50, 100));
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    let looks = calls(&scene.salesforce, "/sobjects/Lead/describe");
    assert!((3..=5).contains(&looks), "{looks} looks");
}

#[tokio::test]
async fn a_parent_that_cannot_be_looked_at_for_a_moment_is_waited_for() {
    let scene = Scene::new().await;
    let away = PlannedFault::once(Fault::Unavailable).times(2);
    scene.salesforce.plan(away.on("/sobjects/Account/describe"));
    let header = format!("{HEADER},Account__r.ErpKey__c");
    let row = format!("1,Ames,Acme,a@example.com,{}", "x".repeat(65));
    scene.feed_under(&header, "a", &[vec![row]]).await;

    let consumer = scene.consumer(&[]);
    let ledger = scene.ended("a").await;

    // Only who knows the parent's field knows that this is too long for it.
    assert_eq!(ledger.rejected_by_code["INVALID_VALUE"], 1, "{ledger:?}");
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn an_object_that_cannot_be_looked_at_for_a_moment_is_waited_for_and_one_that_is_gone_holds()
{
    let scene = Scene::new().await;
    let describe = "/sobjects/Lead/describe";
    let away = |fault: PlannedFault| scene.salesforce.plan(fault.after(1).on(describe));
    away(PlannedFault::once(Fault::Unavailable).times(2));
    scene.feed("a", &good_batches(3)).await;
    let consumer = scene.consumer(&[]);
    scene.delivered("a").await;

    // What does not fit the object that was there a moment ago is a reason to look again.
    let gone = PlannedFault::refusing(404, "NOT_FOUND", "");
    scene.salesforce.plan(gone.on(describe));
    scene.feed_under("External_Id__c,Shoe", "b", &[vec!["1,2"]]).await;
    let reason = held(&scene, "b").await.held.unwrap().reason;

    assert!(reason.contains("salesforce has no object Lead"), "{reason}");
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}
