use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use apalis::{layers::WorkerBuilderExt, prelude::*};
use job_queue::{Claimed, RunState};
use tokio_util::sync::CancellationToken;

use crate::support::{Fixture, consumer_of, delivered};

#[derive(Clone, Default)]
struct Handler {
    fails_until: u64,
    calls: Arc<AtomicU64>,
    delay: Duration,
    stop: CancellationToken,
}

impl Handler {
    async fn deliver(&self, claimed: Claimed) -> Result<(), BoxDynError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match call {
            1 if call <= self.fails_until => panic!("on purpose"),
            _ if call <= self.fails_until => return Err("on purpose".into()),
            _ => tokio::time::sleep(self.delay).await,
        }
        claimed.settle(&delivered(&claimed)).await?;
        Ok(())
    }
}

async fn handle(claimed: Claimed, handler: Data<Handler>) -> Result<(), BoxDynError> {
    handler.deliver(claimed).await
}

async fn work(fixture: &Fixture, concurrency: usize, handler: Handler) {
    let stop = handler.stop.clone();
    let worker = WorkerBuilder::new("worker")
        .backend(consumer_of(fixture.queue.clone(), "worker"))
        .data(handler)
        .concurrency(concurrency)
        .build(handle);
    let stopped = async move {
        stop.cancelled().await;
        Ok::<_, std::io::Error>(())
    };
    worker.run_until(stopped).await.unwrap();
}

async fn until_complete(fixture: &Fixture, stop: CancellationToken) {
    while fixture.ledger("a").await.state != RunState::Completed {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
}

#[tokio::test]
async fn a_batch_whose_handler_panics_or_fails_is_tried_again() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1).await;
    let handler = Handler { fails_until: 2, ..Handler::default() };

    tokio::join!(
        work(&fixture, 1, handler.clone()),
        until_complete(&fixture, handler.stop.clone())
    );

    assert_eq!(handler.calls.load(Ordering::Relaxed), 3);
    assert_eq!(fixture.ledger("a").await.tally.created, 10);
}

/// apalis-redis 1.0 hangs for ever here when concurrency is more than four times
/// its batch size.
#[tokio::test]
async fn a_worker_that_is_stopped_finishes_what_it_holds_and_takes_no_more() {
    let fixture = Fixture::with_run("a").await;
    fixture.feed_all("a", 1_000).await;
    let handler = Handler { delay: Duration::from_millis(200), ..Handler::default() };
    let stop = handler.stop.clone();
    let stopper = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stop.cancel();
        Instant::now()
    };

    let ((), stopped) = tokio::join!(work(&fixture, 32, handler.clone()), stopper);

    assert!(stopped.elapsed() < Duration::from_secs(2));
    let (ledger, calls) = (fixture.ledger("a").await, handler.calls.load(Ordering::Relaxed));
    assert_eq!(ledger.batches_settled, calls, "what was begun was settled");
    assert!((32..1_000).contains(&calls), "{calls}");
    let leased: u64 =
        redis::cmd("ZCARD").arg("{batch-sync}:run:a:leases").query(&mut fixture.redis()).unwrap();
    assert_eq!(leased, 0, "nobody has to wait for a lease");
    assert_eq!(fixture.queue.live_consumers().await.unwrap(), 0);
    assert_eq!(fixture.deliver_all().await.len() as u64, 1_000 - calls);
}

#[tokio::test]
async fn a_worker_that_waits_takes_a_batch_soon_after_it_came() {
    let fixture = Fixture::with_run("a").await;
    let handler = Handler::default();
    let feeding = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        fixture.feed_all("a", 3).await;
        let fed = Instant::now();
        until_complete(&fixture, handler.stop.clone()).await;
        fed.elapsed()
    };

    let ((), took) = tokio::join!(work(&fixture, 4, handler.clone()), feeding);

    assert!(took < Duration::from_secs(1), "{took:?}");
}
