//! What consumers do with the batches they hold, or held.

use std::time::Duration;

use ingest_core::{BatchJob, Rows};
use job_queue::{EventId, RunState, Settled};
use redis::Commands;

use super::{Held, Player, QUEUE};
use crate::{
    model::{
        expected::{BATCHES, Place, Run},
        inspection::{self, Jobs},
    },
    support::{id, reject},
};

impl Player {
    pub(super) async fn claim(&mut self) -> bool {
        let mut claimed = None;
        // One that only parks or drops says that there is nothing; a consumer asks again.
        for _ in 0..3 {
            claimed = self.consumer.claim().await.unwrap();
            self.note_what_came_due();
            self.note_what_is_gone().await;
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

    /// Batches of runs that failed are dropped, and those of cancelled ones settled, on the way.
    async fn note_what_is_gone(&mut self) {
        let jobs = Jobs::read(&mut self.redis, &self.runs);
        let there: Vec<(String, u64)> =
            jobs.data.iter().map(|job| inspection::about(&mut self.redis, job)).collect();
        for at in 0..self.runs.len() {
            let sequences = self.as_settled(at).await;
            let run = &mut self.runs[at];
            let state = run.state;
            for sequence in sequences {
                let is_gone = run.batch(sequence).place == Place::Waiting
                    && !there.contains(&(run.name.to_owned(), sequence));
                match state {
                    _ if !is_gone => {}
                    RunState::Failed => run.drop_batch(sequence),
                    RunState::Cancelling | RunState::Cancelled => run.leave_out(sequence),
                    _ => panic!("{} {sequence} is lost", run.name),
                }
            }
        }
    }

    /// All batches of a run: those that have an outcome in the order in which they got it, for
    /// several may be left out at once and nothing says in which order.
    pub(super) async fn as_settled(&self, at: usize) -> Vec<u64> {
        let run = id(self.runs[at].name);
        let events = self.fixture.queue.batch_events(&run, &EventId::default()).await.unwrap();
        let mut sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let others = (0..BATCHES).filter(|sequence| !sequences.contains(sequence));
        let others: Vec<u64> = others.collect();
        sequences.extend(others);
        sequences
    }

    /// Some consumer lets go of what it holds; it may try again later.
    pub(super) async fn let_go(&mut self, way: impl AsyncFn(&mut Self, &Held) -> Settled) {
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
            match self.rng.u8(..5) {
                0 => job.tally.created += 1,
                1 => job.tally.updated += 1,
                2 => job.tally.deleted += 1,
                code => job.rejects.push(reject(record, if code == 3 { "A" } else { "B" })),
            }
        }
        job.rows = if done == job.rows.len() {
            Rows::default()
        } else {
            job.rows.subset(done..job.rows.len())
        };
        job
    }

    pub(super) async fn settle(&mut self, held: &Held) -> Settled {
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

    pub(super) async fn requeue(&mut self, held: &Held) -> Settled {
        let done = self.rng.usize(..held.claimed.job().rows.len());
        let mut rest = self.work_on(held, done);
        rest.passes += 1;
        let delay = Duration::from_secs(60 * self.rng.u64(..2));
        let answer = held.claimed.requeue(&rest, delay).await.unwrap();
        self.note_given_back(held, delay, 0, rest);
        answer
    }

    pub(super) async fn put_back(&mut self, held: &Held) -> Settled {
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
    pub(super) fn come_due(&mut self, at: usize, from: Place, to: Place, set: &str) {
        let is_there = |sequence: &u64| self.runs[at].clone().batch(*sequence).place == from;
        let Some(sequence) = (0..BATCHES).find(is_there) else { return };
        let job = self.id_of(at, sequence);
        let () = self.redis.zadd(format!("{QUEUE}:{set}"), job, 1).unwrap();
        self.runs[at].batch(sequence).place = to;
    }
}
