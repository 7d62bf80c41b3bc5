//! What each program exports of what Redis knows.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use job_queue::{Control, NewRun, OutageKind, SharedMetrics};
use prometheus_client::{encoding::text::encode, registry::Registry};
use redis::Commands;

use super::{
    control::claim,
    support::{Fixture, consumer_of, delivered, id, load, new_run, reject},
};

const HOURS: u64 = 3 * 3_600;

/// What a program that has just started exports: figures by name and labels.
async fn figures(fixture: &Fixture) -> BTreeMap<String, f64> {
    let shared = SharedMetrics::new(&fixture.queue);
    let mut registry = Registry::default();
    shared.register(&mut registry);
    shared.look().await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    samples.filter_map(|(name, figure)| Some((name.to_owned(), figure.parse().ok()?))).collect()
}

/// The reasons that are given for a pause of deliveries.
async fn paused(fixture: &Fixture) -> Vec<String> {
    let figures = figures(fixture).await;
    let of_reason = |(name, figure): (String, f64)| {
        let reason = name.strip_prefix("deliveries_paused{reason=\"")?.strip_suffix("\"}")?;
        (figure == 1.0).then(|| reason.to_owned())
    };
    figures.into_iter().filter_map(of_reason).collect()
}

/// Completed, failed, cancelled.
async fn ended(fixture: &Fixture) -> [f64; 3] {
    let figures = figures(fixture).await;
    ["completed", "failed", "cancelled"]
        .map(|state| figures[&format!("runs_ended_total{{state=\"{state}\"}}")])
}

/// As if all that is queued of a run, and the last batch that was settled, were hours old.
fn hours_pass(fixture: &Fixture, run: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let then = u64::try_from(now.as_millis()).unwrap() - HOURS * 1_000;
    let mut redis = fixture.redis();
    let key = format!("{{batch-sync}}:run:{run}");
    let () = redis.set("{batch-sync}:last-settled", then).unwrap();
    let () = redis.hset(format!("{key}:notes"), "0:queued", then).unwrap();
    if redis.hexists(&key, "deliverable_since_ms").unwrap() {
        let () = redis.hset(key, "deliverable_since_ms", then).unwrap();
    }
}

#[tokio::test]
async fn a_reason_that_begins_or_ends_says_nothing_of_another() {
    let fixture = Fixture::new().await;
    let queue = &fixture.queue;
    queue.publish_refused_sign_in("the secret is wrong").await.unwrap();
    let hour = Some(Duration::from_secs(3_600));
    queue.publish_outage(OutageKind::DailyCalls, "no calls are left", hour).await.unwrap();
    queue.publish_outage(OutageKind::Trouble, "salesforce is away", None).await.unwrap();

    assert_eq!(paused(&fixture).await, ["daily_calls", "sign_in", "trouble"]);
    let outage = queue.outage().await.unwrap().unwrap();
    assert_eq!(outage.reason, "the secret is wrong; salesforce is away; no calls are left");
    assert!(outage.until_ms.unwrap() - outage.since_ms >= 3_600_000, "{outage:?}");
    let mut redis = fixture.redis();
    let mut left = |key: &str| redis.pttl::<_, i64>(format!("{{batch-sync}}:{key}")).unwrap();
    assert!((1..=30_000).contains(&left("outage:daily_calls")), "it ends by itself");
    assert!((30_001..=600_000).contains(&left("sign-in-refused")), "others do not shorten it");

    queue.clear_outage(OutageKind::DailyCalls).await.unwrap();
    assert_eq!(paused(&fixture).await, ["sign_in", "trouble"]);
    queue.clear_refused_sign_in().await.unwrap();
    assert_eq!(paused(&fixture).await, ["trouble"]);
    assert_eq!(queue.outage().await.unwrap().unwrap().reason, "salesforce is away");
}

#[tokio::test]
async fn a_refused_sign_in_is_a_pause_of_deliveries_only_while_no_consumer_is_alive() {
    let fixture = Fixture::new().await;
    let queue = &fixture.queue;
    let mut consumer = consumer_of(queue.clone(), "let-in");
    assert!(consumer.claim().await.unwrap().is_none());
    let registry = "{batch-sync}:consumers";
    let lives_until = |ms: u64| {
        let () = fixture.redis().zadd(registry, "let-in", ms).unwrap();
    };
    lives_until(u64::MAX >> 12);
    queue.publish_refused_sign_in("the secret is wrong").await.unwrap();

    assert_eq!(queue.outage().await.unwrap(), None);
    assert_eq!(paused(&fixture).await, [""; 0]);
    assert_eq!(figures(&fixture).await["sign_in_refused"], 1.0, "it is told all the same");
    // One that was let in, and waits for its next token, does deliver nothing.
    queue.publish_outage(OutageKind::SignIn, "no token at the moment", None).await.unwrap();
    assert_eq!(queue.outage().await.unwrap().unwrap().reason, "no token at the moment");
    queue.clear_outage(OutageKind::SignIn).await.unwrap();

    lives_until(1);
    assert_eq!(queue.outage().await.unwrap().unwrap().reason, "the secret is wrong");
    assert_eq!(paused(&fixture).await, ["sign_in"]);
}

/// What a version before this one has published is not read, and expires.
#[tokio::test]
async fn the_one_outage_of_an_older_version_is_in_nobodys_way() {
    let fixture = Fixture::new().await;
    let old = "{batch-sync}:outage";
    let told = [("reason", "away"), ("since_ms", "1"), ("kind", "trouble")];
    let () = fixture.redis().hset_multiple(old, &told).unwrap();

    assert_eq!(fixture.queue.outage().await.unwrap(), None);
    let trouble = OutageKind::Trouble;
    fixture.queue.publish_outage(trouble, "salesforce is away", None).await.unwrap();
    assert_eq!(paused(&fixture).await, ["trouble"]);
    fixture.queue.clear_outage(trouble).await.unwrap();
    assert_eq!(paused(&fixture).await, [""; 0]);
}

#[tokio::test]
async fn a_standstill_begins_when_the_pause_or_the_hold_of_a_run_ends() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let queue = &fixture.queue;
    let hours = f64::from(u32::try_from(HOURS).unwrap());
    let standstill = async || figures(&fixture).await["queue_standstill_seconds"];
    assert!(standstill().await < 60.0);
    hours_pass(&fixture, "a");
    assert!(standstill().await >= hours, "nothing was delivered for hours");

    assert_eq!(queue.pause_run(&id("a")).await.unwrap(), Control::Done);
    assert_eq!(standstill().await, 0.0);
    assert_eq!(queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert!(standstill().await < 60.0, "it was paused for hours");
    let age = figures(&fixture).await["queue_oldest_batch_age_seconds"];
    assert!(age >= hours, "its batches are late all the same: {age}");

    hours_pass(&fixture, "a");
    queue.hold_run(&id("a"), "storage is full", None).await.unwrap();
    assert_eq!(queue.resume_run(&id("a")).await.unwrap(), Control::Done);
    assert!(standstill().await < 60.0, "it was held for hours");

    hours_pass(&fixture, "a");
    queue.fail_run(&id("a"), "too many rejects").await.unwrap();
    queue.acquire_run(&id("a")).await.unwrap().release().await;
    assert!(standstill().await < 60.0, "it had failed hours ago");

    // What goes on, however late, begins nothing anew.
    hours_pass(&fixture, "a");
    drop(claim(&fixture).await.unwrap());
    assert!(standstill().await >= hours);
}

#[tokio::test]
async fn a_standstill_begins_when_a_run_gets_its_load() {
    let fixture = Fixture::new().await;
    let run = NewRun { load: None, ..new_run("a") };
    fixture.queue.create_run(&run).await.unwrap();
    fixture.feed_all("a", 1).await;
    hours_pass(&fixture, "a");
    assert_eq!(figures(&fixture).await["queue_standstill_seconds"], 0.0);

    let mut consumer = consumer_of(fixture.queue.clone(), "with-a-load");
    let _claimed =
        test_support::until("the load is given", async || consumer.claim().await.unwrap()).await;

    let standstill = figures(&fixture).await["queue_standstill_seconds"];
    assert!(standstill < 60.0, "{standstill}");
    assert!(load().summary.may_be_given_unasked());
}

#[tokio::test]
async fn the_end_of_a_run_is_counted_once_whoever_ends_it_and_however_often() {
    let fixture = Fixture::with_run("completed").await;
    let queue = &fixture.queue;
    assert_eq!(ended(&fixture).await, [0.0; 3], "all are there from the start");
    fixture.feed_all("completed", 2).await;
    fixture.deliver_all().await;
    assert_eq!(ended(&fixture).await, [1.0, 0.0, 0.0]);

    fixture.create("failed").await;
    queue.fail_run(&id("failed"), "the file was replaced").await.unwrap();
    queue.fail_run(&id("failed"), "the file was replaced").await.unwrap();
    assert_eq!(ended(&fixture).await, [1.0, 1.0, 0.0]);
    // It goes on and fails again.
    queue.acquire_run(&id("failed")).await.unwrap().release().await;
    queue.fail_run(&id("failed"), "too many rejects").await.unwrap();
    assert_eq!(ended(&fixture).await, [1.0, 2.0, 0.0]);

    fixture.create("cancelled").await;
    queue.cancel_run(&id("cancelled")).await.unwrap();
    queue.cancel_run(&id("cancelled")).await.unwrap();
    assert_eq!(ended(&fixture).await, [1.0, 2.0, 1.0]);
}

/// A paused run may keep its lines until it is resumed: they are not left behind.
#[tokio::test]
async fn rejected_rows_are_left_behind_only_of_runs_that_have_ended() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let claimed = claim(&fixture).await.unwrap();
    let mut rejected = delivered(&claimed);
    rejected.tally.created -= 1;
    rejected.rejects.push(reject(1, "REQUIRED_FIELD_MISSING"));
    claimed.settle(&rejected).await.unwrap();
    let left = async || {
        let figures = figures(&fixture).await;
        (figures["rejects_pending_bytes"] > 0.0, figures["rejects_left_bytes"] > 0.0)
    };

    assert_eq!(left().await, (true, false));
    fixture.queue.fail_run(&id("a"), "too many rejects").await.unwrap();
    assert_eq!(left().await, (true, true), "though its other batch is still queued");
}
