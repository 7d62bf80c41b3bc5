//! Clients that others wrote for Salesforce, against the program: login in each of
//! their ways, describe, limits, collections, Bulk API 2.0, queries. They are
//! programs of their own (`foreign-clients/`), got by `scripts/foreign-clients.sh`;
//! without them these tests fail.

#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{fs, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

/// Getting a client may take minutes where it is not there yet.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn jsforce_finds_salesforce_in_it() {
    is_satisfied("jsforce", 17).await;
}

#[tokio::test]
async fn simple_salesforce_finds_salesforce_in_it() {
    is_satisfied("simple-salesforce", 12).await;
}

/// Starts the simulator on a free port and runs a client's checks against it.
async fn is_satisfied(client: &str, checks: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key_file, certificate_file) = (path("key.pem"), path("certificate.pem"));
    let key = rcgen::KeyPair::try_from(test_support::RSA_KEYS[0]).unwrap();
    let certificate = rcgen::CertificateParams::new(["loader".to_owned()]).unwrap();
    fs::write(&certificate_file, certificate.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_salesforce-simulator"))
        .args(["--listen", "127.0.0.1:0", "--refresh-token", "local-only-refresh-token"])
        .args(["--port-file", &path("port"), "--jwt-public-key-file", &certificate_file])
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut says = BufReader::new(simulator.stderr.take().unwrap()).lines();
    says.next_line().await.unwrap().expect("it starts");
    let url = format!("http://{}", fs::read_to_string(path("port")).unwrap());

    let run = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/foreign-clients/run.sh"))
        .args([client, &url, &key_file])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await.unwrap().unwrap();

    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let passed = stdout.lines().filter(|line| line.starts_with("ok: ")).count();
    assert_eq!(passed, checks, "{stdout}\n{stderr}");
}
