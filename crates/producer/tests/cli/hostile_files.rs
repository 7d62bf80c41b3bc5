//! Files that are meant to stop a program: refused in the same words, whatever is done with them.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::Fixture;

#[test]
fn a_header_that_is_too_large_is_refused_by_sync_plan_and_replay_alike() {
    let fixture = Fixture::with_rows(3);
    fixture.complete("source", |_| Some("LOCKED"));
    let name = "x".repeat(70_000);
    fixture.put("long.csv", format!("id,{name}\n1,2\n"));
    fixture.put("copy.csv", format!("{}_record,_code,_message\n", "id,".repeat(2_001)));
    let long = "header (line 1, byte 0): the header has 70003 bytes, and may have 65536 \
                (HEADER_BYTES_MAX); leave columns out or shorten their names, or set \
                HEADER_BYTES_MAX higher";

    for command in [
        &["plan", "--file", "long.csv"][..],
        &["sync", "--file", "long.csv", "--run-id", "long"],
        &["plan", "--file", "long.csv", "--count"],
    ] {
        let said = fixture.refused(command);
        assert!(said.ends_with(&format!("long.csv: {long}")), "{command:?}: {said}");
    }
    let said = fixture.refused(&["replay", "source", "--file", "copy.csv"]);
    assert!(said.contains("the header has 2001 columns, and may have 2000"), "{said}");
    let said = fixture.refused(&["show", "long"]);
    assert!(said.contains("there is no run long"), "{said}");

    let wider = [("HEADER_BYTES_MAX", "80000")];
    let output = fixture.producer_with(&wider, &["plan", "--file", "long.csv"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_plan_of_hours_of_nothing_hears_sigterm() {
    let fixture = Fixture::start();
    let gzip = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let lines = gzip(" ,\n".repeat(4 << 20).as_bytes()).repeat(128);
    fixture.put("nothing.csv.gz", [gzip(b"a,b\n"), lines].concat());
    let mut plan = Command::new(env!("CARGO_BIN_EXE_producer"))
        .args(["plan", "--file", "nothing.csv.gz"])
        .env_clear()
        .envs(fixture.settings())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has heard of Redis, and goes on to read.
    let mut redis = fixture.connection();
    let mut clients = || redis::cmd("CLIENT").arg("LIST").query::<String>(&mut redis).unwrap();
    while clients().lines().count() < 2 {
        assert!(plan.try_wait().unwrap().is_none(), "it has ended");
        std::thread::yield_now();
    }

    let pid = plan.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());

    assert_eq!(plan.wait().unwrap().code(), Some(143));
}
