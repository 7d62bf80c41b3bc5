//! Places for reading: how many files a server reads at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places, given in the order in which they are asked for. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// The right to read one file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places)), waiting: Arc::default() }
    }

    /// As many as are asked for: a process that reads one file needs no order.
    pub(crate) fn unlimited() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }

    /// The next place that is free. Dropping the future gives up the turn.
    pub(crate) async fn take(&self) -> Place {
        let _waiting = Waiting::one_more(&self.waiting);
        let permit = Arc::clone(&self.free).acquire_owned().await;
        Place { _permit: permit.ok() }
    }

    /// A run is waiting for a place.
    pub(crate) fn are_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }
}

/// Counts as waiting until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn one_more(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::AcqRel);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn places_go_to_those_who_wait_in_their_order() {
        let places = Places::new(1);
        let first = places.take().await;
        assert!(!places.are_wanted());
        let (mut second, mut third) = (Box::pin(places.take()), Box::pin(places.take()));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert!(places.are_wanted());

        drop(first);

        assert!((&mut third).now_or_never().is_none(), "it is not its turn");
        let second = second.await;
        assert!(places.are_wanted());
        drop(second);
        third.await;
        assert!(!places.are_wanted());
    }

    #[tokio::test]
    async fn whoever_gives_up_its_turn_does_not_wait_any_more() {
        let places = Places::new(1);
        let _first = places.take().await;
        let mut second = Box::pin(places.take());
        assert!((&mut second).now_or_never().is_none());

        drop(second);

        assert!(!places.are_wanted());
    }
}
