use std::{sync::Mutex, time::Duration};

use futures::future::join_all;
use job_queue::OutageKind;
use redis::Commands;

use super::support::Fixture;

fn number(value: Option<Vec<u8>>) -> u64 {
    value.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap())
}

#[tokio::test]
async fn no_change_of_what_is_shared_is_lost() {
    let fixture = Fixture::new().await;
    let times = Mutex::new(Vec::new());

    let add_one = |_| {
        fixture.queue.change_shared(|value, now_ms| {
            times.lock().unwrap().push(now_ms);
            (number(value) + 1).to_string().into_bytes()
        })
    };
    let values = join_all((0..20).map(add_one)).await;

    let mut numbers: Vec<u64> = values.into_iter().map(|value| number(value.ok())).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert!(times.into_inner().unwrap().iter().all(|ms| *ms > 1_700_000_000_000));
    let left_ms: i64 = fixture.redis().pttl("{batch-sync}:shared").unwrap();
    assert!(left_ms > 0, "it is not kept for ever: {left_ms}");
}

#[tokio::test]
async fn a_pause_of_deliveries_is_told_until_it_is_over() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.outage().await.unwrap(), None);

    let minute = Some(Duration::from_secs(60));
    fixture
        .queue
        .publish_outage(OutageKind::DailyCalls, "10 % of the day's calls are left", minute)
        .await
        .unwrap();
    let first = fixture.queue.outage().await.unwrap().unwrap();
    fixture
        .queue
        .publish_outage(OutageKind::DailyCalls, "9 % of the day's calls are left", None)
        .await
        .unwrap();
    let second = fixture.queue.outage().await.unwrap().unwrap();
    fixture.queue.clear_outage(OutageKind::DailyCalls).await.unwrap();

    assert!(first.since_ms > 1_700_000_000_000, "{}", first.since_ms);
    assert_eq!(first.since_ms, second.since_ms);
    let from_note_to_try = first.until_ms.unwrap() - first.since_ms;
    assert_eq!((from_note_to_try, second.until_ms), (60_000, None));
    assert_eq!(second.reason, "9 % of the day's calls are left");
    assert_eq!(fixture.queue.outage().await.unwrap(), None);
}
