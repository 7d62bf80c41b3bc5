//! Where the rows of a load go.

use load::{Load, Operation, Plan};
use salesforce::Destination;

/// Where the rows of a load go that are written by a plan.
pub(super) fn destination(load: &Load, plan: &Plan) -> Destination {
    let mut destination = match load.operation {
        Operation::Upsert => {
            let key = plan.key.as_ref().map_or("", |key| key.field.as_str());
            Destination::upsert(&plan.object, key)
        }
        Operation::Insert => Destination::insert(),
        Operation::Update => Destination::update(),
        Operation::Delete => Destination::delete(),
        Operation::HardDelete => unreachable!("rows that are deleted for good go by ingest jobs"),
    };
    if let Some(rule) = &load.assignment_rule {
        destination = destination.assigned_by(&rule.to_string());
    }
    if load.allow_duplicates {
        destination = destination.with_duplicates();
    }
    destination
}
