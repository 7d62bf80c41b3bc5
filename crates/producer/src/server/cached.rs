//! A value that many ask for, and that is loaded only so often.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

/// Keeps a value for a while. Callers that come while it is being loaded wait for that one load, so
/// however many ask, Redis is asked once.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    fresh: Duration,
    loaded: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Cached<T> {
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { fresh, loaded: Mutex::new(None) }
    }

    /// The value, loaded again when it is not fresh. An error is not kept: the next caller loads.
    pub(crate) async fn try_get<E>(
        &self,
        load: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut loaded = self.loaded.lock().await;
        if let Some((at, value)) = &*loaded
            && at.elapsed() < self.fresh
        {
            return Ok(value.clone());
        }
        let value = load.await?;
        *loaded = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    /// The same for a load that cannot fail.
    pub(crate) async fn get(&self, load: impl Future<Output = T>) -> T {
        let Ok(value) = self.try_get(async { Ok::<_, Infallible>(load.await) }).await;
        value
    }
}
