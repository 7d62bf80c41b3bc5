//! What a mapping is made of, but for what Salesforce says of its objects: that is read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use ingest_core::Header;

use crate::{
    config::{ApiChoice, SalesforceConfig},
    error::ConsumerError,
};
use load::{
    Describe, Key, LeftOut, Mapping, Operation, Sameness, Sdl, Target, TargetRules, ValueRules,
};

/// The settings that decide which column fills which field, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    /// The object that rows become.
    pub(crate) object: String,
    /// Without a mapping file, columns fill the fields of their names.
    pub(crate) sdl: Option<Sdl>,
    operation: Operation,
    key: Option<String>,
    api: ApiChoice,
    left_out: LeftOut,
    values: ValueRules,
    dates_are_assumed: bool,
}

impl Blueprint {
    /// Reads the mapping file, if there is one.
    pub(crate) fn load(config: &SalesforceConfig) -> anyhow::Result<Self> {
        Ok(Self {
            object: config.object.clone(),
            sdl: config.mapping_file.as_deref().map(read).transpose()?,
            operation: config.operation,
            key: config.key.clone(),
            api: config.api,
            left_out: config.left_out.clone(),
            values: config.values.clone(),
            dates_are_assumed: config.dates_are_assumed,
        })
    }

    /// Objects that rows refer to by an external id: those that the mapping file names, or else
    /// those of the header's columns.
    pub(crate) fn parents(&self, describe: &Describe, header: Option<&Header>) -> BTreeSet<String> {
        match (&self.sdl, header) {
            (Some(sdl), _) => sdl.parents(describe),
            (None, None) => BTreeSet::new(),
            (None, Some(header)) => {
                let names = header.columns().iter();
                names.filter_map(|name| Target::parent_of(name.trim(), describe)).collect()
            }
        }
    }

    /// The mapping onto objects that are like this. Parents that are not there are not compared.
    ///
    /// # Errors
    ///
    /// When the object, or the mapping file, does not fit.
    pub(crate) fn mapping(
        &self,
        describe: Describe,
        parents: BTreeMap<String, Describe>,
    ) -> Result<Mapping, ConsumerError> {
        let rules = self.rules(describe, parents)?;
        match &self.sdl {
            None => Ok(Mapping::by_name(rules, self.left_out.clone())),
            Some(sdl) => Mapping::from_file(sdl, rules).map_err(|problems| {
                let file = sdl.path().display().to_string();
                ConsumerError::Mapping { file, problems }
            }),
        }
    }

    fn rules(
        &self,
        describe: Describe,
        parents: BTreeMap<String, Describe>,
    ) -> Result<TargetRules, ConsumerError> {
        let operation = self.operation;
        let may = |right: bool, is_needed: bool| right || !is_needed;
        if !may(describe.createable, operation.creates())
            || !may(describe.updateable, operation.updates())
            || !may(describe.deletable, operation == Operation::Delete)
        {
            let rights = match operation {
                Operation::Upsert => "create and edit",
                Operation::Insert => "create",
                Operation::Update => "edit",
                Operation::Delete => "delete",
            };
            return Err(ConsumerError::ObjectNotWritable { object: describe.name, rights });
        }
        let key = self.key.as_ref().map(|name| self.key(&describe, name)).transpose()?;
        let (values, dates_are_assumed) = (self.values.clone(), self.dates_are_assumed);
        Ok(TargetRules { describe, operation, key, parents, values, dates_are_assumed })
    }

    fn key(&self, describe: &Describe, name: &str) -> Result<Key, ConsumerError> {
        let object = describe.name.clone();
        let Some(field) = describe.field(name) else {
            return Err(ConsumerError::NoSuchExternalId { object, field: name.to_owned() });
        };
        if !field.external_id && !field.id_lookup && field.field_type != "id" {
            return Err(ConsumerError::NotAnExternalId { object, field: field.name.clone() });
        }
        if field.field_type == "id"
            && self.operation == Operation::Upsert
            && self.api != ApiChoice::Bulk
        {
            return Err(ConsumerError::UpsertById { object });
        }
        // What Salesforce fills by itself is no fault of the user's rights.
        let is_of_salesforce = field.auto_number || field.calculated || field.field_type == "id";
        if self.operation == Operation::Upsert
            && !(field.createable || field.updateable || is_of_salesforce)
        {
            let field = field.name.clone();
            return Err(ConsumerError::ExternalIdReadOnly { object, field });
        }
        Ok(Key { field: field.name.clone(), sameness: Sameness::of(field) })
    }
}

fn read(path: &Path) -> anyhow::Result<Sdl> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConsumerError::MappingFile { path: path.to_owned(), source })?;
    Ok(Sdl::parse(path, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_mapping_file_is_named() {
        let message = read(Path::new("nowhere.sdl")).unwrap_err().to_string();

        assert_eq!(message, "could not read the mapping file nowhere.sdl");
    }
}
