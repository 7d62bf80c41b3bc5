//! How many calls the org gets at once, and who makes them. Pure: the time is an argument.
//!
//! One more call with every round of answers, half as many after a refusal. What was refused is
//! remembered: the way back goes up to just below it and stops there; from time to time one more
//! call asks whether the org has changed its mind. One that is refused costs no halving.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What bounds the number of calls, whatever Salesforce takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Calls at the same time at the start, in the whole org.
    pub(crate) start: u32,
    /// Calls at the same time ever, in the whole org.
    pub(crate) max: u32,
}

/// Between two steps up, at least.
const GROW_MS: u64 = 250;

/// The same at the start, when each step doubles the limit. As long as nothing was refused, how many calls
/// the org takes is not known at all, and one more at a time would take minutes to find out.
const DOUBLE_MS: u64 = 100;

/// A call more than was refused last is tried after so long; doubles when it is refused again.
const PROBE_MS_MIN: u64 = 5_000;
const PROBE_MS_MAX: u64 = 60_000;

/// Between two steps up after locked rows: these say that fewer calls are better, not how many.
const AFTER_LOCKS_MS: u64 = 10_000;

/// A consumer without an update for so long has no share.
const MEMBER_MS: u64 = 3_000;

/// When there are fewer calls than consumers, they take turns of this length.
const TURN_MS: u64 = 1_000;

/// What all consumers know together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shared {
    /// Calls at the same time in the whole org.
    pub(crate) limit: u32,
    /// What was refused last, if it was.
    pub(crate) ceiling: Option<u32>,
    /// Counts the steps down: calls of before say nothing about now.
    pub(crate) generation: u64,
    /// Answers since the last step.
    answers: u64,
    /// No step up before this time.
    grow_at_ms: u64,
    /// Between two steps up.
    grow_ms: u64,
    /// How long the next try above the ceiling waits.
    probe_ms: u64,
    members: BTreeMap<String, Member>,
}

/// One consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    /// Calls it may make at the same time.
    share: u32,
    /// Calls it may still be making, since it did not always have to make so few.
    held: u32,
    /// Calls it would like to make.
    demand: u32,
    seen_ms: u64,
}

/// What a consumer has observed since its last update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observations {
    /// Calls it would like to make at the same time.
    pub(crate) demand: u32,
    /// Calls it is making.
    pub(crate) in_flight: u32,
    /// Calls that were answered with row results.
    pub(crate) answers: u64,
    /// The youngest call that was refused for being one too many, by its generation.
    pub(crate) refused: Option<u64>,
    /// The youngest call that met many locked rows.
    pub(crate) locked: Option<u64>,
}

impl Shared {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            limit: bounds.start.min(bounds.max).max(1),
            ceiling: None,
            generation: 0,
            answers: 0,
            grow_at_ms: 0,
            grow_ms: GROW_MS,
            probe_ms: PROBE_MS_MIN,
            members: BTreeMap::new(),
        }
    }

    /// Applies what a consumer has observed; the answer is how many calls it may make at once.
    pub(crate) fn update(
        &mut self,
        member: &str,
        observed: Observations,
        bounds: Bounds,
        now_ms: u64,
    ) -> u32 {
        self.limit = self.limit.min(bounds.max).max(1);
        if observed.refused == Some(self.generation) {
            self.refused(now_ms);
        } else if observed.locked == Some(self.generation) {
            self.grow_ms = AFTER_LOCKS_MS;
            self.step_down(self.limit / 2, now_ms);
        } else {
            self.answers += observed.answers;
            self.step_up(bounds, now_ms);
        }
        self.share(member, observed, now_ms)
    }

    /// Calls that a consumer may make at once.
    pub(crate) fn share_of(&self, member: &str) -> u32 {
        self.members.get(member).map_or(0, |known| known.share)
    }

    /// A consumer has gone.
    pub(crate) fn forget(&mut self, member: &str) {
        self.members.remove(member);
    }

    fn refused(&mut self, now_ms: u64) {
        let refused_at = self.limit;
        if self.ceiling == Some(refused_at) {
            // It was one more on purpose: now it is known again.
            self.probe_ms = (self.probe_ms * 2).min(PROBE_MS_MAX);
            self.step_down(refused_at - 1, now_ms);
            return;
        }
        self.grow_ms = GROW_MS;
        self.probe_ms = PROBE_MS_MIN;
        self.ceiling = Some(refused_at);
        self.step_down(refused_at / 2, now_ms);
    }

    fn step_down(&mut self, limit: u32, now_ms: u64) {
        self.limit = limit.max(1);
        self.generation += 1;
        self.wait_for_next_step(now_ms);
    }

    /// One more call, when all that are allowed are made and were answered; at the start as many again.
    fn step_up(&mut self, bounds: Bounds, now_ms: u64) {
        let wanted: u32 = self.members.values().map(|member| member.demand).sum();
        let is_used = self.answers >= u64::from(self.limit) && wanted > self.limit;
        if !is_used || self.limit >= bounds.max || now_ms < self.grow_at_ms {
            return;
        }
        if self.ceiling == Some(self.limit) {
            // What was refused before is taken now.
            self.ceiling = None;
            self.probe_ms = PROBE_MS_MIN;
        }
        let doubles = self.doubles();
        let more = if doubles { self.limit } else { 1 };
        self.limit = self.limit.saturating_add(more).min(bounds.max);
        self.wait_for_next_step(now_ms);
        if doubles {
            self.grow_at_ms = now_ms + DOUBLE_MS;
        }
    }

    /// Whether each step up doubles the limit: nothing was refused yet, nor were many rows locked. A step down
    /// ends it for good: from then on what the org takes is near what it took.
    pub(crate) fn doubles(&self) -> bool {
        self.generation == 0
    }

    fn wait_for_next_step(&mut self, now_ms: u64) {
        self.answers = 0;
        let is_just_below = self.ceiling == Some(self.limit + 1);
        self.grow_at_ms = now_ms + if is_just_below { self.probe_ms } else { self.grow_ms };
    }

    /// A fair part for each consumer, and never more in all than the limit, as far as the others
    /// have given theirs back.
    fn share(&mut self, member: &str, observed: Observations, now_ms: u64) -> u32 {
        self.members.retain(|_, known| known.seen_ms + MEMBER_MS > now_ms);
        let before = self.share_of(member);
        let others = self.members.iter().filter(|(name, _)| name.as_str() != member);
        let taken: u32 = others.map(|(_, known)| known.held).sum();
        let entry = Member { share: 0, held: 0, demand: observed.demand, seen_ms: now_ms };
        self.members.insert(member.to_owned(), entry);
        let share = self.fair_share(member, now_ms).min(self.limit.saturating_sub(taken));
        if let Some(entry) = self.members.get_mut(member) {
            entry.share = share;
            // Until it has received this share it uses the one before.
            entry.held = share.max(before).max(observed.in_flight);
        }
        share
    }

    /// No consumer gets more than its demand while another one's is not met. When the limit is less than
    /// their number, they take turns.
    fn fair_share(&self, member: &str, now_ms: u64) -> u32 {
        let mut wanting: Vec<(&str, u32)> =
            self.members.iter().map(|(name, known)| (name.as_str(), known.demand)).collect();
        let turns = u64::try_from(wanting.len()).unwrap_or(1).max(1);
        let turn = usize::try_from(now_ms / TURN_MS % turns).unwrap_or_default();
        wanting.rotate_left(turn);
        wanting.sort_by_key(|(_, demand)| *demand);
        let mut left = self.limit;
        let mut others = u32::try_from(wanting.len()).unwrap_or(u32::MAX);
        for (name, demand) in wanting {
            // Rounded up: what cannot be shared evenly goes to the first.
            let part = demand.min(left.div_ceil(others));
            if name == member {
                return part;
            }
            left -= part;
            others -= 1;
        }
        0
    }
}
