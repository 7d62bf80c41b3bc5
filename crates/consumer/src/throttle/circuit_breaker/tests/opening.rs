//! What makes all calls wait, and what does not.

use std::time::Duration;

use super::{
    super::{Failure, Ticket, policy::Failed},
    Play, SECOND, UNAVAILABLE, failure,
};
use crate::retry::BackoffReason;

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
