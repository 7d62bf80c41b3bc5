//! What consumers do with the batches they hold, or held.

use std::time::Duration;

use ingest_core::{BatchJob, IdLine, Rows};
use job_queue::{EventId, RunState, Settled};
use redis::Commands;

use super::{Held, Player};
use crate::{
    model::{
        expected::{BATCHES, Place},
        inspection::{Jobs, key},
    },
    support::{id, reject},
};

impl Player {
    /// One of the consumers asks for a batch.
    pub(super) async fn claim(&mut self) -> bool {
        let by = self.rng.usize(..self.consumers.len());
        let claimed = self.consumers[by].claim().await.unwrap();
        self.note_what_is_held_anyway(by);
        for at in 0..self.runs.len() {
            if self.runs[at].state == RunState::Cancelling {
                self.note_what_is_left_out(at).await;
            }
        }
        let Some(claimed) = claimed else {
            for run in self.runs.iter().filter(|run| run.is_open()) {
                assert_eq!(run.claimable(), [0; 0], "of {}", run.name);
            }
            return false;
        };
        let sequence = claimed.job().sequence;
        let at = self.runs.iter().position(|run| id(run.name) == claimed.job().run).unwrap();
        let run = &mut self.runs[at];
        assert!(run.is_open(), "{run:?}");
        assert!(run.claimable().contains(&sequence), "{sequence} is not next: {run:?}");
        let batch = run.batch(sequence);
        if let Place::Expired { by: before } = batch.place {
            batch.failed += u32::from(before != by);
        }
        batch.place = Place::Leased { by };
        assert_eq!(claimed.deliveries(), batch.failed + 1);
        assert_eq!(*claimed.job(), batch.job);
        for held in self.held.iter_mut().filter(|held| (held.run, held.sequence) == (at, sequence))
        {
            held.is_valid = false;
        }
        self.held.push(Held { claimed, by, run: at, sequence, is_valid: true });
        true
    }

    /// A lease that ran out, of a batch that this consumer still holds, is renewed when it comes
    /// to the batch's turn.
    fn note_what_is_held_anyway(&mut self, by: usize) {
        for held in self.held.iter().filter(|held| held.is_valid && held.by == by) {
            let name = self.runs[held.run].name;
            let lease: Option<f64> =
                self.redis.zscore(key(name, ":leases"), held.sequence).unwrap();
            let batch = self.runs[held.run].batch(held.sequence);
            if batch.place == (Place::Expired { by }) && lease.is_some_and(|until| until > 1.0) {
                batch.place = Place::Leased { by };
            }
        }
    }

    /// Batches of a cancelled run are settled without their rows, on the way, or at once.
    pub(super) async fn note_what_is_left_out(&mut self, at: usize) {
        let there = Jobs::read(&mut self.redis, self.runs[at].name).data;
        for sequence in self.as_settled(at).await {
            let run = &mut self.runs[at];
            if run.batch(sequence).place != Place::Nowhere && !there.contains(&sequence) {
                run.discard(sequence);
                let of_it = |held: &&mut Held| (held.run, held.sequence) == (at, sequence);
                self.held.iter_mut().filter(of_it).for_each(|held| held.is_valid = false);
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
    pub(super) async fn end_claim(&mut self, way: impl AsyncFn(&mut Self, &Held) -> Settled) {
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
        for (record, raw) in held.claimed.job().rows.iter().take(done) {
            let change = match self.rng.u8(..5) {
                0 => (&mut job.tally.created, "created"),
                1 => (&mut job.tally.updated, "updated"),
                2 => (&mut job.tally.deleted, "deleted"),
                code => {
                    job.rejects.push(reject(record, if code == 3 { "A" } else { "B" }));
                    continue;
                }
            };
            *change.0 += 1;
            // One of the runs writes ids.
            if held.run == 0 {
                let line =
                    IdLine { record, key: Some(raw), id: "00Q000000000001", change: change.1 };
                job.ids.push(job.dialect, line);
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
        self.note_released(held, delay, 0, rest);
        answer
    }

    pub(super) async fn release(&mut self, held: &Held) -> Settled {
        let delay = Duration::from_secs(60 * self.rng.u64(..2));
        let answer = held.claimed.release(delay).await.unwrap();
        let failed = held.claimed.deliveries() - 1;
        self.note_released(held, delay, failed, held.claimed.job().clone());
        answer
    }

    fn note_released(&mut self, held: &Held, delay: Duration, failed: u32, job: BatchJob) {
        if held.is_valid {
            // A batch of a cancelled run has nothing to wait for.
            let is_due = delay.is_zero() || self.runs[held.run].state == RunState::Cancelling;
            let batch = self.runs[held.run].batch(held.sequence);
            batch.place = if is_due { Place::Queued } else { Place::Delayed };
            (batch.failed, batch.job) = (failed, job);
        }
    }

    /// The lease of some batch runs out.
    pub(super) fn lease_ends(&mut self, at: usize) {
        self.come_due(at, ":leases", |place| match place {
            Place::Leased { by } => Some(Place::Expired { by }),
            _ => None,
        });
    }

    /// The delay of some batch is over.
    pub(super) fn delay_ends(&mut self, at: usize) {
        self.come_due(at, ":delayed", |place| (place == Place::Delayed).then_some(Place::Due));
    }

    fn come_due(&mut self, at: usize, set: &str, due: impl Fn(Place) -> Option<Place>) {
        let run = &mut self.runs[at];
        let mut batches = run.batches.iter().zip(0_u64..);
        let first = batches.find_map(|(batch, sequence)| Some((sequence, due(batch.place)?)));
        let Some((sequence, place)) = first else { return };
        let () = self.redis.zadd(key(run.name, set), sequence, 1).unwrap();
        if run.is_open() || run.state == RunState::Cancelling {
            let () = self.redis.zadd("{batch-sync}:wake", key(run.name, ""), 1).unwrap();
        }
        run.batch(sequence).place = place;
    }

    /// Redis answers nobody for longer than any lease: to its clock that is no time.
    pub(super) fn redis_stalls(&mut self) {
        if self.redis.exists("{batch-sync}:clock").unwrap() {
            self.fixture.step_clock(40_000_000);
        }
    }
}
