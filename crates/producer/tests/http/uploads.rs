//! Files that come as the body of a request.

use std::time::Duration;

use blob_store::{BlobError, ReadSettings};
use bytes::{Bytes, BytesMut};
use futures::{TryStreamExt, stream};
use reqwest::{Body, Method};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    many_streams::peak_memory_bytes,
    support::{Answer, Server, Services, send},
};

const MIB: usize = 1 << 20;

/// Rows of which no two are the same.
fn rows(bytes: usize) -> Bytes {
    let lines = (0..bytes / 32).map(|row| format!("{row:020},{:010}\n", row.wrapping_mul(31)));
    format!("id,name\n{}", lines.collect::<String>()).into()
}

fn hash(content: &[u8]) -> Vec<u8> {
    Sha256::digest(content).to_vec()
}

/// Without a length, as a program that makes the file on the way.
fn in_chunks(content: &Bytes) -> Body {
    let pieces: Vec<_> = content.chunks(100_000).map(Bytes::copy_from_slice).collect();
    Body::wrap_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
}

async fn put(server: &Server, path: &str, body: impl Into<Body>) -> Answer {
    send(server.request(Method::PUT, &format!("/api/files/{path}")).body(body)).await
}

/// Over a connection of its own: one that has been idle for 30 s is just being closed.
async fn put_alone(server: &Server, path: &str) -> Answer {
    let request = server.request(Method::PUT, &format!("/api/files/{path}")).body("id\n1\n");
    send(request.header("connection", "close")).await
}

async fn hash_of_blob(services: &Services, name: &str) -> Vec<u8> {
    let blob = services.store.properties(name).await.unwrap();
    let chunks = services.store.read(name, &blob.etag, blob.bytes, 0, ReadSettings::default());
    let content: BytesMut = chunks.map_ok(BytesMut::from).try_concat().await.unwrap();
    hash(&content)
}

async fn is_visible(services: &Services, name: &str) -> bool {
    match services.store.properties(name).await {
        Ok(_) => true,
        Err(BlobError::NoSuchBlob { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

/// A client that sends the head of an upload and so much of the body.
async fn begun(server: &Server, name: &str, framing: &str, sent: &[u8]) -> TcpStream {
    let mut client = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!("PUT /api/files/{name} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(sent).await.unwrap();
    client
}

#[tokio::test]
async fn what_is_sent_is_in_the_container_and_can_be_loaded() {
    let services = Services::start().await;
    let server = services.serve().await;
    let (whole, chunked) = (rows(9 * MIB), rows(5 * MIB));

    let first = put(&server, "exports/a%20b.csv", whole.clone()).await;
    let second = put(&server, "exports%2Fc.csv", in_chunks(&chunked)).await;

    assert_eq!((first.status, second.status), (201, 201), "{first:?} {second:?}");
    assert_eq!(hash_of_blob(&services, "exports/a b.csv").await, hash(&whole));
    assert_eq!(hash_of_blob(&services, "exports/c.csv").await, hash(&chunked));
    let blob = services.store.properties("exports/a b.csv").await.unwrap();
    let expected = json!({
        "name": "exports/a b.csv",
        "container": services.store.container(),
        "bytes": whole.len(),
        "etag": blob.etag.to_string(),
        "seconds": first.json()["seconds"],
        "blocks": 10,
        "blocksReused": 0,
        "wasThere": false,
    });
    assert_eq!(first.json(), expected);
    let run = server.start("exports/c.csv").await.run();
    let report = server.report(&run, |report| report["batchesFed"].as_u64() > Some(0)).await;
    assert_eq!(report["fileBytes"], json!(chunked.len()));
}

#[tokio::test]
async fn a_file_is_replaced_only_when_that_is_asked_for() {
    let services = Services::start().await;
    services.put("a.csv", "id\nold\n").await;
    let server = services.serve().await;

    let refused = put(&server, "a.csv", "id\nnew\n").await;
    let kept = hash_of_blob(&services, "a.csv").await;
    let replaced = put(&server, "a.csv?overwrite=true", "id\nnew\n").await;

    // Also who sends megabytes without asking hears why they are not taken.
    let large = put(&server, "a.csv", rows(20 * MIB)).await;
    assert_eq!((refused.status, replaced.status), (409, 200), "{refused:?} {replaced:?}");
    assert_eq!(large.status, 409, "{large:?}");
    assert!(refused.error().contains("?overwrite=true"), "{refused:?}");
    assert_eq!(kept, hash(b"id\nold\n"));
    assert_eq!(hash_of_blob(&services, "a.csv").await, hash(b"id\nnew\n"));
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_whether_its_length_is_told_or_not() {
    let mut services = Services::start().await;
    services.set("UPLOAD_BYTES_MAX", "1000");
    let server = services.serve().await;
    let (fits, too_long) = (Bytes::from(vec![b'x'; 1_000]), Bytes::from(vec![b'x'; 1_001]));

    for body in [too_long.clone().into(), in_chunks(&too_long)] {
        let refused = put(&server, "long.csv", body).await;

        assert_eq!(refused.status, 413, "{refused:?}");
        assert!(refused.error().contains("UPLOAD_BYTES_MAX"), "{refused:?}");
    }
    assert!(!is_visible(&services, "long.csv").await);
    assert_eq!(put(&server, "fits.csv", in_chunks(&fits)).await.status, 201);
    services.set("UPLOAD_BYTES_MAX", "0");
    let off = put(&services.serve().await, "off.csv", "id\n1\n").await;
    assert_eq!(off.status, 403, "{off:?}");
    assert!(!is_visible(&services, "off.csv").await);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_visible_and_goes_on_later() {
    let services = Services::start().await;
    let server = services.serve().await;
    let content = rows(20 * MIB);
    let length = format!("Content-Length: {}", content.len());

    // One more than may be under way: places are given back.
    for _ in 0..3 {
        let mut gone = begun(&server, "big.csv", &length, &content[..13 * MIB]).await;
        gone.shutdown().await.unwrap();
        let mut said = String::new();
        // An answer, or none: nobody has to hear it.
        let _answered = gone.read_to_string(&mut said).await;
        assert!(!said.starts_with("HTTP/1.1 20"), "{said}");
    }
    let chunk = format!("{:x}\r\n", 13 * MIB);
    let mut cut = begun(&server, "big.csv", "Transfer-Encoding: chunked", chunk.as_bytes()).await;
    cut.write_all(&content[..13 * MIB]).await.unwrap();
    cut.write_all(b"\r\n").await.unwrap();
    drop(cut);
    assert!(!is_visible(&services, "big.csv").await);

    let whole = put(&server, "big.csv", content.clone()).await;

    assert_eq!(whole.status, 201, "{whole:?}");
    assert!(whole.json()["blocksReused"].as_u64() >= Some(9), "{whole:?}");
    assert_eq!(hash_of_blob(&services, "big.csv").await, hash(&content));
}

#[tokio::test]
async fn clients_that_stall_are_given_up_and_few_upload_at_once() {
    let services = Services::start().await;
    let server = services.serve().await;
    let began = Instant::now();
    let mut stalled = [stalled(&server, "a.csv").await, stalled(&server, "b.csv").await];

    let refused = put_alone(&server, "c.csv").await;

    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{refused:?}");
    assert!(refused.error().contains("2 uploads are under way"), "{refused:?}");
    for stalled in &mut stalled {
        assert_eq!(status_line(stalled).await, "HTTP/1.1 408 Request Timeout\r\n");
    }
    let waited = began.elapsed();
    assert!((Duration::from_secs(29)..Duration::from_secs(45)).contains(&waited), "{waited:?}");
    assert!(!is_visible(&services, "a.csv").await && !is_visible(&services, "b.csv").await);
    assert_eq!(put_alone(&server, "c.csv").await.status, 201);
}

/// A client that has a place, because it was told to go on, and sends no more than a line.
async fn stalled(server: &Server, name: &str) -> BufReader<TcpStream> {
    let framing = "Content-Length: 1000\r\nExpect: 100-continue";
    let mut client = BufReader::new(begun(server, name, framing, b"").await);
    assert_eq!(status_line(&mut client).await, "HTTP/1.1 100 Continue\r\n");
    assert_eq!(status_line(&mut client).await, "\r\n");
    client.write_all(b"id\n").await.unwrap();
    client
}

async fn status_line(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let hearing = timeout(Duration::from_secs(60), client.read_line(&mut line));
    assert!(hearing.await.unwrap().unwrap() > 0, "the server has closed the connection");
    line
}

#[tokio::test]
async fn two_uploads_of_the_same_name_at_once_do_not_both_create_it() {
    let services = Services::start().await;
    let server = services.serve().await;
    let (one, other) = (rows(6 * MIB), rows(7 * MIB));

    let (first, second) =
        tokio::join!(put(&server, "one.csv", one.clone()), put(&server, "one.csv", other.clone()),);

    let mut codes = [first.status, second.status];
    codes.sort_unstable();
    assert_eq!(codes, [201, 409], "{first:?} {second:?}");
    let won = if first.status == 201 { one } else { other };
    assert_eq!(hash_of_blob(&services, "one.csv").await, hash(&won));
}

#[tokio::test]
async fn an_upload_wants_what_every_command_wants() {
    let mut services = Services::start().await;
    services.set("API_TOKEN", "s3cret");
    let server = services.serve().await;
    let request = || server.request(Method::PUT, "/api/files/a.csv").body("id\n1\n");
    let with_token = || request().bearer_auth("s3cret");

    let book = [&b"PK\x03\x04"[..], &[20; 26], b"[Content_Types].xml"].concat();
    let cases = [
        (request(), 401),
        (with_token().body(book), 415),
        (with_token().header("origin", "https://evil.example.com"), 403),
        (with_token().header("host", "evil.example.com"), 403),
        (with_token().header("content-type", "multipart/form-data; boundary=x"), 415),
    ];

    for (request, status) in cases {
        let refused = send(request).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert!(!is_visible(&services, "a.csv").await);
    assert_eq!(send(with_token()).await.status, 201);
    server.terminate().await;
    let (_, said) = server.end().await;
    assert!(said.contains("audit: upload"), "{said}");
}

#[tokio::test]
async fn uploads_take_little_memory() {
    let services = Services::start().await;
    let server = services.serve().await;
    let content = rows(100 * MIB);

    let (first, second) = tokio::join!(
        put(&server, "a.csv", in_chunks(&content)),
        put(&server, "b.csv", in_chunks(&content)),
    );

    assert_eq!((first.status, second.status), (201, 201), "{first:?} {second:?}");
    let peak = peak_memory_bytes(server.pid());
    assert!(peak < 48 << 20, "{peak} bytes");
}
