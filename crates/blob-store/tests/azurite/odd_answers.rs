//! Answers that no Azurite gives, but a proxy in between may.

use std::{
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use blob_store::{BlobError, ReadSettings};
use bytes::Bytes;
use prometheus_client::{encoding::text, registry::Registry};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{azurite_at, collect};

#[tokio::test]
async fn an_answer_that_ends_early_without_an_error_is_taken_up_where_it_ended() {
    let chunked = "HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\n\
        Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n";
    let nothing = "HTTP/1.1 206 x\r\nContent-Range: bytes 4-9/10\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let rest = "HTTP/1.1 206 x\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789";

    let (read, retries) = read_from(&[chunked, nothing, rest]).await;

    assert_eq!(read.unwrap(), "0123456789");
    assert_eq!(retries, 2);
}

#[tokio::test]
async fn an_answer_for_something_else_is_never_taken() {
    for answer in [
        "HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 206 x\r\nContent-Range: bytes 1-10/11\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 11\r\n\r\n01234567890",
    ] {
        let (read, _) = read_from(&[answer]).await;

        assert!(matches!(read, Err(BlobError::Refused { .. })), "{read:?}");
    }
}

#[tokio::test]
async fn a_blob_that_is_archived_is_said_to_be() {
    let archived = "HTTP/1.1 409 x\r\nx-ms-error-code: BlobArchived\r\nContent-Length: 0\r\n\r\n";

    let (read, _) = read_from(&[archived]).await;

    let error = read.unwrap_err();
    assert!(matches!(error, BlobError::Archived { .. }), "{error:?}");
    assert!(error.to_string().contains("set its tier to Hot or Cool"), "{error}");
}

/// Reads a blob of ten bytes from a server that gives these answers, one per
/// connection; also gives how often it tried again.
async fn read_from(answers: &[&'static str]) -> (Result<Bytes, BlobError>, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answers = answers.to_vec();
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let read = connection.read(&mut [0; 8192]).await.unwrap();
            assert!(read > 0);
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let etag = "1".to_owned().into();
    let mut reader = azurite_at(&address).read("a.csv", &etag, 10, 0, ReadSettings::default());
    let read = collect(&mut reader).await;
    (read, reader.retries())
}

#[tokio::test]
async fn a_probe_that_gets_no_answer_is_counted_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It takes the question, and says nothing.
    let store = azurite_at(&address);

    let outage = store.probe(Duration::from_millis(100)).await.unwrap_err();

    assert_eq!(outage.to_string(), "the blob storage does not answer");

    let mut registry = Registry::default();
    store.metrics().register(&mut registry);
    let mut figures = String::new();
    text::encode(&mut figures, &registry).unwrap();
    for (outcome, number) in [("no_answer", 1), ("ok", 0), ("throttled", 0)] {
        let line = format!("blob_requests_total{{outcome=\"{outcome}\"}} {number}\n");
        assert!(figures.contains(&line), "{line} is not in {figures}");
    }
}

/// Of one answer without end, in bytes.
static MOST_TAKEN: AtomicU64 = AtomicU64::new(0);

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    for status in ["200 OK", "403 Forbidden"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    // Who answers before the question is not listened to.
                    assert!(stream.read(&mut [0; 8192]).await.unwrap() > 0);
                    let head =
                        format!("HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n\r\n");
                    let mut written = stream.write_all(head.as_bytes()).await;
                    let mut bytes = 0;
                    while written.is_ok() {
                        written = stream.write_all(&[b' '; 1 << 16]).await;
                        bytes += 1 << 16;
                        MOST_TAKEN.fetch_max(bytes, Ordering::Relaxed);
                    }
                });
            }
        });

        let five = NonZero::new(5).unwrap();
        let listed = azurite_at(&address).list_some("", None, five).await;

        assert!(listed.is_err(), "{listed:?}");
        let taken = MOST_TAKEN.load(Ordering::Relaxed);
        assert!(taken > 4 << 20, "the answer ended by itself after {taken} bytes");
        // What lies between the two ends of a connection counts as well.
        assert!(taken < 64 << 20, "{taken} bytes of one answer were taken");
    }
}
