//! What a person can mend interrupts a run, and it goes on where it was.

use serde_json::json;
use test_support::{Azurite, azurite_sas_connection_string};

use crate::support::{Deliverer, Services, half_fed_run};

/// Eight megabytes: more than a server reads ahead.
const ROWS: u64 = 4_000;

/// And more than `producer sync` does.
const MORE_ROWS: u64 = 12_000;

fn long_rows(rows: u64) -> String {
    let lines = (1..=rows).map(|row| format!("{row},{}\n", "x".repeat(2_000)));
    format!("id,name\n{}", lines.collect::<String>())
}

/// A file that is read in several pieces.
async fn with_long_rows(rows: u64) -> Services {
    let mut services = Services::start().await;
    services.set("BATCH_ROWS", "100");
    services.set("QUEUE_DEPTH_HIGH", "3");
    services.put("rows.csv", long_rows(rows)).await;
    services
}

/// For long enough to begin.
fn short_sas() -> String {
    azurite_sas_connection_string(&Azurite::shared().address(), jiff::SignedDuration::from_secs(6))
}

#[tokio::test]
async fn a_sas_that_expires_under_producer_sync_is_seen_in_the_report_too() {
    let mut services = with_long_rows(MORE_ROWS).await;
    // Which is not asked to read it.
    let server = services.serve().await;
    services.set("AZURE_STORAGE_CONNECTION_STRING", &short_sas());
    let mut sync = services.command_of(&["sync", "--file", "rows.csv", "--run-id", "r"]);
    let sync = sync.spawn().unwrap();
    server.report("r", |report| report["status"] == "waiting").await;
    let with_sas = services.serve().await;
    while with_sas.get("/api/files").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }

    let mut deliverer = Deliverer::new(&services).await;
    let delivering = tokio::spawn(async move { deliverer.deliver(120).await });
    let ended = sync.wait_with_output().await.unwrap();
    delivering.abort();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let report = server.get("/api/sync/r").await.json();
    assert_eq!(report["status"], json!("interrupted"), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("denied access"), "{report}");
}

#[tokio::test]
async fn a_sas_that_expires_while_a_file_is_read_interrupts_the_run_with_the_reason() {
    let mut services = with_long_rows(ROWS).await;
    let lasting = Azurite::shared().connection_string();
    services.set("AZURE_STORAGE_CONNECTION_STRING", &short_sas());
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["status"] == "waiting").await;
    while server.get("/api/files").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let mut deliverer = Deliverer::new(&services).await;
    let delivering = tokio::spawn(async move { deliverer.deliver(40).await });

    // Whose lock was not renewed in time looks interrupted as well, without a reason.
    let is_noted = |report: &serde_json::Value| {
        report["status"] == "interrupted" && report["reason"].is_string()
    };
    let report = server.report(&run, is_noted).await;

    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("denied access") && !reason.contains("sig="), "{reason}");
    assert!(report["read"].as_u64() < Some(ROWS), "{report}");
    assert_eq!(report["finishedAtMs"], json!(null));
    // No server has it any more: this one would, and could.
    services.set("AZURE_STORAGE_CONNECTION_STRING", &lasting);
    let mended = services.serve().await;
    server.kill().await;
    assert_eq!(mended.post(&format!("/api/sync/{run}/resume")).await.status, 202);
    let report = mended.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["created"]), (&json!(ROWS), &json!(ROWS)));
    assert_eq!((&report["reason"], &report["batchesSettled"]), (&json!(null), &json!(40)));
    delivering.await.unwrap();
}

#[tokio::test]
async fn a_failed_run_keeps_its_queue_and_goes_on_where_it_was() {
    let (services, server, run) = half_fed_run().await;
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver(1).await;
    server.report(&run, |report| report["batchesSettled"] == 1).await;
    services.queue().await.fail_run(&run.parse().unwrap(), "a column is missing").await.unwrap();
    let failed = server.report(&run, |report| report["status"] == "failed").await;
    services.no_import_is_left().await;
    assert_eq!(failed["reason"], json!("a column is missing"));
    let fed = failed["batchesFed"].as_u64().unwrap();
    assert_eq!(failed["batchesQueued"].as_u64(), Some(fed - 1), "{failed}");

    assert_eq!(server.post(&format!("/api/sync/{run}/resume")).await.status, 202);

    // It never goes back: what was queued stays so.
    let goes_on = |report: &serde_json::Value| {
        assert!(report["batchesFed"].as_u64() >= Some(fed), "{report}");
        report["status"] == "waiting"
    };
    server.report(&run, goes_on).await;
    deliverer.deliver(9).await;
    let report = server.report(&run, |report| report["status"] == "completed").await;
    assert_eq!((&report["created"], &report["reason"]), (&json!(100), &json!(null)));
}

#[tokio::test]
async fn a_run_that_failed_with_all_of_it_queued_does_not_need_its_file() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["status"] == "draining").await;
    services.queue().await.fail_run(&run.parse().unwrap(), "too many").await.unwrap();
    server.report(&run, |report| report["status"] == "failed").await;
    services.no_import_is_left().await;
    services.store.delete("rows.csv").await.unwrap();

    assert_eq!(server.post(&format!("/api/sync/{run}/resume")).await.status, 202);

    server.report(&run, |report| report["status"] == "draining").await;
    Deliverer::new(&services).await.deliver(2).await;
    server.report(&run, |report| report["status"] == "completed").await;
}

#[tokio::test]
async fn a_failed_run_that_nobody_wants_is_cancelled_with_what_it_had_queued() {
    let (services, server, run) = half_fed_run().await;
    services.queue().await.fail_run(&run.parse().unwrap(), "a column is missing").await.unwrap();
    server.report(&run, |report| report["status"] == "failed").await;

    let cancelled = server.post(&format!("/api/sync/{run}/cancel")).await;

    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    let report = server.report(&run, |report| report["status"] == "cancelled").await;
    assert_eq!((&report["batchesQueued"], &report["cancelled"]), (&json!(0), &report["read"]));
}
