//! Whose fault it is that calls are refused as a whole.

use std::process::ExitCode;

use job_queue::Control;
use salesforce_simulator::{Faults, PlannedFault};

use super::{
    bulk::{BULK, batches_of},
    failing_proxy::FailingProxy,
    holding::{held, is_held_and_goes_on},
    operations::scene_with_leads,
    support::{Scene, good_batches},
};

/// Calls that wrote, or would have.
fn writes(scene: &Scene) -> usize {
    let log = scene.salesforce.requests();
    log.iter().filter(|request| request.path.contains("/composite/")).count()
}

#[tokio::test]
async fn what_every_row_is_refused_for_alike_holds_the_run_after_a_handful_of_calls() {
    for (status, code, words) in [
        (400, "INVALID_FIELD", "it says the same of all"),
        (400, "NEVER_HEARD_OF", "NEVER_HEARD_OF for every row"),
        (403, "", "proxies on the way"),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "what the integration user may do"),
    ] {
        let scene = Scene::new().await;
        let refused = PlannedFault::refusing(status, code, "No such column").times(100_000);
        scene.salesforce.plan(refused.on("/composite/").after(3));
        scene.feed("a", &good_batches(10)).await;

        let consumer = scene.consumer(&["--concurrency=1"]);
        held(&scene, "a").await;

        assert!(writes(&scene) <= 3 + 1 + 2 + 4, "{code}: {} calls", writes(&scene));
        is_held_and_goes_on(&scene, consumer, &[words]).await;
        assert_eq!(scene.writes().await, 1_001, "{code}");
    }
}

#[tokio::test]
async fn single_rows_that_are_refused_alike_hold_the_run_as_well() {
    let scene = Scene::new().await;
    let refused = PlannedFault::refusing(400, "INVALID_FIELD", "No such column").times(100_000);
    scene.salesforce.plan(refused.on("/composite/"));
    let rows = good_batches(1).concat().into_iter().map(|row| vec![row]).collect::<Vec<_>>();
    scene.feed("a", &rows).await;

    let consumer = scene.consumer(&["--concurrency=1"]);
    let ledger = held(&scene, "a").await;

    assert_eq!((ledger.rejected, writes(&scene)), (1, 2));
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

/// 100 rows, and so many of them, far from each other, are refused with whatever goes with them.
async fn are_found(
    bad: &[usize],
    (status, code): (u16, &'static str),
    rejected_as: &str,
    settings: &[&str],
) {
    let scene = Scene::new().await;
    let proxy = FailingProxy::before(&scene.salesforce.url(), "BAD", status, code).await;
    let mut rows = good_batches(1).concat();
    for row in bad {
        rows[*row] = rows[*row].replace("Ames", "BAD");
    }
    scene.feed("a", &[rows]).await;

    let consumer = scene.consumer(&[&proxy.arguments()[..], settings].concat());
    let ledger = scene.ended("a").await;

    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
    let count = bad.len() as u64;
    assert_eq!((ledger.tally.created, ledger.rejected), (100 - count, count), "{bad:?} {code}");
    assert_eq!(ledger.rejected_by_code[rejected_as], count, "{:?}", ledger.rejected_by_code);
    let rejects = scene.rejects("a").await.join("\n");
    assert!(bad.iter().all(|row| rejects.contains(&format!("BAD {row},"))), "{rejects}");
    assert!(!rejects.contains("<h"), "{rejects}");
}

#[tokio::test]
async fn a_few_bad_rows_are_found_and_rejected_alone_wherever_they_are() {
    for bad in [&[0][..], &[99], &[0, 50], &[49, 50], &[0, 1, 2, 3]] {
        are_found(bad, (400, "JSON_PARSER_ERROR"), "JSON_PARSER_ERROR", &[]).await;
    }
}

#[tokio::test]
async fn a_row_that_a_proxy_does_not_let_through_is_rejected_alone() {
    for api in [&[][..], &[BULK]] {
        are_found(&[41], (403, ""), "HTTP_403", api).await;
        are_found(&[41, 87], (403, ""), "HTTP_403", api).await;
        are_found(&[41], (403, "BLOCKED"), "BLOCKED", api).await;
        are_found(&[41], (413, ""), "HTTP_413", api).await;
        are_found(&[41, 87], (302, ""), "HTTP_302", api).await;
    }
}

/// Nothing gets through, and the rows are at fault: a person sees it a few times, then they are
/// rejected, and the good ones of the run arrive.
#[tokio::test]
async fn rows_that_are_all_bad_do_not_hold_their_run_for_ever() {
    let scene = Scene::new().await;
    let proxy =
        FailingProxy::before(&scene.salesforce.url(), "BAD", 400, "JSON_PARSER_ERROR").await;
    let mut batches = good_batches(2);
    for row in &mut batches[0] {
        *row = row.replace("Ames", "BAD");
    }
    scene.feed("a", &batches).await;
    let run = "a".parse().unwrap();
    let arguments = [&proxy.arguments()[..], &["--concurrency=1"]].concat();
    let consumer = scene.consumer(&arguments);

    let mut holds = 0;
    let ledger = loop {
        let ledger = scene.ledger("a").await;
        if ledger.has_ended() {
            break ledger;
        }
        if ledger.held.is_some() && scene.queue.resume_run(&run).await.unwrap() == Control::Done {
            holds += 1;
        }
        assert!(holds < 10, "it is held for ever");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };

    assert!((1..=3).contains(&holds), "held {holds} times");
    assert_eq!((ledger.tally.created, ledger.rejected), (100, 100));
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn an_update_that_creates_a_record_holds_its_run_until_a_person_resumes_it() {
    for api in [&[][..], &[BULK]] {
        let (scene, ids) = scene_with_leads().await;
        let proxy = FailingProxy::that_says_created(&scene.salesforce.url()).await;
        let rows: Vec<_> = ids.iter().map(|id| vec![format!("{id},New")]).collect();
        scene.feed_under("Id,LastName", "update", &rows).await;

        let proxy = proxy.arguments();
        let update = ["--salesforce-operation=update", "--salesforce-external-id=Id"];
        let consumer = scene.consumer(&[&proxy, &update[..], &["--concurrency=1"], api].concat());
        let held = held(&scene, "update").await.held.unwrap();

        assert!(held.reason.contains("an update has created a record"), "{}", held.reason);
        assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
        let ledger = scene.ledger("update").await;
        assert_eq!(
            (ledger.tally.created, ledger.rejected, ledger.tally.updated),
            (1, 0, 0),
            "{api:?}"
        );
    }
}

#[tokio::test]
async fn a_full_org_holds_a_run_that_goes_by_bulk() {
    for (rows, job) in [(true, false), (false, true)] {
        let mut faults = Faults::default();
        if rows {
            faults.row_errors = super::holding::full_for("E-00000").row_errors;
        }
        if job {
            faults.job_failed_permille = 1_000;
            faults.job_error = "STORAGE_LIMIT_EXCEEDED : storage limit exceeded".to_owned();
        }
        let scene = Scene::with_faults(faults).await;
        scene.feed("a", &batches_of(1, 300)).await;
        let consumer = scene.consumer(&[BULK]);

        is_held_and_goes_on(&scene, consumer, &["STORAGE_LIMIT_EXCEEDED", "data storage"]).await;
    }
}
