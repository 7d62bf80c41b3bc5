//! The settings of ingest jobs.

use load::Operation;
use salesforce::{AssignmentRule, IngestOrder};

/// The settings of every ingest job of this consumer.
pub(crate) fn order(
    operation: Operation,
    object: &str,
    key: Option<&str>,
    assignment_rule: Option<&AssignmentRule>,
) -> IngestOrder {
    let upserts = operation == Operation::Upsert;
    IngestOrder {
        object: object.to_owned(),
        operation: operation.as_str(),
        external_id_field_name: key.filter(|_| upserts).map(str::to_owned),
        assignment_rule_id: match assignment_rule {
            Some(AssignmentRule::Id(id)) => Some(id.clone()),
            _ => None,
        },
        content_type: "CSV",
        line_ending: "LF",
        column_delimiter: "COMMA",
    }
}
