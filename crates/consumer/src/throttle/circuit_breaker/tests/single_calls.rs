//! A call that fails while others get through: it waits alone, and whether it is to blame.

use std::time::Duration;

use super::{
    super::{Failure, policy::Failed},
    MILLISECOND, Play, SECOND, UNAVAILABLE, failure,
};
use crate::retry::BackoffReason;

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
