//! Crowds at `METRICS_LISTEN`.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command, time::timeout};

use super::support::{Scene, good_batches};

/// Far less than the time after which half a request is cut.
const SOON: Duration = Duration::from_secs(15);

/// The usual limit of open files, which is all that this program may have.
const WITH_FEW_FILES: &str = "ulimit -n 1024 && exec \"$0\" \"$@\"";

#[tokio::test]
async fn half_requests_for_metrics_stop_no_delivery() {
    let scene = Scene::new().await;
    service::raise_descriptor_limit();
    let port = test_support::free_port();
    let mut command = Command::new("sh");
    command.args(["-c", WITH_FEW_FILES]);
    command.args(scene.command_line(&[&format!("--metrics-listen=127.0.0.1:{port}")]));
    command.env_clear().stderr(Stdio::null()).kill_on_drop(true);
    let _consumer = command.spawn().unwrap();
    scene.feed("before", &good_batches(1)).await;
    scene.delivered("before").await;
    let mut halves = Vec::new();
    for _ in 0..1_100 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // One that gave its place up takes no more.
        let _taken = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").await;
        halves.push(stream);
    }

    // Their calls need new connections.
    scene.salesforce.expire_tokens();
    scene.feed("after", &good_batches(20)).await;
    timeout(SOON * 2, scene.delivered("after")).await.expect("deliveries go on");
    let live = timeout(SOON, reqwest::get(format!("http://127.0.0.1:{port}/livez"))).await;

    assert_eq!(live.expect("an answer soon").unwrap().status(), 200);
}
