//! The rights that the documentation asks for are enough.

use std::path::Path;

use redis::{Connection, Value};
use test_support::free_port;

use crate::{pipeline::Pipeline, processes::wait_until};

/// The line for Redis' user in docs/redis.md, as words.
fn documented_user() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/redis.md");
    let page = std::fs::read_to_string(path).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("ACL SETUSER ")).unwrap();
    line.replace("its password", "secret").replace('"', "").split(' ').map(str::to_owned).collect()
}

fn acl(redis: &mut Connection, words: &[&str]) -> Value {
    redis::cmd("ACL").arg(words).query(redis).unwrap()
}

/// A password that is wrong for some seconds, as while it is changed, or on a replica that took over and
/// has not got the user.
#[test]
fn programs_that_redis_signs_out_for_a_while_go_on_by_themselves() {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=60"]);
    let mut redis = redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap();
    acl(&mut redis, &["SETUSER", "loader", "on", ">secret", "~*", "&*", "+@all"]);
    let url = format!("redis://loader:secret@127.0.0.1:{}", pipeline.redis.port());
    pipeline.set("REDIS_URL", &url);
    pipeline.generate(5_000, &["--bad-rows", "20"]);
    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "signed-out", "--json"]);
    pipeline.wait_until_rows_arrive(500);

    acl(&mut redis, &["SETUSER", "loader", "resetpass", ">other"]);
    let () = redis::cmd("CLIENT").arg(&["KILL", "USER", "loader"]).query(&mut redis).unwrap();
    for program in [&consumer, &sync] {
        wait_until("it is refused", || program.stderr().contains("retrying until it can"));
    }
    // The library beneath gives up after the first refusal.
    wait_until("they try again and again", || refused_sign_ins(&mut redis) > 8);
    acl(&mut redis, &["SETUSER", "loader", "resetpass", ">secret"]);

    pipeline.assert_all_arrived("signed-out", sync, 5_000);
}

/// As Redis has counted them.
fn refused_sign_ins(redis: &mut Connection) -> u64 {
    let log: Vec<std::collections::HashMap<String, Value>> =
        redis::cmd("ACL").arg("LOG").query(redis).unwrap();
    let counts = log.iter().filter(|entry| entry["reason"] == Value::BulkString(b"auth".to_vec()));
    counts.map(|entry| redis::from_redis_value::<u64>(entry["count"].clone()).unwrap()).sum()
}

/// Loads, pauses, resumes, verifies, replays, cancels and serves as a user who may do nothing else.
#[test]
fn a_redis_user_with_the_documented_rights_can_do_everything() {
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=60"]);
    let mut redis = redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap();
    let user = documented_user();
    let words: Vec<&str> = ["SETUSER"].into_iter().chain(user.iter().map(String::as_str)).collect();
    acl(&mut redis, &words);
    let url = format!("redis://{}:secret@127.0.0.1:{}", user[0], pipeline.redis.port());
    pipeline.set("REDIS_URL", &url);
    pipeline.set("QUEUE_DEPTH_HIGH", "10");
    pipeline.generate(5_000, &["--bad-rows", "20"]);
    let consumer = pipeline.consumer();
    let address = format!("127.0.0.1:{}", free_port());
    let server = pipeline.program("producer", &["serve", "--http-listen", &address]);
    let answers = |path: &str| {
        let answer = reqwest::blocking::get(format!("http://{address}{path}"));
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    wait_until("the server is ready", || answers("/readyz"));

    let sync = pipeline.sync(&["--run-id", "rights", "--json"]);
    pipeline.wait_until_rows_arrive(500);
    // As if it had just started: everything is written anew.
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut redis).unwrap();
    for path in ["/api/queue", "/api/sync", "/api/sync/rights", "/metrics"] {
        assert!(answers(path), "{path}");
    }
    for command in ["pause", "resume"] {
        let ended = pipeline.program("producer", &[command, "rights"]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    pipeline.assert_all_arrived("rights", sync, 5_000);
    for (arguments, code) in
        [(["verify", "rights"], 0), (["replay", "rights"], 3), (["show", "rights"], 0)]
    {
        let ended = pipeline.program("producer", &arguments).end();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    }
    consumer.signal("TERM");
    assert_eq!(consumer.end().code, Some(0));

    let sync = pipeline.sync(&["--run-id", "left-out", "--json"]);
    wait_until("reading pauses", || sync.stderr().contains("reading pauses"));
    let cancel = pipeline.program("producer", &["cancel", "left-out"]).end();
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let _consumer = pipeline.consumer();
    assert_eq!(sync.end().code, Some(1));
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));

    let denied = acl(&mut redis, &["LOG"]);
    assert_eq!(denied, Value::Array(Vec::new()));
    // And no more than these.
    let client = redis::Client::open(url).unwrap();
    let mut theirs = client.get_connection().unwrap();
    for command in [&["FLUSHALL"][..], &["CONFIG", "GET", "*"], &["KEYS", "*"], &["GET", "other"]] {
        let refused = redis::cmd(command[0]).arg(&command[1..]).query::<Value>(&mut theirs);
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{command:?}: {refused}");
    }
}
