//! The object of the check.

/// The object whose records come and go; `deploy/salesforce` has it.
pub(super) const OBJECT: &str = "Batch_Sync_Check__c";

/// The same object, for the simulator.
pub(super) const SCHEMA: &str = include_str!("object.json");
