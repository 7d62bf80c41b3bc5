//! The steps of a case: each done for real, and in the model.

mod control;
mod delivering;
mod feeding;

use fastrand::Rng;
use job_queue::{BatchBackend, Claimed, Feeder, RunState, Settled};

use super::{
    expected::{BATCHES, Run},
    inspection,
};
use crate::support::{Fixture, consumer_of};

/// What can happen.
pub(super) const STEPS: [&str; 20] = [
    "acquire",
    "push",
    "push and die",
    "finish",
    "release run",
    "die",
    "claim",
    "claim again",
    "settle",
    "requeue",
    "release",
    "lease ends",
    "delay ends",
    "redis stalls",
    "pause",
    "hold",
    "resume",
    "cancel",
    "fail",
    "drain",
];

/// How often each happens, in this order.
const WEIGHTS: [u8; 20] = [8, 14, 3, 6, 1, 2, 12, 8, 14, 5, 5, 6, 5, 3, 4, 2, 7, 1, 2, 5];

/// A batch that a consumer holds, or held.
struct Held {
    claimed: Claimed,
    by: usize,
    run: usize,
    sequence: u64,
    /// Nobody else was given the batch since.
    is_valid: bool,
}

pub(super) struct Player {
    fixture: Fixture,
    redis: redis::Connection,
    consumers: Vec<BatchBackend>,
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
        let mut consumers = Vec::new();
        for name in ["one", "two"] {
            let mut consumer = consumer_of(fixture.queue.clone(), name);
            assert!(consumer.claim().await.unwrap().is_none());
            consumers.push(consumer);
        }
        // From here on their leases are renewed once in a quarter of an hour.
        while fixture.queue.live_consumers().await.unwrap() < 2 {
            tokio::task::yield_now().await;
        }
        Self {
            redis: fixture.redis(),
            fixture,
            consumers,
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
        let depth = self.fixture.queue.depth().await.unwrap();
        inspection::check_queues(&mut self.redis, &self.runs, depth);
        for run in &self.runs {
            inspection::check_run(&self.fixture, run).await;
        }
    }

    async fn step(&mut self, step: &str, run: usize) {
        match step {
            "acquire" => self.acquire(run).await,
            "push" => self.push(run).await,
            "push and die" => self.push_and_die(run),
            "finish" => self.finish(run).await,
            "release run" => self.release_run(run).await,
            "die" => self.die(run),
            "claim" | "claim again" => drop(self.claim().await),
            "settle" => self.end_claim(Self::settle).await,
            "requeue" => self.end_claim(Self::requeue).await,
            "release" => self.end_claim(Self::release).await,
            "lease ends" => self.lease_ends(run),
            "delay ends" => self.delay_ends(run),
            "redis stalls" => self.redis_stalls(),
            "hold" => self.hold(run).await,
            "pause" => self.pause(run).await,
            "resume" => self.resume(run).await,
            "cancel" => self.cancel(run).await,
            "fail" => self.fail(run).await,
            "drain" => self.drain(run).await,
            other => unreachable!("{other}"),
        }
    }

    /// Everything goes on to its end, as it does in life.
    async fn wind_up(&mut self) {
        self.log.0.push("wind up".to_owned());
        for at in 0..self.runs.len() {
            self.resume(at).await;
            self.release_run(at).await;
            self.acquire(at).await;
            while self.runs[at].state == RunState::Feeding && self.runs[at].fed < BATCHES {
                self.push(at).await;
            }
            if self.runs[at].state == RunState::Feeding {
                self.finish(at).await;
            }
            self.release_run(at).await;
            for _ in 0..BATCHES {
                self.delay_ends(at);
            }
        }
        // Who holds something ends with it; what it held goes on.
        self.held.clear();
        for at in 0..self.runs.len() {
            for _ in 0..BATCHES {
                self.lease_ends(at);
            }
        }
        while self.claim().await {
            let held = self.held.pop().unwrap();
            let outcome = self.settle(&held).await;
            assert_eq!(outcome, Settled::Recorded);
            self.check().await;
        }
        for at in 0..self.runs.len() {
            while self.runs[at].outputs.iter().any(|lines| lines.written < lines.all.len()) {
                self.drain(at).await;
            }
        }
        self.check().await;
        for run in &self.runs {
            assert!(matches!(run.state, RunState::Completed | RunState::Cancelled), "{run:?}");
        }
        inspection::check_nothing_is_left(&self.fixture);
    }
}
