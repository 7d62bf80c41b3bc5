//! What waits for the policy, with a clock that is paused.

use std::time::Duration;

use futures::FutureExt;
use job_queue::OutageKind;
use tokio::time::{Instant, advance};

use super::{
    super::{CircuitBreaker, Outage, Permit, policy::RETRIED_WITHIN},
    CHECK, LONGEST, SECOND, UNAVAILABLE, failure,
};

async fn waited(breaker: &CircuitBreaker) -> Duration {
    let start = Instant::now();
    let _permit = breaker.permit().await;
    start.elapsed()
}

fn fail(breaker: &CircuitBreaker, permit: Permit<'_>) -> Duration {
    breaker.failed(permit.ended(), failure(UNAVAILABLE), LONGEST, &"HTTP 503")
}

/// As an outage does.
async fn open(breaker: &CircuitBreaker) {
    for _ in 0..3 {
        fail(breaker, breaker.permit().await);
        advance(SECOND / 2).await;
    }
    assert!(breaker.is_waiting());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_published_until_an_answer_comes_or_nothing_is_tried_any_more() {
    let breaker = CircuitBreaker::new(CHECK);
    open(&breaker).await;
    assert_eq!(breaker.outage(), None, "some seconds are no outage");
    for _ in 0..5 {
        fail(&breaker, breaker.permit().await);
    }

    let published = breaker.outage().unwrap();
    let (kind, reason) = (OutageKind::Trouble, "salesforce is not available".to_owned());
    assert_eq!(published, Outage { kind, reason: reason.clone(), retry_in: SECOND });
    let permit = breaker.permit().await;
    let published = breaker.outage().unwrap();
    assert_eq!(published, Outage { kind, reason, retry_in: Duration::ZERO }, "it is being tried");
    advance(RETRIED_WITHIN).await;
    assert_eq!(breaker.outage(), None);
    breaker.succeeded(permit.ended());
    assert_eq!((breaker.outage(), breaker.is_waiting()), (None, false));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_probe_go_on_when_it_succeeds() {
    let breaker = CircuitBreaker::new(CHECK);
    open(&breaker).await;
    let probe = breaker.permit().await;
    let others = futures::future::join_all((0..9).map(|_| waited(&breaker)));
    let mut others = std::pin::pin!(others);
    assert!(others.as_mut().now_or_never().is_none(), "one is enough");

    advance(SECOND).await;
    breaker.succeeded(probe.ended());

    assert_eq!(others.await, [SECOND; 9]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_lets_the_next_one_through_at_once() {
    let breaker = CircuitBreaker::new(CHECK);
    open(&breaker).await;
    let probe = breaker.permit().await;
    let mut next = Box::pin(waited(&breaker));
    assert!(next.as_mut().now_or_never().is_none());

    drop(probe);

    assert_eq!(next.await, Duration::ZERO);
}
