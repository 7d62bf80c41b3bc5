//! What is done to programs and services, and how often it was.

use std::time::Instant;

use fastrand::Rng;

use super::{
    desk::tell,
    plan::{CONCURRENCY, Fate, LEASE_MS, Theme, faults},
    stage::Stage,
    windows::Cause,
};
use crate::processes::{Program, pause_for};

/// A way to disturb runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    KillConsumer,
    KillConsumers,
    KillProducer,
    KillAll,
    StopConsumer,
    StopProducer,
    /// A consumer stands still for longer than its leases, and goes on.
    FreezeConsumer,
    CutConnections,
    /// A pause by hand, and its end.
    PauseRun,
    OtherFaults,
    /// kill -9, started again with its append-only file.
    KillRedis,
    /// kill -9, and what Redis wrote within the last second is gone.
    CutPower,
    StallRedis,
    /// Salesforce wants to be left alone, and Redis stalls for longer than a lease over and over
    /// while consumers hold batches that they cannot send.
    StallsInAWait,
    MoveRedisClock,
    MoveProducersClock,
    /// Redis dies, and its replica takes over.
    Failover,
    /// Redis lives, its Sentinel does not see it, and its replica takes over.
    Partition,
}

impl Harm {
    /// Each with its weight.
    fn of(theme: Theme) -> &'static [(Self, u32)] {
        match theme {
            Theme::Crashes => &CRASHES,
            Theme::PowerCuts => &POWER_CUTS,
            Theme::Stalls => &[
                (Self::StallRedis, 40),
                (Self::KillProducer, 8),
                (Self::StopConsumer, 6),
                (Self::CutConnections, 6),
                (Self::PauseRun, 5),
                (Self::OtherFaults, 8),
            ],
            Theme::Clocks => &[
                (Self::MoveRedisClock, 30),
                (Self::MoveProducersClock, 20),
                (Self::KillProducer, 10),
                (Self::StopConsumer, 8),
                (Self::PauseRun, 5),
                (Self::OtherFaults, 10),
            ],
            Theme::Failover | Theme::Partition => &[
                (Self::KillConsumer, 10),
                (Self::KillProducer, 10),
                (Self::StopConsumer, 10),
                (Self::OtherFaults, 10),
            ],
        }
    }

    pub(crate) fn draw(theme: Theme, rng: &mut Rng) -> Self {
        let harms = Self::of(theme);
        let mut at = rng.u32(0..harms.iter().map(|(_, weight)| weight).sum());
        for (harm, weight) in harms {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return *harm,
            }
        }
        Self::OtherFaults
    }

    /// What a stretch of harm begins with.
    pub(crate) fn first(theme: Theme) -> Option<Self> {
        match theme {
            Theme::Crashes | Theme::PowerCuts => None,
            Theme::Stalls => Some(Self::StallsInAWait),
            Theme::Clocks => Some(Self::MoveRedisClock),
            Theme::Failover => Some(Self::Failover),
            Theme::Partition => Some(Self::Partition),
        }
    }
}

const CRASHES: [(Harm, u32); 10] = [
    (Harm::KillConsumer, 30),
    (Harm::KillConsumers, 14),
    (Harm::KillProducer, 12),
    (Harm::KillAll, 6),
    (Harm::StopConsumer, 5),
    (Harm::StopProducer, 4),
    (Harm::FreezeConsumer, 3),
    (Harm::CutConnections, 6),
    (Harm::PauseRun, 6),
    (Harm::OtherFaults, 8),
];

const POWER_CUTS: [(Harm, u32); 10] = [
    (Harm::CutPower, 24),
    (Harm::KillRedis, 10),
    (Harm::StallRedis, 3),
    (Harm::KillConsumer, 10),
    (Harm::KillConsumers, 5),
    (Harm::KillProducer, 8),
    (Harm::KillAll, 4),
    (Harm::CutConnections, 4),
    (Harm::PauseRun, 4),
    (Harm::OtherFaults, 6),
];

/// What was done in a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) consumers_killed: u64,
    pub(crate) producers_killed: u64,
    pub(crate) redis_killed: u64,
    pub(crate) power_cuts: u64,
    pub(crate) stops: u64,
    pub(crate) stalls: u64,
    pub(crate) frozen: u64,
    pub(crate) cuts: u64,
    pub(crate) pauses: u64,
    pub(crate) clock_steps: u64,
    pub(crate) failovers: u64,
    pub(crate) partitions: u64,
    /// Programs that ended by themselves, and were started again.
    pub(crate) gave_up: u64,
}

impl Tally {
    pub(crate) fn harms(&self) -> u64 {
        self.consumers_killed
            + self.producers_killed
            + self.redis_killed
            + self.power_cuts
            + self.stops
            + self.stalls
            + self.frozen
            + self.cuts
            + self.pauses
            + self.clock_steps
            + self.failovers
            + self.partitions
    }
}

impl Stage {
    pub(crate) fn suffer(&mut self, harm: Harm) {
        match harm {
            Harm::KillConsumer => self.kill_consumers(1),
            Harm::KillConsumers => self.kill_consumers(usize::MAX),
            Harm::KillProducer => self.kill_producer(),
            Harm::KillAll => {
                self.kill_producer();
                self.kill_consumers(usize::MAX);
            }
            Harm::StopConsumer => self.stop_consumer(),
            Harm::StopProducer => self.stop_producer(),
            Harm::FreezeConsumer => self.freeze_consumer(),
            Harm::CutConnections => self.cut_connections(),
            Harm::PauseRun => self.pause_run(),
            Harm::OtherFaults => {
                let faults = faults(&mut self.rng);
                self.services.pipeline.set_faults(&faults);
            }
            Harm::KillRedis => self.kill_redis(),
            Harm::CutPower => self.cut_power(),
            Harm::StallRedis => {
                let ms = self.rng.u64(LEASE_MS / 10..=LEASE_MS * 2);
                self.stall_redis(ms);
            }
            Harm::StallsInAWait => self.stall_redis_in_a_wait(),
            Harm::MoveRedisClock => self.move_redis_clock(),
            Harm::MoveProducersClock => self.move_producers_clock(),
            Harm::Failover => self.fail_over(),
            Harm::Partition => self.part(),
        }
    }

    pub(crate) fn kill_consumers(&mut self, most: usize) {
        let count = self.consumers.len().min(most);
        let at = self.rng.usize(..=self.consumers.len() - count);
        let killed: Vec<_> = self.consumers.drain(at..at + count).collect();
        for consumer in killed {
            let now = Instant::now();
            consumer.kill();
            self.tally.consumers_killed += 1;
            self.open_window(Cause::Killed, now, CONCURRENCY);
        }
    }

    fn kill_producer(&mut self) {
        if let Some(producer) = self.take_producer() {
            producer.kill();
            self.tally.producers_killed += 1;
        }
    }

    /// One of those that there are, server or not.
    fn take_producer(&mut self) -> Option<Program> {
        let runs = self.runs.iter().enumerate();
        let following: Vec<_> =
            runs.filter(|(_, run)| run.follower.is_some()).map(|(nth, _)| nth).collect();
        let count = following.len() + self.servers.len();
        let at = (count > 0).then(|| self.rng.usize(..count))?;
        match following.get(at) {
            Some(nth) => self.runs[*nth].follower.take(),
            None => Some(self.servers.remove(at - following.len()).1.program),
        }
    }

    fn stop_consumer(&mut self) {
        if let Some(consumer) = self.consumers.pop() {
            self.see_to_its_end(consumer);
        }
    }

    fn stop_producer(&mut self) {
        if let Some(producer) = self.take_producer() {
            self.see_to_its_end(producer);
        }
    }

    fn see_to_its_end(&mut self, program: Program) {
        program.signal("TERM");
        let ended = program.end();
        // One that was still starting may die of the signal itself.
        assert!(matches!(ended.code, Some(0 | 1 | 3 | 143) | None), "{ended:?}");
        self.tally.stops += 1;
    }

    fn freeze_consumer(&mut self) {
        let ms = LEASE_MS + self.rng.u64(200..1_500);
        if let Some(consumer) = self.consumers.first() {
            let now = Instant::now();
            consumer.signal("STOP");
            pause_for(ms);
            consumer.signal("CONT");
            self.tally.frozen += 1;
            self.open_window(Cause::Frozen, now, CONCURRENCY);
        }
    }

    /// Of a run that is to go straight through.
    fn pause_run(&mut self) {
        let open = |run: &super::run::Run| {
            run.plan.fate == Fate::Straight
                && matches!(run.status(), "feeding" | "waiting" | "draining")
        };
        let Some(nth) = self.runs.iter().position(open) else { return };
        self.tally.pauses += 1;
        self.runs[nth].wants_pause = true;
        tell(&self.services.pipeline, "pause", &self.runs[nth].id);
        pause_for(self.rng.u64(50..800));
        self.resume(nth);
    }
}
