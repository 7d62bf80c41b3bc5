//! A place is held while a file is read, and by nobody else.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Azurite, azurite_connection_string};

use crate::{
    stuck_storage::StuckStorage,
    support::{Deliverer, Server, Services},
};

fn is_all_fed(report: &Value) -> bool {
    report["status"] == "draining"
}

/// A server that reads one file at a time, and nobody who delivers.
async fn one_place(files: &[(&str, u32)]) -> Services {
    let mut services = Services::start().await;
    services.set("IMPORT_CONCURRENCY", "1");
    for (name, rows) in files {
        services.put_rows(name, *rows).await;
    }
    services
}

#[tokio::test]
async fn runs_that_are_followed_keep_nobody_from_being_read() {
    let services = one_place(&[("1.csv", 20), ("2.csv", 20), ("3.csv", 20)]).await;
    let server = services.serve().await;

    let mut runs = Vec::new();
    for file in ["1.csv", "2.csv", "3.csv"] {
        runs.push(server.start(file).await.run());
    }

    for run in &runs {
        server.report(run, is_all_fed).await;
    }
    Deliverer::new(&services).await.deliver(6).await;
    for run in &runs {
        server.report(run, |report| report["status"] == "completed").await;
    }
}

#[tokio::test]
async fn a_run_that_waits_for_room_lets_others_read_and_goes_on_where_it_was() {
    let mut services = one_place(&[("large.csv", 100), ("small.csv", 20)]).await;
    services.set("QUEUE_DEPTH_HIGH", "3");
    let server = services.serve().await;
    let large = server.start("large.csv").await.run();
    server.report(&large, |report| report["status"] == "waiting").await;

    let small = server.start("small.csv").await.run();

    server.report(&small, is_all_fed).await;
    let report = server.get(&format!("/api/sync/{large}")).await.json();
    assert_eq!((&report["status"], &report["batchesFed"]), (&json!("waiting"), &json!(3)));
    Deliverer::new(&services).await.deliver(12).await;
    for (run, rows) in [(&large, 100), (&small, 20)] {
        let report = server.report(run, |report| report["status"] == "completed").await;
        assert_eq!((&report["read"], &report["created"]), (&json!(rows), &json!(rows)));
    }
}

#[tokio::test]
async fn a_compressed_file_lets_others_read_too() {
    let mut services = one_place(&[("small.csv", 20)]).await;
    services.set("QUEUE_DEPTH_HIGH", "3");
    let lines = (1..=100).map(|row| format!("{row},name {row}\n"));
    let content = format!("id,name\n{}", lines.collect::<String>());
    services.put("large.csv.gz", gzip(content.as_bytes())).await;
    let server = services.serve().await;
    let large = server.start("large.csv.gz").await.run();
    server.report(&large, |report| report["status"] == "waiting").await;

    let small = server.start("small.csv").await.run();

    server.report(&small, is_all_fed).await;
    Deliverer::new(&services).await.deliver(12).await;
    let report = server.report(&large, |report| report["status"] == "completed").await;
    assert_eq!((&report["read"], &report["created"]), (&json!(100), &json!(100)));
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let mut gzip =
        Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(content).unwrap();
    gzip.wait_with_output().unwrap().stdout
}

/// A server whose only place is held by a run that never comes to the end of its file.
async fn with_the_place_taken() -> (Services, Server, StuckStorage) {
    let mut services = one_place(&[("first.csv", 20), ("second.csv", 20)]).await;
    let storage = StuckStorage::start("first.csv").await;
    let direct = Azurite::shared().connection_string();
    let stuck = azurite_connection_string(&storage.address);
    services.set("AZURE_STORAGE_CONNECTION_STRING", &stuck);
    let server = services.serve().await;
    // What is started from now on by another server reads directly.
    services.set("AZURE_STORAGE_CONNECTION_STRING", &direct);
    let first = server.start("first.csv").await.run();
    server.report(&first, |report| report["feederAlive"] == true).await;
    (services, server, storage)
}

#[tokio::test]
async fn a_run_that_nobody_has_begun_to_read_is_queued() {
    let (services, server, storage) = with_the_place_taken().await;

    let second = server.start("second.csv").await.run();
    services.imports_become(2, 2).await;
    // Long enough to read it twice.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let report = server.get(&format!("/api/sync/{second}")).await.json();
    assert_eq!(report["status"], json!("queued"), "{report}");
    assert_eq!((&report["read"], &report["resumeCommand"]), (&json!(0), &json!(null)));
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains("batch_sync_runs{state=\"queued\"} 1\n"), "{metrics}");
    storage.go_on();
    server.report(&second, is_all_fed).await;
}

#[tokio::test]
async fn a_queued_run_can_be_paused_resumed_and_cancelled() {
    let (services, server, _storage) = with_the_place_taken().await;
    let run = server.start("second.csv").await.run();
    let is = async |status: &str| server.report(&run, |report| report["status"] == status).await;
    let wish = async |wish: &str| server.post(&format!("/api/sync/{run}/{wish}")).await.status;
    is("queued").await;

    assert_eq!(wish("pause").await, 202);
    is("paused").await;
    // No server waits for the end of a pause.
    services.imports_become(1, 1).await;
    assert_eq!(wish("resume").await, 202);
    is("queued").await;
    assert_eq!(wish("cancel").await, 202);

    assert_eq!(is("cancelled").await["read"], json!(0));
    // Nothing is left of it on the servers' queue.
    services.imports_become(1, 1).await;
}

#[tokio::test]
async fn a_run_goes_to_a_server_that_has_a_place() {
    let (services, busy, _storage) = with_the_place_taken().await;
    let run = busy.start("second.csv").await.run();
    // It is the busy server's already.
    services.imports_become(2, 2).await;

    let idle = services.serve().await;

    idle.report(&run, is_all_fed).await;
}
