//! A call that fails holds up itself; an outage holds up all calls, but for one at a time.

use std::{collections::BTreeMap, time::Duration};

use job_queue::{Ledger, RunState};
use salesforce_simulator::{Fault, Faults};
use test_support::until;
use tokio::task::JoinHandle;

use super::{
    failing_proxy::FailingProxy,
    support::{Scene, good_batches},
};

/// Looks again and again whether all calls of a consumer wait.
struct Watch {
    arguments: String,
    looking: JoinHandle<()>,
}

impl Watch {
    /// It ends when all calls wait.
    fn start() -> Self {
        let port = test_support::free_port();
        let looking = tokio::spawn(async move {
            let url = format!("http://127.0.0.1:{port}/metrics");
            loop {
                if let Ok(answer) = reqwest::get(&url).await
                    && let Ok(metrics) = answer.text().await
                    && metrics.contains("batch_sync_salesforce_calls_limit")
                {
                    let waits =
                        metrics.lines().any(|line| line == "batch_sync_salesforce_calls_waiting 1");
                    assert!(!waits, "all calls wait");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { arguments: format!("--metrics-listen=127.0.0.1:{port}"), looking }
    }

    /// Whether it never saw that all calls wait.
    fn saw_none_waiting(self) {
        assert!(!self.looking.is_finished(), "all calls waited");
        self.looking.abort();
    }
}

/// Every row of these batches is in Salesforce with its values, and no other one.
async fn assert_all_there(scene: &Scene, batches: &[Vec<String>]) {
    let cells = |row: &String| {
        let cells: Vec<&str> = row.split(',').collect();
        (cells[0].to_owned(), cells[3].to_owned())
    };
    let expected: BTreeMap<String, String> = batches.iter().flatten().map(cells).collect();
    let stored = scene.values("Email").await;
    assert_eq!(stored.len(), expected.len(), "no row is there twice");
    assert_eq!(stored.into_iter().collect::<BTreeMap<_, _>>(), expected);
}

#[tokio::test]
async fn a_call_in_twenty_that_is_answered_503_holds_up_no_other() {
    let faults = Faults { latency_ms: 20, unavailable_permille: 50, ..Faults::default() };
    arrives_without_a_wait_of_all(faults, Fault::Unavailable).await;
}

#[tokio::test]
async fn an_answer_in_twenty_that_is_lost_holds_up_no_other() {
    let faults = Faults { latency_ms: 20, answer_lost_permille: 50, ..Faults::default() };
    arrives_without_a_wait_of_all(faults, Fault::AnswerLost).await;
}

async fn arrives_without_a_wait_of_all(faults: Faults, fault: Fault) {
    let batches = good_batches(400);
    let scene = Scene::new().await;
    scene.feed("faulty", &batches).await;
    let watch = Watch::start();
    let consumer = scene.consumer(&[&watch.arguments]);
    // The start is another thing: it makes one call after the other.
    scene.stored(1).await;
    scene.salesforce.set_faults(faults);

    let ledger = scene.delivered("faulty").await;

    watch.saw_none_waiting();
    let struck = scene.salesforce.state().faults[&fault];
    assert!(struck >= 5, "{struck} of {} calls", ledger.tally.api_calls);
    assert_eq!(scene.queue.outage().await.unwrap(), None);
    assert_all_there(&scene, &batches).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_that_fails_again_and_again_waits_alone_until_all_others_are_through() {
    let batches = good_batches(40);
    let scene = Scene::new().await;
    let url = scene.salesforce.url();
    let proxy = FailingProxy::before(&url, "E-000500", 503, "SERVER_UNAVAILABLE").await;
    scene.feed("one", &batches).await;
    let watch = Watch::start();

    let consumer = scene.consumer(&[&proxy.arguments()[..], &[watch.arguments.as_str()]].concat());
    let through = async || (scene.ledger("one").await.batches_settled == 39).then_some(());
    until("all but one are through", through).await;

    watch.saw_none_waiting();
    proxy.end();
    scene.delivered("one").await;
    assert_all_there(&scene, &batches).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn during_an_outage_one_call_at_a_time_finds_out_whether_it_is_over() {
    let batches = good_batches(300);
    let scene = Scene::with_faults(Faults { latency_ms: 20, ..Faults::default() }).await;
    scene.feed("away", &batches).await;
    let consumer = scene.consumer(&[]);
    scene.stored(2_000).await;

    let is_down = Faults { latency_ms: 200, unavailable_permille: 1_000, ..Faults::default() };
    scene.salesforce.set_faults(is_down);
    let outage = async || scene.queue.outage().await.unwrap();
    let outage = until("the outage is published", outage).await;
    assert_eq!(outage.reason, "salesforce is not available");
    let refused = || scene.salesforce.state().faults[&Fault::Unavailable];
    let until_published = refused();
    let probes = async || {
        let in_flight = scene.salesforce.state().calls_in_flight;
        assert!(in_flight <= 1, "{in_flight} calls at once during an outage");
        (refused() >= until_published + 2).then_some(())
    };
    until("two more probes were refused", probes).await;
    scene.salesforce.set_faults(Faults::default());

    // Ten calls at once for a second or two, each some times, and then one at a time; more where the machine
    // has other things to do. All would be 290 at least.
    assert!(until_published <= 150, "{until_published} calls before it was published");
    scene.delivered("away").await;
    assert_all_there(&scene, &batches).await;
    // It is told once a second.
    let is_over = async || scene.queue.outage().await.unwrap().is_none().then_some(());
    until("the outage is said to be over", is_over).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_consumer_with_one_worker_recognises_an_outage_as_well() {
    let batches = good_batches(20);
    let scene = Scene::with_faults(Faults { latency_ms: 20, ..Faults::default() }).await;
    scene.feed("one", &batches).await;
    let consumer = scene.consumer(&["--concurrency=1"]);
    scene.stored(300).await;

    scene.salesforce.set_faults(Faults { unavailable_permille: 1_000, ..Faults::default() });
    let outage = async || scene.queue.outage().await.unwrap();
    until("the outage is published", outage).await;
    let refused = scene.salesforce.state().faults[&Fault::Unavailable];
    scene.salesforce.set_faults(Faults::default());

    // Some while it may be the call, then one at a time for five or six seconds, at least 100 ms and on
    // average 550 ms apart: 13 or so, and far fewer than without a wait.
    assert!(refused <= 40, "{refused} calls before it was published");
    scene.delivered("one").await;
    assert_all_there(&scene, &batches).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_for_which_alone_calls_are_answered_503_is_rejected_and_no_other() {
    let scene = Scene::new().await;
    let url = scene.salesforce.url();
    let proxy = FailingProxy::before(&url, "E-000500", 503, "SERVER_UNAVAILABLE").await;
    // Others get through all the time.
    let batches: Vec<Vec<String>> =
        good_batches(6).into_iter().map(|rows| rows[..2].to_vec()).collect();
    scene.feed("one", &batches).await;
    let consumer = scene.consumer(&proxy.arguments());

    let mut others = 0;
    let ended = async || {
        others += 1;
        scene.feed(&format!("other-{others}"), &good_batches(1)[..1]).await;
        Some(scene.ledger("one").await).filter(Ledger::has_ended)
    };
    let ledger = until("it comes to an end", ended).await;

    assert_eq!((ledger.tally.delivered(), ledger.rejected), (11, 1), "{ledger:?}");
    assert_eq!(ledger.rejected_by_code["SERVER_UNAVAILABLE"], 1);
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn where_half_of_all_calls_are_answered_503_the_other_half_goes_on() {
    let batches = good_batches(400);
    let scene = Scene::new().await;
    scene.feed("half", &batches).await;
    let watch = Watch::start();
    let consumer = scene.consumer(&[&watch.arguments]);
    scene.stored(1).await;
    let half = Faults { latency_ms: 20, unavailable_permille: 500, ..Faults::default() };
    scene.salesforce.set_faults(half);

    let most = async || (scene.ledger("half").await.batches_settled >= 300).then_some(());
    until("most are through", most).await;

    watch.saw_none_waiting();
    let ledger = scene.delivered("half").await;
    let struck = scene.salesforce.state().faults[&Fault::Unavailable];
    assert!(struck >= 200, "{struck} of {} calls", ledger.tally.api_calls);
    assert_all_there(&scene, &batches).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn where_half_of_the_answers_are_lost_no_row_is_rejected() {
    // One call each: five lost answers in a row are no rarity.
    let batches: Vec<Vec<String>> =
        good_batches(400).into_iter().map(|rows| rows[..1].to_vec()).collect();
    let scene = Scene::new().await;
    scene.feed("lossy", &batches).await;
    let consumer = scene.consumer(&[]);
    scene.stored(1).await;
    let half = Faults { latency_ms: 5, answer_lost_permille: 500, ..Faults::default() };
    scene.salesforce.set_faults(half);

    let ledger = scene.delivered("lossy").await;

    let struck = scene.salesforce.state().faults[&Fault::AnswerLost];
    assert!(struck >= 200, "{struck} of {} calls", ledger.tally.api_calls);
    assert_all_there(&scene, &batches).await;
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_cancelled_during_an_outage_ends_before_the_outage_does() {
    let batches = good_batches(100);
    let scene = Scene::with_faults(Faults { latency_ms: 20, ..Faults::default() }).await;
    scene.feed("away", &batches).await;
    let consumer = scene.consumer(&[]);
    scene.stored(500).await;
    let is_down = Faults { unavailable_permille: 1_000, ..Faults::default() };
    scene.salesforce.set_faults(is_down);
    until("the outage is published", async || scene.queue.outage().await.unwrap()).await;

    scene.queue.cancel_run(&"away".parse().unwrap()).await.unwrap();
    let ledger = scene.ended("away").await;

    assert_eq!(ledger.state, RunState::Cancelled);
    let stored = scene.salesforce.state().objects["Lead"].rows;
    assert_eq!((ledger.tally.delivered(), ledger.rejected), (stored, 0));
    assert_eq!(ledger.cancelled(), 10_000 - stored);
    consumer.stop().await.unwrap();
}

#[tokio::test]
async fn rows_that_make_their_calls_fail_are_found_though_each_batch_has_one() {
    let mut batches: Vec<Vec<String>> = good_batches(6);
    for (number, rows) in batches.iter_mut().enumerate() {
        rows[17] = format!("P-{number},Poison,Acme,p@example.com");
    }
    let scene = Scene::new().await;
    let url = scene.salesforce.url();
    let proxy = FailingProxy::before(&url, "Poison", 500, "UNKNOWN_EXCEPTION").await;
    scene.feed("bad", &batches).await;

    let consumer = scene.consumer(&proxy.arguments());
    // Each is tried in six passes, for nobody else is there to tell: that may take a minute.
    let mut ledger = scene.ledger("bad").await;
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        ledger = scene.ledger("bad").await;
        if ledger.has_ended() {
            break;
        }
    }

    assert_eq!((ledger.tally.delivered(), ledger.rejected), (594, 6), "{ledger:?}");
    assert!(scene.rejects("bad").await.iter().all(|row| row.starts_with("P-")));
    consumer.stop().await.unwrap();
}
