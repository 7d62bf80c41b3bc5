//! The settings of ingest jobs.

use load::{AssignmentRule, Load, Operation, Plan};
use salesforce::IngestOrder;

/// The settings of every ingest job for rows of a load that are written by a plan.
pub(super) fn order(load: &Load, plan: &Plan) -> IngestOrder {
    let upserts = load.operation == Operation::Upsert;
    IngestOrder {
        object: plan.object.clone(),
        operation: match load.operation {
            Operation::HardDelete => "hardDelete",
            other => other.as_str(),
        },
        external_id_field_name: plan.key.as_ref().filter(|_| upserts).map(|key| key.field.clone()),
        assignment_rule_id: match &load.assignment_rule {
            Some(AssignmentRule::Id(id)) => Some(id.clone()),
            _ => None,
        },
        content_type: "CSV",
        line_ending: "LF",
        column_delimiter: "COMMA",
    }
}
