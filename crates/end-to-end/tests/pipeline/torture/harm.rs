//! What is done to the programs and services, and how often it was.

use fastrand::Rng;
use ingest_core::RunId;
use job_queue::Queue;

use super::{
    plan::{Driver, Plan, faults},
    round::Crew,
};
use crate::{
    pipeline::Pipeline,
    processes::{Program, pause_for},
};

/// A way to disturb a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    KillConsumer,
    KillConsumers,
    KillProducer,
    KillAll,
    StopConsumer,
    StopProducer,
    /// kill -9, started again with its append-only file.
    KillRedis,
    /// kill -9, and what Redis wrote within the last second is gone.
    CutPower,
    StallRedis,
    CutConnections,
    /// A consumer stands still for longer than its leases, and goes on.
    FreezeConsumer,
    PauseRun,
    OtherFaults,
}

/// Each with its weight.
const HARMS: [(Harm, u32); 13] = [
    (Harm::KillConsumer, 30),
    (Harm::KillConsumers, 24),
    (Harm::KillProducer, 8),
    (Harm::KillAll, 8),
    (Harm::StopConsumer, 4),
    (Harm::StopProducer, 3),
    (Harm::KillRedis, 3),
    (Harm::CutPower, 3),
    (Harm::StallRedis, 2),
    (Harm::CutConnections, 4),
    (Harm::FreezeConsumer, 2),
    (Harm::PauseRun, 4),
    (Harm::OtherFaults, 5),
];

impl Harm {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let mut at = rng.u32(0..HARMS.iter().map(|(_, weight)| weight).sum());
        for (harm, weight) in HARMS {
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => return harm,
            }
        }
        Self::KillConsumer
    }
}

/// What was done in a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) consumers_killed: u64,
    pub(crate) producers_killed: u64,
    pub(crate) redis_killed: u64,
    pub(crate) power_cuts: u64,
    pub(crate) stops: u64,
    pub(crate) stalls: u64,
    pub(crate) cuts: u64,
    pub(crate) pauses: u64,
    /// Programs that ended by themselves, and were started again.
    pub(crate) gave_up: u64,
    /// Consumers that held batches when they, or their leases, were lost.
    pub(crate) consumers_broken: u64,
    /// Batches in what Redis forgot.
    pub(crate) batches_forgotten: u64,
}

impl Tally {
    pub(crate) fn kills(&self) -> u64 {
        self.consumers_killed + self.producers_killed + self.redis_killed + self.power_cuts
    }
}

/// Everything that can be harmed.
pub(crate) struct Victims<'a> {
    pub(crate) pipeline: &'a mut Pipeline,
    pub(crate) crew: &'a mut Crew,
    pub(crate) plan: &'a Plan,
    pub(crate) rng: &'a mut Rng,
    pub(crate) tally: &'a mut Tally,
    pub(crate) queue: &'a Queue,
    pub(crate) run: &'a RunId,
    pub(crate) runtime: &'a tokio::runtime::Runtime,
}

impl Victims<'_> {
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
            Harm::KillRedis => self.kill_redis(),
            Harm::CutPower => self.cut_power(),
            Harm::StallRedis => self.stall_redis(),
            Harm::CutConnections => self.cut_connections(),
            Harm::FreezeConsumer => self.freeze_consumer(),
            Harm::PauseRun => self.pause_run(),
            Harm::OtherFaults => self.pipeline.set_faults(&faults(self.rng)),
        }
    }

    fn kill_consumers(&mut self, most: usize) {
        let count = self.crew.consumers.len().min(most);
        for consumer in self.crew.consumers.drain(..count) {
            consumer.kill();
            self.tally.consumers_killed += 1;
            self.tally.consumers_broken += 1;
        }
    }

    /// One of them: the other server takes over.
    fn kill_producer(&mut self) {
        if !self.crew.producers.is_empty() {
            let at = self.rng.usize(..self.crew.producers.len());
            self.crew.producers.remove(at).kill();
            self.tally.producers_killed += 1;
        }
    }

    fn stop_consumer(&mut self) {
        if let Some(consumer) = self.crew.consumers.pop() {
            consumer.signal("TERM");
            let ended = consumer.end();
            // One that was still starting may die of the signal itself.
            assert!(matches!(ended.code, Some(0 | 143) | None), "{ended:?}");
            self.tally.stops += 1;
        }
    }

    fn stop_producer(&mut self) {
        if let Some(producer) = self.crew.producers.pop() {
            producer.signal("TERM");
            let ended = producer.end();
            assert!(matches!(ended.code, Some(0 | 3 | 143) | None), "{ended:?}");
            self.tally.stops += 1;
        }
    }

    fn kill_redis(&mut self) {
        self.pipeline.redis.kill();
        self.redis_comes_back();
        self.tally.redis_killed += 1;
    }

    fn cut_power(&mut self) {
        let before = self.pipeline.redis.log_bytes();
        pause_for(self.rng.u64(100..1_000));
        let after = self.pipeline.redis.log_bytes();
        let lost = self.pipeline.redis.lose_log_after(self.rng.u64(before..=after.max(before)));
        self.redis_comes_back();
        self.tally.power_cuts += 1;
        // Each claim, each settling and each putting back names them.
        let name = b"batches:tokens";
        let named = lost.windows(name.len()).filter(|window| window == name).count();
        // And what the cut went through.
        self.tally.batches_forgotten += named as u64 + 1;
    }

    fn redis_comes_back(&mut self) {
        pause_for(self.rng.u64(0..1_500));
        self.pipeline.redis.start_again();
        self.all_consumers_are_broken();
    }

    fn stall_redis(&mut self) {
        self.pipeline.redis.stand_still();
        pause_for(self.rng.u64(200..4_500));
        self.pipeline.redis.go_on();
        self.tally.stalls += 1;
        self.all_consumers_are_broken();
    }

    /// Their leases may have ended while Redis was away.
    fn all_consumers_are_broken(&mut self) {
        self.tally.consumers_broken += self.crew.consumers.len() as u64;
    }

    fn cut_connections(&mut self) {
        let client = redis::Client::open(self.pipeline.redis.url()).unwrap();
        let mut redis = client.get_connection().unwrap();
        let cut = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).clone();
        let () = cut.query(&mut redis).unwrap();
        self.tally.cuts += 1;
    }

    fn freeze_consumer(&mut self) {
        if let Some(consumer) = self.crew.consumers.first() {
            consumer.signal("STOP");
            pause_for(self.plan.lease_ms + self.rng.u64(200..1_000));
            consumer.signal("CONT");
            self.tally.stalls += 1;
            self.tally.consumers_broken += 1;
        }
    }

    /// A server lets go of a paused run, so that somebody has to hand it on again.
    fn pause_run(&mut self) {
        self.runtime.block_on(async {
            self.queue.pause_run(self.run).await.unwrap();
        });
        pause_for(self.rng.u64(50..800));
        resume(self.runtime, self.queue, self.run, self.plan.driver);
        self.tally.pauses += 1;
    }
}

pub(crate) fn resume(
    runtime: &tokio::runtime::Runtime,
    queue: &Queue,
    run: &RunId,
    driver: Driver,
) {
    runtime.block_on(async {
        queue.resume_run(run).await.unwrap();
        if driver == Driver::Serve {
            queue.push_import(run).await.unwrap();
        }
    });
}

/// Ends what is left of it in good order.
pub(crate) fn stop_all(programs: &mut Vec<Program>) {
    programs.iter().for_each(|program| program.signal("TERM"));
    for program in programs.drain(..) {
        let ended = program.end();
        assert!(matches!(ended.code, Some(0 | 3 | 143)), "{ended:?}");
    }
}
