//! `producer health`, beside a server that is up, waits for Redis, says nothing, and is gone.

use std::process::Stdio;

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
