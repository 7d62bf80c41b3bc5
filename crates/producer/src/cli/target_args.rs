//! The target settings of a run, as typed.

use clap::Args;
use job_queue::Wanted;

/// Which target delivers new runs; without any setting that of the live consumers, when they all have
/// the same.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Only consumers of this object deliver the run.
    #[arg(long, env = "SALESFORCE_OBJECT", value_name = "NAME")]
    pub object: Option<String>,

    /// Only consumers that do this with rows deliver it [default: upsert, when an object is given].
    #[arg(long, env = "SALESFORCE_OPERATION", value_name = "OPERATION", value_parser = ["upsert", "insert", "update", "delete"])]
    pub operation: Option<String>,

    /// Only consumers that find records by this field deliver it.
    #[arg(long, env = "SALESFORCE_EXTERNAL_ID", value_name = "FIELD")]
    pub external_id: Option<String>,

    /// Only consumers of this target deliver it, whatever the other settings say: its id, or how
    /// that begins. `producer show` and a start that is not clear name them.
    #[arg(long, value_name = "ID", value_parser = target_id)]
    pub target: Option<String>,
}

impl TargetArgs {
    /// The same as a query for a target among the live consumers.
    pub(crate) fn wanted(&self) -> Wanted {
        if let Some(id) = &self.target {
            return Wanted { id: Some(id.clone()), ..Wanted::default() };
        }
        let usual = self.object.as_ref().map(|_| "upsert".to_owned());
        let operation = self.operation.clone().or(usual);
        // Settings are shared with consumers, and an insert finds no record, whatever they say.
        let finds = operation.as_deref() != Some("insert");
        let external_id = self.external_id.clone().filter(|_| finds);
        Wanted { id: None, object: self.object.clone(), operation, external_id }
    }
}

/// A target's id, or enough of its beginning.
pub(crate) fn target_id(text: &str) -> Result<String, String> {
    let id = text.to_ascii_lowercase();
    let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex && (4..=12).contains(&id.len()) {
        true => Ok(id),
        false => {
            Err("not the id of a target; these have 12 hexadecimal digits, of which the first \
                      4 or more will do"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use job_queue::{Choice, Target};

    use super::*;
    use crate::report::sample;

    fn args(object: &str, operation: &str, external_id: &str, target: &str) -> TargetArgs {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TargetArgs {
            object: given(object),
            operation: given(operation),
            external_id: given(external_id),
            target: given(target),
        }
    }

    #[test]
    fn what_is_not_given_may_be_anything_and_an_object_is_upserted() {
        let contact = sample::target();
        let deletes = Target { operation: "delete".to_owned(), ..sample::target() };
        let inserts =
            Target { operation: "insert".to_owned(), external_id: None, ..sample::target() };
        let live = [contact.clone(), deletes.clone(), inserts.clone()];
        let cases = [
            (args("contact", "", "", ""), Choice::Known(contact.clone())),
            (args("contact", "", "ExternalId__c", ""), Choice::Known(contact.clone())),
            (args("Contact", "", "Other__c", ""), Choice::Open),
            (args("", "delete", "", ""), Choice::Known(deletes.clone())),
            (args("Contact", "insert", "ExternalId__c", ""), Choice::Known(inserts)),
            (args("Lead", "upsert", "", &deletes.id()[..6]), Choice::Known(deletes)),
        ];

        for (args, choice) in cases {
            assert_eq!(args.wanted().choose(&live), choice, "{args:?}");
        }
    }

    #[test]
    fn a_target_is_named_by_the_beginning_of_its_id() {
        assert_eq!(target_id("0A1b"), Ok("0a1b".to_owned()));
        for wrong in ["", "0a1", "0a1g", "0123456789abc"] {
            assert!(target_id(wrong).is_err(), "{wrong}");
        }
    }
}
