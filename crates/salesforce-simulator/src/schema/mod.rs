//! Which objects and fields the org has.

mod change;
mod field;
mod field_type;
mod file;
mod object;
mod place;

pub use change::FieldChange;
pub(crate) use field::{Compared, Field};
pub(crate) use field_type::FieldType;
pub use file::SchemaError;
pub(crate) use object::Object;
pub(crate) use place::{Column, ObjectNumber};

use self::file::{ObjectEntry, SchemaFile};
use crate::id::KeyPrefix;

/// The objects of the simulated org.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    objects: Vec<Object>,
}

impl Schema {
    /// Lead, Account, Contact and Task.
    pub fn standard() -> Self {
        Self::default()
            .with(include_str!("standard.json"))
            .expect("the unit tests read this file too")
    }

    /// Adds the objects of a schema file; one that is there already is
    /// replaced.
    ///
    /// # Errors
    ///
    /// When the text is not a schema, or its objects contradict each other.
    pub fn with(mut self, json: &str) -> Result<Self, SchemaError> {
        let file: SchemaFile = serde_json::from_str(json)?;
        for entry in file.objects {
            self.add(entry)?;
        }
        self.resolve_references()?;
        Ok(self)
    }

    pub(crate) fn objects(&self) -> impl ExactSizeIterator<Item = (ObjectNumber, &Object)> {
        self.objects.iter().enumerate().map(|(number, object)| (ObjectNumber(number), object))
    }

    pub(crate) fn object(&self, number: ObjectNumber) -> &Object {
        &self.objects[number.0]
    }

    /// Finds an object by its API name, in any case.
    pub(crate) fn find(&self, name: &str) -> Option<(ObjectNumber, &Object)> {
        self.objects().find(|(_, object)| object.name.eq_ignore_ascii_case(name))
    }

    /// Finds the object that ids with this prefix belong to.
    pub(crate) fn find_by_prefix(&self, prefix: KeyPrefix) -> Option<ObjectNumber> {
        self.objects().find(|(_, object)| object.key_prefix == prefix).map(|(number, _)| number)
    }

    fn add(&mut self, entry: ObjectEntry) -> Result<(), SchemaError> {
        let object = Object::new(entry)?;
        let same_prefix = self.find_by_prefix(object.key_prefix).map(|other| self.object(other));
        if let Some(other) = same_prefix.filter(|other| other.name != object.name) {
            return Err(SchemaError::SameKeyPrefix {
                object: object.name,
                other: other.name.clone(),
            });
        }
        match self.objects.iter_mut().find(|known| known.name == object.name) {
            Some(known) => *known = object,
            None => self.objects.push(object),
        }
        Ok(())
    }

    /// Checks that each reference names objects of the schema.
    fn resolve_references(&mut self) -> Result<(), SchemaError> {
        let names: Vec<String> = self.objects.iter().map(|object| object.name.clone()).collect();
        for object in &mut self.objects {
            for field in object.fields.iter_mut().filter(|field| field.is_reference()) {
                let of_name = |wanted: &String| {
                    let found = names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
                    found.map(ObjectNumber)
                };
                let parents: Option<Vec<_>> = field.reference_to.iter().map(of_name).collect();
                field.parents = parents.unwrap_or_default();
                if field.parents.is_empty() {
                    return Err(SchemaError::Reference {
                        object: object.name.clone(),
                        field: field.name.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str, expected: &str) {
        let error = Schema::standard().with(json).unwrap_err().to_string();

        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn the_standard_objects_are_found_in_any_case() {
        let schema = Schema::standard();

        let (_, lead) = schema.find("lead").unwrap();

        assert_eq!(lead.name, "Lead");
        assert_eq!(lead.column("lastname"), lead.column("LastName"));
        assert_eq!(lead.external_id, lead.column("External_Id__c"));
        assert!(lead.column("Id").is_none());
    }

    #[test]
    fn a_schema_file_adds_and_replaces_objects() {
        let schema = Schema::standard()
            .with(
                r#"{"objects": [
                    {"name": "Parcel__c", "keyPrefix": "a01", "fields": [
                        {"name": "Key__c", "type": "string", "length": 20, "externalId": true},
                        {"name": "Buyer__c", "type": "reference", "referenceTo": "contact",
                         "relationshipName": "Buyer__r"}]},
                    {"name": "Lead", "keyPrefix": "00Q", "fields": []}]}"#,
            )
            .unwrap();

        let (_, parcel) = schema.find("Parcel__c").unwrap();

        assert_eq!(parcel.label, "Parcel__c");
        assert_eq!(parcel.relationship("buyer__R"), parcel.column("Buyer__c"));
        assert!(schema.find("Lead").unwrap().1.fields.is_empty());
        assert_eq!(schema.objects().len(), 5);
    }

    #[test]
    fn a_schema_that_contradicts_itself_is_refused_with_the_place() {
        refused("[]", "the schema is not of the form");
        refused(
            r#"{"objects": [{"name": "X__c", "keyPrefix": "a", "fields": []}]}"#,
            "object X__c: keyPrefix must be three",
        );
        refused(
            r#"{"objects": [{"name": "X__c", "keyPrefix": "00Q", "fields": []}]}"#,
            "object X__c: keyPrefix is already that of Lead",
        );
        refused(
            r#"{"objects": [{"name": "X__c", "keyPrefix": "a01", "fields": [
                {"name": "A", "type": "string"}, {"name": "a", "type": "string"}]}]}"#,
            "field a is there twice",
        );
        refused(
            r#"{"objects": [{"name": "X__c", "keyPrefix": "a01", "fields": [
                {"name": "A", "type": "reference", "referenceTo": "Nothing"}]}]}"#,
            "field A: referenceTo must name an object",
        );
    }
}
