//! Consumers that start while Salesforce takes no calls.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use job_queue::Outage;
use salesforce_simulator::{Fault, Faults, PlannedFault, Simulator};

use super::{
    failing_proxy::FailingProxy,
    support::{Scene, good_batches},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until somebody has told why deliveries stand still.
async fn pause(scene: &Scene) -> Outage {
    let start = Instant::now();
    loop {
        if let Some(pause) = scene.queue.outage().await.unwrap() {
            return pause;
        }
        assert!(start.elapsed() < PATIENCE, "nothing says why deliveries wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Requests that Salesforce got; those for a token are no calls of the day.
fn calls(salesforce: &Simulator) -> usize {
    let log = salesforce.requests();
    log.iter().filter(|request| request.path.contains("/services/data/")).count()
}

#[tokio::test]
async fn a_consumer_that_starts_on_a_used_up_day_waits_visibly_makes_one_call_and_can_be_stopped() {
    let scene = Scene::new().await;
    scene.feed("day", &good_batches(2)).await;
    scene.salesforce.set_api_calls(100, 100);
    let port = test_support::free_port();
    let consumer = scene.consumer(&[&format!("--metrics-listen=127.0.0.1:{port}")]);

    let pause = pause(&scene).await;
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (live, ready, metrics) = (get("/livez").await, get("/readyz").await, get("/metrics").await);
    let begin = Instant::now();
    let code = consumer.stop().await.unwrap();

    assert_eq!(code, ExitCode::SUCCESS);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(pause.reason, "daily api request limit reached");
    let minutes = (pause.until_ms.unwrap() - pause.since_ms) / 60_000;
    assert!((9..=20).contains(&minutes), "{minutes} minutes until the next look");
    assert_eq!(calls(&scene.salesforce), 1, "{:#?}", scene.salesforce.requests());
    assert_eq!((live.0, ready.0), (200, 503), "{ready:?}");
    let paused = "\nbatch_sync_deliveries_paused{reason=\"daily_calls\"} 1\n";
    assert!(metrics.1.contains(paused), "{}", metrics.1);
    assert!(ready.1.contains("waits for salesforce"), "{ready:?}");
    assert!(metrics.1.contains("\nbatch_sync_salesforce_calls_waiting 1\n"), "{}", metrics.1);
}

#[tokio::test]
async fn a_consumer_that_started_on_a_used_up_day_delivers_when_calls_are_free_again() {
    let scene = Scene::new().await;
    scene.feed("day", &good_batches(2)).await;
    scene.salesforce.set_api_calls(100, 100);
    // Instead of the five minutes that nobody waits for here.
    let consumer = scene.consumer(&["--salesforce-limit-check=500ms"]);
    pause(&scene).await;
    let while_it_waited = calls(&scene.salesforce);

    scene.salesforce.set_api_calls(100, 1_000);
    scene.delivered("day").await;

    assert!((2..=6).contains(&while_it_waited), "{while_it_waited} calls in five seconds");
    assert_eq!(scene.queue.outage().await.unwrap(), None);
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_starts_while_salesforce_is_away_waits_until_it_is_back() {
    let scene = Scene::new().await;
    scene.feed("away", &good_batches(2)).await;
    scene.salesforce.plan(PlannedFault::once(Fault::Unavailable).times(1_000));
    let consumer = scene.consumer(&[]);

    // Longer than a start once took before it was given up.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let pause = pause(&scene).await;
    let while_it_waited = scene.salesforce.requests().len();
    scene.salesforce.set_faults(Faults::default());
    scene.delivered("away").await;

    assert_eq!(pause.reason, "salesforce is not available");
    assert!(while_it_waited <= 40, "{while_it_waited} requests in twelve seconds");
    consumer.stop().await.unwrap();
}

/// Maintenance, or a proxy: a page comes instead of what is on this path.
async fn a_page_is_waited_out(status: u16, path: &'static str, arguments: &[&str]) {
    let scene = Scene::new().await;
    let proxy = FailingProxy::before(&scene.salesforce.url(), path, status, "").await;
    scene.feed("away", &good_batches(2)).await;
    let consumer = scene.consumer(&[&proxy.arguments(), arguments].concat());

    let pause = pause(&scene).await;
    proxy.end();
    scene.delivered("away").await;

    assert!(!pause.reason.contains('<'), "{status} {path}: {}", pause.reason);
    assert_eq!(scene.salesforce.state().objects["Lead"].rows, 200, "{status} {path}");
    assert_eq!(consumer.stop().await.unwrap(), ExitCode::SUCCESS);
}

#[tokio::test]
async fn a_page_with_status_200_is_waited_out_at_sign_in_and_wherever_else_it_comes() {
    tokio::join!(
        a_page_is_waited_out(200, "/services/oauth2/token", &[]),
        a_page_is_waited_out(200, "/sobjects/Lead/describe", &[]),
        a_page_is_waited_out(200, "/services/", &[]),
        a_page_is_waited_out(200, "/composite/", &[]),
        a_page_is_waited_out(200, "/jobs/ingest", &["--salesforce-api=bulk"]),
    );
}

/// Only Salesforce's own answer to a sign-in ends a consumer.
#[tokio::test]
async fn a_page_of_a_proxy_at_the_start_is_waited_out_whatever_its_status() {
    for status in [401, 403, 404, 406] {
        tokio::join!(
            a_page_is_waited_out(status, "/services/oauth2/token", &[]),
            a_page_is_waited_out(status, "/sobjects/Lead/describe", &[]),
            a_page_is_waited_out(status, "/services/", &[]),
        );
    }
}

/// It runs, and only waits: nobody has to start one, and nobody is told that its sign-in was refused.
#[tokio::test]
async fn a_consumer_that_gets_no_token_for_now_is_known_and_not_refused() {
    let scene = Scene::new().await;
    let token = "/services/oauth2/token";
    let proxy = FailingProxy::before(&scene.salesforce.url(), token, 503, "").await;
    let port = test_support::free_port();
    let listen = format!("--metrics-listen=127.0.0.1:{port}");
    let consumer = scene.consumer(&[&proxy.arguments()[..], &[&listen]].concat());

    pause(&scene).await;
    assert_eq!(scene.queue.live_consumers().await.unwrap(), 0);
    assert_eq!(scene.queue.starting_consumers().await.unwrap(), 1);
    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for figure in [
        "deliveries_paused{reason=\"sign_in\"} 1",
        "sign_in_refused 0",
        "salesforce_token_requests_total{outcome=\"refused\"} 0",
    ] {
        assert!(metrics.contains(&format!("\nbatch_sync_{figure}\n")), "{figure}: {metrics}");
    }

    proxy.end();
    scene.feed("free", &good_batches(1)).await;
    scene.delivered("free").await;
    assert_eq!(scene.queue.starting_consumers().await.unwrap(), 0);
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_salesforce_refuses_ends_the_consumer() {
    let scene = Scene::new().await;
    let no_secret = ["--salesforce-client-secret=wrong"];

    let ended = scene.consumer(&no_secret).ended().await.unwrap_err().to_string();

    assert!(ended.contains("check SALESFORCE_CLIENT_SECRET"), "{ended}");
}

/// It tells the operators, and not those who wait for a run that the others deliver.
#[tokio::test]
async fn a_consumer_that_is_refused_says_nothing_of_the_others_as_long_as_one_is_alive() {
    let scene = Scene::new().await;
    let port = test_support::free_port();
    let let_in = scene.consumer(&[&format!("--metrics-listen=127.0.0.1:{port}")]);
    scene.feed("first", &good_batches(1)).await;
    scene.delivered("first").await;
    let no_secret = ["--salesforce-client-secret=wrong"];

    scene.consumer(&no_secret).ended().await.unwrap_err();
    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert_eq!(scene.queue.outage().await.unwrap(), None, "deliveries go on");
    for figure in ["deliveries_paused{reason=\"sign_in\"} 0", "sign_in_refused 1"] {
        assert!(metrics.contains(&format!("\nbatch_sync_{figure}\n")), "{figure}: {metrics}");
    }

    let_in.stop().await.unwrap();
    let reason = pause(&scene).await.reason;
    assert!(reason.contains("check SALESFORCE_CLIENT_SECRET"), "nobody is left: {reason}");
    // The one that is let in ends it.
    scene.feed("second", &good_batches(2)).await;
    let another = scene.consumer(&[]);
    scene.delivered("second").await;
    assert_eq!(scene.queue.outage().await.unwrap(), None);
    another.stop().await.unwrap();
    assert_eq!(scene.queue.outage().await.unwrap(), None, "it is no longer known");
}
