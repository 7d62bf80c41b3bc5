//! Pause, resume, cancel.

use std::time::Duration;

use serde_json::json;

use crate::support::{Deliverer, Services, half_fed_run, refuse};

#[tokio::test]
async fn a_paused_run_stands_still_until_it_is_resumed() {
    let (services, server, run) = half_fed_run().await;
    let [pause, resume] = ["pause", "resume"].map(|wish| format!("/api/sync/{run}/{wish}"));

    let paused = server.post(&pause).await;
    assert_eq!((paused.status, paused.run()), (202, run.clone()), "{paused:?}");
    let report = server.report(&run, |report| report["status"] == "paused").await;
    assert_eq!(report["pausedByHand"], json!(true));
    assert_eq!(server.post(&pause).await.status, 202);

    let resumed = server.post(&resume).await;
    assert_eq!(resumed.status, 202, "{resumed:?}");
    Deliverer::new(&services).await.deliver(10).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["delivered"], &report["pausedByHand"]), (&json!(100), &json!(false)));
    for wish in [pause, resume] {
        let late = server.post(&wish).await;
        assert_eq!((late.status, late.run()), (409, run.clone()), "{late:?}");
        assert!(late.error().contains("completed"), "{late:?}");
    }
}

#[tokio::test]
async fn a_cancelled_run_counts_what_it_leaves_out() {
    let (services, server, run) = half_fed_run().await;
    let cancel = format!("/api/sync/{run}/cancel");
    Deliverer::new(&services).await.deliver(1).await;

    let cancelled = server.post(&cancel).await;

    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    let report = server.report(&run, |report| report["status"] == "cancelled").await;
    let figures = ["read", "delivered", "cancelled", "rejected", "unfinished"];
    let [read, delivered, cancelled, rejected, unfinished] =
        figures.map(|name| report[name].as_u64().unwrap());
    assert_eq!((delivered, rejected, unfinished), (10, 0, 0), "{report}");
    assert_eq!(read, delivered + cancelled, "{report}");
    assert!((20..=30).contains(&cancelled), "{report}");
    assert_eq!(server.post(&cancel).await.status, 202);
    assert_eq!(server.post(&format!("/api/sync/{run}/resume")).await.status, 409);
}

#[tokio::test]
async fn a_run_that_nobody_feeds_goes_on_when_it_is_resumed() {
    let mut services = Services::start().await;
    services.set("QUEUE_DEPTH_HIGH", "3");
    services.put_rows("rows.csv", 50).await;
    // Of `producer sync`: no server was ever asked to import it.
    let mut sync = services.command_of(&["sync", "--file", "rows.csv", "--run-id", "left"]);
    let mut sync = sync.spawn().unwrap();
    let server = services.serve().await;
    let fed = |report: &serde_json::Value| report["batchesFed"] == 3;
    server.report("left", fed).await;
    sync.kill().await.unwrap();

    let resumed = server.post("/api/sync/left/resume").await;

    assert_eq!(resumed.status, 202, "{resumed:?}");
    Deliverer::new(&services).await.deliver(5).await;
    let report = server.report("left", |report| report["status"] == "completed").await;
    assert_eq!(report["delivered"], json!(50));
}

#[tokio::test]
async fn rejects_that_nobody_wrote_are_written_when_the_run_is_resumed() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let mut sync =
        services.command_of(&["sync", "--file", "rows.csv", "--run-id", "left", "--no-wait"]);
    assert!(sync.status().await.unwrap().success());
    Deliverer::new(&services).await.reject(1, "BAD").await;
    let server = services.serve().await;
    let rejects = "/api/sync/left/rejects";
    assert_eq!(server.get("/api/sync/left").await.json()["rejectsWrittenBytes"], json!(0));

    let resumed = server.post("/api/sync/left/resume").await;

    assert_eq!(resumed.status, 202, "{resumed:?}");
    server.report("left", |report| report["rejectsWrittenBytes"].as_u64() > Some(0)).await;
    assert_eq!(server.get(rejects).await.body.lines().count(), 11);
}

#[tokio::test]
async fn a_run_whose_file_was_replaced_cannot_be_resumed_and_says_what_to_do() {
    let (services, server, run) = half_fed_run().await;

    server.post(&format!("/api/sync/{run}/pause")).await;
    server
        .report(&run, |report| report["status"] == "paused" && report["feederAlive"] == false)
        .await;

    services.put_rows("rows.csv", 200).await;
    assert_eq!(
        server.post(&format!("/api/sync/{run}/resume")).await.status,
        202,
        "nobody knows yet"
    );

    let report = server.report(&run, |report| report["status"] == "failed").await;
    assert_eq!((&report["fileReplaced"], &report["resumeCommand"]), (&json!(true), &json!(null)));
    let refused = server.post(&format!("/api/sync/{run}/resume")).await;
    assert_eq!((refused.status, refused.run()), (409, run.clone()), "{refused:?}");
    assert!(refused.error().contains("load the new version as a new run"), "{refused:?}");
    let resumed = services.command_of(&["resume", &run]).output().await.unwrap();
    assert_eq!(resumed.status.code(), Some(1));
    let said = String::from_utf8(resumed.stderr).unwrap();
    assert!(said.contains("load the new version as a new run"), "{said}");
    let again = server.start("rows.csv").await;
    assert_eq!(again.status, 202, "the new version can be: {again:?}");
    assert_ne!(again.run(), run);
}

#[tokio::test]
async fn a_limit_of_rejects_is_kept_with_the_run_whoever_goes_on_with_it() {
    let (services, server, run) = half_fed_run().await;
    server.post(&format!("/api/sync/{run}/pause")).await;
    server.report(&run, |report| report["status"] == "paused").await;

    let resume = services.command_of(&["resume", &run, "--max-rejects", "5"]).output().await;
    assert_eq!(resume.unwrap().status.code(), Some(0), "the server takes it");
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.reject(3, "BAD").await;
    tokio::spawn(async move { deliverer.deliver(10).await });

    let report = server.report(&run, |report| report["status"] == "failed").await;
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("more than --max-rejects 5 allows"), "{reason}");
    assert!(report["read"].as_u64() < Some(100), "{report}");
    assert_eq!(report["commands"], json!(["cancel", "replay"]), "it would fail again at once");
    let command = format!("producer resume {run} --max-rejects 100%");
    assert_eq!(report["resumeCommand"], json!(command));
    let resume = format!("/api/sync/{run}/resume");
    let refused = server.post(&resume).await;
    assert_eq!((refused.status, refused.run()), (409, run.clone()), "{refused:?}");
    assert!(refused.error().contains("more than --max-rejects 5 allows"), "{refused:?}");
    let nonsense = server.post_json(&resume, &json!({"maxRejects": "some"})).await;
    assert_eq!(nonsense.status, 400, "{nonsense:?}");

    let resumed = server.post_json(&resume, &json!({"maxRejects": "50"})).await;

    assert_eq!(resumed.status, 202, "{resumed:?}");
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["rejected"]), (&json!(100), &json!(30)));
}

#[tokio::test]
async fn rejected_rows_of_a_run_that_ends_while_it_is_paused_are_written() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 25).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let mut deliverer = Deliverer::new(&services).await;
    let under_way = [deliverer.claim().await, deliverer.claim().await, deliverer.claim().await];
    server.post(&format!("/api/sync/{run}/pause")).await;
    // Nobody follows it any more.
    tokio::time::sleep(Duration::from_secs(1)).await;

    for claimed in &under_way {
        refuse(claimed, "LOCKED").await;
    }

    server.report(&run, |report| report["status"] == "completed").await;
    let written = |report: &serde_json::Value| report["rejectsWrittenBytes"].as_u64() > Some(0);
    server.report(&run, written).await;
    let file = server.get(&format!("/api/sync/{run}/rejects")).await;
    assert_eq!((file.status, file.body.lines().count()), (200, 26), "{file:?}");
}

#[tokio::test]
async fn a_failed_run_is_not_resumed_beside_another_run_of_its_file() {
    let (services, server, failed) = half_fed_run().await;
    services.queue().await.fail_run(&failed.parse().unwrap(), "because").await.unwrap();
    let other = server.start("rows.csv").await.run();

    let refused = server.post(&format!("/api/sync/{failed}/resume")).await;

    assert_eq!((refused.status, refused.run()), (409, other), "{refused:?}");
    assert!(refused.error().contains("is being loaded already"), "{refused:?}");
}
