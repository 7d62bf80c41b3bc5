//! The leases of one worker, and the heartbeat that renews them: a task of its own, so that no
//! handler, however long it waits, keeps a lease from being renewed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{Metrics, Queue, QueueError, metrics::Command, redis::scripts};

/// One job that this process holds.
#[derive(Debug)]
pub(crate) struct Lease {
    /// The queue's name.
    pub(crate) queue: String,
    pub(crate) id: String,
    pub(crate) token: String,
    lost: AtomicBool,
    /// The delivery has said what becomes of the job.
    has_ended: AtomicBool,
    /// Cancelled when its run is being cancelled.
    pub(crate) run_cancelled: CancellationToken,
}

impl Lease {
    pub(crate) fn new(queue: String, id: String, token: String) -> Self {
        let (lost, has_ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { queue, id, token, lost, has_ended, run_cancelled: CancellationToken::new() }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    /// Another worker has the job, or nobody. Counted once, and not when the delivery has ended: what
    /// was settled a moment ago has no lease any more when the heartbeat asks for it.
    pub(crate) fn lose(&self, metrics: &Metrics) {
        if !self.lost.swap(true, Ordering::Relaxed) && !self.has_ended() {
            metrics.lost_lease();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Identifies one feeder.
pub(crate) fn new_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// By queue and job.
type Leases = HashMap<(String, String), Weak<Lease>>;

/// Who claims jobs, and the leases it holds. A lease is renewed until the last handle to it is
/// dropped.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// Prefix of its tokens: a name may be another worker's too.
    owner: String,
    /// The round that it claims from.
    pub(crate) round: &'static str,
    /// The list that it registers in.
    registry: &'static str,
    /// The load that it gives to runs without one, as it registers it.
    load: String,
    leases: Arc<Mutex<Leases>>,
    renewed: Arc<Mutex<Instant>>,
}

impl Worker {
    pub(crate) fn new(
        name: &str,
        round: &'static str,
        registry: &'static str,
        load: String,
    ) -> Self {
        Self {
            name: name.to_owned(),
            owner: format!("{:016x}", fastrand::u64(..)),
            round,
            registry,
            load,
            leases: Arc::default(),
            renewed: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// A token for a lease: the worker, and a number of its own.
    pub(crate) fn new_token(&self) -> String {
        format!("{}/{:016x}", self.owner, fastrand::u64(..))
    }

    /// Holds a job that was claimed. `None` when this process holds it already: its lease had
    /// expired, and the job came back under the same token, so the lease is renewed.
    pub(crate) fn hold(&self, queue: String, id: String, token: String) -> Option<Arc<Lease>> {
        let mut leases = lock(&self.leases);
        let place = (queue, id);
        if let Some(held) = leases.get(&place).and_then(Weak::upgrade) {
            if held.token == token {
                held.lost.store(false, Ordering::Relaxed);
                return None;
            }
            // Another worker had it in between.
            held.lost.store(true, Ordering::Relaxed);
        }
        let (queue, id) = place.clone();
        let lease = Arc::new(Lease::new(queue, id, token));
        leases.insert(place, Arc::downgrade(&lease));
        Some(lease)
    }

    /// Those that are still held.
    fn held(&self) -> Vec<Arc<Lease>> {
        let mut leases = lock(&self.leases);
        leases.retain(|_, lease| lease.strong_count() > 0);
        leases.values().filter_map(Weak::upgrade).collect()
    }

    /// The heartbeat: renews the leases, and registers the worker as live.
    pub(crate) async fn renew(&self, queue: &Queue) -> Result<(), QueueError> {
        let held = self.held();
        let mut script = queue.keys.script(&scripts::RENEW_LEASES);
        script.arg(self.registry).arg(queue.lease_ms()).arg(&self.name).arg(&self.load);
        for lease in &held {
            script.arg(&lease.queue).arg(&lease.id).arg(&lease.token);
        }
        let asked = Instant::now();
        let (lost, cancelled): (Vec<String>, Vec<String>) =
            queue.invoke_as(Command::Renew, "renew leases", &script).await?;
        for lease in held.iter().filter(|lease| lost.contains(&lease.token)) {
            lease.lose(queue.metrics());
        }
        for lease in held.iter().filter(|lease| cancelled.contains(&lease.token)) {
            lease.run_cancelled.cancel();
        }
        *lock(&self.renewed) = asked;
        Ok(())
    }

    /// Renews them when the heartbeat is late, as after this process was stopped: what it holds is
    /// its own again before it claims more.
    pub(crate) async fn renew_if_late(&self, queue: &Queue) -> Result<(), QueueError> {
        let is_late = lock(&self.renewed).elapsed() > queue.lease / 2;
        if is_late { self.renew(queue).await } else { Ok(()) }
    }

    /// Starts the heartbeat.
    pub(crate) fn start_heartbeat(&self, queue: Queue) -> AbortOnDropHandle<()> {
        let worker = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                if let Err(error) = worker.renew(&queue).await {
                    tracing::error!(error = %error, "could not renew leases");
                }
                tokio::time::sleep(queue.between_heartbeats()).await;
            }
        }))
    }

    /// Removes the worker from the list of live ones.
    pub(crate) async fn deregister(&self, queue: &Queue) -> Result<(), QueueError> {
        let registry = queue.keys.registry(self.registry);
        let mut pipeline = redis::pipe();
        pipeline.hdel(format!("{registry}:loads"), &self.name).ignore();
        pipeline.zrem(registry, &self.name).ignore();
        queue.query("deregister a worker", &pipeline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Worker {
        Worker::new("a", "", "consumers", String::new())
    }

    fn hold(worker: &Worker, token: &str) -> Option<Arc<Lease>> {
        worker.hold("q".to_owned(), "1".to_owned(), token.to_owned())
    }

    #[test]
    fn what_a_process_holds_comes_back_as_a_renewed_lease_only() {
        let worker = worker();
        let held = hold(&worker, "a/1").unwrap();
        held.lost.store(true, Ordering::Relaxed);

        assert!(hold(&worker, "a/1").is_none());

        assert!(!held.is_lost());
    }

    #[test]
    fn what_somebody_else_had_in_between_is_another_claim_and_the_old_one_is_lost() {
        let worker = worker();
        let held = hold(&worker, "a/1").unwrap();

        let again = hold(&worker, "a/2").unwrap();

        assert!(held.is_lost() && !again.is_lost());
        assert_eq!(worker.held().len(), 1);
    }

    #[test]
    fn what_was_dropped_is_held_anew() {
        let worker = worker();
        drop(hold(&worker, "a/1"));

        assert!(hold(&worker, "a/1").is_some());
    }
}
