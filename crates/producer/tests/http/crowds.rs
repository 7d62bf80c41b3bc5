//! Many who ask half, read slowly or come from one place, and one who asks as usual.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    events::Events,
    support::{Deliverer, Server, Services, half_fed_run_with, send},
};

/// Less than the time after which a client that sends nothing more is cut.
const SOON: Duration = Duration::from_secs(8);

fn address(server: &Server) -> SocketAddr {
    server.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// A connection from an address of this machine, with little room for what it does not read.
async fn connection(server: &Server, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
    socket.connect(address(server)).await.unwrap()
}

/// A request whose answer nobody reads, but for its first bytes.
async fn ask(server: &Server, from: &str, path: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = connection(server, from).await;
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    match timeout(SOON, stream.read_exact(&mut begin)).await.expect("an answer, or the end") {
        Ok(_) => (stream, String::from_utf8_lossy(&begin[9..]).into_owned()),
        Err(_closed) => (stream, "closed".to_owned()),
    }
}

#[tokio::test]
async fn half_requests_keep_nobody_out() {
    let services = Services::start().await;
    let server = services.serve().await;
    service::raise_descriptor_limit();
    let half_a_head: &[u8] = b"GET /api/queue HTTP/1.1\r\nHost: loc";
    let half_a_body: &[u8] = b"POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let mut halves = Vec::new();
    for half in [half_a_head, half_a_body] {
        // More than any listener ever took at a time.
        for _ in 0..2_100 {
            let mut stream = TcpStream::connect(address(&server)).await.unwrap();
            // One that gave its place up takes no more.
            let _taken = stream.write_all(half).await;
            halves.push(stream);
        }

        for path in ["/livez", "/api/queue", "/batch-sync"] {
            let one = server.request(Method::GET, path).header("connection", "close");
            let answer = timeout(SOON, send(one)).await;
            assert_eq!(answer.expect("an answer soon").status, 200, "{path}");
        }
    }
}

/// A run with a rejects file of some megabytes.
async fn run_with_rejects(services: &Services, server: &Server) -> String {
    let long = "x".repeat(100_000);
    let lines: String = (1..=60).map(|row| format!("{row},{long}\n")).collect();
    services.put("long.csv", format!("id,name\n{lines}")).await;
    let run = server.start("long.csv").await.run();
    Deliverer::new(services).await.reject(6, "BAD").await;
    let written = |report: &serde_json::Value| report["rejectsWrittenBytes"].as_u64();
    server.report(&run, |report| written(report) > Some(6_000_000)).await;
    run
}

#[tokio::test]
async fn downloads_that_nobody_reads_end_and_silent_streams_do_not() {
    let (services, server, silent) = half_fed_run_with(&[
        ("HTTP_WRITE_TIMEOUT", "2s"),
        ("RECORD_BYTES_MAX", "200000"),
        ("BATCH_BYTES_MAX", "4000000"),
    ])
    .await;
    server.post(&format!("/api/sync/{silent}/pause")).await;
    let run = run_with_rejects(&services, &server).await;
    let mut events = Events::open(&server, &silent, None).await;
    events.until(|event| event.data["report"]["status"] == "paused").await;
    let rejects = format!("/api/sync/{run}/rejects");
    let mut stalled = Vec::new();
    for _ in 0..8 {
        let (stream, status) = ask(&server, "127.0.0.1", &rejects, "").await;
        assert_eq!(status, "200");
        stalled.push(stream);
    }

    let mut answer = server.get(&rejects).await;
    let refused = answer.status;
    for _ in 0..150 {
        if answer.status == 200 {
            break;
        }
        sleep(Duration::from_millis(200)).await;
        answer = server.get(&rejects).await;
    }

    assert_eq!((refused, answer.status), (503, 200), "{answer:?}");
    assert!(answer.body.len() > 6_000_000);
    server.post(&format!("/api/sync/{silent}/cancel")).await;
    events.until(|event| event.name == "end").await;
}

#[tokio::test]
async fn lists_that_nobody_reads_are_few() {
    let services = Services::start().await;
    let names = (0..600).map(|file| format!("{file}-{}.csv", "x".repeat(1_000)));
    for name in names {
        services.put(&name, "id\n").await;
    }
    let server = services.serve().await;
    let list = "/api/files?limit=1000";
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let (stream, status) = ask(&server, "127.0.0.1", list, "").await;
        assert_eq!(status, "200");
        stalled.push(stream);
    }

    let refused = server.get(list).await;
    drop(stalled);
    let answer = server.get(list).await;

    assert_eq!((refused.status, answer.status), (503, 200), "{refused:?}");
    assert_eq!(answer.json()["files"].as_array().unwrap().len(), 600);
}

#[tokio::test]
async fn one_client_behind_a_proxy_leaves_downloads_to_others() {
    let mut services = Services::start().await;
    services.set("HTTP_TRUSTED_PROXIES", "127.0.0.1");
    services.set("RECORD_BYTES_MAX", "200000");
    services.set("BATCH_BYTES_MAX", "4000000");
    let server = services.serve().await;
    let run = run_with_rejects(&services, &server).await;
    let rejects = format!("/api/sync/{run}/rejects");
    let one = "X-Forwarded-For: 192.0.2.1\r\n";
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let (stream, status) = ask(&server, "127.0.0.1", &rejects, one).await;
        assert_eq!(status, "200");
        stalled.push(stream);
    }

    let (_again, again) = ask(&server, "127.0.0.1", &rejects, one).await;
    // Whatever it says of itself.
    let forged = "X-Forwarded-For: 192.0.2.9, 192.0.2.1\r\n";
    let (_forged, forged) = ask(&server, "127.0.0.1", &rejects, forged).await;
    let other = "X-Forwarded-For: 192.0.2.2\r\n";
    let (_other, other) = ask(&server, "127.0.0.1", &rejects, other).await;

    assert_eq!((again.as_str(), forged.as_str(), other.as_str()), ("503", "503", "200"));
}

#[tokio::test]
async fn one_address_takes_its_share_of_connections_and_a_proxy_all() {
    let (_services, server, run) = half_fed_run_with(&[
        ("HTTP_CONNECTIONS_PER_PEER", "3"),
        ("HTTP_TRUSTED_PROXIES", "127.0.0.9"),
    ])
    .await;
    let events = format!("/api/sync/{run}/events");
    let from = async |address: &str, connections: usize| {
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(ask(&server, address, &events, "").await);
        }
        let answers: Vec<_> = opened.iter().map(|(_, status)| status.clone()).collect();
        (opened, answers)
    };

    let (_open, of_one) = from("127.0.0.2", 4).await;
    let (_open, of_another) = from("127.0.0.3", 3).await;
    let (_open, of_proxy) = from("127.0.0.9", 9).await;

    assert_eq!(of_one, ["200", "200", "200", "closed"]);
    assert_eq!(of_another, ["200"; 3]);
    assert_eq!(of_proxy, ["200"; 9]);
}

#[tokio::test]
async fn by_default_this_machines_own_connections_are_not_counted_by_peer() {
    let (_services, server, run) = half_fed_run_with(&[]).await;
    let events = format!("/api/sync/{run}/events");
    let mut opened = Vec::new();

    // More than HTTP_CONNECTIONS_PER_PEER says.
    for _ in 0..140 {
        let (stream, status) = ask(&server, "127.0.0.1", &events, "").await;
        assert_eq!(status, "200");
        opened.push(stream);
    }

    assert_eq!(send(server.request(Method::GET, "/livez")).await.status, 200);
}
