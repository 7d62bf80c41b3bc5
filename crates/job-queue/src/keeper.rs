//! Renews the leases of one worker, in a task of its own: no handler, however
//! long it waits, keeps a lease from being renewed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::task::AbortOnDropHandle;

use crate::{Queue, QueueError, keys::QueueKeys, scripts};

/// One job that this process holds.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) id: String,
    pub(crate) token: String,
    lost: AtomicBool,
}

impl Lease {
    pub(crate) fn new(id: String, token: String) -> Self {
        Self { id, token, lost: AtomicBool::new(false) }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Tells one claim from all others.
pub(crate) fn new_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// The leases of one worker. Those who hold a lease keep it alive; when the
/// last one lets go of it, it is renewed no more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<String, Weak<Lease>>>>);

impl Leases {
    pub(crate) fn hold(&self, id: String, token: String) -> Arc<Lease> {
        let lease = Arc::new(Lease::new(id, token));
        // By token: the same worker may hold a job again whose lease it lost.
        self.map().insert(lease.token.clone(), Arc::downgrade(&lease));
        lease
    }

    /// Those that are still held.
    fn held(&self) -> Vec<Arc<Lease>> {
        let mut map = self.map();
        map.retain(|_, lease| lease.strong_count() > 0);
        map.values().filter_map(Weak::upgrade).collect()
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Weak<Lease>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the task that renews `leases` and shows that the worker `name` lives.
pub(crate) fn keep(
    queue: Queue,
    keys: Arc<QueueKeys>,
    name: String,
    leases: Leases,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            if let Err(error) = renew(&queue, &keys, &name, &leases.held()).await {
                tracing::error!(error = %error, "could not renew leases");
            }
            tokio::time::sleep(queue.lease / 4).await;
        }
    }))
}

async fn renew(
    queue: &Queue,
    keys: &QueueKeys,
    name: &str,
    leases: &[Arc<Lease>],
) -> Result<(), QueueError> {
    let mut script = scripts::RENEW.prepare_invoke();
    script.key(&keys.leases).key(&keys.tokens).key(&keys.living);
    script.arg(queue.lease_ms()).arg(name);
    for lease in leases {
        script.arg(&lease.id).arg(&lease.token);
    }
    let lost: Vec<String> = queue.invoke("renew leases", &script).await?;
    for lease in leases.iter().filter(|lease| lost.contains(&lease.token)) {
        lease.lost.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Takes the worker off the list of the living.
pub(crate) async fn sign_off(
    queue: &Queue,
    keys: &QueueKeys,
    name: &str,
) -> Result<(), QueueError> {
    let mut pipeline = redis::pipe();
    pipeline.zrem(&keys.living, name).ignore();
    queue.query("sign off", &pipeline).await
}
