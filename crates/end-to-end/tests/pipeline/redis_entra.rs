//! A Redis that takes tokens of Entra ID for passwords.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redis::cmd;
use test_support::{sleep, wait_until};

use crate::{
    pipeline::Pipeline,
    redis_faults::{ROWS, connection, info, slow_pipeline},
};

/// The identity's object id, and so the user in Redis.
const OBJECT_ID: &str = "5f6c7a52-0d0c-4e5c-9b57-3c1c2f3f0b11";

/// `{"oid":OBJECT_ID}`, as a token has it.
const CLAIMS: &str = "eyJvaWQiOiI1ZjZjN2E1Mi0wZDBjLTRlNWMtOWI1Ny0zYzFjMmYzZjBiMTEifQ";

/// A quarter of it is there to show the next token, also on a machine with much to do.
const LASTS: Duration = Duration::from_secs(10);

/// Hands out tokens as App Service does. Each is known to Redis as a password of the user from then on,
/// and no longer than it lasts; then the user's connections that were not shown another one are cut.
fn hand_out_tokens(redis_url: String) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let given = Arc::<AtomicU64>::default();
    let count = Arc::clone(&given);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let token = format!("eyJhbGciOiJub25lIn0.{CLAIMS}.{number}");
            set_user(&redis_url, &[&format!(">{token}")]);
            answer(client, &token);
            let (redis_url, ended) = (redis_url.clone(), format!("<{token}"));
            thread::spawn(move || {
                sleep(LASTS);
                set_user(&redis_url, &[&ended]);
            });
        }
    });
    (format!("http://{address}/msi"), given)
}

fn set_user(url: &str, rules: &[&str]) {
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let () = cmd("ACL").arg(&["SETUSER", OBJECT_ID]).arg(rules).query(&mut redis).unwrap();
}

fn answer(mut client: TcpStream, token: &str) {
    let mut asked = [0; 8192];
    let bytes = client.read(&mut asked).unwrap();
    let asked = String::from_utf8_lossy(&asked[..bytes]).into_owned();
    assert!(asked.contains("resource=https%3A%2F%2Fredis.azure.com"), "{asked}");
    let ends = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + LASTS;
    let body = serde_json::json!({
        "access_token": token, "expires_on": ends.as_secs().to_string(), "token_type": "Bearer",
        "resource": "https://redis.azure.com",
    })
    .to_string();
    let head = format!(
        "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    client.write_all((head + &body).as_bytes()).unwrap();
}

/// The identity is not known to Redis, or not any more; also where a node of a cluster is asked first.
#[test]
fn a_token_that_redis_refuses_is_for_a_person() {
    let mut pipeline = slow_pipeline();
    let redis_url = pipeline.redis.url();
    let (endpoint, _given) = hand_out_tokens(redis_url.clone());
    pipeline.set("REDIS_AUTH", "entra");
    pipeline.set("IDENTITY_ENDPOINT", &endpoint);
    pipeline.set("IDENTITY_HEADER", "header-of-the-platform");
    set_user(&redis_url, &["off"]);
    // The identity is this machine's: no proxy is asked for it.
    pipeline.set("HTTP_PROXY", "http://127.0.0.1:1");

    for url in [redis_url.clone(), redis_url.replace("redis:", "redis+cluster:")] {
        pipeline.set("REDIS_URL", &url);
        let refused = pipeline.program("producer", &["runs"]).end();
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("does not take the token of this identity"), "{refused:?}");
        assert!(refused.stderr.contains(&redis_url.replace("redis://", "")), "{refused:?}");
    }
}

#[test]
fn tokens_open_redis_and_are_renewed_before_they_end() {
    // The run takes longer than two tokens last.
    let mut pipeline = Pipeline::with_salesforce(&["--latency-ms=1000"]);
    pipeline.set("QUEUE_DEPTH_HIGH", "20");
    pipeline.generate(3 * ROWS, &["--bad-rows", "20"]);
    let redis_url = pipeline.redis.url();
    let all = ["on", "~{batch-sync}:*", "+@all"];
    set_user(&redis_url, &all);
    let (endpoint, given) = hand_out_tokens(redis_url);
    pipeline.set("REDIS_AUTH", "entra");
    pipeline.set("IDENTITY_ENDPOINT", &endpoint);
    pipeline.set("IDENTITY_HEADER", "header-of-the-platform");

    let consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "entra", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);
    let users = |what: &str| {
        let list: String =
            cmd("CLIENT").arg("LIST").query(&mut connection(&pipeline.redis)).unwrap();
        let ours = list.lines().filter(|line| line.contains(OBJECT_ID));
        let mut ids: Vec<String> =
            ours.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        ids.sort();
        assert_eq!(ids.len(), 2, "{what}: the consumer and the producer: {list}");
        ids
    };
    let shown = || {
        let calls = info(&pipeline.redis.url(), "commandstats", "cmdstat_auth");
        let calls = calls.trim_start_matches("calls=").split(',').next().unwrap();
        calls.parse::<u64>().unwrap_or_default()
    };
    let (before, at_first) = (users("at first"), given.load(Ordering::SeqCst));
    let shown_at_first = shown();
    wait_until("more tokens are given than connections are there", || {
        given.load(Ordering::SeqCst) >= at_first + 4
    });
    wait_until("they are shown on open connections", || shown() >= shown_at_first + 3);
    assert_eq!(users("later"), before, "a connection did not outlive its token");

    pipeline.assert_all_arrived("entra", sync, 3 * ROWS);
    assert!(!consumer.stderr().contains("cannot"), "{}", consumer.stderr());
}
