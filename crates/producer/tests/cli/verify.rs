//! What `producer verify` says of runs that are not complete.

use redis::Commands;

use crate::{
    fixture::{FILE, Fixture},
    program::stdout,
};

/// A run of 1,000 rows, two batches of which have their outcome.
fn begun() -> Fixture {
    let fixture = Fixture::with_rows(1_000);
    fixture.told(&["sync", "--file", FILE, "--run-id", "r", "--no-wait"]);
    fixture.settle_some(2);
    fixture
}

fn verified(fixture: &Fixture) -> (String, serde_json::Value) {
    let told = fixture.producer(&["verify", "r"]);
    assert_eq!(told.status.code(), Some(1), "it is not complete: {told:?}");
    let found = fixture.producer(&["verify", "r", "--json"]);
    (stdout(&told), serde_json::from_slice(&found.stdout).unwrap())
}

#[test]
fn what_a_failed_or_paused_run_keeps_is_explained_and_not_missing() {
    let fixture = begun();

    fixture.told(&["pause", "r"]);
    let (told, found) = verified(&fixture);
    assert!(told.contains("on the queue    8 batches, which have no outcome yet\n"), "{told}");
    assert_eq!(found["missing"], serde_json::json!([]));

    let run = "r".parse().unwrap();
    fixture.on_queue(async |queue| queue.resume_run(&run).await.unwrap());
    fixture.on_queue(async |queue| queue.fail_run(&run, "because").await.unwrap());
    let (told, found) = verified(&fixture);
    let kept = "on the queue    8 batches, kept until the run is resumed or cancelled\n";
    assert!(told.contains(kept), "{told}");
    assert!(told.contains("the run is not complete; what it has done so far adds up"), "{told}");
    let figures = ["settledBatches", "queuedBatches", "unreadBatches"].map(|name| &found[name]);
    assert_eq!(serde_json::json!(figures), serde_json::json!([2, 8, 0]));
    assert_eq!(
        (&found["missing"], &found["problems"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );

    fixture.told(&["cancel", "r", "--yes"]);
    let (told, _) = verified(&fixture);
    assert!(told.contains("cancelled       800\n") && !told.contains("on the queue"), "{told}");
    let verdict = "verdict         the run was cancelled: what it delivered and rejected before adds up; \
                   that every row of the file was loaded cannot be proven, 800 were left out\n";
    assert!(told.contains(verdict), "{told}");
}

#[test]
fn of_a_cancelled_run_what_does_not_add_up_is_said_all_the_same() {
    let fixture = begun();
    fixture.told(&["cancel", "r", "--yes"]);
    let () = fixture.connection().hincr("{batch-sync}:run:r", "rejected", 1).unwrap();

    let (told, _) = verified(&fixture);

    let verdict = "verdict         the run was cancelled, and what it did before does not add up\n";
    assert!(told.contains(verdict), "{told}");
}

#[test]
fn a_batch_that_is_nowhere_is_missing_though_the_run_is_not_complete() {
    let fixture = begun();
    let mut redis = fixture.connection();
    let queue = "{batch-sync}:run:r";
    let () = redis.zrem(format!("{queue}:queued"), 7).unwrap();
    let () = redis.hdel(format!("{queue}:data"), 7).unwrap();

    let (told, found) = verified(&fixture);

    assert!(told.contains("1 batches have no outcome and are not on the queue either"), "{told}");
    assert!(told.contains("missing         batch 7: records 701 to 800, at byte "), "{told}");
    assert_eq!(found["missing"].as_array().map(Vec::len), Some(8), "it is one of them");
}
