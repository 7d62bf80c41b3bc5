//! Why nothing can be delivered, and what a person can do about it.

/// A person has to change something in Salesforce or in the settings; the message says what. What
/// is not delivered stays queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("salesforce refuses to go on ({what}); {advice}")]
pub(crate) struct Blocker {
    pub(crate) what: String,
    pub(crate) advice: &'static str,
}

impl Blocker {
    /// Whether each try does harm: then time alone tries nothing.
    pub(crate) fn is_only_for_people(&self) -> bool {
        self.advice == CREATED_BY_UPDATE
    }
}

pub(super) const CREATED_BY_UPDATE: &str = "look for records that were created at that time and remove them; then \
                                 update by Id, or cancel this run";

pub(crate) const FREE_STORAGE: &str = "free or buy data storage; the rows stay queued";
