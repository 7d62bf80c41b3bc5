//! What this consumer does with rows, in the words of the queue: only runs with this target come to
//! it.

use load::TargetRules;

/// Org, object, operation, key, and a digest of what decides what becomes of a row.
pub(crate) fn target(org: String, rules: &TargetRules, mapping: String) -> job_queue::Target {
    job_queue::Target {
        org,
        object: rules.describe.name.clone(),
        operation: rules.operation.as_str().to_owned(),
        external_id: rules.key.as_ref().map(|key| key.field.clone()),
        mapping,
    }
}
