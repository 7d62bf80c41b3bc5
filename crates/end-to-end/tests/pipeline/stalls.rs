//! Stalls longer than a lease: neither a Redis nor a consumer that stands still for a while makes
//! poison of a batch, or two records of a row. Leases are shortened; all else that matters is at its
//! default. What a stall does depends on who speaks first after it, so there are some of them.

use redis::Commands;
use serde_json::json;

use test_support::wait_at_most;

use crate::{
    kinds::{LEADS, PARCEL_SCHEMA, PARCELS},
    pipeline::{Pipeline, Report},
    processes::{Program, pause_for, wait_until},
    records::sheet,
};

/// So long that a lease is renewed less often than an idle consumer looks for work, as by default.
const LEASE_MS: u64 = 2_000;
/// Rows of a batch, of a run by Collections.
const BATCH: u64 = 200;
const FILE: &str = "stalls.csv";

fn pipeline(batches: u64, flags: &[&str]) -> Pipeline {
    let mut pipeline = Pipeline::with_salesforce(flags);
    pipeline.set("QUEUE_LEASE", &format!("{LEASE_MS}ms"));
    pipeline.put(FILE, sheet("S", batches * BATCH, 0));
    pipeline
}

/// Salesforce stores the rows of the next calls at once, and takes so long to say so.
fn answer_slowly(pipeline: &Pipeline, calls: u64, seconds: u64) {
    let slow = json!({"fault": "slowDrip", "times": calls, "pathContains": "/composite/sobjects"});
    // In ten pieces.
    pipeline.set_faults(&json!({"dripPauseMs": seconds * 100, "planned": [slow]}));
}

/// SIGSTOP of Redis, some times, each longer than a lease.
fn stall_redis(pipeline: &Pipeline, times: usize, lease_ms: u64) {
    for _ in 0..times {
        pipeline.redis.stand_still();
        pause_for(lease_ms + 300);
        pipeline.redis.go_on();
        // Time to renew what is held, and to take what is not.
        pause_for(lease_ms / 2);
    }
}

/// Batches that somebody holds.
fn held(pipeline: &Pipeline) -> u64 {
    let mut redis = redis::Client::open(pipeline.redis.url()).unwrap().get_connection().unwrap();
    let leases: Vec<String> = redis.keys("{batch-sync}:*leases").unwrap();
    leases.iter().map(|key| redis.zcard::<_, u64>(key).unwrap()).sum()
}

fn parcels(pipeline: &Pipeline) -> u64 {
    pipeline.records(PARCELS.object).len() as u64
}

fn assert_all_is_delivered(sync: Program, batches: u64) {
    let ended = sync.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Report::of(&ended).assert_it_adds_up(batches * BATCH);
}

#[test]
fn batches_that_wait_for_calls_to_be_free_are_no_poison_however_often_redis_stalls() {
    let (batches, lease_ms) = (1, 1_000);
    let mut pipeline = pipeline(batches, &[]);
    pipeline.set("QUEUE_LEASE", &format!("{lease_ms}ms"));
    pipeline.set("SALESFORCE_LIMIT_CHECK", "500ms");
    // All that may be used of the day is used.
    pipeline.tell_salesforce("limits", &json!({"dailyLimit": 1_000, "apiCalls": 950}));
    let consumers = [(); 3].map(|()| LEADS.consumer(&pipeline));
    let sync = LEADS.sync(&pipeline, "limited", FILE);
    wait_until("they are held, and wait", || {
        held(&pipeline) == batches
            && consumers
                .iter()
                .all(|consumer| consumer.stderr().contains("deliveries wait until calls"))
    });

    stall_redis(&pipeline, 10, lease_ms);
    assert_eq!(pipeline.records("Lead").len(), 0, "nothing was sent yet");
    pipeline.tell_salesforce("limits", &json!({"apiCalls": 0}));

    assert_all_is_delivered(sync, batches);
    pipeline.assert_holds(&LEADS, &[FILE]);
    let is_once = |lead: &serde_json::Value| lead["_writes"] == 1;
    assert!(pipeline.records("Lead").iter().all(is_once), "rows were sent twice");
}

#[test]
fn stalls_of_redis_in_the_midst_of_slow_inserts_store_no_row_twice() {
    let batches = 2;
    let pipeline = pipeline(batches, &[PARCEL_SCHEMA]);
    let _consumer = PARCELS.consumer(&pipeline);
    answer_slowly(&pipeline, batches, 12);
    let sync = PARCELS.sync(&pipeline, "slow", FILE);
    wait_until("all is stored, and not answered", || parcels(&pipeline) == batches * BATCH);

    stall_redis(&pipeline, 3, LEASE_MS);

    assert_all_is_delivered(sync, batches);
    pipeline.assert_holds(&PARCELS, &[FILE]);
}

/// Consumers, of which one makes one call at a time and is in the midst of it; the other one has
/// all batches but that, and could take more. All calls are answered slowly.
fn two_consumers_in_the_midst_of_calls(
    pipeline: &Pipeline,
    batches: u64,
    seconds: u64,
) -> [Program; 2] {
    answer_slowly(pipeline, batches + 1, seconds);
    let one_at_a_time = [("CONSUMER_CONCURRENCY", "1".to_owned())];
    let busy = PARCELS.program_with(pipeline, "consumer", &one_at_a_time, &[]);
    wait_until("the first batch is stored", || parcels(pipeline) == BATCH);
    let frozen = PARCELS.consumer(pipeline);
    wait_until("the others are stored", || parcels(pipeline) == batches * BATCH);
    [busy, frozen]
}

#[test]
fn a_consumer_that_was_frozen_takes_up_nothing_that_it_still_holds() {
    let batches = 3;
    let pipeline = pipeline(batches, &[PARCEL_SCHEMA]);
    let sync = PARCELS.sync(&pipeline, "frozen", FILE);
    let [_busy, frozen] = two_consumers_in_the_midst_of_calls(&pipeline, batches, 22);

    for _ in 0..5 {
        frozen.signal("STOP");
        pause_for(LEASE_MS + 300);
        frozen.signal("CONT");
        pause_for(LEASE_MS / 2);
    }
    assert_eq!(pipeline.shown("frozen").unwrap()["delivered"], 0, "all calls are under way");

    assert_all_is_delivered(sync, batches);
    pipeline.assert_holds(&PARCELS, &[FILE]);
}

/// What a frozen consumer was sending is in a window that no queue can close: see GUARANTEES.md.
#[test]
fn a_batch_of_a_frozen_consumer_goes_to_another_and_no_other_batch_is_stored_twice() {
    let batches = 3;
    let pipeline = pipeline(batches, &[PARCEL_SCHEMA]);
    let sync = PARCELS.sync(&pipeline, "frozen", FILE);
    let [_busy, frozen] = two_consumers_in_the_midst_of_calls(&pipeline, batches, 5);

    frozen.signal("STOP");
    // As soon as it is free, which lasts longer than a lease.
    wait_at_most(30, "the other consumer takes one over", || {
        parcels(&pipeline) == (batches + 1) * BATCH
    });
    frozen.signal("CONT");

    assert_all_is_delivered(sync, batches);
    assert_eq!(parcels(&pipeline), (batches + 1) * BATCH, "one batch was taken over");
}
