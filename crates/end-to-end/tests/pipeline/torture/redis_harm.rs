//! What is done to Redis, its clock and its replica.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    harm::Harm,
    plan::{LEASE_MS, WAIT_SECONDS, slow, wait},
    services::{COPIER, WATCHER},
    stage::Stage,
    windows::Cause,
};
use crate::processes::{pause, pause_for, wait_until};

/// More often than a batch may be handed out in vain (`CONSUMER_DELIVERIES_MAX`).
const STALLS_IN_A_WAIT: u64 = 6;

/// What a power cut takes at the most.
const FORGETS: Duration = Duration::from_secs(1);

/// A clock that somebody has set wrong.
const HOUR: i64 = 3_600;

impl Stage {
    pub(crate) fn kill_redis(&mut self) {
        let now = Instant::now();
        self.services.pipeline.redis.kill();
        self.redis_comes_back(now);
        self.tally.redis_killed += 1;
    }

    /// At any moment; every second time just after rejects were written, which may be of
    /// deliveries that Redis forgets. Every third one is followed by another, when programs have
    /// hardly spoken to the Redis that came back.
    pub(crate) fn cut_power(&mut self) {
        let begun = Instant::now();
        let awaits_rejects = self.rng.bool();
        let at_most = if awaits_rejects { 4_000 } else { self.rng.u64(100..1_000) };
        let before = self.rejects_bytes();
        let mut written = VecDeque::new();
        loop {
            written.push_back((Instant::now(), self.services.pipeline.redis.log_bytes()));
            // What is older is on the disk (`appendfsync everysec`).
            while written.front().is_some_and(|(at, _)| at.elapsed() > FORGETS) {
                written.pop_front();
            }
            let is_time = begun.elapsed() > Duration::from_millis(at_most);
            if is_time || awaits_rejects && self.rejects_bytes() != before {
                break;
            }
            pause();
        }
        let (oldest, newest) = (written[0], written[written.len() - 1]);
        if self.rng.u8(0..4) == 0 {
            // Nobody is there who looks after leases and lost batches.
            self.kill_consumers(usize::MAX);
        }
        self.lose_log_between(oldest.1, newest.1, oldest.0);
        while self.rng.u8(0..3) == 0 {
            let (now, start) = (Instant::now(), self.services.pipeline.redis.log_bytes());
            pause_for(self.rng.u64(0..900));
            let end = self.services.pipeline.redis.log_bytes();
            self.lose_log_between(start, end, now);
        }
    }

    /// Redis dies, and comes back without what it wrote behind some byte between these.
    fn lose_log_between(&mut self, start: u64, end: u64, since: Instant) {
        // Redis may have begun a shorter file meanwhile.
        let cut_at = self.rng.u64(start.min(end)..=end);
        let lost = self.services.pipeline.redis.lose_log_after(cut_at);
        self.redis_comes_back(since);
        self.tally.power_cuts += 1;
        let settled = settled_in(&lost);
        self.note(format!("{} bytes are lost, {settled} batches settled in them", lost.len()));
        // And the transaction that the cut went through.
        self.open_window(Cause::Forgotten, since, settled + 1 + self.in_flight());
    }

    fn rejects_bytes(&self) -> usize {
        let lines = |run: &str| self.services.pipeline.rejects_parts(run).concat();
        self.runs.iter().map(|run| lines(&run.id).concat().len()).sum()
    }

    fn redis_comes_back(&mut self, since: Instant) {
        pause_for(self.rng.u64(0..1_500));
        self.services.pipeline.redis.start_again();
        self.note_redis_was_away(since);
    }

    pub(crate) fn stall_redis(&mut self, ms: u64) {
        let now = Instant::now();
        self.services.master().stand_still();
        pause_for(ms);
        self.services.master().go_on();
        self.note_redis_was_away(now);
        self.tally.stalls += 1;
    }

    /// Without a call that succeeds meanwhile.
    pub(crate) fn stall_redis_in_a_wait(&mut self) {
        self.services.pipeline.set_faults(&wait(WAIT_SECONDS));
        for _ in 0..STALLS_IN_A_WAIT {
            self.stall_redis(LEASE_MS + 300);
            pause_for(self.rng.u64(300..900));
        }
        let weather = slow(&mut self.rng);
        self.services.pipeline.set_faults(&weather);
    }

    pub(crate) fn cut_connections(&mut self) {
        let cut = || -> redis::RedisResult<()> {
            let mut redis = self.services.connect(self.services.master())?;
            redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).query(&mut redis)
        };
        if cut().is_ok() {
            self.tally.cuts += 1;
        }
    }

    /// Ahead by an hour, behind by one, or right again.
    pub(crate) fn move_redis_clock(&mut self) {
        let to = [HOUR, -HOUR, 0, 2 * HOUR][self.rng.usize(..4)];
        if let Some(clock) = &self.services.clock {
            clock.move_to(to);
            self.tally.clock_steps += 1;
        }
        pause_for(self.rng.u64(500..2_000));
    }

    pub(crate) fn move_producers_clock(&mut self) {
        let to = [HOUR, -HOUR, 0, 24 * HOUR][self.rng.usize(..4)];
        if let Some(clock) = &self.services.producers_clock {
            clock.move_to(to);
            self.tally.clock_steps += 1;
        }
    }

    /// The clocks are right again.
    pub(crate) fn set_clocks(&self) {
        let clocks = [&self.services.clock, &self.services.producers_clock];
        clocks.into_iter().flatten().for_each(|clock| clock.move_to(0));
    }

    /// Redis dies; its replica has all but the last moment.
    pub(crate) fn fail_over(&mut self) {
        let begun = Instant::now();
        let settled = self.settled_batches(true);
        self.services.master_mut().kill();
        self.await_promotion();
        let kept = self.settled_batches(false);
        let forgotten = missing(&settled, &kept);
        self.note(format!("the replica is the master; {forgotten} batches are forgotten"));
        self.swap();
        self.services.replica_mut().start_again();
        let forgotten = forgotten + self.forgotten_with_the_old_master();
        self.note(format!("the old master is a replica; {forgotten} batches are forgotten in all"));
        self.note_redis_was_away(begun);
        // What was settled since it was asked was under way when it was asked.
        let batches = forgotten + self.in_flight();
        self.open_window(Cause::Forgotten, begun, batches);
        self.tally.failovers += 1;
    }

    /// Sentinel and replica do not see the master any more; the programs do.
    pub(crate) fn part(&mut self) {
        let begun = Instant::now();
        self.shut_out(true);
        self.await_promotion();
        self.note("both are masters");
        // Both live. Who is started now goes to the new one, the others stay with the old.
        for _ in 0..self.rng.u32(2..=4) {
            pause_for(self.rng.u64(300..1_500));
            let harm = [Harm::KillConsumer, Harm::KillProducer][self.rng.usize(..2)];
            self.note(format!("{harm:?}"));
            self.suffer(harm);
            self.revive();
        }
        self.swap();
        self.shut_out(false);
        let forgotten = self.forgotten_with_the_old_master();
        self.note(format!("the old master is a replica; {forgotten} batches are forgotten"));
        self.note_redis_was_away(begun);
        let batches = forgotten + self.in_flight();
        self.open_window(Cause::Forgotten, begun, batches);
        self.tally.partitions += 1;
    }

    /// Batches that the old master records until it is told that it is a replica: that counts for
    /// nothing.
    fn forgotten_with_the_old_master(&mut self) -> u64 {
        let mut forgotten = 0;
        let begun = Instant::now();
        while self.services.role(self.services.replica()) != "slave" {
            let (new, old) = (self.settled_batches(true), self.settled_batches(false));
            forgotten = forgotten.max(missing(&old, &new));
            assert!(begun.elapsed() < Duration::from_secs(60), "the old master stays one");
            self.suffer_a_little();
        }
        forgotten
    }

    /// While something takes long: nothing that a batch could be said to die of.
    fn suffer_a_little(&mut self) {
        let harms = [Harm::KillProducer, Harm::StopConsumer, Harm::OtherFaults];
        let harm = harms[self.rng.usize(..3)];
        self.note(format!("{harm:?}"));
        self.suffer(harm);
        self.revive();
        pause_for(self.rng.u64(100..1_500));
    }

    fn shut_out(&self, are_out: bool) {
        let old = if are_out { self.services.master() } else { self.services.replica() };
        let mut redis = self.services.connect(old).unwrap();
        let state = if are_out { "off" } else { "on" };
        for user in [WATCHER, COPIER] {
            let set = redis::cmd("ACL").arg(&["SETUSER", user, state]).clone();
            let () = set.query(&mut redis).unwrap();
        }
        // `default`: a Sentinel that was refused stays connected as nobody, and does not sign in
        // again by itself.
        for user in [WATCHER, COPIER, "default"] {
            let kill = redis::cmd("CLIENT").arg(&["KILL", "USER", user]).clone();
            let _how_many: u64 = kill.query(&mut redis).unwrap();
        }
    }

    fn await_promotion(&self) {
        wait_until("the replica is the master", || {
            self.services.role(self.services.replica()) == "master"
        });
    }

    fn swap(&mut self) {
        if let Some(pair) = &mut self.services.pair {
            pair.other_is_master = !pair.other_is_master;
        }
    }

    /// The bitmaps of settled batches, of master or replica: the one thing that this harness has
    /// to know of the keys.
    fn settled_batches(&self, of_master: bool) -> Vec<Vec<u8>> {
        let redis = if of_master { self.services.master() } else { self.services.replica() };
        let Ok(mut redis) = self.services.connect(redis) else { return Vec::new() };
        let key = |run: &super::run::Run| format!("{{batch-sync}}:run:{}:settled", run.id);
        let runs = self.runs.iter();
        runs.map(|run| redis::Commands::get(&mut redis, key(run)).unwrap_or_default()).collect()
    }
}

/// How many batches are settled by `there`, and not by `here`.
fn missing(there: &[Vec<u8>], here: &[Vec<u8>]) -> u64 {
    let mut count = 0;
    for (nth, there) in there.iter().enumerate() {
        let here = here.get(nth).map_or(&[][..], |bits| bits);
        for (at, bits) in there.iter().enumerate() {
            let kept = here.get(at).copied().unwrap_or_default();
            count += u64::from((bits & !kept).count_ones());
        }
    }
    count
}

/// How many batches the commands of this piece of an append-only file settle.
fn settled_in(log: &[u8]) -> u64 {
    let name = b":settled\r\n";
    log.windows(name.len()).filter(|window| window == name).count() as u64
}
