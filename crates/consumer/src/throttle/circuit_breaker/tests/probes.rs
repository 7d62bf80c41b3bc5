//! One call at a time finds out whether the outage is over.

use std::time::Duration;

use super::{super::policy::Failed, MILLISECOND, Play, SECOND, UNAVAILABLE, failure};

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
