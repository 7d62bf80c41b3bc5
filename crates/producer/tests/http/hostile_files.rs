//! Files that are meant to stop a server, in the memory that `deploy/compose.yaml` gives it.

use std::io::Write;

use serde_json::json;
use test_support::azurite_connection_string;

use crate::{
    many_streams::peak_memory_bytes,
    stuck_storage::StuckStorage,
    support::{Answer, Server, Services},
};

/// `deploy/compose.yaml`
const MEMORY_BYTES_MAX: u64 = 96 << 20;

/// What begins a Zstandard frame with a window of 128 KiB, and one block of it that is this byte over
/// and over: <https://www.rfc-editor.org/rfc/rfc8878>, 3.1.1.
const FRAME: [u8; 6] = [0x28, 0xB5, 0x2F, 0xFD, 0, 7 << 3];
fn block(byte: u8, is_last: bool) -> [u8; 4] {
    let [low, middle, high, _] = ((128 << 10) << 3 | 1 << 1 | u32::from(is_last)).to_le_bytes();
    [low, middle, high, byte]
}

/// 60 GB of empty lines in 1.84 MB.
fn empty_lines() -> Vec<u8> {
    let blocks = (0..460_000).map(|_| block(b'\n', false));
    [&FRAME[..], blocks.flatten().collect::<Vec<u8>>().as_slice(), &block(b'\n', true)].concat()
}

/// Two columns, and a gigabyte of lines without data before any limit ends the reading.
fn lines_without_data() -> Vec<u8> {
    let gzip = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let lines = gzip(" ,\n".repeat(4 << 20).as_bytes());
    [gzip(b"a,b\n"), lines.repeat(256)].concat()
}

async fn runs(server: &Server) -> usize {
    server.get("/api/sync").await.json()["runs"].as_array().unwrap().len()
}

fn refused(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.error().contains(reason), "{answer:?}");
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused_before_there_is_a_run() {
    let services = Services::start().await;
    let long = format!("id,{}\n{}", "x".repeat(1 << 20), "1,2\n".repeat(20_000));
    services.put("long.csv", long).await;
    let wide: Vec<String> = (0..159_767).map(|column| format!("c{column}")).collect();
    services.put("wide.csv", format!("{}\n", wide.join(","))).await;
    services.put("columns.csv", format!("{}\n", wide[..2_001].join(","))).await;
    let server = services.serve().await;

    for (file, reason) in [
        (
            "long.csv",
            "the header has more than 262144 bytes, and may have 65536 (HEADER_BYTES_MAX)",
        ),
        (
            "wide.csv",
            "the header has more than 262144 bytes, and may have 65536 (HEADER_BYTES_MAX)",
        ),
        ("columns.csv", "the header has 2001 columns, and may have 2000 (HEADER_COLUMNS_MAX)"),
    ] {
        refused(&server.start(file).await, reason);
    }

    assert_eq!(runs(&server).await, 0);
    let peak = peak_memory_bytes(server.pid());
    assert!(peak <= MEMORY_BYTES_MAX, "the server has held {peak} bytes");
}

#[tokio::test]
async fn sixty_gigabytes_of_empty_lines_are_refused() {
    let services = Services::start().await;
    services.put("empty.csv.zst", empty_lines()).await;
    let server = services.serve().await;

    refused(&server.start("empty.csv.zst").await, "from byte 0 on there are only empty lines");

    assert_eq!(runs(&server).await, 0);
    let peak = peak_memory_bytes(server.pid());
    assert!(peak <= MEMORY_BYTES_MAX, "the server has held {peak} bytes");
}

#[tokio::test]
async fn a_server_that_reads_gigabytes_of_nothing_hears_cancel_and_sigterm() {
    let mut services = Services::start().await;
    let content = bytes::Bytes::from(lines_without_data());
    // As many as one server reads at a time, and as it has threads here, or more.
    let files = ["one.csv.gz", "two.csv.gz", "three.csv.gz", "four.csv.gz"];
    services.set("IMPORT_CONCURRENCY", "4");
    for file in files {
        services.put(file, content.clone()).await;
    }
    let server = services.serve().await;
    let mut started = Vec::new();
    for file in files {
        started.push(server.start(file).await.run());
    }
    services.imports_become(4, 4).await;

    assert_eq!(server.get("/livez").await.status, 200);
    let cancelled = server.post(&format!("/api/sync/{}/cancel", started[0])).await;
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    services.imports_become(3, 3).await;
    let state = |run: &str| {
        let path = format!("/api/sync/{run}");
        let server = &server;
        async move { server.get(&path).await.json()["status"].clone() }
    };
    assert_eq!(state(&started[0]).await, json!("cancelled"));
    for run in &started[1..] {
        assert_eq!(state(run).await, json!("feeding"), "its file is not read to its end");
    }
    server.terminate().await;
    let (code, said) = server.end().await;
    assert_eq!(code, Some(0), "{said}");
    services.imports_become(3, 0).await;
}

#[tokio::test]
async fn starts_that_took_too_long_are_given_up_and_make_room() {
    let mut services = Services::start().await;
    services.put_rows("first.csv", 5).await;
    services.put_rows("second.csv", 5).await;
    let storage = StuckStorage::start("first.csv").await;
    services.set("AZURE_STORAGE_CONNECTION_STRING", &azurite_connection_string(&storage.address));
    let server = services.serve().await;
    assert_eq!(server.start("first.csv").await.status, 202);

    let stuck = (0..8).map(|_| server.start("first.csv"));
    for answer in futures::future::join_all(stuck).await {
        assert_eq!(answer.status, 503, "{answer:?}");
    }

    let other = server.start("second.csv").await;
    assert_eq!(other.status, 202, "{other:?}");
}
