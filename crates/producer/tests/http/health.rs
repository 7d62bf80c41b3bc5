//! `producer health`, beside a server that is up, waits for Redis, says nothing, and is gone.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use test_support::{Azurite, Fate, Filter, azurite_connection_string, pass, proxy_before};
use tokio::net::TcpListener;

use crate::support::Services;

async fn health(services: &Services, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut all = vec!["health"];
    all.extend(arguments);
    let mut command = services.command_of(&all);
    let output = command.stdout(Stdio::piped()).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn health_tells_a_ready_server_from_one_that_waits_and_one_that_is_gone() {
    let mut services = Services::start().await;
    let listen = format!("127.0.0.1:{}", test_support::free_port());
    services.set("HTTP_LISTEN", &listen);
    services.set("API_TOKEN", "a-token-of-the-api");
    let server = services.serve().await;

    let ready = health(&services, &[]).await;
    assert_eq!(ready, (Some(0), "ready\n".to_owned(), String::new()));
    let no_such_path = health(&services, &[&format!("{}/nowhere", server.url)]).await;
    assert_eq!(no_such_path.0, Some(1));
    assert!(no_such_path.2.contains("/nowhere answers 404: there is nothing"), "{no_such_path:?}");

    services.redis.kill();
    let (code, out, error) = loop {
        let asked = health(&services, &[]).await;
        if asked.0 != Some(0) {
            break asked;
        }
    };
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let unready = format!("error: http://{listen}/readyz answers 503: redis does not answer\n");
    assert_eq!(error, unready);
    assert_eq!(health(&services, &["--live"]).await.1, "live\n", "it runs");

    server.kill().await;
    let (code, _, error) = health(&services, &["--live"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains(&format!("nobody answers at http://{listen}/livez")), "{error}");
}

#[tokio::test]
async fn health_of_a_server_that_says_nothing_is_known_after_some_seconds() {
    let services = Services::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());

    let (code, _, error) = health(&services, &[&url]).await;

    assert_eq!(
        (code, error),
        (Some(1), format!("error: no answer from {url}/readyz within 4 s\n"))
    );
}

#[tokio::test]
async fn health_of_any_free_port_is_wrong_usage() {
    let services = Services::start().await;

    let (code, _, error) = health(&services, &[]).await;

    assert_eq!(code, Some(2));
    assert!(error.contains("HTTP_LISTEN has port 0"), "{error}");
    for (url, problem) in [
        ("https://127.0.0.1:1", "write http://HOST:PORT"),
        ("http://127.0.0.1:99999", "its port is none"),
        ("http://127.0.0.1:1/livez?x", "it has a query"),
        ("http://me:hunter2@127.0.0.1:1", "it has a user or a password"),
        ("http://me:hunter2@127.0.0.1:x", "write http://HOST:PORT"),
    ] {
        let (code, output, error) = health(&services, &[url]).await;
        assert_eq!(code, Some(2), "{url}");
        assert!(error.starts_with("error: URL: ") && error.contains(problem), "{error}");
        assert!(!error.contains("hunter2") && output.is_empty(), "{error}");
    }
}

/// With a key that is wrong by one letter, of the storage at this address.
fn with_a_wrong_key(address: &str) -> String {
    azurite_connection_string(address).replace("AccountKey=Eby8", "AccountKey=Eby9")
}

#[tokio::test]
async fn a_refusal_of_the_blob_storage_is_told_from_silence_and_each_is_logged_once() {
    let mut services = Services::start().await;
    let azurite = Azurite::shared().address();
    let gone = format!("127.0.0.1:{}", test_support::free_port());
    for (setting, answer, logged) in [
        (
            with_a_wrong_key(&azurite),
            "refuses: 403 AuthorizationFailure",
            "the blob storage refuses: 403 AuthorizationFailure",
        ),
        (azurite_connection_string(&gone), "does not answer", "the blob storage does not answer"),
    ] {
        services.set("AZURE_STORAGE_CONNECTION_STRING", &setting);
        let server = services.serve().await;
        for _ in 0..3 {
            let ready = server.get("/readyz").await;
            assert_eq!((ready.status, &ready.json()["blobStorage"]), (200, &answer.into()));
            assert!(server.get("/metrics").await.body.contains("\nbatch_sync_blob_up 0\n"));
            // What was heard is used for a second.
            tokio::time::sleep(Duration::from_millis(1_050)).await;
        }
        server.terminate().await;
        let (_, said) = server.end().await;
        assert_eq!(said.matches(logged).count(), 1, "{said}");
        assert!(!said.contains("still trying"), "{said}");
    }
}

#[tokio::test]
async fn the_log_says_why_the_blob_storage_went_and_that_it_came_back() {
    let mut services = Services::start().await;
    let is_away = Arc::new(AtomicBool::new(false));
    let of_proxy = Arc::clone(&is_away);
    let proxy = proxy_before(&Azurite::shared().address(), move |_| {
        let is_away = Arc::clone(&of_proxy);
        let asked: Filter = Box::new(move |_| match is_away.load(Ordering::Relaxed) {
            true => Fate::CutAfter(Vec::new()),
            false => Fate::Pass,
        });
        [asked, pass()]
    });
    services.set("AZURE_STORAGE_CONNECTION_STRING", &azurite_connection_string(&proxy));
    let server = services.serve().await;
    let becomes = async |state: &str| {
        let is_so = async || server.get("/readyz").await.json()["blobStorage"] == state;
        while !is_so().await {}
    };
    becomes("answers").await;

    is_away.store(true, Ordering::Relaxed);
    becomes("does not answer").await;
    is_away.store(false, Ordering::Relaxed);
    becomes("answers").await;

    server.terminate().await;
    let (_, said) = server.end().await;
    let lines = said.lines().filter(|line| line.contains("the blob storage"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("the blob storage does not answer") && lines[0].contains(": "));
    assert!(lines[1].contains("the blob storage answers again after"), "{said}");
}
