//! One run, from its start to its verdict, with everything in between.

use std::time::{Duration, Instant};

use fastrand::Rng;
use ingest_core::RunId;
use job_queue::{Queue, QueueArgs};
use local_services::free_port;
use serde_json::json;

use super::{
    harm::{Harm, Tally, Victims, resume, stop_all},
    judge::{Duplicates, judge},
    plan::{Driver, Plan, faults, no_faults},
};
use crate::{
    pipeline::{FILE, Pipeline},
    processes::{Program, pause_for, wait_until},
};

/// A round is let end after this time, however few kills there were.
const HARM_AT_MOST: Duration = Duration::from_secs(120);

/// And must have ended by then.
const END_AT_MOST: Duration = Duration::from_secs(90);

/// The programs that are running.
#[derive(Default)]
pub(crate) struct Crew {
    pub(crate) consumers: Vec<Program>,
    pub(crate) producers: Vec<Program>,
}

/// What came of a round.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) duplicates: Duplicates,
    pub(crate) took: Duration,
}

pub(crate) struct Round<'a> {
    pipeline: &'a mut Pipeline,
    plan: &'a Plan,
    rng: Rng,
    run: RunId,
    queue: Queue,
    runtime: tokio::runtime::Runtime,
    crew: Crew,
    tally: Tally,
}

impl<'a> Round<'a> {
    pub(crate) fn new(pipeline: &'a mut Pipeline, plan: &'a Plan) -> Self {
        for (name, value) in plan.settings() {
            pipeline.set(name, &value);
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let args = QueueArgs {
            redis_url: pipeline.redis.url().into(),
            queue_lease: Duration::from_millis(plan.lease_ms),
        };
        let queue = runtime.block_on(Queue::connect(&args)).unwrap();
        let run = format!("torture-{}", plan.seed).parse().unwrap();
        let rng = Rng::with_seed(!plan.seed);
        let (crew, tally) = (Crew::default(), Tally::default());
        Self { pipeline, plan, rng, run, queue, runtime, crew, tally }
    }

    pub(crate) fn play(mut self) -> Outcome {
        let started = Instant::now();
        self.begin();
        while !self.is_over()
            && self.tally.kills() < self.plan.kills_max
            && started.elapsed() < HARM_AT_MOST
        {
            let harm = Harm::draw(&mut self.rng);
            Victims {
                pipeline: self.pipeline,
                crew: &mut self.crew,
                plan: self.plan,
                rng: &mut self.rng,
                tally: &mut self.tally,
                queue: &self.queue,
                run: &self.run,
                runtime: &self.runtime,
            }
            .suffer(harm);
            pause_for(self.rng.u64(0..100));
            self.revive();
            pause_for(self.rng.u64(50..700));
        }
        self.let_it_end();
        let duplicates = judge(self.pipeline, self.plan, self.run.as_ref(), &self.tally);
        Outcome { tally: self.tally, duplicates, took: started.elapsed() }
    }

    fn begin(&mut self) {
        self.pipeline.set_faults(&no_faults());
        self.pipeline.reset_salesforce();
        let (rows, seed) = (self.plan.rows.to_string(), self.plan.seed.to_string());
        let bad = self.plan.shape.bad_rows_permille.to_string();
        let mut arguments = vec!["--file", FILE, "--rows", &rows, "--seed", &seed, "--force"];
        arguments.extend(["--awkward", "--bad-rows", &bad]);
        let ended = self.pipeline.program("generate-upload", &arguments).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        self.start_run();
        self.revive();
        self.pipeline.set_faults(&faults(&mut self.rng));
    }

    /// Enters the run, and comes back when it is in the ledger.
    fn start_run(&mut self) {
        self.revive_producers();
        if self.plan.driver == Driver::Serve {
            self.run = self.start_over_http();
        }
        wait_until("the run is in the ledger", || {
            self.runtime.block_on(self.queue.run(&self.run)).unwrap().is_some()
        });
    }

    fn start_over_http(&self) -> RunId {
        let listening = || {
            let said = self.crew.producers[0].stderr();
            let at = said.find("http://127.0.0.1:")?;
            let url = said[at..].split(['/', ' ', ';']).nth(2)?;
            Some(format!("http://{url}"))
        };
        wait_until("the server listens", || {
            listening().is_some_and(|url| reqwest::blocking::get(url + "/livez").is_ok())
        });
        let url = listening().unwrap() + "/api/sync/start";
        let request = reqwest::blocking::Client::new()
            .post(url)
            .header("content-type", "application/json")
            .body(json!({"fileName": FILE}).to_string());
        let text = request.send().unwrap().text().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["runId"].as_str().unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }

    /// Starts again what is not there, as whoever runs the programs would.
    fn revive(&mut self) {
        let before = self.crew.consumers.len();
        self.crew.consumers.retain_mut(Program::is_running);
        self.tally.gave_up += (before - self.crew.consumers.len()) as u64;
        while self.crew.consumers.len() < self.plan.consumers {
            self.crew.consumers.push(self.pipeline.consumer());
        }
        self.revive_producers();
    }

    fn revive_producers(&mut self) {
        for mut producer in std::mem::take(&mut self.crew.producers) {
            match producer.ended() {
                None => self.crew.producers.push(producer),
                Some(ended) if matches!(ended.code, Some(0 | 3)) => {}
                Some(ended) => {
                    self.tally.gave_up += 1;
                    assert!(self.tally.gave_up < 50, "it ends again and again: {ended:?}");
                }
            }
        }
        let wanted = match self.plan.driver {
            Driver::Sync => 1,
            Driver::Serve => 2,
        };
        while self.crew.producers.len() < wanted {
            self.crew.producers.push(self.producer());
        }
    }

    fn producer(&self) -> Program {
        match self.plan.driver {
            Driver::Sync => self.pipeline.sync(&["--run-id", self.run.as_ref(), "--json"]),
            Driver::Serve => {
                let address = format!("127.0.0.1:{}", free_port());
                self.pipeline.program("producer", &["serve", "--http-listen", &address])
            }
        }
    }

    /// The run has ended, and the rejected rows are in their file.
    fn is_over(&self) -> bool {
        self.runtime.block_on(async {
            let ledger = self.queue.run(&self.run).await.unwrap().expect("the run is known");
            let pending = self.queue.pending_rejects(&self.run, 1).await.unwrap();
            ledger.has_ended() && pending.lines.is_empty()
        })
    }

    fn let_it_end(&mut self) {
        self.pipeline.set_faults(&no_faults());
        let calm = Instant::now();
        let mut resumed = None;
        while !self.is_over() {
            let ledger = self.runtime.block_on(self.queue.run(&self.run)).unwrap();
            assert!(calm.elapsed() < END_AT_MOST, "the run does not end: {ledger:?}");
            self.revive();
            // A pause whose end was lost with Redis' last second.
            if ledger.is_some_and(|ledger| ledger.paused) && resumed.is_none() {
                resume(&self.runtime, &self.queue, &self.run, self.plan.driver);
                resumed = Some(());
            }
            pause_for(100);
        }
        stop_all(&mut self.crew.producers);
        stop_all(&mut self.crew.consumers);
    }
}
