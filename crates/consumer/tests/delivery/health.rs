//! `consumer health`, beside a consumer that is up, waits for Redis, and is gone.

use std::process::{Output, Stdio};

use tokio::process::Command;

use super::support::Scene;

/// Asks with the settings that the consumer has.
async fn health(port: u16, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.arg("health").args(arguments).env_clear().stdin(Stdio::null());
    command.env("METRICS_LISTEN", format!("0.0.0.0:{port}"));
    said(&command.output().await.unwrap())
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn health_tells_a_ready_consumer_from_one_that_waits_and_one_that_is_gone() {
    let mut scene = Scene::new().await;
    let port = test_support::free_port();
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\""]);
    command.args(scene.command_line(&[&format!("--metrics-listen=127.0.0.1:{port}")]));
    command.env_clear().stderr(Stdio::null()).kill_on_drop(true);
    let mut consumer = command.spawn().unwrap();
    while health(port, &[]).await.0 != Some(0) {}

    let (ready, live) = (health(port, &[]).await, health(port, &["--live"]).await);
    assert_eq!(ready, (Some(0), "ready\n".to_owned(), String::new()));
    assert_eq!(live, (Some(0), "live\n".to_owned(), String::new()));
    let url = format!("http://localhost:{port}/metrics");
    assert_eq!(health(1, &[&url]).await.1, "healthy\n");

    scene.redis.kill();
    let (code, out, error) = loop {
        let asked = health(port, &[]).await;
        if asked.0 != Some(0) {
            break asked;
        }
    };
    let unready =
        format!("error: http://127.0.0.1:{port}/readyz answers 503: redis does not answer\n");
    assert_eq!((code, out, error), (Some(1), String::new(), unready));
    assert_eq!(health(port, &["--live"]).await.0, Some(0), "it runs");

    consumer.kill().await.unwrap();
    let (code, _, error) = health(port, &["--live"]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains(&format!("nobody answers at http://127.0.0.1:{port}/livez")), "{error}");
}

#[tokio::test]
async fn health_without_anywhere_to_ask_is_wrong_usage() {
    for (variable, words) in [
        ("", "METRICS_LISTEN is not set, so nothing answers"),
        ("127.0.0.1:0", "METRICS_LISTEN has port 0"),
        ("nowhere", "invalid value 'nowhere'"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
        command.arg("health").env_clear().env("METRICS_LISTEN", variable).stdin(Stdio::null());

        let (code, out, error) = said(&command.output().await.unwrap());

        assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
        assert!(error.contains(words), "{error}");
    }
}
