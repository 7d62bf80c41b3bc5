//! The program: port file, what it prints, how it ends.

use std::{fs, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn program(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_salesforce-simulator"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn it_says_where_it_is_and_at_the_end_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("port");
    let mut child =
        program(&["--listen", "127.0.0.1:0", "--port-file", port_file.to_str().unwrap()]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first_line = String::new();
    timeout(PATIENCE, stderr.read_line(&mut first_line)).await.unwrap().unwrap();

    let address = fs::read_to_string(port_file).unwrap();
    assert!(first_line.contains(&format!("http://{address}/__sim/state")), "{first_line}");
    tls::provide();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = http.get(format!("http://{address}/__sim/healthz")).send().await.unwrap();
    assert!(health.status().is_success());
    let id = child.id().unwrap().to_string();
    Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
    let mut rest = String::new();
    timeout(PATIENCE, stderr.read_to_string(&mut rest)).await.unwrap().unwrap();

    assert!(rest.contains("0 requests, 0 logins"), "{rest}");
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.json");
    fs::write(&schema, "{}").unwrap();
    for (arguments, code, expected) in [
        (vec!["--schema", "/nowhere.json"], 1, "error: /nowhere.json: No such file"),
        (vec!["--schema", schema.to_str().unwrap()], 1, "the schema is not of the form"),
        (vec!["--listen", "nowhere"], 2, "invalid socket address"),
        (vec!["--reset-permille", "1001"], 2, "1001 is not in 0..=1000"),
    ] {
        let output = timeout(PATIENCE, program(&arguments).wait_with_output()).await.unwrap();
        let output = output.unwrap();

        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}
