//! What becomes of rows, counted.
//!
//! The one list of these counters: they travel with a batch under these names, `settle.lua` adds them
//! to the ledger's fields of these names, and the report shows them under these names.

use serde::{Deserialize, Serialize};

macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident,)*) => {
        /// What a batch, or a run, has come to so far.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Tally {
            $($(#[$doc])* pub $counter: u64,)*
        }

        impl Tally {
            /// Names of the counters.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($counter)),*];

            /// Each counter's name and value.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> {
                [$((stringify!($counter), self.$counter)),*].into_iter()
            }

            /// Reads each counter by its name.
            ///
            /// # Errors
            ///
            /// The first one of `read`.
            pub fn read<E>(mut read: impl FnMut(&'static str) -> Result<u64, E>) -> Result<Self, E> {
                Ok(Self { $($counter: read(stringify!($counter))?),* })
            }
        }
    };
}

counters! {
    /// Rows that Salesforce stored as new.
    created,
    /// Rows that Salesforce had and changed.
    updated,
    /// Rows whose record Salesforce deleted, or had deleted before.
    deleted,
    /// Rows that were sent again because Salesforce asked for it.
    retried,
    /// Calls to Salesforce's API.
    api_calls,
}

impl Tally {
    /// Rows of which Salesforce did what was asked.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.created.saturating_add(self.updated).saturating_add(self.deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_by_name_is_read_by_name() {
        let tally = Tally { created: 1, updated: 2, deleted: 3, retried: 4, api_calls: 5 };

        let told: Vec<(&str, u64)> = tally.iter().collect();
        let value = |name| told.iter().find(|(told, _)| *told == name).map(|(_, value)| *value);

        assert_eq!(Tally::read(|name| value(name).ok_or(name)), Ok(tally));
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), Tally::NAMES);
    }
}
