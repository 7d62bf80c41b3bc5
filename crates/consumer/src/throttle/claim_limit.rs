//! How many batches this consumer holds at once: as many as it may make calls, and some more, so that
//! claiming the next batch and settling the last one take no time from the calls.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Notify;

use super::concurrency::Concurrency;

/// Batches that are claimed beside those whose calls are in flight: so many, and one for each four calls.
const SPARE: u32 = 4;
const CALLS_PER_SPARE: u32 = 4;

/// Rows that are held at once, as they are queued; what is made of them takes up to three times as much. One
/// batch is claimed however large it is.
const BYTES_MAX: usize = 12 << 20;

/// Says when one more batch is claimed.
#[derive(Debug)]
pub(crate) struct ClaimLimit {
    /// Batches, at most.
    max: u32,
    concurrency: Arc<Concurrency>,
    held: Mutex<Held>,
    /// Fewer are held, or more of them wait.
    changed: Notify,
}

/// The batches that this consumer holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    batches: u32,
    /// Those of them whose call failed and waits alone, to be made again.
    waiting: u32,
    bytes: usize,
    /// Of the last one: the next is taken to be as large.
    last_bytes: usize,
}

/// A batch that is held, until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBatch {
    limit: Arc<ClaimLimit>,
    bytes: usize,
}

impl ClaimLimit {
    /// At most `max` batches, in the bounds of this limit of calls.
    pub(crate) fn new(max: u32, concurrency: Arc<Concurrency>) -> Self {
        Self { max, concurrency, held: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until one more batch may be claimed. One task waits at a time.
    pub(crate) async fn room(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let mut share_changed = pin!(self.concurrency.share_changed());
            share_changed.as_mut().enable();
            let (_, share) = self.concurrency.limit_and_share();
            let held = *self.held();
            if held.has_room(share, self.max) {
                return;
            }
            tokio::select! {
                () = changed => (),
                () = share_changed => (),
            }
        }
    }

    /// A batch of so many bytes was claimed.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> HeldBatch {
        let mut held = self.held();
        held.batches += 1;
        held.bytes += bytes;
        held.last_bytes = bytes;
        drop(held);
        HeldBatch { limit: Arc::clone(self), bytes }
    }

    /// Waits with a batch whose call failed. Meanwhile another batch may be claimed in its place.
    pub(crate) async fn while_waiting<T>(&self, wait: impl Future<Output = T>) -> T {
        let _waiting = Waiting::start(self);
        wait.await
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nothing panics while it counts batches")
    }
}

impl Held {
    /// Whether one more batch may be claimed by a consumer with this share of the calls.
    fn has_room(self, share: u32, max: u32) -> bool {
        let wanted = share + share / CALLS_PER_SPARE + SPARE;
        // No more than as many again: in an outage all calls fail, before the breaker opens.
        let under_way = self.batches.saturating_sub(self.waiting.min(wanted));
        let fits = self.batches == 0 || self.bytes + self.last_bytes <= BYTES_MAX;
        under_way < wanted && self.batches < max && fits
    }
}

impl Drop for HeldBatch {
    fn drop(&mut self) {
        let mut held = self.limit.held();
        held.batches -= 1;
        held.bytes -= self.bytes;
        drop(held);
        self.limit.changed.notify_one();
    }
}

/// A batch whose call waits; one that is cancelled stops waiting.
struct Waiting<'a>(&'a ClaimLimit);

impl<'a> Waiting<'a> {
    fn start(limit: &'a ClaimLimit) -> Self {
        limit.held().waiting += 1;
        limit.changed.notify_one();
        Self(limit)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.held().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u32 = 256;

    fn held(batches: u32, waiting: u32) -> Held {
        Held { batches, waiting, bytes: 0, last_bytes: 0 }
    }

    /// Batches that are held when no more are claimed.
    fn claimed(share: u32, waiting: u32, max: u32) -> u32 {
        (0..).find(|batches| !held(*batches, waiting.min(*batches)).has_room(share, max)).unwrap()
    }

    #[test]
    fn more_are_held_than_calls_may_be_made_and_never_more_than_the_setting_says() {
        let shares = [0, 1, 4, 10, 100];

        assert_eq!(shares.map(|share| claimed(share, 0, MAX)), [4, 5, 9, 16, 129]);
        assert_eq!(shares.map(|share| claimed(share, 0, 8)), [4, 5, 8, 8, 8]);
        assert_eq!(claimed(0, 0, 1), 1);
    }

    #[test]
    fn a_batch_that_waits_alone_gives_its_place_to_another_up_to_as_many_again() {
        let waiting = [1, 5, 16, 100];

        assert_eq!(waiting.map(|waiting| claimed(10, waiting, MAX)), [17, 21, 32, 32]);
        assert_eq!(claimed(10, 16, 20), 20);
    }

    #[test]
    fn large_batches_are_held_as_far_as_there_is_memory_for_them_and_one_always_is() {
        let mib = |batches: u32, each: usize| {
            let each = each << 20;
            Held { batches, waiting: 0, bytes: batches as usize * each, last_bytes: each }
        };
        let claimed = |each| (0..).find(|batches| !mib(*batches, each).has_room(10, MAX)).unwrap();

        assert_eq!([1, 4, 16, 40].map(claimed), [12, 3, 1, 1]);
    }

    #[tokio::test]
    async fn a_batch_that_is_settled_makes_room_and_so_does_one_whose_wait_begins() {
        let concurrency = Arc::new(Concurrency::new(super::super::Bounds { start: 4, max: 10 }));
        let limit = Arc::new(ClaimLimit::new(MAX, concurrency));
        let full: Vec<HeldBatch> = (0..4).map(|_| limit.hold(1)).collect();
        let mut room = pin!(limit.room());
        let is_full = futures::poll!(room.as_mut()).is_pending();

        let waits = limit.while_waiting(std::future::pending::<()>());
        let mut waits = Box::pin(waits);
        let _pending = futures::poll!(waits.as_mut());
        room.await;
        drop(waits);
        let mut room = pin!(limit.room());
        let is_full_again = futures::poll!(room.as_mut()).is_pending();
        drop(full);
        room.await;

        assert!(is_full && is_full_again);
    }
}
