//! One field that a column fills.

use super::value::ValueKind;
use crate::{
    salesforce::{Describe, Field},
    verdict::Operation,
};

/// What decides whether a field may be filled.
#[derive(Clone, Debug)]
pub(crate) struct TargetRules {
    pub(crate) describe: Describe,
    pub(crate) operation: Operation,
    /// The external id by which rows are upserted; an insert has none.
    pub(crate) key: Option<Key>,
}

/// The external id by which rows are upserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) field: String,
    /// Whether `a` and `A` are two keys.
    pub(crate) case_sensitive: bool,
}

/// One field that a column fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Path of the field, such as `Email` or `Account.ErpKey__c`.
    pub(crate) field: String,
    /// Type of the field as Salesforce names it.
    pub(crate) field_type: String,
    pub(super) kind: ValueKind,
    /// JSON before the value, such as `,"Account":{"ErpKey__c":`.
    pub(super) before: String,
    /// JSON after the value.
    pub(super) after: &'static str,
    /// JSON that empties the field, where that can be done.
    pub(super) null: Option<String>,
    /// Whether it is the external id by which rows are upserted.
    pub(crate) is_key: bool,
    /// What is worth knowing about writing to it.
    pub(crate) warning: Option<String>,
}

/// In a cell: the field is to be emptied. So Salesforce's own bulk loading has it.
pub(super) const NULL_CELL: &str = "#N/A";

impl Target {
    /// Finds the field of this name, or of this path over a relationship. The error says what is
    /// wrong with the name.
    pub(super) fn resolve(name: &str, rules: &TargetRules) -> Result<Self, String> {
        match name.split_once(['.', ':']) {
            None => Self::field(name, rules),
            Some((relationship, field)) => Self::parent(name, relationship, field, rules),
        }
    }

    fn field(name: &str, rules: &TargetRules) -> Result<Self, String> {
        let object = &rules.describe.name;
        let field = rules.describe.field(name).ok_or_else(|| {
            format!(
                "{object} has no field `{name}`; check the spelling, or let the integration user \
                 see it (field-level security hides fields)"
            )
        })?;
        let is_key = rules.key.as_ref().is_some_and(|key| key.field == field.name);
        // The external id names the record; whether it may be changed does not matter.
        let warning = if is_key { None } else { writable(field, rules)? };
        let kind = ValueKind::of(&field.field_type);
        Ok(Self {
            field: field.name.clone(),
            field_type: field.field_type.clone(),
            kind,
            before: format!(",\"{}\":", field.name),
            after: "",
            // What an explicit null does to a boolean is not documented.
            null: (kind != ValueKind::Boolean).then(|| format!(",\"{}\":null", field.name)),
            is_key,
            warning,
        })
    }

    /// A record that the row refers to, named by an external id of its own.
    fn parent(
        path: &str,
        relationship: &str,
        field: &str,
        rules: &TargetRules,
    ) -> Result<Self, String> {
        if !is_api_name(field) {
            return Err(format!(
                "`{path}` cannot be used: a path is `Relationship.ExternalId__c`, over one \
                 relationship that leads to one object"
            ));
        }
        let object = &rules.describe.name;
        let reference = rules.describe.relationship(relationship).ok_or_else(|| {
            format!(
                "{object} has no relationship `{relationship}`; it is named like `Account` or, \
                 for a custom field, `Parent__r` (field-level security hides fields)"
            )
        })?;
        if reference.reference_to.len() > 1 {
            return Err(format!(
                "`{path}` leads to one of several objects ({}), and this is not supported",
                reference.reference_to.join(", ")
            ));
        }
        let warning = writable(reference, rules)?;
        let relationship = reference.relationship_name.as_deref().unwrap_or(relationship);
        Ok(Self {
            field: format!("{relationship}.{field}"),
            field_type: "reference".to_owned(),
            kind: ValueKind::Text,
            before: format!(",\"{relationship}\":{{\"{field}\":"),
            after: "}",
            null: Some(format!(",\"{}\":null", reference.name)),
            is_key: false,
            warning,
        })
    }
}

/// Refuses a field that nobody can write to; the answer is a warning about one that can be written
/// in one of two cases only.
fn writable(field: &Field, rules: &TargetRules) -> Result<Option<String>, String> {
    let name = &field.name;
    match (rules.operation, field.createable, field.updateable) {
        (_, true, true) | (Operation::Insert, true, _) => Ok(None),
        (Operation::Upsert, true, false) => {
            Ok(Some(format!("field `{name}` cannot be changed in a record that exists already")))
        }
        (Operation::Upsert, false, true) => {
            Ok(Some(format!("field `{name}` cannot be set in a new record")))
        }
        _ => Err(format!(
            "field `{name}` of {} is read-only; map another one, or let the integration user edit \
             it (field-level security)",
            rules.describe.name
        )),
    }
}

/// Whether a name can be an API name, so that it needs no escape in JSON and in a path.
pub(crate) fn is_api_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
