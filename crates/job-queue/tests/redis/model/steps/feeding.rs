//! What a producer does, and dies at.

use ingest_core::BatchJob;
use job_queue::{FeedError, RunState};
use redis::Commands;

use super::{Player, QUEUE};
use crate::{
    model::expected::{BATCHES, Place, ROWS},
    support::{after, id, job},
};

impl Player {
    pub(super) async fn take_up(&mut self, at: usize) {
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
    pub(super) async fn push(&mut self, at: usize) -> Vec<u64> {
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
    pub(super) async fn push_and_die(&mut self, at: usize) {
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

    pub(super) async fn finish(&mut self, at: usize) {
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

    pub(super) async fn release(&mut self, at: usize) {
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
}
