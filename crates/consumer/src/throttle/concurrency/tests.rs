//! The limit over time, with an org that is played: no clock, no network.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    Concurrency,
    policy::{Bounds, Observations, Shared},
};

const BOUNDS: Bounds = Bounds { start: 4, max: 40 };

/// Between two words of a consumer.
const WORD_MS: u64 = 250;

/// Consumers that always have more to send than they may, before an org that answers in 50 ms and
/// refuses what is above its cap.
struct Play {
    shared: Shared,
    shares: Vec<u32>,
    generations: Vec<u64>,
    demand: u32,
    now_ms: u64,
    refused: u64,
}

impl Play {
    fn of(consumers: usize, demand: u32) -> Self {
        Self {
            shared: Shared::new(BOUNDS),
            shares: vec![0; consumers],
            generations: vec![0; consumers],
            demand,
            now_ms: 1_000_000,
            refused: 0,
        }
    }

    fn until(&mut self, seconds: u64, cap: u32) -> &mut Self {
        let end = 1_000_000 + seconds * 1_000;
        while self.now_ms < end {
            self.step(cap);
        }
        self
    }

    fn step(&mut self, cap: u32) {
        self.now_ms += WORD_MS;
        let in_flight: u32 = self.shares.iter().sum();
        let mut above = in_flight.saturating_sub(cap);
        self.refused += u64::from(above);
        for consumer in 0..self.shares.len() {
            let refused = self.shares[consumer].min(above);
            above -= refused;
            let seen = Observations {
                demand: self.demand,
                in_flight: self.shares[consumer],
                answers: u64::from(self.shares[consumer] - refused) * WORD_MS / 50,
                refused: (refused > 0).then_some(self.generations[consumer]),
                locked: None,
            };
            let name = format!("consumer {consumer}");
            self.shares[consumer] = self.shared.update(&name, seen, BOUNDS, self.now_ms);
            self.generations[consumer] = self.shared.generation;
        }
        let given: u32 = self.shares.iter().sum();
        assert!(given <= self.shared.limit.max(in_flight), "{given} of {}", self.shared.limit);
    }
}

#[test]
fn it_settles_just_below_what_the_org_refuses() {
    let mut play = Play::of(1, 40);

    play.until(10, 10);

    assert!((9..=10).contains(&play.shared.limit), "{}", play.shared.limit);
    // Six of sixteen by the last doubling, and one or two that were one too many.
    assert!(play.refused <= 8, "{} refused on the way", play.refused);
}

#[test]
fn it_follows_a_cap_that_moves_without_a_storm_of_refusals() {
    let mut play = Play::of(3, 40);
    let mut table = Vec::new();

    for (until, cap) in [(20, 10), (40, 5), (110, 24), (130, 8)] {
        play.until(until, cap);
        table.push((cap, play.shared.limit));
    }

    for (cap, limit) in &table {
        assert!((cap - 2..=cap + 1).contains(limit), "{table:?}");
    }
    assert!(play.refused < 60, "{} of some 25,000 calls: {table:?}", play.refused);
}

#[test]
fn it_doubles_until_the_first_refusal_and_never_after_it() {
    let bounds = Bounds { start: 4, max: 100 };
    let mut shared = Shared::new(bounds);
    let mut limits = Vec::new();
    let mut at = |shared: &mut Shared, refused, now_ms| {
        let answers = u64::from(shared.limit);
        let seen = Observations { demand: 200, answers, refused, ..Observations::default() };
        shared.update("a", seen, bounds, now_ms);
        limits.push(shared.limit);
    };

    for step in 0..7 {
        at(&mut shared, None, step * WORD_MS);
    }
    at(&mut shared, Some(0), 2_000);
    for step in 0..3 {
        at(&mut shared, None, 3_000 + step * WORD_MS);
    }

    // The first word tells the demand.
    assert_eq!(limits, [4, 8, 16, 32, 64, 100, 100, 50, 51, 52, 53]);
}

#[test]
fn locked_rows_end_the_doubling_as_well() {
    let bounds = Bounds { start: 8, max: 100 };
    let mut shared = Shared::new(bounds);
    let seen = Observations { demand: 200, ..Observations::default() };

    shared.update("a", Observations { locked: Some(0), ..seen }, bounds, 0);
    shared.update("a", Observations { answers: 100, ..seen }, bounds, 20_000);

    assert_eq!(shared.limit, 5);
}

#[test]
fn a_cap_that_stays_is_asked_about_less_and_less() {
    let mut play = Play::of(1, 40);
    let refused_until = |play: &mut Play, seconds| play.until(seconds, 10).refused;

    let [first, second, third] = [60, 120, 300].map(|seconds| refused_until(&mut play, seconds));

    assert!(second - first <= 2, "{first} {second}");
    assert!(third - second <= 4, "once a minute: {second} {third}");
}

#[test]
fn calls_that_were_under_way_before_a_step_down_cause_no_second_one() {
    let mut shared = Shared::new(Bounds { start: 8, max: 8 });
    let bounds = Bounds { start: 8, max: 8 };
    let refused = Observations { demand: 8, refused: Some(0), ..Observations::default() };

    shared.update("a", refused, bounds, 1_000);
    shared.update("b", refused, bounds, 1_010);

    assert_eq!((shared.limit, shared.generation), (4, 1));
}

#[test]
fn locked_rows_halve_it_and_it_comes_back_slowly() {
    let bounds = Bounds { start: 8, max: 8 };
    let mut shared = Shared::new(bounds);
    let locked = Observations { demand: 20, locked: Some(0), ..Observations::default() };
    let answers = Observations { demand: 20, answers: 1_000, ..Observations::default() };

    shared.update("a", locked, bounds, 1_000);
    let limits: Vec<u32> = (1..=50)
        .map(|second| {
            shared.update("a", answers, bounds, 1_000 + second * 1_000);
            shared.limit
        })
        .collect();

    assert_eq!([limits[0], limits[8], limits[9], limits[20], limits[49]], [4, 4, 5, 6, 8]);
}

#[test]
fn it_does_not_grow_while_there_is_no_demand() {
    let mut shared = Shared::new(BOUNDS);
    let content = Observations { demand: 3, answers: 1_000, ..Observations::default() };

    for second in 0..60 {
        shared.update("a", content, BOUNDS, second * 1_000);
    }

    assert_eq!((shared.limit, shared.share_of("a")), (4, 3));
}

#[test]
fn consumers_get_fair_parts_and_what_others_do_not_want() {
    let bounds = Bounds { start: 10, max: 10 };
    let mut shared = Shared::new(bounds);
    let demand = |demand| Observations { demand, ..Observations::default() };

    assert_eq!(shared.update("a", demand(20), bounds, 0), 10);
    assert_eq!(shared.update("b", demand(20), bounds, 0), 0, "a has not given anything back yet");
    assert_eq!(shared.update("a", demand(20), bounds, 10), 5);
    assert_eq!(shared.update("b", demand(20), bounds, 10), 0, "a has not heard it yet");
    assert_eq!(shared.update("a", Observations { in_flight: 6, ..demand(20) }, bounds, 20), 5);
    assert_eq!(shared.update("b", demand(20), bounds, 20), 4, "a call of a is still in flight");
    assert_eq!(shared.update("a", demand(2), bounds, 30), 2);
    assert_eq!(shared.update("a", demand(2), bounds, 40), 2);
    assert_eq!(shared.update("b", demand(20), bounds, 40), 8);
    shared.forget("a");
    assert_eq!(shared.update("b", demand(20), bounds, 50), 10);
}

#[test]
fn a_consumer_that_is_silent_for_three_seconds_has_no_share() {
    let bounds = Bounds { start: 10, max: 10 };
    let mut shared = Shared::new(bounds);
    let all = Observations { demand: 20, ..Observations::default() };
    shared.update("killed", all, bounds, 0);

    assert_eq!(shared.update("b", all, bounds, 2_900), 0);
    assert_eq!(shared.update("b", all, bounds, 3_100), 10);
}

#[test]
fn more_consumers_than_calls_take_turns() {
    let bounds = Bounds { start: 2, max: 2 };
    let mut shared = Shared::new(bounds);
    let all = Observations { demand: 4, ..Observations::default() };
    let mut turns = [0; 5];

    for word in 0..400 {
        for (consumer, turns) in turns.iter_mut().enumerate() {
            *turns += shared.update(&format!("{consumer}"), all, bounds, word * WORD_MS);
        }
    }

    assert!(turns.iter().all(|turns| *turns > 100), "{turns:?}");
}

#[tokio::test]
async fn the_place_of_a_refused_call_stays_free() {
    let concurrency = Concurrency::new(BOUNDS);
    let mut shared = Shared::new(BOUNDS);
    shared.update(
        &concurrency.member,
        Observations { demand: 8, ..Observations::default() },
        BOUNDS,
        0,
    );
    concurrency.apply(&shared);
    let mut permits = Vec::new();
    for _ in 0..4 {
        permits.push(concurrency.permit().await);
    }

    concurrency.refused(permits[0].generation());
    drop(permits.remove(0));
    let taken = timeout(Duration::from_millis(20), concurrency.permit()).await;
    drop(permits.remove(0));
    let next = timeout(Duration::from_secs(5), concurrency.permit()).await;

    assert!(taken.is_err(), "four were one too many");
    assert!(next.is_ok());
}
