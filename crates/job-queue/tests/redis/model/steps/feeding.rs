//! What a producer does, and dies at.

use ingest_core::BatchJob;
use job_queue::{FeedError, Output, RunState};
use redis::Commands;

use super::Player;
use crate::{
    model::{
        expected::{BATCHES, Place, ROWS},
        inspection::key,
    },
    support::{after, id, job},
};

impl Player {
    pub(super) async fn acquire(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let taken = self.fixture.queue.acquire_run(&id(run.name)).await;
        if run.is_locked {
            assert!(matches!(taken, Err(FeedError::HeldByAnother { .. })), "{taken:?}");
            return;
        }
        if run.state == RunState::Failed {
            run.state = if run.is_fed { RunState::Draining } else { RunState::Feeding };
            run.end_if_it_is_over();
        }
        run.is_locked = true;
        let feeder = taken.unwrap();
        assert_eq!(feeder.resume_point().sequence, run.fed);
        let is_fed = matches!(run.state, RunState::Draining | RunState::Completed);
        assert_eq!(feeder.is_fed(), is_fed);
        self.feeders[at] = Some(feeder);
    }

    pub(super) async fn push(&mut self, at: usize) {
        let (run, Some(feeder)) = (&mut self.runs[at], &mut self.feeders[at]) else { return };
        let end = (run.fed + self.rng.u64(1..=3)).min(BATCHES);
        let jobs: Vec<BatchJob> = (run.fed..end).map(|n| job(run.name, n)).collect();
        if jobs.is_empty() {
            return;
        }
        let pushed = feeder.push(&mut jobs.clone(), after(end)).await;
        if run.state != RunState::Feeding {
            assert!(matches!(pushed, Err(FeedError::RunEnded { .. })), "{pushed:?}");
            return;
        }
        if run.paused {
            assert!(matches!(pushed, Err(FeedError::Paused { .. })), "{pushed:?}");
            return;
        }
        assert_eq!(pushed.unwrap(), feeder.fullness().await.unwrap());
        let is_new = |n: &u64| {
            let batch = &run.batches[usize::try_from(*n).unwrap()];
            !batch.is_settled && batch.place == Place::Nowhere
        };
        let new: Vec<u64> = (run.fed..end).filter(is_new).collect();
        for sequence in new {
            run.batch(sequence).place = Place::Queued;
        }
        (run.fed, run.read) = (end, run.read.max(end * ROWS));
    }

    /// As if the producer had died before its checkpoint: what apalis-redis has put there is there.
    pub(super) fn push_and_die(&mut self, at: usize) {
        let run = &mut self.runs[at];
        if self.feeders[at].is_none() || run.state != RunState::Feeding || run.paused {
            return;
        }
        if run.fed < BATCHES {
            let (id, payload) = (run.fed, job(run.name, run.fed).encode());
            let () = self.redis.hset_nx(key(run.name, ":data"), id, payload).unwrap();
            let () = self.redis.zadd(key(run.name, ":scheduled"), id, 1_795_440_000).unwrap();
            let meta = key(run.name, &format!(":meta:{id}"));
            let () = self.redis.hset(meta, "status", "Pending").unwrap();
            run.read = run.read.max((run.fed + 1) * ROWS);
            let () = self.redis.hset(key(run.name, ""), "read", run.read).unwrap();
        }
        self.die(at);
    }

    pub(super) async fn finish(&mut self, at: usize) {
        let (run, Some(feeder)) = (&mut self.runs[at], &mut self.feeders[at]) else { return };
        if run.fed < BATCHES {
            return;
        }
        let finished = feeder.finish(0).await;
        match run.state {
            RunState::Feeding => {
                finished.unwrap();
                (run.state, run.is_fed) = (RunState::Draining, true);
                run.end_if_it_is_over();
            }
            RunState::Draining | RunState::Completed => finished.unwrap(),
            _ => assert!(matches!(finished, Err(FeedError::RunEnded { .. })), "{finished:?}"),
        }
    }

    pub(super) async fn release_run(&mut self, at: usize) {
        if let Some(feeder) = self.feeders[at].take() {
            feeder.release().await;
            self.runs[at].is_locked = false;
        }
    }

    /// As if its process had died, some seconds ago.
    pub(super) fn die(&mut self, at: usize) {
        if self.feeders[at].take().is_some() {
            let key = format!("{{batch-sync}}:run:{}:feeder", self.runs[at].name);
            let () = self.redis.del(key).unwrap();
            self.runs[at].is_locked = false;
        }
    }

    pub(super) async fn drain(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let queue = &self.fixture.queue;
        let bytes_max = self.rng.usize(1..400);
        let place = self.rng.usize(..Output::ALL.len());
        let (output, lines) = (Output::ALL[place], &mut run.outputs[place]);
        let pending = queue.pending_lines(&id(run.name), output, bytes_max).await.unwrap();
        let drained = async || {
            let run = id(run.name);
            queue.confirm_lines(&run, output, &pending).await.unwrap()
        };
        assert!(drained().await);
        assert_eq!(pending.lines.is_empty(), lines.written == lines.all.len());
        assert_eq!(drained().await, pending.lines.is_empty(), "it is forgotten once");
        lines.written += pending.lines.len();
    }
}
