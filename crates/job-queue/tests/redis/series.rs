//! A run's counts over time stay few, and lose none.

use std::time::Duration;

use job_queue::{Series, Settled};
use redis::Commands;

use crate::support::{Fixture, after, consumer_of, delivered, id, job, reject};

const KEY: &str = "{batch-sync}:run:a:series";

fn sums(series: &Series) -> [u64; 3] {
    series.buckets.iter().fold([0; 3], |[read, delivered, rejected], bucket| {
        [read + bucket.read, delivered + bucket.delivered, rejected + bucket.rejected]
    })
}

#[tokio::test]
async fn rows_are_counted_when_they_are_read_delivered_and_rejected() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 2).await;
    assert_eq!(sums(&fixture.queue.series(&id("a")).await.unwrap()), [20, 0, 0]);

    let mut consumer = consumer_of(fixture.queue.clone(), "consumer");
    let claimed = consumer.claim().await.unwrap().unwrap();
    let mut done = delivered(&claimed);
    done.tally.created -= 1;
    done.rejects.push(reject(1, "LOCK"));
    claimed.settle(&done).await.unwrap();
    assert_eq!(claimed.settle(&done).await.unwrap(), Settled::AlreadySettled);

    let series = fixture.queue.series(&id("a")).await.unwrap();
    assert_eq!((sums(&series), series.bucket_ms), ([20, 9, 1], 250));
}

#[tokio::test]
async fn a_long_run_has_wider_buckets_and_the_same_sums() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    let mut fields = 0;
    let mut age_ms = 0;
    for batch in 0..40 {
        // As if so much time had passed since the run began: from seconds to days.
        age_ms = age_ms * 5 / 4 + 1_000 * (batch + 1);
        let now = fixture.ledger("a").await.now_ms;
        fixture.set_in_ledger("a", "started_at_ms", now - age_ms);
        feeder.push(&mut vec![job("a", batch)], after(batch + 1)).await.unwrap();
        fields = fields.max(fixture.redis().hlen::<_, u64>(KEY).unwrap());
    }

    let series = fixture.queue.series(&id("a")).await.unwrap();

    assert_eq!(sums(&series), [400, 0, 0]);
    assert!(fields <= 97 && series.buckets.len() <= 96, "{fields} {series:?}");
    let width = series.bucket_ms;
    assert!(width * 48 <= age_ms && age_ms < width * 96, "{width} for {age_ms}");
    assert_eq!(width % 250, 0);
    assert!((width / 250).is_power_of_two(), "{width}");
    let last = usize::try_from(age_ms / width).unwrap();
    assert_eq!(series.buckets.len(), last + 1, "the newest bucket is the one of now");
}

#[tokio::test]
async fn what_reading_waits_for_room_is_counted_where_it_is_noted() {
    let fixture = Fixture::with_run("a").await;
    let mut feeder = fixture.queue.acquire_run(&id("a")).await.unwrap();
    feeder.note_backpressure(Duration::ZERO).await.unwrap();
    feeder.note_backpressure(Duration::from_millis(700)).await.unwrap();
    feeder.end_backpressure(Duration::from_millis(30)).await.unwrap();

    let series = fixture.queue.series(&id("a")).await.unwrap();

    let waited: u64 = series.buckets.iter().map(|bucket| bucket.backpressure_ms).sum();
    let ledger = fixture.ledger("a").await;
    assert_eq!((waited, ledger.backpressure_ms, ledger.backpressure_waits), (730, 730, 1));
}

#[tokio::test]
async fn a_run_that_is_unknown_has_no_series() {
    let fixture = Fixture::new().await;

    assert_eq!(fixture.queue.series(&id("a")).await.unwrap().buckets, []);
}
