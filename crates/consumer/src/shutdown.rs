//! How deliveries come to an end before the queue is empty.

use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use crate::retry::Blocker;

/// How deliveries are told to come to an end, and how one of them tells the others.
#[derive(Debug)]
pub(crate) struct Shutdown {
    /// Nothing new is started.
    pub(crate) stop: CancellationToken,
    /// Calls in flight are cut off.
    pub(crate) force: CancellationToken,
    /// Why this consumer cannot sign in any more.
    reason: Mutex<Option<Blocker>>,
}

impl Shutdown {
    /// Follows this shutdown.
    pub(crate) fn after(shutdown: &CancellationToken) -> Self {
        Self {
            stop: shutdown.child_token(),
            force: CancellationToken::new(),
            reason: Mutex::default(),
        }
    }

    /// Ends all deliveries; the first reason counts.
    pub(crate) fn stop_because(&self, blocker: Blocker) {
        self.reason.lock().expect("setting a reason does not panic").get_or_insert(blocker);
        self.stop.cancel();
    }

    /// Why the deliveries had to end, when it was not a shutdown.
    pub(crate) fn take_reason(&self) -> Option<Blocker> {
        self.reason.lock().expect("taking a reason does not panic").take()
    }
}
