//! A load on the objects of an org.

use std::collections::{BTreeMap, BTreeSet};

use ingest_core::{Header, few};

use crate::{Columns, Describe, Key, Load, Mapping, Operation, Sameness, Target, TargetRules};

/// Why a load does not fit the org.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// The profile and permission sets of the integration user lack a right on the object.
    #[error("the integration user may not {rights} records of {object}; give it the permission")]
    ObjectNotWritable {
        /// The object.
        object: String,
        /// What the operation needs.
        rights: &'static str,
    },
    /// The name is mistyped (fields of your own end with `__c`), or the user may not see the field.
    #[error(
        "{object} has no field {field}; check the external-id of the load (SALESFORCE_EXTERNAL_ID), or \
         let the integration user see it (field-level security hides fields)"
    )]
    NoSuchExternalId {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// An upsert writes the key into new records, and the user may only read it.
    #[error(
        "field {field} of {object} is read-only, and an upsert by it writes it; let the integration \
         user edit it (field-level security), or set another external-id (SALESFORCE_EXTERNAL_ID)"
    )]
    ExternalIdReadOnly {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// Salesforce finds records only by a field that is marked as an external id.
    #[error(
        "field {field} of {object} is no external id; tick External ID in its definition, or set another \
         external-id (SALESFORCE_EXTERNAL_ID): an External ID, or a field that Salesforce describes with \
         idLookup, such as Email of Contact"
    )]
    NotAnExternalId {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// A row either has an `Id`, and then its record exists, or it has nothing to be found by.
    #[error(
        "an upsert of {object} needs an external id, and Id is none; split the file: rows with an Id as \
         update, the others as insert; or name another external-id (SALESFORCE_EXTERNAL_ID)"
    )]
    UpsertById {
        /// The object.
        object: String,
    },
    /// Lines of the mapping name fields that the object does not have, that the user may not write,
    /// or that cannot be filled so.
    #[error("{mapping}: {}", few(problems, "; "))]
    Mapping {
        /// What it is called, such as `mapping file lead.sdl`.
        mapping: String,
        /// Each with its line.
        problems: Vec<String>,
    },
}

impl Load {
    /// Objects that rows refer to by an external id: those that the mapping names, or else those of
    /// the header's columns.
    #[must_use]
    pub fn parents(&self, describe: &Describe, header: Option<&Header>) -> BTreeSet<String> {
        match (&self.columns, header) {
            (Columns::Mapped(sdl), _) => sdl.parents(describe),
            (Columns::ByName(_), None) => BTreeSet::new(),
            (Columns::ByName(_), Some(header)) => {
                let names = header.columns().iter();
                names.filter_map(|name| Target::parent_of(name.trim(), describe)).collect()
            }
        }
    }

    /// The mapping onto objects that are like this. Parents that are not there are not compared.
    ///
    /// # Errors
    ///
    /// When the object, or the mapping, does not fit.
    pub fn mapping(
        &self,
        describe: Describe,
        parents: BTreeMap<String, Describe>,
    ) -> Result<Mapping, Misfit> {
        let rules = self.rules(describe, parents)?;
        match &self.columns {
            Columns::ByName(left_out) => Ok(Mapping::by_name(rules, left_out.clone())),
            Columns::Mapped(sdl) => Mapping::from_file(sdl, rules)
                .map_err(|problems| Misfit::Mapping { mapping: sdl.called(), problems }),
        }
    }

    fn rules(
        &self,
        describe: Describe,
        parents: BTreeMap<String, Describe>,
    ) -> Result<TargetRules, Misfit> {
        let operation = self.operation;
        let may = |right: bool, is_needed: bool| right || !is_needed;
        if !may(describe.createable, operation.creates())
            || !may(describe.updateable, operation.updates())
            || !may(describe.deletable, operation.deletes())
        {
            let rights = match operation {
                Operation::Upsert => "create and edit",
                Operation::Insert => "create",
                Operation::Update => "edit",
                Operation::Delete | Operation::HardDelete => "delete",
            };
            return Err(Misfit::ObjectNotWritable { object: describe.name, rights });
        }
        let key = self.key.as_ref().map(|name| self.key_field(&describe, name)).transpose()?;
        let (values, dates_are_assumed) = (self.values.clone(), self.dates_are_assumed);
        Ok(TargetRules { describe, operation, key, parents, values, dates_are_assumed })
    }

    fn key_field(&self, describe: &Describe, name: &str) -> Result<Key, Misfit> {
        let object = describe.name.clone();
        let Some(field) = describe.field(name) else {
            return Err(Misfit::NoSuchExternalId { object, field: name.to_owned() });
        };
        if !field.external_id && !field.id_lookup && field.field_type != "id" {
            return Err(Misfit::NotAnExternalId { object, field: field.name.clone() });
        }
        if field.field_type == "id" && self.operation == Operation::Upsert {
            return Err(Misfit::UpsertById { object });
        }
        // What Salesforce fills by itself is no fault of the user's rights.
        let is_of_salesforce = field.auto_number || field.calculated || field.field_type == "id";
        if self.operation == Operation::Upsert
            && !(field.createable || field.updateable || is_of_salesforce)
        {
            let field = field.name.clone();
            return Err(Misfit::ExternalIdReadOnly { object, field });
        }
        Ok(Key { field: field.name.clone(), sameness: Sameness::of(field) })
    }
}
