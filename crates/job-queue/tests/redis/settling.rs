//! What is known of a batch that has its outcome, and what is handed on of it.

use std::time::Duration;

use ingest_core::{BatchJob, RejectCode};
use job_queue::{BatchEvent, Claimed, Depth, EventId, Output, OutputPart, OutputParts, Settled};
use redis::Commands;

use crate::support::{Fixture, claim_soon, consumer_of, delivered, id, reject};

/// The claimed batch with this many of its rows rejected, and the others delivered.
fn with_rejects(claimed: &Claimed, rejects: u64) -> BatchJob {
    let mut job = delivered(claimed);
    job.tally.created = job.tally.created.saturating_sub(rejects);
    job.rejects = (1..=rejects).map(|record| reject(record, "LOCK")).collect();
    job
}

#[tokio::test]
async fn calls_are_counted_and_each_batch_is_told_to_those_who_watch() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    for (calls, rejects) in [(3, 0), (4, 1)] {
        let claimed = consumer.claim().await.unwrap().unwrap();
        let mut job = with_rejects(&claimed, rejects);
        job.tally.api_calls = calls;
        (job.tally.created, job.tally.deleted) = (job.tally.created - 2, 2);
        claimed.settle(&job).await.unwrap();
    }

    let events = fixture.queue.batch_events(&id("a"), &EventId::default()).await.unwrap();

    let ledger = fixture.ledger("a").await;
    assert_eq!((ledger.tally.api_calls, ledger.tally.created, ledger.tally.deleted), (7, 15, 4));
    assert_eq!((ledger.delivered(), ledger.unfinished()), (19, 0));
    let told = |event: &BatchEvent| {
        (event.ordinal, event.sequence, event.records, event.delivered, event.rejected)
    };
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), [(1, 0, 10, 10, 0), (2, 1, 10, 9, 1)]);
    let after = fixture.queue.batch_events(&id("a"), &events[0].id).await.unwrap();
    assert_eq!(after, events[1..]);
}

/// The same with one rejected row for each of these codes, from record `first` on.
fn rejected_with(claimed: &Claimed, first: u64, codes: &[String]) -> BatchJob {
    let mut job = with_rejects(claimed, 0);
    (job.tally.created, job.rejects) =
        (0, (first..).zip(codes).map(|(record, code)| reject(record, code)).collect());
    job
}

#[tokio::test]
async fn a_run_has_a_thousand_codes_and_the_rest_is_other_in_count_and_file() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 3).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let named = |numbers: std::ops::Range<u64>| -> Vec<String> {
        numbers.map(|number| format!("CODE_{number:04}")).collect()
    };
    let batches = [
        named(0..900),
        [named(800..1_500), vec![RejectCode::MisplacedQuote.as_str().to_owned()]].concat(),
        [named(0..1), named(1_400..1_401), vec!["no\u{1b}code".to_owned()]].concat(),
    ];
    for (batch, first) in batches.iter().zip([1, 1_001, 2_001]) {
        let claimed = consumer.claim().await.unwrap().unwrap();
        let job = rejected_with(&claimed, first, batch);
        assert_eq!(claimed.settle(&job).await.unwrap(), Settled::Recorded);
    }

    let ledger = fixture.ledger("a").await;
    let by_code = &ledger.rejected_by_code;
    let rejected: u64 = batches.iter().map(|batch| batch.len() as u64).sum();
    assert_eq!((ledger.rejected, by_code.values().sum()), (rejected, rejected));
    assert_eq!(by_code.len(), 1_002, "with OTHER, and the one of the readers");
    assert_eq!((by_code["CODE_0000"], by_code["CODE_0899"], by_code["CODE_0999"]), (2, 2, 1));
    assert_eq!((by_code["OTHER"], by_code[RejectCode::MisplacedQuote.as_str()]), (502, 1));
    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    let lines: Vec<_> =
        pending.lines.iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    let of_code = |code: &str| lines.iter().filter(|line| line.contains(code)).count() as u64;
    for (code, rows) in by_code {
        assert_eq!(of_code(&format!(",{code},")), *rows, "{code}");
    }
    assert!(lines.iter().any(|line| line.contains(",OTHER,\"CODE_1400: ")), "{:?}", lines.last());
    assert!(lines.iter().any(|line| line.contains(",OTHER,\"no\u{1b}code: ")));
}

/// No crash leaves it so: its bit and its job go in one step. A Redis that was mended by hand may.
#[tokio::test]
async fn a_batch_that_is_settled_and_queued_all_the_same_is_taken_off_by_its_holder_alone() {
    let fixture = Fixture::with_lease(Duration::from_secs(1)).await;
    fixture.create("a").await;
    fixture.feed_all("a", 1).await;
    let mut gone = consumer_of(fixture.queue.clone(), "gone");
    let stale = gone.claim().await.unwrap().unwrap();
    drop(gone);
    let mut other = consumer_of(fixture.queue.clone(), "other");
    let held = claim_soon(&mut other).await;
    let () = fixture.redis().setbit("{batch-sync}:run:a:settled", 0, true).unwrap();

    assert_eq!(stale.settle(&delivered(&stale)).await.unwrap(), Settled::AlreadySettled);
    assert_eq!(fixture.queue.depth().await.unwrap().jobs, 1);
    assert_eq!(held.settle(&delivered(&held)).await.unwrap(), Settled::AlreadySettled);

    assert_eq!(fixture.queue.depth().await.unwrap(), Depth::default());
    let mut left = fixture.queue_keys();
    left.retain(|key| !key.ends_with(":live"));
    assert_eq!(left, [""; 0]);
    assert_eq!(fixture.ledger("a").await.tally.created, 0, "it counted when it was settled");
}

/// As if Redis had come back without its last writes between the append to the file and this.
/// Two writers, one of which was slow: what it wrote is in a file that does not count any more.
#[tokio::test]
async fn lines_that_were_written_to_another_part_are_pending_still() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.settle(&with_rejects(&claimed, 3)).await.unwrap();
    let queue = &fixture.queue;
    let pending = queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    let parts = vec![OutputPart { number: 2, start: 0 }];
    let second = OutputParts { parts, ..OutputParts::default() };

    assert!(
        queue
            .change_output_parts(&id("a"), Output::Rejects, 0, (&pending.parts, &second))
            .await
            .unwrap()
    );

    assert!(
        !queue
            .change_output_parts(&id("a"), Output::Rejects, 0, (&pending.parts, &second))
            .await
            .unwrap()
    );
    assert!(!queue.confirm_lines(&id("a"), Output::Rejects, &pending).await.unwrap());
    let in_second = queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    assert_eq!((&in_second.parts, &in_second.lines), (&second, &pending.lines));
    assert!(
        !queue
            .change_output_parts(&id("a"), Output::Rejects, 9, (&second, &pending.parts))
            .await
            .unwrap()
    );
    assert!(queue.confirm_lines(&id("a"), Output::Rejects, &in_second).await.unwrap());
    assert_eq!(fixture.ledger("a").await.rejects_parts, second);
}

#[tokio::test]
async fn lines_that_redis_forgot_are_not_taken_off_what_is_pending() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    claimed.settle(&with_rejects(&claimed, 3)).await.unwrap();
    let pending = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    let written = &pending.lines;
    let () = fixture.redis().ltrim("{batch-sync}:run:a:rejects", 0, 0).unwrap();
    fixture.set_in_ledger("a", "rejects_pending_bytes", written[0].len() as u64);

    assert!(!fixture.queue.confirm_lines(&id("a"), Output::Rejects, &pending).await.unwrap());

    let left = fixture.queue.pending_lines(&id("a"), Output::Rejects, 1 << 20).await.unwrap();
    assert_eq!((left.position, left.lines), (0, written[..1].to_vec()));
    let feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let own = feeder.fullness().await.unwrap().own;
    assert!(own.bytes > written[0].len() as u64, "its bytes can be told: {own:?}");
}

#[tokio::test]
async fn rejected_rows_are_handed_out_up_to_so_many_bytes_and_one_at_least() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    // More than Redis is asked for at once.
    claimed.settle(&with_rejects(&claimed, 250)).await.unwrap();

    let up_to = async |bytes_max: usize| {
        fixture.queue.pending_lines(&id("a"), Output::Rejects, bytes_max).await.unwrap().lines
    };
    let all = up_to(1 << 20).await;

    assert_eq!(all.len(), 250);
    let two = all[0].len() + all[1].len();
    for (bytes_max, lines) in [(two, 2), (two - 1, 1), (1, 1)] {
        assert_eq!(up_to(bytes_max).await, all[..lines], "{bytes_max} bytes");
    }
}
