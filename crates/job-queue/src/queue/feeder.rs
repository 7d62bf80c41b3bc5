//! Batches of one run onto the queue, in order, by one producer at a time.

use std::time::Duration;

use ingest_core::{BatchJob, ResumePoint, RunId};
use redis::{Cmd, Value};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    FeedError, Queue, QueueError, RunState,
    metrics::Command,
    queue::{
        depth::{Depth, Fullness},
        lease::new_token,
    },
    reason,
    redis::scripts,
};

/// How many jobs one push may have; a larger one is cut. More at once is not
/// faster (measured: 100 per call 17,900/s, 500 per call 15,800/s).
pub const JOBS_PER_PUSH_MAX: usize = 100;

/// How long a producer that does not renew its lock keeps it.
const LOCK: Duration = Duration::from_secs(10);

/// The lock on a run, and the right to feed it. Only one producer has it at a time; it is renewed
/// until it is dropped, and expires some seconds after its process died.
#[derive(Debug)]
pub struct Feeder {
    queue: Queue,
    run: RunId,
    token: String,
    resume_point: ResumePoint,
    state: RunState,
    backpressure_ms: u64,
    backpressure_waits: u64,
    _renewal: AbortOnDropHandle<()>,
}

impl Queue {
    /// Acquires the lock on a run, to feed it. A failed run goes on where it was.
    ///
    /// # Errors
    ///
    /// When another producer feeds it, or it failed and another run reads its file meanwhile, or
    /// there is no such run, or Redis refuses.
    pub async fn acquire_run(&self, run: &RunId) -> Result<Feeder, FeedError> {
        let token = new_token();
        self.lock(run, &token).await?;
        let renewal =
            AbortOnDropHandle::new(tokio::spawn(renew(self.clone(), run.clone(), token.clone())));

        let mut script = self.keys.script(&scripts::ACQUIRE_RUN);
        script.arg(run.as_ref()).arg(&token);
        let answer: Vec<String> = self.invoke("acquire a run", &script).await?;
        match answer.first().map_or("", String::as_str) {
            "under_way" => {
                let other = answer.get(1).and_then(|other| other.parse().ok());
                let other = other.unwrap_or_else(|| run.clone());
                return Err(FeedError::UnderWay { run: run.clone(), other });
            }
            "unknown" => return Err(FeedError::UnknownRun { run: run.clone() }),
            "lock_lost" => return Err(FeedError::LockLost { run: run.clone() }),
            _state => {}
        }
        let ledger =
            self.ledger(run).await?.ok_or_else(|| FeedError::UnknownRun { run: run.clone() })?;
        Ok(Feeder {
            queue: self.clone(),
            run: run.clone(),
            token,
            resume_point: ledger.resume_point,
            state: ledger.state,
            backpressure_ms: ledger.backpressure_ms,
            backpressure_waits: ledger.backpressure_waits,
            _renewal: renewal,
        })
    }

    /// Whether a live producer holds the lock on a run. The lock of one that died stays for some
    /// seconds, but is not renewed: to see that takes up to four seconds.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn has_live_feeder(&self, run: &RunId) -> Result<bool, QueueError> {
        const INTERVAL: Duration = Duration::from_millis(200);
        let mut least = i64::MAX;
        let checks = (LOCK * 2 / 5).as_millis() / INTERVAL.as_millis();
        for _ in 0..checks {
            let mut pipeline = redis::pipe();
            pipeline.pttl(self.keys.run(run).feeder());
            let (left_ms,): (i64,) = self.query("show the lock on a run", &pipeline).await?;
            if left_ms < 0 {
                return Ok(false);
            }
            if left_ms > least {
                return Ok(true);
            }
            least = left_ms;
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(false)
    }

    async fn renew_lock(
        &self,
        run: &RunId,
        token: &str,
        lasts: Duration,
    ) -> Result<bool, QueueError> {
        let mut script = self.keys.script(&scripts::RENEW_LOCK);
        script.arg(run.as_ref()).arg(token).arg(millis(lasts));
        self.invoke_as(Command::Renew, "renew the lock on a run", &script).await
    }

    async fn lock(&self, run: &RunId, token: &str) -> Result<(), FeedError> {
        let key = self.keys.run(run).feeder();
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(&key).arg(token).arg("NX").arg("PX").arg(millis(LOCK));
        pipeline.pttl(&key).get(&key);
        let (_, left_ms, holder): (Value, i64, Option<String>) =
            self.query("lock a run", &pipeline).await?;
        // The answer to an earlier try may have been lost: the holder counts, not the answer.
        if holder.as_deref() == Some(token) {
            return Ok(());
        }
        // No lock lasts so long: the clock of Redis' host was set back.
        if let Some(holder) =
            holder.filter(|_| left_ms.try_into().is_ok_and(|ms: u64| ms > millis(LOCK)))
        {
            self.renew_lock(run, &holder, LOCK).await?;
        }
        let for_at_most = Duration::from_millis(left_ms.try_into().unwrap_or(0)).min(LOCK);
        Err(FeedError::HeldByAnother { run: run.clone(), for_at_most })
    }
}

async fn renew(queue: Queue, run: RunId, token: String) {
    loop {
        tokio::time::sleep(LOCK / 4).await;
        match queue.renew_lock(&run, &token, LOCK).await {
            Ok(true) => {}
            // Lost, or refused for good: the next push reports it.
            Ok(false) | Err(_) => return,
        }
    }
}

impl Feeder {
    /// Where feeding goes on.
    #[must_use]
    pub fn resume_point(&self) -> ResumePoint {
        self.resume_point
    }

    /// All of the blob is on the queue already: there is nothing to feed.
    #[must_use]
    pub fn is_fed(&self) -> bool {
        matches!(self.state, RunState::Draining | RunState::Completed)
    }

    /// Puts the next batches on the queue; `end` is where feeding goes on after
    /// them. Batches that were settled before are skipped. Once Redis accepts them, `batches` is
    /// emptied: they are held as they are sent, and need not be held twice. Refused ones stay.
    ///
    /// If the process dies in here, all, some or none of the batches are on the
    /// queue and the checkpoint is before or after them; feeding again from the
    /// checkpoint gives the same ids.
    ///
    /// # Errors
    ///
    /// When the lock is lost, the run was ended or paused, Redis lost its last writes, or it refuses;
    /// Redis being away is waited out.
    pub async fn push(
        &mut self,
        batches: &mut Vec<BatchJob>,
        end: ResumePoint,
    ) -> Result<Fullness, FeedError> {
        let first = self.resume_point.sequence;
        debug_assert!(batches.len() <= JOBS_PER_PUSH_MAX, "the caller cuts pushes");
        debug_assert_eq!(first + batches.len() as u64, end.sequence, "batches follow each other");

        // Redis announces them while they are encoded. Settled ones are few: a run is fed again.
        let encoding = async {
            let encoded = |job: &BatchJob| (job.sequence, reason::encoded(job));
            batches.iter().map(encoded).collect::<Vec<_>>()
        };
        let announcing = self.announce(batches.len(), end.record);
        let (settled, encoded) = futures::join!(announcing, encoding);
        let settled = settled?;
        batches.clear();
        crate::failpoint!("announced");
        let fed = encoded.into_iter().filter(|(sequence, _)| !settled.contains(sequence));
        let jobs: Vec<_> = fed.map(|(sequence, payload)| (sequence.to_string(), payload)).collect();
        let ids: Vec<String> = jobs.iter().map(|(id, _)| id.clone()).collect();
        if !jobs.is_empty() {
            self.queue.push_jobs(&self.queue.keys.run(&self.run).queue(), jobs).await?;
        }
        crate::failpoint!("pushed");
        let depth = self.checkpoint(&ids, end).await?;
        crate::failpoint!("checkpointed");
        self.resume_point = end;
        Ok(depth)
    }

    /// Whether the next push would be accepted. A feeder that waits for room has to ask, for it pushes
    /// nothing: after Redis lost its last writes, what it still has of the last push can be claimed by
    /// no consumer, and may be all that fills the queue.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); a paused run is no error.
    pub async fn check(&self) -> Result<(), FeedError> {
        match self.announce(0, 0).await {
            Ok(_) | Err(FeedError::Paused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives the sequences that are settled already.
    async fn announce(&self, batches: usize, records: u64) -> Result<Vec<u64>, FeedError> {
        let mut script = self.queue.keys.script(&scripts::ANNOUNCE);
        script.arg(self.run.as_ref()).arg(&self.token);
        script.arg(self.resume_point.sequence).arg(batches).arg(records);
        let answer = self.queue.invoke("announce batches", &script).await?;
        Ok(self.accepted(answer)?.iter().filter_map(|sequence| sequence.parse().ok()).collect())
    }

    async fn checkpoint(&self, ids: &[String], end: ResumePoint) -> Result<Fullness, FeedError> {
        let mut script = self.queue.keys.script(&scripts::CHECKPOINT);
        script.arg(self.run.as_ref()).arg(&self.token).arg(self.resume_point.sequence);
        script.arg(end.sequence).arg(end.record).arg(end.line).arg(end.byte).arg(end.skipped);
        script.arg(ids);
        let answer =
            self.queue.invoke_as(Command::Checkpoint, "keep a checkpoint", &script).await?;
        let figures = self.accepted(answer)?;
        let figure = |at: usize| figures.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Fullness { own: Depth { jobs: figure(0), bytes: figure(1) }, all_bytes: figure(2) })
    }

    /// Marks all of the blob as fed, with the number of its lines without data.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn finish(&mut self, skipped: u64) -> Result<(), FeedError> {
        let mut script = self.queue.keys.script(&scripts::FINISH_FEEDING);
        script.arg(self.run.as_ref()).arg(&self.token);
        script.arg(self.resume_point.sequence).arg(self.resume_point.record).arg(skipped);
        let answer = self.queue.invoke("end feeding", &script).await?;
        self.accepted(answer)?;
        crate::failpoint!("all-fed");
        self.state = RunState::Draining;
        Ok(())
    }

    /// How full the queue is.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn fullness(&self) -> Result<Fullness, QueueError> {
        self.queue.fullness(&self.run).await
    }

    /// Notes that feeding waits for room, `waited` longer than was noted before; the first note of a
    /// wait has no time yet.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn note_backpressure(&mut self, waited: Duration) -> Result<(), QueueError> {
        self.backpressure_waits += u64::from(waited.is_zero());
        self.note(waited, true).await
    }

    /// Notes that feeding goes on, after it `waited` so much longer.
    ///
    /// # Errors
    ///
    /// As [`note_backpressure`](Self::note_backpressure).
    pub async fn end_backpressure(&mut self, waited: Duration) -> Result<(), QueueError> {
        self.note(waited, false).await
    }

    async fn note(&mut self, waited: Duration, waits: bool) -> Result<(), QueueError> {
        self.backpressure_ms += millis(waited);
        let mut script = self.queue.keys.script(&scripts::NOTE_BACKPRESSURE);
        script
            .arg(self.run.as_ref())
            .arg(self.backpressure_ms)
            .arg(self.backpressure_waits)
            .arg(u8::from(waits));
        self.queue.invoke::<u8>("note backpressure", &script).await.map(drop)
    }

    /// Releases the lock, so that another producer need not wait until it expires. Asks once, for no
    /// longer than the lock lasts.
    pub async fn release(self) {
        let mut script = self.queue.keys.script(&scripts::RENEW_LOCK);
        script.arg(self.run.as_ref()).arg(&self.token).arg(0);
        let command = Cmd::invoke_script(&script);
        let mut connection = self.queue.connection();
        let released = command.query_async::<u8>(&mut connection);
        let _ended_by_itself = tokio::time::timeout(LOCK, released).await;
    }

    /// What follows 'ok', or why there is no 'ok'.
    fn accepted(&self, answer: Vec<String>) -> Result<Vec<String>, FeedError> {
        let run = self.run.clone();
        let mut words = answer.into_iter();
        match words.next().as_deref() {
            Some("ok") => Ok(words.collect()),
            Some("lock_lost") => Err(FeedError::LockLost { run }),
            Some("paused") => Err(FeedError::Paused { run }),
            Some("rewound") => Err(FeedError::Rewound { run }),
            _ended => Err(FeedError::RunEnded {
                run,
                state: words.next().unwrap_or_default(),
                reason: words.next().unwrap_or_default(),
            }),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
