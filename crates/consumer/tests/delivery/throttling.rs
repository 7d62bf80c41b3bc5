use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::HeaderValue,
    response::Response,
};
use job_queue::Outage;
use salesforce_simulator::{Fault, Faults, PlannedFault};
use serde_json::Value;
use test_support::until;
use tokio::{net::TcpListener, task::JoinHandle};

use super::support::{Scene, good_batches};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server before Salesforce that says how many of 1,000 calls of the day are used.
struct Meter {
    login_url: String,
    used: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Route {
    salesforce: String,
    used: Arc<AtomicU64>,
    http: reqwest::Client,
}

impl Meter {
    async fn before(salesforce: &str, used: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login_url = format!("--salesforce-login-url=http://{}", listener.local_addr().unwrap());
        let used = Arc::new(AtomicU64::new(used));
        let route = Route {
            salesforce: salesforce.to_owned(),
            used: Arc::clone(&used),
            http: reqwest::Client::new(),
        };
        let router = Router::new().fallback(pass_on).with_state(route);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { login_url, used, serving }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass_on(State(route): State<Route>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let url = format!("{}{}", route.salesforce, head.uri);
    let passed_on = route.http.request(head.method, url).headers(head.headers).body(body);
    let answer = passed_on.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    let used = format!("api-usage={}/1000", route.used.load(Relaxed));
    let headers = response.headers_mut().unwrap();
    headers.insert("sforce-limit-info", HeaderValue::from_str(&used).unwrap());
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

/// Waits until deliveries stand still, or go on.
async fn pause(scene: &Scene, stands_still: bool) -> Option<Outage> {
    let start = Instant::now();
    loop {
        let pause = scene.queue.outage().await.unwrap();
        if pause.is_some() == stands_still {
            return pause;
        }
        assert!(start.elapsed() < PATIENCE, "{pause:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_usage_of_the_day_is_published() {
    let scene = Scene::new().await;
    scene.feed("told", &good_batches(3)).await;

    let _consumer = scene.consumer(&[]);
    scene.delivered("told").await;

    let start = Instant::now();
    let calls = scene.salesforce.state().api_calls;
    loop {
        let usage = scene.queue.api_usage().await.unwrap();
        if usage.is_some_and(|usage| (usage.used, usage.max) == (calls, 5_000_000)) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{usage:?} and not {calls}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn deliveries_wait_at_the_reserve_and_continue_when_calls_are_available() {
    let scene = Scene::new().await;
    let meter = Meter::before(&scene.salesforce.url(), 100).await;
    scene.feed("before", &good_batches(3)).await;
    let consumer = scene.consumer(&[&meter.login_url, "--salesforce-limit-check=200ms"]);
    scene.delivered("before").await;

    meter.used.store(900, Relaxed);
    scene.feed("during", &good_batches(20)).await;
    let paused = pause(&scene, true).await.unwrap();
    let settled = scene.ledger("during").await.batches_settled;
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert_eq!(
        paused.reason,
        "900 of the day's 1000 api calls are used, and 10% are kept for others"
    );
    assert!(paused.until_ms.unwrap().abs_diff(paused.since_ms) <= 1_000, "{paused:?}");
    let ledger = scene.ledger("during").await;
    assert!(ledger.batches_settled <= settled + 4 && settled <= 8, "{settled} {ledger:?}");
    assert_eq!(ledger.rejected, 0);
    meter.used.store(899, Relaxed);
    let ledger = scene.delivered("during").await;
    assert_eq!(ledger.tally.updated + ledger.tally.created, 2_000);
    pause(&scene, false).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_wait_at_the_reserve_is_cut_short_by_a_stop() {
    let scene = Scene::new().await;
    let meter = Meter::before(&scene.salesforce.url(), 950).await;
    scene.feed("still", &good_batches(4)).await;
    let consumer = scene.consumer(&[&meter.login_url, "--salesforce-api-reserve=50"]);
    pause(&scene, true).await;

    let start = Instant::now();
    consumer.stop().await.unwrap();

    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(scene.queue.depth().await.unwrap().jobs, 4);
    let _another = scene.consumer(&[&meter.login_url, "--salesforce-api-reserve=0%"]);
    scene.delivered("still").await;
}

/// Else it would say for minutes that nothing is delivered, while the other one delivers.
#[tokio::test]
async fn a_consumer_at_the_reserve_goes_on_soon_after_another_one_finds_calls_available() {
    let scene = Scene::new().await;
    let meter = Meter::before(&scene.salesforce.url(), 950).await;
    let port = test_support::free_port();
    let listen = format!("--metrics-listen=127.0.0.1:{port}");
    // It asks every five minutes.
    let seldom = scene.consumer(&[&meter.login_url, &listen]);
    let waits = async |expected: u8| {
        let figure = format!("\nbatch_sync_salesforce_calls_waiting {expected}\n");
        until(&figure, async || {
            let answer = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.ok()?;
            answer.text().await.ok()?.contains(&figure).then_some(())
        })
        .await;
    };
    waits(1).await;
    let often = scene.consumer(&[&meter.login_url, "--salesforce-limit-check=200ms"]);
    scene.feed("both", &good_batches(4)).await;
    pause(&scene, true).await;

    meter.used.store(100, Relaxed);

    scene.delivered("both").await;
    waits(0).await;
    pause(&scene, false).await;
    often.stop().await.unwrap();
    seldom.stop().await.unwrap();
}

#[tokio::test]
async fn a_day_that_salesforce_says_is_used_up_is_seen_by_all_whatever_the_figures_say() {
    let scene = Scene::new().await;
    scene.feed("day", &good_batches(4)).await;
    scene.plan(PlannedFault::once(Fault::TotalLimit).times(1_000));
    let consumer = scene.consumer(&[]);

    let paused = pause(&scene, true).await.unwrap();

    assert_eq!(paused.reason, "daily api request limit reached");
    consumer.stop().await.unwrap();
    scene.salesforce.set_faults(Faults::default());
    let _another = scene.consumer(&[]);
    let ledger = scene.delivered("day").await;
    assert_eq!((ledger.tally.created, ledger.rejected), (400, 0));
}

#[tokio::test]
async fn a_consumer_says_how_it_is() {
    let scene = Scene::new().await;
    scene.feed("watched", &good_batches(3)).await;
    let port = test_support::free_port();
    let consumer = scene.consumer(&[&format!("--metrics-listen=127.0.0.1:{port}")]);
    scene.delivered("watched").await;
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };

    assert_eq!(get("/livez").await, (200, r#"{"status":"live"}"#.to_owned()));
    assert_eq!(get("/readyz").await, (200, r#"{"redis":"answers","status":"ready"}"#.to_owned()));
    let (_, metrics) = get("/metrics").await;
    for line in [
        "batch_sync_rows_delivered_total{change=\"created\"} 300",
        "batch_sync_batches_settled_total 3",
        "batch_sync_salesforce_request_duration_seconds_count{api=\"collections\",outcome=\"ok\"} 3",
        "batch_sync_salesforce_calls_in_flight 0",
        "batch_sync_salesforce_calls_limit 4",
        "batch_sync_salesforce_calls_waiting 0",
        "batch_sync_salesforce_api_calls_limit 5000000",
        "batch_sync_salesforce_token_requests_total{outcome=\"ok\"} 1",
        "batch_sync_deliveries_paused{reason=\"trouble\"} 0",
        "batch_sync_redis_up 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in {metrics}");
    }
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn two_consumers_together_make_no_more_calls_at_once_than_the_org_gets() {
    let scene = Scene::with_faults(Faults { latency_ms: 30, ..Faults::default() }).await;
    scene.feed("shared", &good_batches(100)).await;

    let arguments = ["--concurrency=4", "--salesforce-concurrency-max=3"];
    let _consumers = [scene.consumer(&arguments), scene.consumer(&arguments)];
    scene.delivered("shared").await;

    assert_eq!(scene.salesforce.state().calls_in_flight_max, 3);
}

#[tokio::test]
async fn calls_at_once_go_down_to_what_the_org_takes_with_few_refusals() {
    let faults = Faults { latency_ms: 20, concurrency_max: Some(5), ..Faults::default() };
    let scene = Scene::with_faults(faults).await;
    scene.feed("capped", &good_batches(400)).await;

    let arguments = ["--concurrency=16", "--salesforce-concurrency-max=16"];
    let _consumer = scene.consumer(&arguments);
    let ledger = scene.delivered("capped").await;

    // On a busy machine it may be so slow that none is refused.
    let faults = scene.salesforce.state().faults;
    let refused = faults.get(&Fault::ConcurrentLimit).copied().unwrap_or_default();
    assert!(refused < 40, "{refused} of {} calls", ledger.tally.api_calls);
}

#[tokio::test]
async fn one_call_too_many_lowers_the_limit_of_the_org_whichever_api_it_is_of() {
    for api in ["collections", "bulk"] {
        let faults = Faults { latency_ms: 150, concurrency_max: Some(2), ..Faults::default() };
        let scene = Scene::with_faults(faults).await;
        // More than are delivered until the limit has settled, however slow the machine is.
        scene.feed(api, &good_batches(400)).await;

        let consumer = scene.consumer(&[&format!("--salesforce-api={api}")]);
        let settled = limit_settles_at(&scene, api, (2, 3)).await;

        assert_eq!(settled, (2, 3), "{api}: limit, and what was refused last");
        consumer.stop().await.unwrap();
    }
}

/// What it asks at its start counts as its calls do: those at work leave it a place.
#[tokio::test]
async fn a_consumer_can_start_while_another_one_makes_all_the_calls_that_the_org_takes() {
    for limit in [1, 3] {
        let faults = Faults { latency_ms: 100, concurrency_max: Some(limit), ..Faults::default() };
        let scene = Scene::with_faults(faults).await;
        scene.feed("long", &good_batches(2_000)).await;
        let _busy = scene.consumer(&["--concurrency=8"]);
        limit_settles_at(&scene, "long", (limit as u64, limit as u64 + 1)).await;

        let _second = scene.consumer(&["--concurrency=8"]);
        until("it has started", async || {
            (scene.queue.live_consumers().await.unwrap() == 2).then_some(())
        })
        .await;

        assert!(!scene.ledger("long").await.has_ended(), "{limit}: there was nothing to wait for");
    }
}

#[tokio::test]
async fn bursts_of_locked_rows_halve_the_calls_at_once() {
    let faults = Faults { latency_ms: 20, row_lock_permille: 300, ..Faults::default() };
    let scene = Scene::with_faults(faults).await;
    scene.feed("locked", &good_batches(40)).await;

    let _consumer = scene.consumer(&["--concurrency=8", "--salesforce-concurrency-max=8"]);
    limit_falls_to(&scene, 1).await;
    let ledger = scene.delivered("locked").await;

    assert!(ledger.tally.retried > 500, "{ledger:?}");
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 4_000);
}

/// The org's limit of calls at once, and the number that was refused last: once they are these, or at the
/// end of a run.
async fn limit_settles_at(scene: &Scene, run: &str, expected: (u64, u64)) -> (u64, u64) {
    loop {
        let has_ended = scene.ledger(run).await.has_ended();
        let shared = shared_limit(scene).await;
        let number = |name: &str| shared[name].as_u64().unwrap_or_default();
        let found = (number("limit"), number("ceiling"));
        if has_ended || found == expected {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn shared_limit(scene: &Scene) -> Value {
    let shared = scene.queue.change_shared(|value, _| value.unwrap_or_default()).await.unwrap();
    serde_json::from_slice(&shared).unwrap_or_default()
}

/// Waits until the org's limit of calls at once, which begins with four, is so low.
async fn limit_falls_to(scene: &Scene, low: u64) {
    let start = Instant::now();
    loop {
        let shared = shared_limit(scene).await;
        if shared["limit"].as_u64().is_some_and(|limit| limit <= low) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{shared}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
