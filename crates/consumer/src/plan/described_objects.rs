//! What the org said of its objects lately. Runs of one object that begin together read it once.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use load::Describe;
use tokio::time::Instant;

/// A run that begins takes what was read so long ago at most. What does not fit is read again before
/// that is said.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(10);

/// So many are kept: one with a thousand fields takes a few MiB.
const OBJECTS_MAX: usize = 16;

/// The objects that were read last.
#[derive(Debug, Default)]
pub(crate) struct DescribedObjects(Mutex<Vec<Described>>);

/// An object, and when it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// As the load names it.
    name: String,
    pub(crate) describe: Arc<Describe>,
    pub(crate) asked: Instant,
}

impl DescribedObjects {
    /// What was asked for at this time, or later.
    pub(crate) fn since(&self, name: &str, earliest: Instant) -> Option<Described> {
        let kept = self.kept();
        let found = kept.iter().find(|kept| kept.is(name) && kept.asked >= earliest);
        found.cloned()
    }

    /// Whether the org said something of it, however long ago.
    pub(crate) fn has_been(&self, name: &str) -> bool {
        self.kept().iter().any(|kept| kept.is(name))
    }

    /// Keeps what the org says of an object.
    pub(crate) fn keep(&self, name: &str, describe: Describe, asked: Instant) -> Described {
        let described = Described { name: name.to_owned(), describe: Arc::new(describe), asked };
        let mut kept = self.kept();
        kept.retain(|kept| !kept.is(name));
        kept.truncate(OBJECTS_MAX - 1);
        kept.insert(0, described.clone());
        described
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Described>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Described {
    /// Names in Salesforce have no case.
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::lead;

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_before_is_as_good_as_the_reader_says() {
        let objects = DescribedObjects::default();
        let (before, moment) = (Instant::now(), Duration::from_secs(1));
        tokio::time::advance(moment).await;
        objects.keep("Lead", lead(), Instant::now());

        assert!(objects.since("LEAD", before).is_some_and(|lead| lead.asked == before + moment));
        assert!(objects.since("Lead", before + 2 * moment).is_none() && objects.has_been("lead"));
        assert!(objects.since("Account", before).is_none() && !objects.has_been("Account"));
    }

    #[tokio::test]
    async fn the_oldest_of_many_is_forgotten() {
        let objects = DescribedObjects::default();
        for number in 0..=OBJECTS_MAX {
            objects.keep(&format!("Object{number}__c"), lead(), Instant::now());
        }

        assert!(!objects.has_been("Object0__c") && objects.has_been("Object1__c"));
    }
}
