//! One step of a case: done for real, and in the model.

use std::time::Duration;

use fastrand::Rng;
use ingest_core::{BatchJob, Rows};
use job_queue::{BatchBackend, Claimed, Control, FeedError, Feeder, RunState, Settled};
use redis::Commands;

use super::{
    expected::{BATCHES, Place, ROWS, Run},
    inspection::{self, Jobs},
};
use crate::support::{Fixture, after, id, job, reject};

const QUEUE: &str = "{batch-sync}:batches";

/// What can happen.
pub(super) const STEPS: [&str; 18] = [
    "take up",
    "push",
    "push and die",
    "finish",
    "release",
    "die",
    "claim",
    "claim again",
    "settle",
    "requeue",
    "put back",
    "lease ends",
    "delay ends",
    "pause",
    "resume",
    "cancel",
    "fail",
    "drain",
];

/// How often each happens, in this order.
const WEIGHTS: [u8; 18] = [8, 14, 3, 6, 1, 2, 12, 8, 14, 5, 5, 4, 5, 4, 7, 1, 2, 5];

/// A batch that a consumer holds, or held.
struct Held {
    claimed: Claimed,
    run: usize,
    sequence: u64,
    /// Nobody else was given the batch since.
    is_valid: bool,
}

pub(super) struct Player {
    fixture: Fixture,
    redis: redis::Connection,
    consumer: BatchBackend,
    rng: Rng,
    runs: Vec<Run>,
    feeders: Vec<Option<Feeder>>,
    held: Vec<Held>,
    log: Log,
    taken: [u64; STEPS.len()],
}

/// What was done in this case.
struct Log(Vec<String>);

impl Drop for Log {
    #[expect(clippy::print_stdout, reason = "this is how a failing case is shown")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0.join("\n"));
        }
    }
}

impl Player {
    pub(super) async fn new(fixture: Fixture) -> Self {
        let mut consumer = BatchBackend::new(fixture.queue.clone(), "consumer");
        assert!(consumer.claim().await.unwrap().is_none());
        // From here on its leases are renewed once in a quarter of an hour.
        while fixture.queue.consumers_alive().await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        Self {
            redis: fixture.redis(),
            fixture,
            consumer,
            rng: Rng::new(),
            runs: Vec::new(),
            feeders: Vec::new(),
            held: Vec::new(),
            log: Log(Vec::new()),
            taken: [0; STEPS.len()],
        }
    }

    /// How often each step was taken.
    pub(super) fn taken(&self) -> [u64; STEPS.len()] {
        self.taken
    }

    /// Plays one case to its end.
    pub(super) async fn play(&mut self, seed: u64, steps: usize) {
        let () = redis::cmd("FLUSHALL").query(&mut self.redis).unwrap();
        self.rng = Rng::with_seed(seed);
        self.log = Log(vec![format!("MODEL_SEED={seed} MODEL_CASES=1")]);
        (self.runs, self.held) = (vec![Run::new("a"), Run::new("b")], Vec::new());
        self.feeders = vec![None, None];
        for run in ["a", "b"] {
            self.fixture.create(run).await;
        }
        for _ in 0..steps {
            let step = self.draw();
            let run = self.rng.usize(..self.runs.len());
            self.log.0.push(format!("{} ({})", STEPS[step], self.runs[run].name));
            self.taken[step] += 1;
            self.step(STEPS[step], run).await;
            self.check().await;
        }
        self.wind_up().await;
    }

    fn draw(&mut self) -> usize {
        let mut left = self.rng.u8(..WEIGHTS.iter().sum::<u8>());
        WEIGHTS
            .iter()
            .position(|weight| {
                let is_it = left < *weight;
                left = left.saturating_sub(*weight);
                is_it
            })
            .unwrap()
    }

    async fn check(&mut self) {
        let jobs = Jobs::read(&mut self.redis, &self.runs);
        let depth = self.fixture.queue.depth().await.unwrap();
        inspection::check_queue(&mut self.redis, &jobs, depth);
        inspection::check_places(&mut self.redis, &jobs, &self.runs);
        for run in &self.runs {
            inspection::check_run(&self.fixture, run).await;
        }
    }

    async fn step(&mut self, step: &str, run: usize) {
        match step {
            "take up" => self.take_up(run).await,
            "push" => drop(self.push(run).await),
            "push and die" => self.push_and_die(run).await,
            "finish" => self.finish(run).await,
            "release" => self.release(run).await,
            "die" => self.die(run),
            "claim" | "claim again" => drop(self.claim().await),
            "settle" => self.let_go(Self::settle).await,
            "requeue" => self.let_go(Self::requeue).await,
            "put back" => self.let_go(Self::put_back).await,
            "lease ends" => self.come_due(run, Place::Leased, Place::Expired, "leases"),
            "delay ends" => self.come_due(run, Place::Delayed, Place::Due, "delayed"),
            "pause" => self.pause(run).await,
            "resume" => self.resume(run).await,
            "cancel" => self.cancel(run).await,
            "fail" => self.fail(run).await,
            "drain" => self.drain(run).await,
            other => unreachable!("{other}"),
        }
    }

    async fn take_up(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let taken = self.fixture.queue.feeder(&id(run.name)).await;
        if run.is_locked {
            assert!(matches!(taken, Err(FeedError::HeldByAnother { .. })), "{taken:?}");
            return;
        }
        if run.state == RunState::Failed {
            (run.state, run.fed) = (RunState::Feeding, 0);
        }
        run.is_locked = true;
        let feeder = taken.unwrap();
        assert_eq!(feeder.resume_point().sequence, run.fed);
        let is_fed = matches!(run.state, RunState::Draining | RunState::Completed);
        assert_eq!(feeder.is_fed(), is_fed);
        self.feeders[at] = Some(feeder);
    }

    /// Gives the batches that were put on the queue.
    async fn push(&mut self, at: usize) -> Vec<u64> {
        let (run, Some(feeder)) = (&mut self.runs[at], &mut self.feeders[at]) else {
            return Vec::new();
        };
        let end = (run.fed + self.rng.u64(1..=3)).min(BATCHES);
        let jobs: Vec<BatchJob> = (run.fed..end).map(|n| job(run.name, n)).collect();
        if jobs.is_empty() {
            return Vec::new();
        }
        let pushed = feeder.push(&jobs, after(end)).await;
        if run.state != RunState::Feeding {
            assert!(matches!(pushed, Err(FeedError::RunEnded { .. })), "{pushed:?}");
            return Vec::new();
        }
        if run.paused {
            assert!(matches!(pushed, Err(FeedError::Paused { .. })), "{pushed:?}");
            return Vec::new();
        }
        assert_eq!(pushed.unwrap(), feeder.depth().await.unwrap());
        let is_new = |n: &u64| {
            let batch = &run.batches[usize::try_from(*n).unwrap()];
            !batch.is_settled && batch.place == Place::Nowhere
        };
        let new: Vec<u64> = (run.fed..end).filter(is_new).collect();
        for sequence in &new {
            run.batch(*sequence).place = Place::Waiting;
        }
        (run.fed, run.read) = (end, run.read.max(end * ROWS));
        new
    }

    /// As if the producer had died before its checkpoint.
    async fn push_and_die(&mut self, at: usize) {
        let before = self.runs[at].fed;
        let new = self.push(at).await;
        if self.runs[at].fed == before {
            return;
        }
        let key = format!("{{batch-sync}}:run:{}", self.runs[at].name);
        let point = after(before);
        let fields = [
            ("fed_sequence", point.sequence),
            ("fed_record", point.record),
            ("fed_line", point.line),
            ("fed_byte", point.byte),
        ];
        let () = self.redis.hset_multiple(key, &fields).unwrap();
        for sequence in new {
            let meta = format!("{QUEUE}:meta:{}", self.id_of(at, sequence));
            let bytes: i64 = self.redis.hget(&meta, "bytes").unwrap();
            let () = self.redis.hdel(&meta, "bytes").unwrap();
            let () = self.redis.hincr(format!("{QUEUE}:depth"), "bytes", -bytes).unwrap();
        }
        self.runs[at].fed = before;
        self.die(at);
    }

    async fn finish(&mut self, at: usize) {
        let (run, Some(feeder)) = (&mut self.runs[at], &mut self.feeders[at]) else { return };
        if run.fed < BATCHES {
            return;
        }
        let finished = feeder.finish().await;
        match run.state {
            RunState::Feeding => {
                finished.unwrap();
                run.state = RunState::Draining;
                run.end_if_all_is_settled();
            }
            RunState::Draining | RunState::Completed => finished.unwrap(),
            _ => assert!(matches!(finished, Err(FeedError::RunEnded { .. })), "{finished:?}"),
        }
    }

    async fn release(&mut self, at: usize) {
        if let Some(feeder) = self.feeders[at].take() {
            feeder.release().await;
            self.runs[at].is_locked = false;
        }
    }

    /// As if its process had died, some seconds ago.
    fn die(&mut self, at: usize) {
        if self.feeders[at].take().is_some() {
            let key = format!("{{batch-sync}}:run:{}:feeder", self.runs[at].name);
            let () = self.redis.del(key).unwrap();
            self.runs[at].is_locked = false;
        }
    }

    async fn claim(&mut self) -> bool {
        let mut claimed = None;
        // One that only parks or drops says that there is nothing; a consumer asks again.
        for _ in 0..3 {
            claimed = self.consumer.claim().await.unwrap();
            self.note_what_came_due();
            self.note_what_is_gone();
            if claimed.is_some() {
                break;
            }
        }
        let Some(claimed) = claimed else {
            assert!(!self.runs.iter().any(Run::has_claimable), "there is something to claim");
            return false;
        };
        let sequence = claimed.job().sequence;
        let at = self.runs.iter().position(|run| id(run.name) == claimed.job().run).unwrap();
        let run = &mut self.runs[at];
        assert!(run.has_claimable(), "{} is {:?}, paused: {}", run.name, run.state, run.paused);
        let batch = run.batch(sequence);
        assert_eq!((batch.is_settled, batch.place), (false, Place::Waiting));
        batch.place = Place::Leased;
        batch.deliveries += 1;
        assert_eq!(claimed.deliveries(), batch.deliveries);
        assert_eq!(*claimed.job(), batch.job);
        self.held.push(Held { claimed, run: at, sequence, is_valid: true });
        true
    }

    /// Every claim first fetches what is due.
    fn note_what_came_due(&mut self) {
        for run in &mut self.runs {
            for batch in &mut run.batches {
                if matches!(batch.place, Place::Due | Place::Expired) {
                    batch.place = Place::Waiting;
                }
            }
        }
        for held in &mut self.held {
            held.is_valid &= self.runs[held.run].batch(held.sequence).place == Place::Leased;
        }
    }

    /// Batches of runs that ended are dropped, and those of cancelled ones settled, on the way.
    fn note_what_is_gone(&mut self) {
        let jobs = Jobs::read(&mut self.redis, &self.runs);
        let there: Vec<(String, u64)> =
            jobs.data.iter().map(|job| inspection::about(&mut self.redis, job)).collect();
        for run in &mut self.runs {
            let state = run.state;
            for sequence in 0..BATCHES {
                let is_gone = run.batch(sequence).place == Place::Waiting
                    && !there.contains(&(run.name.to_owned(), sequence));
                match state {
                    _ if !is_gone => {}
                    RunState::Failed | RunState::Cancelled => run.drop_batch(sequence),
                    RunState::Cancelling => run.leave_out(sequence),
                    _ => panic!("{} {sequence} is lost", run.name),
                }
            }
        }
    }

    /// Some consumer lets go of what it holds; it may try again later.
    async fn let_go(&mut self, way: impl AsyncFn(&mut Self, &Held) -> Settled) {
        if self.held.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.held.len());
        let held = self.held.swap_remove(at);
        let is_settled = self.runs[held.run].batch(held.sequence).is_settled;
        let answer = way(self, &held).await;
        if held.is_valid {
            assert_eq!(answer, Settled::Recorded, "{} {}", held.run, held.sequence);
        } else if is_settled {
            assert_ne!(answer, Settled::Recorded);
        } else {
            assert_eq!(answer, Settled::LeaseLost);
        }
        if self.rng.bool() {
            self.held.push(Held { is_valid: false, ..held });
        }
    }

    /// Takes the first `done` rows off the job, each with some outcome.
    fn work_on(&mut self, held: &Held, done: usize) -> BatchJob {
        let mut job = held.claimed.job().clone();
        job.tally.retried += self.rng.u64(..3);
        for (record, _) in held.claimed.job().rows.iter().take(done) {
            match self.rng.u8(..4) {
                0 => job.tally.created += 1,
                1 => job.tally.updated += 1,
                code => job.rejects.push(reject(record, if code == 2 { "A" } else { "B" })),
            }
        }
        job.rows = if done == job.rows.len() {
            Rows::default()
        } else {
            job.rows.subset(done..job.rows.len())
        };
        job
    }

    async fn settle(&mut self, held: &Held) -> Settled {
        let outcome = self.work_on(held, held.claimed.job().rows.len());
        let answer = held.claimed.settle(&outcome).await.unwrap();
        if held.is_valid {
            self.runs[held.run].settle(held.sequence, &outcome);
            let again = held.claimed.settle(&outcome).await.unwrap();
            assert_eq!(again, Settled::AlreadySettled);
        } else if self.runs[held.run].batch(held.sequence).is_settled {
            assert_eq!(answer, Settled::AlreadySettled);
        }
        answer
    }

    async fn requeue(&mut self, held: &Held) -> Settled {
        let done = self.rng.usize(..held.claimed.job().rows.len());
        let mut rest = self.work_on(held, done);
        rest.passes += 1;
        let delay = Duration::from_secs(60 * self.rng.u64(..2));
        let answer = held.claimed.requeue(&rest, delay).await.unwrap();
        self.note_given_back(held, delay, 0, rest);
        answer
    }

    async fn put_back(&mut self, held: &Held) -> Settled {
        let delay = Duration::from_secs(60 * self.rng.u64(..2));
        let answer = held.claimed.put_back(delay).await.unwrap();
        let deliveries = held.claimed.deliveries() - 1;
        self.note_given_back(held, delay, deliveries, held.claimed.job().clone());
        answer
    }

    fn note_given_back(&mut self, held: &Held, delay: Duration, deliveries: u32, job: BatchJob) {
        if held.is_valid {
            let batch = self.runs[held.run].batch(held.sequence);
            batch.place = if delay.is_zero() { Place::Waiting } else { Place::Delayed };
            (batch.deliveries, batch.job) = (deliveries, job);
        }
    }

    /// The time of some batch in this set has come.
    fn come_due(&mut self, at: usize, from: Place, to: Place, set: &str) {
        let is_there = |sequence: &u64| self.runs[at].clone().batch(*sequence).place == from;
        let Some(sequence) = (0..BATCHES).find(is_there) else { return };
        let job = self.id_of(at, sequence);
        let () = self.redis.zadd(format!("{QUEUE}:{set}"), job, 1).unwrap();
        self.runs[at].batch(sequence).place = to;
    }

    async fn pause(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.pause_run(&id(run.name)).await.unwrap();
        let expected = match run.state {
            RunState::Feeding | RunState::Draining if run.paused => Control::Already,
            RunState::Feeding | RunState::Draining => Control::Done,
            state => Control::Refused(state),
        };
        assert_eq!(answer, expected);
        run.paused |= answer == Control::Done;
    }

    async fn resume(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.resume_run(&id(run.name)).await.unwrap();
        let expected = match run.state {
            _ if run.paused => Control::Done,
            RunState::Feeding | RunState::Draining | RunState::Failed => Control::Already,
            state => Control::Refused(state),
        };
        assert_eq!(answer, expected);
        run.paused = false;
    }

    async fn cancel(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let answer = self.fixture.queue.cancel_run(&id(run.name)).await.unwrap();
        match run.state {
            RunState::Cancelling | RunState::Cancelled => assert_eq!(answer, Control::Already),
            RunState::Feeding | RunState::Draining => {
                assert_eq!(answer, Control::Done);
                (run.state, run.paused) = (RunState::Cancelling, false);
                run.end_if_all_is_settled();
            }
            state => {
                assert_eq!(answer, Control::Refused(state));
                return;
            }
        }
        for sequence in 0..BATCHES {
            if !matches!(run.batch(sequence).place, Place::Nowhere | Place::Leased) {
                run.leave_out(sequence);
            }
        }
        for held in self.held.iter_mut().filter(|held| held.run == at) {
            held.is_valid &= run.batch(held.sequence).place == Place::Leased;
        }
    }

    async fn fail(&mut self, at: usize) {
        let run = &mut self.runs[at];
        self.fixture.queue.fail_run(&id(run.name), "because").await.unwrap();
        if run.is_under_way() {
            run.end(RunState::Failed);
        }
    }

    async fn drain(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let queue = &self.fixture.queue;
        let bytes_max = self.rng.usize(1..400);
        let pending = queue.pending_rejects(&id(run.name), bytes_max).await.unwrap();
        let drained = async || {
            let run = id(run.name);
            queue.rejects_drained(&run, pending.position, &pending.lines).await.unwrap()
        };
        assert!(drained().await);
        assert_eq!(pending.lines.is_empty(), run.written == run.reject_lines.len());
        assert_eq!(drained().await, pending.lines.is_empty(), "it is forgotten once");
        run.written += pending.lines.len();
    }

    /// Everything goes on to its end, as it does in life.
    async fn wind_up(&mut self) {
        self.log.0.push("wind up".to_owned());
        for at in 0..self.runs.len() {
            self.resume(at).await;
            self.release(at).await;
            self.take_up(at).await;
            while self.runs[at].state == RunState::Feeding && self.runs[at].fed < BATCHES {
                self.push(at).await;
            }
            if self.runs[at].state == RunState::Feeding {
                self.finish(at).await;
            }
            self.release(at).await;
            for _ in 0..BATCHES {
                self.come_due(at, Place::Leased, Place::Expired, "leases");
                self.come_due(at, Place::Delayed, Place::Due, "delayed");
            }
        }
        while self.claim().await {
            let held = self.held.pop().unwrap();
            let outcome = self.settle(&held).await;
            assert_eq!(outcome, Settled::Recorded);
            self.check().await;
        }
        for at in 0..self.runs.len() {
            while self.runs[at].written < self.runs[at].reject_lines.len() {
                self.drain(at).await;
            }
        }
        self.check().await;
        for run in &self.runs {
            assert!(matches!(run.state, RunState::Completed | RunState::Cancelled), "{run:?}");
        }
        inspection::check_nothing_is_left(&self.fixture);
    }

    /// The job of a batch that is on the queue.
    fn id_of(&mut self, at: usize, sequence: u64) -> String {
        let name = self.runs[at].name.to_owned();
        let jobs = Jobs::read(&mut self.redis, &self.runs);
        let is_it =
            |job: &&String| inspection::about(&mut self.redis, job) == (name.clone(), sequence);
        jobs.data.iter().find(is_it).unwrap().clone()
    }
}
