//! When a row may be stored again, and why: each window has a name, a time and a size.
//!
//! What an insert stores twice is told by record ids, which count upwards: the time at which a
//! record came to be is known from how many there were at each moment.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    load::Load,
    plan::{BATCH_ROWS, LATENCY_MAX_MS},
};
use crate::processes::pause_for;

/// Why rows may be stored again. Nothing else is a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A consumer was killed between Salesforce's answer and its record.
    Killed,
    /// A consumer was silent for longer than its lease: nobody can tell it from a dead one.
    Frozen,
    /// Redis forgot its last second, or what its replica had not got.
    Forgotten,
}

/// A time in which a row may have been stored without that being known for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) cause: Cause,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    pub(crate) batches: u64,
}

/// Between the storing of a row and its record in a Redis that is well: the answer takes its
/// time, and so does everything on a machine with more programs than processors.
pub(crate) const RECORDED_WITHIN: Duration = Duration::from_millis(2_000 + 2 * LATENCY_MAX_MS);

/// How many records there were, over time.
pub(crate) struct Creations {
    seen: Arc<Mutex<Vec<(Instant, u64)>>>,
    ends: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Creations {
    /// Of what is inserted.
    pub(crate) fn watch(salesforce_url: &str) -> Self {
        let (seen, ends) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let url = format!("{salesforce_url}/__sim/state");
        let (seen_by_it, ends_for_it) = (Arc::clone(&seen), Arc::clone(&ends));
        let watcher = std::thread::spawn(move || {
            let client = reqwest::blocking::Client::new();
            while !ends_for_it.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let state = client.get(&url).send().and_then(reqwest::blocking::Response::text);
                let state: serde_json::Value = state
                    .ok()
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default();
                if let Some(created) = state["objects"][Load::Visits.object()]["created"].as_u64() {
                    seen_by_it.lock().unwrap().push((asked, created));
                }
                pause_for(50);
            }
        });
        Self { seen, ends, watcher: Some(watcher) }
    }

    /// How many there were at the least by then.
    fn before(&self, moment: Instant) -> u64 {
        let seen = self.seen.lock().unwrap();
        let before = seen.iter().rev().find(|(at, _)| *at <= moment);
        before.map_or(0, |(_, created)| *created)
    }

    /// How many there were at the most by then.
    fn after(&self, moment: Instant) -> u64 {
        let seen = self.seen.lock().unwrap();
        let after = seen.iter().find(|(at, _)| *at >= moment);
        after.map_or(u64::MAX, |(_, created)| *created)
    }

    /// Gives each of `again` (the numbers of records after which the same row was stored once
    /// more) to a window that it lies in, and what lies in none.
    pub(crate) fn explain(
        &self,
        windows: &[Window],
        mut again: Vec<u64>,
    ) -> (BTreeMap<Cause, u64>, Vec<u64>) {
        struct Open {
            cause: Cause,
            from: u64,
            to: u64,
            room: u64,
        }
        let mut open: Vec<Open> = windows
            .iter()
            .map(|window| Open {
                cause: window.cause,
                from: self.before(window.from),
                to: self.after(window.to),
                room: window.batches * BATCH_ROWS,
            })
            .collect();
        // The one that closes first: with intervals, no other choice finds room for more.
        open.sort_by_key(|window| window.to);
        again.sort_unstable();
        let (mut explained, mut unexplained) = (BTreeMap::new(), Vec::new());
        for number in again {
            let fits =
                |window: &&mut Open| window.room > 0 && (window.from..=window.to).contains(&number);
            match open.iter_mut().find(fits) {
                Some(window) => {
                    window.room -= 1;
                    *explained.entry(window.cause).or_default() += 1;
                }
                None => unexplained.push(number),
            }
        }
        (explained, unexplained)
    }
}

impl Drop for Creations {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ended = watcher.join();
        }
    }
}
