//! Some 1,200 requests of those who should not ask, as raw bytes: none is let in, none breaks
//! anything, and no secret is told to anybody.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Commands, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};

use test_support::Azurite;

use crate::{
    hostile_words::{
        AUTHORIZATIONS, BODIES, HOSTS, METHODS, NAMES, ORIGINS, PATHS, QUERIES, RUN_IDS, TOKEN,
        header_lines,
    },
    smuggling::smuggled,
    support::Services,
};

/// At once; starts have eight places.
const AT_ONCE: usize = 8;

/// What still comes, comes in this time.
const REST: Duration = Duration::from_millis(300);

/// Whoever waits for more of a request than there is says nothing.
const NOTHING: Duration = Duration::from_millis(1_500);

/// A request, and whether it shows all that it has to.
#[derive(Clone, Debug)]
struct Case {
    bytes: Vec<u8>,
    is_rightful: bool,
}

fn rightful(authorization: &str) -> bool {
    authorization == format!("Bearer {TOKEN}")
}

/// A whole request with these parts.
fn case(line: &str, host: &str, authorization: &str, more: &str, body: &[u8]) -> Case {
    let mut head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}");
    if !authorization.is_empty() {
        head.push_str(&format!("Authorization: {authorization}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let is_rightful = rightful(authorization) && host == "localhost";
    Case { bytes: [head.as_bytes(), b"\r\n", body].concat(), is_rightful }
}

fn json(line: &str, authorization: &str, more: &str, body: &[u8]) -> Case {
    let more = format!("Content-Type: application/json\r\n{more}");
    case(line, "localhost", authorization, &more, body)
}

const START: &[u8] = br#"{"fileName": "rows.csv"}"#;

fn cases() -> Vec<Case> {
    let right = &*format!("Bearer {TOKEN}");
    let mut cases = Vec::new();
    for host in HOSTS {
        for path in ["/api/sync", "/api/queue", "/batch-sync", "/api/openapi.json", "/"] {
            for shown in ["", right] {
                cases.push(case(&format!("GET {path}"), host, shown, "", b""));
            }
        }
        let more = "Content-Type: application/json\r\n";
        cases.push(case("POST /api/sync/start", host, right, more, START));
    }
    for origin in ORIGINS {
        let more = format!("Origin: {origin}\r\n");
        for action in ["start", "rows/pause", "rows/resume", "rows/cancel", "rows/replay"] {
            for shown in ["", right] {
                let start = json(&format!("POST /api/sync/{action}"), shown, &more, START);
                cases.push(Case { is_rightful: false, ..start });
            }
        }
    }
    for shown in AUTHORIZATIONS {
        for line in [
            "GET /api/sync",
            "GET /api/queue",
            "GET /api/files/rows.csv/preview",
            "POST /api/mappings",
            "GET /api/salesforce/objects",
            "GET /api/salesforce/objects/Lead",
            "POST /api/checks",
            "GET /api/checks/x",
            "DELETE /api/checks/x",
            "GET /api/files",
            "GET /api/sync/rows",
            "GET /metrics",
            "POST /api/sync/start",
            "POST /api/sync/rows/cancel",
        ] {
            cases.push(json(line, shown, "", START));
        }
    }
    for name in NAMES {
        let body = serde_json::json!({ "fileName": name }).to_string();
        for shown in ["", right] {
            cases.push(json("POST /api/sync/start", shown, "", body.as_bytes()));
        }
        let body = serde_json::json!({ "file": name }).to_string();
        cases.push(json("POST /api/sync/rows/replay", right, "", body.as_bytes()));
    }
    for run in RUN_IDS {
        for line in [
            "GET /api/sync/{}",
            "GET /api/sync/{}/events",
            "GET /api/sync/{}/rejects",
            "GET /api/files/{}/preview",
            "GET /api/salesforce/objects/{}",
            "GET /api/checks/{}",
            "DELETE /api/checks/{}",
            "POST /api/sync/{}/pause",
            "POST /api/sync/{}/resume",
            "POST /api/sync/{}/cancel",
            "POST /api/sync/{}/replay",
        ] {
            cases.push(json(&line.replace("{}", run), right, "", b""));
        }
    }
    for body in BODIES {
        for path in ["start", "rows/replay", "rows/resume"] {
            cases.push(json(&format!("POST /api/sync/{path}"), right, "", body));
        }
        for path in ["mappings", "checks"] {
            cases.push(json(&format!("POST /api/{path}"), right, "", body));
        }
    }
    let deep = ["[", "{\"fileName\":", "{\"a\":["].map(|open| open.repeat(2_000));
    for deep in
        deep.iter().chain([&"9".repeat(15_000), &format!("{{\"fileName\": {}}}", "9".repeat(400))])
    {
        cases.push(json("POST /api/sync/start", right, "", deep.as_bytes()));
        cases.push(json("POST /api/sync/rows/replay", right, "", deep.as_bytes()));
    }
    for path in PATHS.iter().map(|path| (*path).to_owned()).chain([
        format!("/{}", "x".repeat(8_000)),
        format!("/{}", "../".repeat(2_000)),
        format!("/api/sync/{}", "%2e".repeat(2_000)),
        format!("/{}", "x".repeat(60_000)),
    ]) {
        for (method, shown) in [("GET", ""), ("POST", ""), ("GET", right)] {
            cases.push(case(&format!("{method} {path}"), "localhost", shown, "", b""));
        }
    }
    for query in QUERIES {
        for path in ["/api/sync", "/api/files", "/api/queue"] {
            for shown in ["", right] {
                cases.push(case(&format!("GET {path}?{query}"), "localhost", shown, "", b""));
            }
        }
    }
    for method in METHODS {
        for path in ["/api/sync/start", "/api/sync", "/api/sync/rows/cancel", "/metrics", "*"] {
            cases.push(case(&format!("{method} {path}"), "localhost", "", "", b""));
        }
    }
    for lines in header_lines() {
        for shown in ["", right] {
            cases.push(case("GET /api/queue", "localhost", shown, &lines, b""));
        }
    }
    let raw = smuggled().into_iter().map(|bytes| Case { bytes, is_rightful: false });
    cases.extend(raw);
    cases
}

/// All that comes back, until the end or until nothing more comes.
async fn sent(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Refused before it is all there, it may be cut.
    let _refused = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let wait = |answer: &Vec<u8>| if answer.is_empty() { NOTHING } else { REST };
    while let Ok(Ok(read @ 1..)) = timeout(wait(&answer), stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    answer
}

/// Of each answer in what came back.
fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line.get(..3).and_then(|status| status.parse().ok()).unwrap_or(999)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_not_let_in_break_nothing_and_hear_no_secret() {
    let mut services = Services::start().await;
    services.set("API_TOKEN", TOKEN);
    services.put_rows("rows.csv", 5).await;
    let server = services.serve().await;
    let address: SocketAddr = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    let connection = Azurite::shared().connection_string();
    let key = connection.split(';').find_map(|part| part.strip_prefix("AccountKey=")).unwrap();
    let secrets = [TOKEN, key];
    let cases = cases();
    assert!(cases.len() >= 1_200, "{}", cases.len());
    let begin = Instant::now();

    let (places, mut sending) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for case in cases {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        sending.spawn(async move {
            let answer = sent(address, &case.bytes).await;
            drop(place);
            (case, answer)
        });
    }
    let (mut answered, mut broken) = (0, Vec::new());
    while let Some(done) = sending.join_next().await {
        let (case, answer) = done.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let found = statuses(&answer);
        answered += found.len();
        let is_page = answer.contains("text/html") && case.bytes.starts_with(b"GET /batch-sync");
        let is_let_in = |status: &u16| *status < 300 && !case.is_rightful && !is_page;
        if found.iter().any(|status| *status >= 500 || is_let_in(status))
            || secrets.iter().any(|secret| answer.contains(secret))
        {
            let request = String::from_utf8_lossy(&case.bytes).into_owned();
            let begin = |text: &str| text.chars().take(400).collect::<String>();
            broken.push(format!("{found:?}: {}\n\n{}\n", begin(&request), begin(&answer)));
        }
    }

    assert!(broken.is_empty(), "{} of them:\n{}", broken.len(), broken.join("\n"));
    assert!(answered > 1_000, "only {answered} were answered");
    assert!(begin.elapsed() < Duration::from_secs(50), "{:?}", begin.elapsed());
    assert_eq!(server.get("/livez").await.status, 200);
    for secret in secrets {
        assert!(!all_of(&mut services.connection()).contains(secret), "it is in redis");
    }
    server.terminate().await;
    let (code, said) = server.end().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.lines().all(|line| !line.contains("panicked")), "{said}");
    for secret in secrets {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(said.bytes().all(|byte| byte == b'\n' || !byte.is_ascii_control()), "{said:?}");
}

/// All that Redis holds, as text.
fn all_of(redis: &mut redis::Connection) -> String {
    let keys: Vec<String> = redis.keys("*").unwrap();
    let mut all = String::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query(redis).unwrap();
        let mut command = redis::cmd(match kind.as_str() {
            "hash" => "HGETALL",
            "list" => "LRANGE",
            "zset" => "ZRANGE",
            "set" => "SMEMBERS",
            "stream" => "XRANGE",
            _ => "GET",
        });
        command.arg(&key);
        match kind.as_str() {
            "list" | "zset" => drop(command.arg(0).arg(-1)),
            "stream" => drop(command.arg("-").arg("+")),
            _ => {}
        }
        let value: Value = command.query(redis).unwrap();
        all.push_str(&key);
        add(&value, &mut all);
    }
    all
}

fn add(value: &Value, all: &mut String) {
    match value {
        Value::Array(values) | Value::Set(values) => {
            values.iter().for_each(|value| add(value, all));
        }
        Value::Map(pairs) => pairs.iter().for_each(|(name, value)| {
            add(name, all);
            add(value, all);
        }),
        Value::BulkString(bytes) => all.push_str(&String::from_utf8_lossy(bytes)),
        other => all.push_str(&format!("{other:?}")),
    }
    all.push('\n');
}
