//! What the log says of who asked.

use reqwest::Method;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Duration, sleep},
};

use crate::support::{Services, half_fed_run_with, send};

const TOKEN: &str = "a-token-of-the-tests";

#[tokio::test]
async fn who_cancels_and_who_is_refused_is_in_the_log() {
    let (_services, server, run) =
        half_fed_run_with(&[("HTTP_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let elsewhere = server.request(Method::POST, "/api/sync/start");
    let elsewhere = elsewhere.header("origin", "http://evil.example.com");

    let cancel = server.request(Method::POST, &format!("/api/sync/{run}/cancel"));
    let cancel = cancel.header("x-forwarded-for", "192.0.2.1, \t[31m192.0.2.2");
    assert_eq!(send(cancel).await.status, 202);
    assert_eq!(send(elsewhere).await.status, 403);
    server.terminate().await;
    let (_, said) = server.end().await;

    let line = |words: &str| {
        let found = said.lines().find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("{words:?} is not in {said}")).to_owned()
    };
    let cancelled = line("audit: cancel ");
    for words in [
        "peer=127.0.0.1",
        "token=\"none\"",
        &format!("run={run}"),
        "outcome=202",
        r#"forwarded_for="192.0.2.1, \t[31m192.0.2.2""#,
    ] {
        assert!(cancelled.contains(words), "{words} is not in {cancelled}");
    }
    let refused = line("audit: start was refused");
    assert!(refused.contains("outcome=403") && !refused.contains("evil"), "{refused}");
    let started = line("audit: start ");
    assert!(started.contains(&format!("run={run}")), "{started}");
}

#[tokio::test]
async fn a_flood_without_the_token_is_a_few_lines_and_a_number() {
    let mut services = Services::start().await;
    services.set("API_TOKEN", TOKEN);
    services.put_rows("rows.csv", 1).await;
    let server = services.serve().await;

    for _ in 0..300 {
        let forged = server.request(Method::GET, "/api/queue").bearer_auth("a-wrong-one");
        let forged = forged.header("x-forwarded-for", "192.0.2.1");
        assert_eq!(send(forged).await.status, 401);
    }
    let start = server.start_request("rows.csv").bearer_auth(TOKEN);
    assert_eq!(send(start).await.status, 202);
    server.terminate().await;
    let (_, said) = server.end().await;

    let lines: Vec<_> = said.lines().filter(|line| line.contains("was refused")).collect();
    assert!((20..=60).contains(&lines.len()), "{said}");
    let one = lines[0];
    assert!(one.contains("token=\"shown\"") && one.contains("outcome=401"), "{one}");
    assert!(!said.contains("192.0.2.1"), "nobody said that there is a proxy: {said}");
    let left_out = said.lines().filter_map(|line| {
        let (before, _) = line.split_once(" more refused requests")?;
        before.rsplit(' ').next()?.parse::<usize>().ok()
    });
    assert_eq!(left_out.sum::<usize>() + lines.len(), 300, "{said}");
    // Those who may are not drowned by those who may not.
    assert!(said.contains("audit: start"), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains("a-wrong-one"), "{said}");
}

#[tokio::test]
async fn a_change_is_in_the_log_beside_a_flood_that_changes_nothing_and_without_its_caller() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 1).await;
    services.put_rows("more.csv", 1).await;
    let server = services.serve().await;
    for _ in 0..100 {
        assert_eq!(server.start("nothing.csv").await.status, 404);
    }

    let run = server.start("rows.csv").await.run();
    let body = br#"{"fileName": "more.csv"}"#;
    let mut caller = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    // The server has begun to see to it.
    sleep(Duration::from_millis(300)).await;
    caller.write_all(body).await.unwrap();
    drop(caller);
    let runs = async || server.get("/api/sync").await.json()["runs"].as_array().unwrap().len();
    for _ in 0..50 {
        if runs().await == 2 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    server.terminate().await;
    let (_, said) = server.end().await;

    let changes: Vec<_> = said.lines().filter(|line| line.contains("outcome=202")).collect();
    assert!(changes.len() == 2 && changes[0].contains(&format!("run={run}")), "{said}");
    assert!(changes[1].contains("run="), "{said}");
}

#[tokio::test]
async fn figures_want_the_token_and_have_an_address_of_their_own() {
    let mut services = Services::start().await;
    let port = test_support::free_port();
    services.set("API_TOKEN", TOKEN);
    let server = services.serve().await;
    let without = server.get("/metrics").await;
    let with = send(server.request(Method::GET, "/metrics").bearer_auth(TOKEN)).await;
    assert_eq!((without.status, with.status), (401, 200));
    assert!(with.body.contains("batch_sync_servers "), "{}", with.body);

    services.set("METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let server = services.serve().await;
    let with = send(server.request(Method::GET, "/metrics").bearer_auth(TOKEN)).await;
    let apart = async |path: &str| {
        reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.unwrap().status().as_u16()
    };

    assert_eq!(with.status, 404, "the public port has none");
    assert_eq!((apart("/metrics").await, apart("/livez").await), (200, 200));
    assert_eq!((apart("/readyz").await, apart("/api/queue").await), (200, 404));
}

#[tokio::test]
async fn however_many_ask_for_figures_redis_is_asked_once_a_second() {
    let services = Services::start().await;
    let server = services.serve().await;
    for number in 0..20 {
        let file = format!("{number}.csv");
        services.put_rows(&file, 5).await;
        server.start(&file).await;
    }
    let mut redis = services.connection();
    let mut commands = || -> u64 {
        let info: String = redis::cmd("INFO").arg("commandstats").query(&mut redis).unwrap();
        let of_runs = info.lines().find_map(|line| line.strip_prefix("cmdstat_hscan:calls="));
        of_runs.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or_default()
    };
    server.get("/metrics").await;

    let before = commands();
    let asking = (0..100).map(|_| server.get("/metrics"));
    let answers = futures::future::join_all(asking).await;

    assert!(answers.iter().all(|answer| answer.body.contains("batch_sync_runs{")), "{answers:?}");
    // Once would be 20 and a few; a hundred times, 2,000.
    let read = commands() - before;
    assert!(read < 400, "{read} runs were read");
}
