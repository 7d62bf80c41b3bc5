//! What a configuration says of one process.

use std::collections::{BTreeMap, BTreeSet};

use super::beans::Bean;

/// What is said of one process; what is taken is not asked for again.
pub(super) struct Said<'a> {
    pub(super) values: BTreeMap<&'a str, &'a str>,
    pub(super) taken: BTreeSet<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn new(bean: &'a Bean, common: &'a [(String, String)]) -> Self {
        let common = common.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let own = bean.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let values = common.chain(own).filter(|(_, value)| !value.is_empty()).collect();
        Self { values, taken: BTreeSet::new() }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'a str> {
        let (key, value) = self.values.get_key_value(key)?;
        self.taken.insert(key);
        Some(value)
    }

    pub(super) fn is_true(&mut self, key: &str) -> bool {
        self.take(key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.take(key).and_then(|value| value.parse().ok())
    }

    /// Whether rows come from a file. Without a type nothing is read, which is no matter here.
    pub(super) fn reads_csv(&mut self) -> bool {
        self.take("dataAccess.type").is_none_or(|kind| kind.eq_ignore_ascii_case("csvRead"))
    }

    /// What nobody took.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter(|(key, _)| !self.taken.contains(*key)).map(|(k, v)| (*k, *v))
    }
}
