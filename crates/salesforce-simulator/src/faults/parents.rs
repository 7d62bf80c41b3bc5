//! Locks on parents: while one call stores rows of a parent, no other one can.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// So many locks are kept before those that have ended are looked for.
const LOCKS_KEPT: usize = 10_000;

/// Who holds which parent, and until when.
#[derive(Debug, Default)]
pub(super) struct ParentLocks {
    calls: u64,
    held: HashMap<String, Lock>,
}

#[derive(Debug)]
struct Lock {
    call: u64,
    until: Instant,
}

impl ParentLocks {
    /// A number for a call.
    pub(super) fn begin(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// Whether this call gets the lock on a parent, to hold it for a while.
    pub(super) fn lock(&mut self, parent: &str, call: u64, now: Instant, held: Duration) -> bool {
        if let Some(lock) = self.held.get_mut(parent) {
            if lock.call != call && lock.until > now {
                return false;
            }
            *lock = Lock { call, until: now + held };
            return true;
        }
        if self.held.len() >= LOCKS_KEPT {
            self.held.retain(|_, lock| lock.until > now);
        }
        self.held.insert(parent.to_owned(), Lock { call, until: now + held });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_belongs_to_one_call_until_its_time_is_over() {
        let mut locks = ParentLocks::default();
        let (first, second) = (locks.begin(), locks.begin());
        let (now, held) = (Instant::now(), Duration::from_millis(50));
        let later = now + held;

        assert!(locks.lock("A", first, now, held) && locks.lock("A", first, now, held));
        assert!(!locks.lock("A", second, now, held) && locks.lock("B", second, now, held));
        assert!(locks.lock("A", second, later, held) && !locks.lock("A", first, later, held));
    }
}
