//! Every route and every refusal.

use std::collections::BTreeSet;

use job_queue::OutageKind;
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{Deliverer, Server, Services, send};

/// The paths of the document, with the methods that each takes.
fn described(document: &Value) -> Vec<(String, Vec<String>)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        let mut methods: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
        methods.sort();
        methods
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[tokio::test]
async fn every_described_path_is_there_and_takes_just_the_described_methods() {
    let server = Services::start().await.serve().await;
    let document = server.get("/api/openapi.json").await.json();
    let described = described(&document);
    assert_eq!(described.len(), 25, "{described:?}");

    for (path, methods) in described {
        let path = path.replace("{run}", "no-such-run");
        let answer = send(server.request(Method::PATCH, &path)).await;

        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        let allowed = answer.header("allow").to_ascii_lowercase();
        let mut allowed: Vec<&str> =
            allowed.split(',').filter(|method| *method != "head").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, methods, "{path}");
        assert!(answer.error().contains("does not take this method"));
    }
}

#[tokio::test]
async fn every_refusal_has_its_status_and_words() {
    let services = Services::start().await;
    services.put("empty.csv", "").await;
    services.put("rows.csv", "id\n1\n").await;
    let server = services.serve().await;
    let long = "x".repeat(1_025);
    let cases: &[(Method, &str, u16, &str)] = &[
        (Method::GET, "/nowhere", 404, "there is nothing here"),
        (Method::GET, "/api/nowhere", 404, "there is nothing here"),
        (Method::GET, "/batch-sync/nowhere.js", 404, "no such file"),
        (Method::GET, "/batch-sync/README.md", 404, "no such file"),
        (Method::GET, "/batch-sync/..%2fCargo.toml", 404, "no such file"),
        (Method::GET, "/api/sync/no-such-run", 404, "no such run"),
        (Method::GET, "/api/sync/-%2f-", 404, "no such run"),
        (Method::GET, "/api/sync/%ff", 404, "no such run"),
        (Method::GET, "/api/sync/no-such-run/events", 404, "no such run"),
        (Method::GET, "/api/sync/no-such-run/rejects", 404, "no such run"),
        (Method::POST, "/api/sync/no-such-run/pause", 404, "no such run"),
        (Method::POST, "/api/sync/no-such-run/resume", 404, "no such run"),
        (Method::POST, "/api/sync/no-such-run/cancel", 404, "no such run"),
        (Method::POST, "/api/sync/no-such-run/replay", 404, "no such run"),
        (Method::GET, "/api/sync?limit=0", 400, "limit must be 1 to 200"),
        (Method::GET, "/api/sync?limit=201", 400, "limit must be 1 to 200"),
        (Method::GET, "/api/sync?limit=many", 400, "the query is not understood"),
        (Method::GET, "/api/sync?before=yesterday", 400, "before is not what"),
        (Method::GET, "/api/sync?befor=1-a", 400, "unknown field `befor`"),
        (Method::GET, "/api/files?limit=1001", 400, "limit must be 1 to 1000"),
        (Method::GET, "/api/files?prefix=%00", 400, "prefix cannot be"),
        (Method::GET, "/api/files?after=yesterday", 404, "there is no such page"),
        (Method::GET, &format!("/api/files?prefix={long}"), 400, "prefix cannot be"),
        (Method::POST, "/api/sync/start", 415, "must be JSON"),
        (Method::GET, "/api/files/rows.csv", 405, "does not take this method"),
        (Method::GET, "/api/files/rows.csv?x=1", 405, "does not take this method"),
        (Method::GET, "/api/files/no-such.csv/preview", 404, "there is no blob"),
        (Method::GET, "/api/files/empty.csv/preview", 422, "empty"),
        (Method::GET, "/api/files/rows.csv/preview?rows=7", 400, "unknown field `rows`"),
        (Method::GET, "/api/files/a%2F..%2Fb.csv/preview", 400, "has a segment"),
        (Method::GET, "/api/files//preview", 400, "not a blob name"),
        (Method::GET, "/api/files/%ff/preview", 400, "not UTF-8"),
        (Method::POST, "/api/mappings", 415, "must be JSON"),
        (Method::GET, "/api/salesforce/objects", 409, "set SALESFORCE_LOGIN_URL"),
        (Method::GET, "/api/salesforce/objects/Contact", 409, "set SALESFORCE_LOGIN_URL"),
        (Method::POST, "/api/checks", 415, "must be JSON"),
        (Method::GET, "/api/checks/no-such", 404, "no such check"),
        (Method::GET, "/api/checks/%ff", 404, "no such check"),
        (Method::DELETE, "/api/checks/no-such", 404, "no such check"),
        (Method::PUT, "/api/files/", 404, "there is nothing here"),
        (Method::PUT, "/api/files/rows.csv", 409, "add ?overwrite=true"),
        (Method::PUT, "/api/files/a%2F..%2Fb.csv", 400, "has a segment"),
        (Method::PUT, "/api/files//a.csv", 400, "starts or ends with"),
        (Method::PUT, "/api/files/%ff", 400, "not UTF-8"),
        (Method::PUT, &format!("/api/files/{long}"), 400, "longer than 1024"),
        (Method::PUT, "/api/files/a.csv?overwrite=maybe", 400, "the query is not understood"),
        (Method::PUT, "/api/files/a.csv?force=true", 400, "unknown field `force`"),
    ];

    for (method, path, status, words) in cases {
        let answer = send(server.request(method.clone(), path)).await;

        assert_eq!(answer.status, *status, "{method} {path}: {answer:?}");
        assert!(answer.error().contains(words), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn every_body_that_starts_nothing_is_told_why() {
    let services = Services::start().await;
    services.put("empty.csv", "").await;
    let server = services.serve().await;
    let json = "application/json";
    let too_long = format!(r#"{{"fileName": "{}"}}"#, "x".repeat(512 << 10));
    let name = |name: &str| json!({ "fileName": name }).to_string();
    let cases = [
        ("text/plain", name("rows.csv"), 415, "must be JSON"),
        (json, String::new(), 400, "not what is expected"),
        (json, "{".to_owned(), 400, "not what is expected"),
        (json, "[]".to_owned(), 400, "must be a JSON object"),
        (json, r#"["rows.csv"]"#.to_owned(), 400, "must be a JSON object"),
        (json, "{}".to_owned(), 400, "missing field `fileName`"),
        (json, r#"{"fileName": 7}"#.to_owned(), 400, "not what is expected"),
        (json, r#"{"fileName": "a", "x": 1}"#.to_owned(), 400, "unknown field `x`"),
        (json, too_long, 413, "longer than 524288 bytes"),
        (json, name(""), 400, "not a blob name"),
        (json, name("/etc/passwd"), 400, "not a blob name"),
        (json, name("../other-container/rows.csv"), 400, "not a blob name"),
        (json, name("a/../../b.csv"), 400, "not a blob name"),
        (json, name(r"a\b.csv"), 400, "not a blob name"),
        (json, name("a\nb.csv"), 400, "not a blob name"),
        (json, name(&"x".repeat(1_025)), 400, "not a blob name"),
        (json, name("no-such-file.csv"), 404, "there is no blob"),
        (json, name("?comp=list"), 404, "there is no blob"),
        (json, name("empty.csv"), 422, "empty"),
    ];

    for (content_type, body, status, words) in cases {
        let request = server.request(Method::POST, "/api/sync/start");
        let answer = send(request.header(CONTENT_TYPE, content_type).body(body.clone())).await;

        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.error().contains(words), "{body}: {answer:?}");
    }
    let runs = server.get("/api/sync").await.json();
    assert_eq!(runs, json!({"runs": [], "next": null}));
}

/// Fields of an object.
fn names(object: &Value) -> BTreeSet<&String> {
    object.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn runs_are_listed_in_pages_and_shown_one_by_one() {
    let services = Services::start().await;
    let server = services.serve().await;
    let mut started = Vec::new();
    for number in 1..=3 {
        let file = format!("{number}.csv");
        services.put_rows(&file, 5).await;
        started.push(server.start(&file).await.run());
    }
    started.reverse();

    let first = server.get("/api/sync?limit=2").await.json();
    let next = first["next"].as_str().unwrap().to_owned();
    let second = server.get(&format!("/api/sync?limit=2&before={next}")).await.json();

    assert_eq!(second["next"], Value::Null);
    let runs = |page: &Value| page["runs"].as_array().unwrap().clone();
    let listed = [runs(&first), runs(&second)].concat();
    let ids: Vec<&str> = listed.iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert_eq!(ids, started);
    let shown = server.get(&format!("/api/sync/{}", started[0])).await.json();
    let document = server.get("/api/openapi.json").await.json();
    let described = &document["components"]["schemas"]["Report"]["properties"];
    assert_eq!(names(&shown), names(described), "every field is described");
    assert_eq!((&shown["file"], &shown["fileBytes"]), (&json!("3.csv"), &json!(53)));
}

#[tokio::test]
async fn what_happened_in_a_run_over_time_adds_up_to_its_report() {
    let services = Services::start().await;
    services.put_rows("a.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("a.csv").await.run();
    Deliverer::new(&services).await.deliver(2).await;

    let series: Value = server.get(&format!("/api/sync/{run}/series")).await.json();

    let sum = |field: &str| -> u64 {
        series["buckets"].as_array().unwrap().iter().map(|of| of[field].as_u64().unwrap()).sum()
    };
    assert_eq!(series["bucketMs"], 250);
    assert_eq!([sum("read"), sum("delivered"), sum("rejected")], [20, 20, 0]);
    assert_eq!(server.get("/api/sync/no-such/series").await.status, 404);
}

#[tokio::test]
async fn files_are_listed_in_pages() {
    let services = Services::start().await;
    for name in ["a/1.csv", "a/2.csv", "b ü.csv"] {
        services.put(name, "id\n").await;
    }
    let server = services.serve().await;
    let names = |page: &Value| {
        let files = page["files"].as_array().unwrap().clone();
        files.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let first = server.get("/api/files?limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = server.get(&format!("/api/files?limit=2&after={next}")).await.json();

    assert_eq!(names(&first), ["a/1.csv", "a/2.csv"]);
    assert_eq!(first["uploadBytesMax"], json!(5_u64 << 30));
    assert_eq!((names(&second), &second["next"]), (vec!["b ü.csv".to_owned()], &Value::Null));
    assert_eq!(names(&server.get("/api/files?prefix=a%2F").await.json()), ["a/1.csv", "a/2.csv"]);
    let blob = services.store.properties("a/1.csv").await.unwrap();
    let file = &first["files"][0];
    assert_eq!((&file["bytes"], &file["etag"]), (&json!(3), &json!(blob.etag.to_string())));
    let modified = blob.last_modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(file["lastModifiedMs"].as_u64().map(u128::from), Some(modified));
}

#[tokio::test]
async fn the_queue_shows_depth_watermarks_and_who_is_there() {
    let mut services = Services::start().await;
    services.set("QUEUE_DEPTH_HIGH", "7");
    services.put_rows("rows.csv", 30).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["batchesFed"] == 3).await;

    let minute = Some(std::time::Duration::from_secs(60));
    services
        .queue()
        .await
        .publish_outage(OutageKind::Trouble, "salesforce is not available", minute)
        .await
        .unwrap();
    // What was seen a moment ago may be shown once more.
    let mut queue = server.get("/api/queue").await.json();
    while queue["outage"].is_null() {
        queue = server.get("/api/queue").await.json();
    }

    let stands_still = server.get(&format!("/api/sync/{run}")).await.json()["standsStill"].clone();
    let stands_still = stands_still.as_str().unwrap();
    assert!(stands_still.starts_with("deliveries: salesforce is not available; tried again at "));
    let nobody = "; and no consumer is running, so nothing is delivered yet; start one: consumer";
    assert!(stands_still.ends_with(nobody), "{stands_still}");
    assert!(queue["bytes"].as_u64() > Some(200), "{queue}");
    let since = queue["outage"]["sinceMs"].as_u64().unwrap();
    let expected = json!({
        "jobs": 3, "bytes": queue["bytes"], "jobsHigh": 7, "jobsLow": 3,
        "bytesHigh": 67_108_864, "bytesLow": 33_554_432,
        "consumers": 0, "consumersStarting": 0, "servers": 1, "loads": [], "apiUsage": null,
        "outage": {
            "reason": "salesforce is not available", "sinceMs": since, "untilMs": since + 60_000,
        },
    });
    assert_eq!(queue, expected);
}

#[tokio::test]
async fn the_page_is_served_with_versions_and_forbids_what_it_does_not_need() {
    let server = Services::start().await.serve().await;

    let root = server.get("/").await;
    let page = server.get("/batch-sync").await;
    let etag = page.header("etag").to_owned();
    let known = server.request(Method::GET, "/batch-sync").header("if-none-match", &etag);
    let known = send(known).await;

    assert_eq!((root.status, root.header("location")), (303, "/batch-sync"));
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((known.status, known.body.as_str(), known.header("etag")), (304, "", &*etag));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(server.get("/api/queue").await.header("cache-control"), "no-store");
    for name in linked(&page.body) {
        let file = server.get(&name).await;
        assert_eq!(file.status, 200, "{name}");
    }
}

/// Paths that the page loads.
fn linked(page: &str) -> Vec<String> {
    let paths: Vec<String> = page
        .split('"')
        .filter(|text| text.starts_with("/batch-sync/"))
        .map(str::to_owned)
        .collect();
    assert!(!paths.is_empty());
    paths
}

#[tokio::test]
async fn metrics_are_figures_without_names() {
    let services = Services::start().await;
    services.put_rows("secret-name.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("secret-name.csv").await.run();
    Deliverer::new(&services).await.deliver(2).await;
    server.report(&run, |report| report["status"] == "completed").await;
    // Redis is asked once a second; and the server follows the run for itself.
    has_metric(&server, "batch_sync_runs_ended_total{state=\"completed\"} 1").await;
    has_metric(&server, "batch_sync_run_duration_seconds_count{state=\"completed\"} 1").await;

    let metrics = server.get("/metrics").await;

    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "batch_sync_queue_batches{state=\"waiting\"} 0",
        "batch_sync_queue_high_bytes 67108864",
        "batch_sync_servers 1",
        "batch_sync_runs{state=\"feeding\"} 0",
        "batch_sync_rows_read_total 20",
        "batch_sync_runs_started_total{source=\"api\"} 1",
        "batch_sync_event_streams 0",
        "batch_sync_blob_up 1",
        "batch_sync_http_request_duration_seconds_count{method=\"POST\",route=\"/api/sync/start\",status=\"2xx\"} 1",
        "batch_sync_build_info{component=\"server\",version=\"0.1.0\",revision=\"unknown\"} 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}: {}", metrics.body);
    }
    assert!(!metrics.body.contains(&run) && !metrics.body.contains("secret-name"));
}

async fn has_metric(server: &Server, line: &str) {
    for _ in 0..200 {
        if server.get("/metrics").await.body.contains(line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("there is no {line}");
}
