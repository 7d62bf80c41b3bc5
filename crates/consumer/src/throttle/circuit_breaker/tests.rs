//! The policy over time, without a clock; and what waits for it, with a paused one.

use std::time::Duration;

use futures::FutureExt;
use job_queue::OutageKind;
use tokio::time::{Instant, advance};

use super::{
    CircuitBreaker, Failure, Outage, Permit, Ticket,
    policy::{Asked, Failed, RETRIED_WITHIN, State},
};
use crate::retry::BackoffReason;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const CHECK: Duration = Duration::from_secs(300);

/// The draw that gives the longest wait.
const LONGEST: f64 = 1.0;

fn failure(reason: BackoffReason) -> Failure {
    Failure { reason, retry_after: None, times: 1, loses_rows: false, is_suspect: false }
}

const UNAVAILABLE: BackoffReason = BackoffReason::Unavailable;

/// The policy, and a time that passes as a test says.
struct Play {
    state: State,
    now: Instant,
}

impl Play {
    fn new() -> Self {
        Self { state: State::default(), now: Instant::now() }
    }

    /// Lets time pass until a call may be made, and gives it.
    fn call(&mut self) -> Ticket {
        loop {
            match self.state.ask(self.now) {
                Asked::Granted(ticket) => return ticket,
                Asked::Wait(until) => self.now = until,
            }
        }
    }

    /// For how long no call may be made.
    fn closed_for(&mut self) -> Duration {
        match self.state.ask(self.now) {
            Asked::Granted(ticket) => {
                self.state.dropped(ticket);
                Duration::ZERO
            }
            Asked::Wait(until) => until - self.now,
        }
    }

    fn fails(&mut self, ticket: Ticket, failure: Failure) -> Failed {
        let backoff = failure.reason.backoff(CHECK);
        self.state.failed(ticket, failure, backoff, self.now, LONGEST)
    }

    fn fail(&mut self) -> Failed {
        let ticket = self.call();
        self.fails(ticket, failure(UNAVAILABLE))
    }

    fn succeed(&mut self) {
        let ticket = self.call();
        self.state.has_results(ticket, self.now);
        self.state.succeeded(ticket, self.now);
    }

    /// One call that fails, and others; so often. Gives how often all had to wait.
    fn mixed(&mut self, rounds: u32, calls: &[bool]) -> u32 {
        let mut openings = 0;
        for _ in 0..rounds {
            for fails in calls {
                self.now += 5 * MILLISECOND;
                if *fails {
                    openings += u32::from(matches!(self.fail(), Failed::All { .. }));
                } else {
                    self.succeed();
                }
            }
        }
        openings
    }

    /// Opens it, as an outage does.
    fn open(&mut self) {
        loop {
            self.now += SECOND;
            if let Failed::All { .. } = self.fail() {
                break;
            }
        }
    }
}

#[test]
fn failures_among_successes_hold_up_nobody_but_the_call_that_failed() {
    let mut one_in_ten = [false; 10];
    one_in_ten[3] = true;

    for reason in [UNAVAILABLE, BackoffReason::Unreachable, BackoffReason::NoAnswer] {
        let mut play = Play::new();
        let ticket = play.call();
        let first = play.fails(ticket, failure(reason));
        assert_eq!(first, Failed::Alone { delay: 200 * MILLISECOND, is_news: true });
        assert_eq!(play.closed_for(), Duration::ZERO);
    }
    assert_eq!(Play::new().mixed(1_000, &one_in_ten), 0);
    assert_eq!(Play::new().mixed(1_000, &[true, false]), 0, "half of them");
    assert_eq!(Play::new().mixed(1_000, &[true, true, true, false]), 0, "three quarters");
}

#[test]
fn a_call_waits_longer_for_itself_each_time_it_fails() {
    let mut play = Play::new();
    let mut longest = |times| {
        play.succeed();
        let ticket = play.call();
        match play.fails(ticket, Failure { times, ..failure(UNAVAILABLE) }) {
            Failed::Alone { delay, .. } => delay.as_millis(),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!([1, 2, 3, 6, 30].map(&mut longest), [200, 400, 800, 5_000, 5_000]);
}

#[test]
fn it_opens_when_nine_in_ten_of_the_last_calls_failed() {
    let mut play = Play::new();
    assert_eq!(play.mixed(2, &[false]), 0);

    assert_eq!(play.mixed(17, &[true]), 0, "seventeen of nineteen, within a moment");
    assert_eq!(play.mixed(1, &[true]), 1, "eighteen of twenty");
}

#[test]
fn calls_of_long_ago_say_nothing_of_now() {
    let mut play = Play::new();
    play.mixed(40, &[false]);
    play.now += 11 * SECOND;
    play.mixed(2, &[false]);

    assert_eq!(play.mixed(17, &[true]), 0, "nineteen calls");
    assert_eq!(play.mixed(1, &[true]), 1, "twenty, nine in ten of them failed");
}

#[test]
fn one_worker_before_an_outage_opens_it_within_seconds() {
    let mut play = Play::new();
    play.succeed();
    let start = play.now;

    let mut calls = 0;
    loop {
        calls += 1;
        let ticket = play.call();
        match play.fails(ticket, Failure { times: calls, ..failure(UNAVAILABLE) }) {
            Failed::Alone { delay, .. } => play.now += delay,
            Failed::All { .. } => break,
            Failed::Late => panic!("there is no other call"),
        }
    }

    assert_eq!((calls, (play.now - start).as_millis()), (4, 1_400));
}

#[test]
fn calls_that_fail_at_the_same_moment_are_no_outage_yet() {
    let mut play = Play::new();
    play.mixed(40, &[false]);
    let calls: Vec<Ticket> = (0..10).map(|_| play.call()).collect();

    let no_answer = failure(BackoffReason::NoAnswer);
    let failed: Vec<Failed> = calls.iter().map(|call| play.fails(*call, no_answer)).collect();

    assert!(failed.iter().all(|failed| matches!(failed, Failed::Alone { .. })), "{failed:?}");
    play.now += 2 * SECOND;
    play.succeed();
    assert!(matches!(play.fail(), Failed::Alone { .. }), "a success is between them");
}

#[test]
fn the_second_call_in_a_row_that_loses_its_rows_opens_it() {
    let mut play = Play::new();
    let lost = Failure { loses_rows: true, ..failure(BackoffReason::NoAnswer) };
    let calls = [play.call(), play.call()];

    assert!(matches!(play.fails(calls[0], lost), Failed::Alone { .. }));
    assert!(matches!(play.fails(calls[1], lost), Failed::All { .. }));
}

#[test]
fn what_salesforce_says_of_all_calls_opens_it_at_once() {
    for (reason, retry_after, expected) in [
        (BackoffReason::Throttled, None, 5),
        (BackoffReason::Throttled, Some(17), 17),
        (BackoffReason::QuotaUsedUp, None, 4 * 300),
        (BackoffReason::QuotaUsedUp, Some(1), 2 * 300),
        (UNAVAILABLE, Some(17), 17),
    ] {
        let mut play = Play::new();
        play.mixed(100, &[false]);
        let ticket = play.call();
        let retry_after = retry_after.map(Duration::from_secs);

        let failed = play.fails(ticket, Failure { retry_after, ..failure(reason) });

        assert!(matches!(failed, Failed::All { .. }), "{reason:?} {failed:?}");
        assert_eq!(play.closed_for().as_secs(), expected, "{reason:?} {retry_after:?}");
    }
}

#[test]
fn a_late_answer_cannot_shorten_the_wait_but_asks_for_a_longer_one() {
    let mut play = Play::new();
    let calls = [play.call(), play.call(), play.call(), play.call()];
    let asks_for = |seconds| Failure {
        retry_after: Some(seconds * SECOND),
        ..failure(BackoffReason::Throttled)
    };

    play.fails(calls[0], asks_for(17));
    play.fails(calls[1], asks_for(1));
    play.state.succeeded(calls[2], play.now);
    assert_eq!(play.closed_for(), 17 * SECOND);
    play.fails(calls[3], asks_for(20));
    assert_eq!(play.closed_for(), 20 * SECOND);
}

#[test]
fn one_probe_at_a_time_is_made_and_the_longer_none_succeeds_the_longer_it_is_open() {
    let mut play = Play::new();
    play.open();
    let start = play.now;
    let mut waits = Vec::new();

    while play.now - start < 3_600 * SECOND {
        let before = play.now;
        let probe = play.call();
        waits.push((before - start, play.now - before));
        assert_eq!(play.closed_for(), 30 * SECOND, "another one waits for it");
        play.fails(probe, failure(UNAVAILABLE));
    }

    let wait_after = |seconds: u32| {
        let later = waits.iter().find(|(since, _)| *since >= seconds * SECOND);
        later.map(|(_, wait)| wait.as_secs()).unwrap()
    };
    assert_eq!([0, 5, 80, 500, 3_000].map(wait_after), [1, 1, 10, 60, 60]);
}

#[test]
fn a_call_in_ten_that_gets_through_is_not_waited_for_longer_than_seconds() {
    let mut play = Play::new();
    let start = play.now;
    let mut through = 0;
    for round in 0.. {
        if play.now - start >= 600 * SECOND {
            break;
        }
        // Ten calls at once, as long as they may be made.
        for call in 0..10 {
            play.now += 10 * MILLISECOND;
            if (round + call) % 10 == 0 {
                play.succeed();
                through += 1;
            } else {
                play.fail();
            }
        }
    }

    assert!(through >= 100, "{through} in ten minutes");
}

#[test]
fn a_probe_that_succeeds_closes_it_and_the_next_outage_begins_anew() {
    let mut play = Play::new();
    play.open();
    let probe = play.call();
    play.fails(probe, failure(UNAVAILABLE));

    let probe = play.call();
    let waited = play.state.succeeded(probe, play.now);

    assert_eq!(waited, Some(4 * SECOND), "two until it opened, and one and one until now");
    assert_eq!(play.closed_for(), Duration::ZERO);
    assert!(matches!(play.fail(), Failed::Alone { .. }));
    play.open();
    assert_eq!(play.closed_for(), SECOND);
}

#[test]
fn an_answer_from_before_the_outage_does_not_end_it_and_a_failure_does_not_prolong_it() {
    let mut play = Play::new();
    let (early, late) = (play.call(), play.call());
    play.open();

    play.state.succeeded(early, play.now);
    let failed = play.fails(late, failure(UNAVAILABLE));

    assert_eq!((failed, play.closed_for()), (Failed::Late, SECOND));
}

#[test]
fn a_probe_that_is_not_made_makes_room_for_another() {
    let mut play = Play::new();
    play.open();
    let dropped = play.call();

    assert!(play.state.dropped(dropped));

    assert_eq!(play.closed_for(), Duration::ZERO);
    assert!(!play.state.dropped(dropped), "the next probe is another call");
}

#[test]
fn a_probe_without_an_answer_is_not_waited_for_for_ever() {
    let mut play = Play::new();
    play.open();
    let silent = play.call();

    let before = play.now;
    let second = play.call();
    assert_eq!(play.now - before, 30 * SECOND);
    assert!(play.state.is_valid(second));
    play.state.ended(second, play.now);
    assert_eq!(play.closed_for(), SECOND, "nobody says what its answer comes to");
    play.state.succeeded(silent, play.now);
    assert_eq!(play.closed_for(), Duration::ZERO, "it was answered after all");
}

#[test]
fn a_call_that_was_permitted_before_it_opened_is_not_made() {
    let mut play = Play::new();
    let early = play.call();
    assert!(play.state.is_valid(early));

    play.open();
    assert!(!play.state.is_valid(early));
    let probe = play.call();
    assert!(play.state.is_valid(probe) && !play.state.is_valid(early));
}

#[test]
fn only_an_answer_to_a_call_that_started_later_shows_that_others_get_through() {
    let mut play = Play::new();
    let (before, failing, after) = (play.call(), play.call(), play.call());

    play.state.has_results(before, play.now);
    assert!(!play.state.has_answered_after(failing));
    play.state.has_results(after, play.now);
    assert!(play.state.has_answered_after(failing) && !play.state.has_answered_after(after));
}

#[test]
fn a_failure_beside_others_that_fail_is_not_its_own_unless_nobody_gets_through_for_long() {
    let mut play = Play::new();
    play.succeed();
    let (ticket, start) = (play.call(), play.now);
    let is_own = |play: &Play| play.state.may_be_its_own(ticket, start, play.now);

    play.now += MILLISECOND;
    assert!(is_own(&play), "no other call failed");
    play.fail();
    assert!(!is_own(&play), "another one failed as well");
    play.now += 9 * SECOND;
    assert!(!is_own(&play));
    play.now += 2 * SECOND;
    assert!(is_own(&play), "nobody was answered for ten seconds");

    let mut play = Play::new();
    let (ticket, start) = (play.call(), play.now);
    play.fail();
    let other = play.call();
    play.state.has_results(other, play.now);
    assert!(play.state.may_be_its_own(ticket, start, play.now), "another one got through");
}

#[test]
fn the_more_calls_fail_the_more_failures_a_row_has_before_it_is_blamed() {
    let to_blame = |failed: usize| {
        let mut play = Play::new();
        for call in 0..48 {
            if call < failed {
                play.fail();
            } else {
                play.succeed();
            }
        }
        play.state.failures_to_blame()
    };

    assert_eq!([0, 1, 4, 12, 13].map(to_blame), [Some(6), Some(8), Some(11), Some(18), None]);
    assert_eq!(Play::new().state.failures_to_blame(), None, "nothing is known yet");
}

#[test]
fn a_call_that_is_known_to_fail_opens_nothing_but_keeps_it_open() {
    let mut play = Play::new();
    let known = Failure { is_suspect: true, ..failure(UNAVAILABLE) };
    for _ in 0..100 {
        play.now += SECOND;
        let ticket = play.call();
        assert!(matches!(play.fails(ticket, known), Failed::Alone { .. }));
    }

    play.open();
    let probe = play.call();
    assert!(matches!(play.fails(probe, known), Failed::All { .. }));
}

#[test]
fn the_log_is_told_of_single_calls_from_time_to_time() {
    let mut play = Play::new();
    let mut news = 0;
    for _ in 0..1_000 {
        play.now += 25 * MILLISECOND;
        play.succeed();
        play.succeed();
        news += u32::from(matches!(play.fail(), Failed::Alone { is_news: true, .. }));
    }

    assert_eq!(news, 3, "in 25 seconds");
}

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
