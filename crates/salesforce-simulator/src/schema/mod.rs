//! Which objects and fields the org has.

mod change;
mod field;
mod file;

use std::collections::HashMap;

pub use change::FieldChange;
pub(crate) use field::{Compared, Field, FieldType};
pub use file::SchemaError;
use file::{FieldEntry, ObjectEntry};

use crate::id::KeyPrefix;

/// The objects of the simulated org.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    objects: Vec<Object>,
}

/// Place of an object in the schema, and of its table in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectNumber(pub(crate) usize);

/// Place of a field among the fields of its object.
pub(crate) type Column = u16;

/// One object and its fields; the field `Id` is understood.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) label_plural: String,
    pub(crate) key_prefix: KeyPrefix,
    pub(crate) fields: Vec<Field>,
    /// Columns sorted by field name, the order of answers about stored rows.
    pub(crate) by_name: Vec<Column>,
    /// The first external id: rows are listed in its order.
    pub(crate) external_id: Option<Column>,
    /// Columns that a row must have when it is created.
    pub(crate) required: Vec<Column>,
    columns: HashMap<String, Column>,
    relationships: HashMap<String, Column>,
}

impl Schema {
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

impl Object {
    fn new(entry: ObjectEntry) -> Result<Self, SchemaError> {
        let key_prefix = KeyPrefix::try_from(entry.key_prefix.as_bytes())
            .ok()
            .filter(|prefix| prefix.iter().all(u8::is_ascii_alphanumeric))
            .ok_or_else(|| SchemaError::KeyPrefix { object: entry.name.clone() })?;
        let label = entry.label.unwrap_or_else(|| entry.name.clone());
        let fields: Vec<Field> = entry.fields.into_iter().map(FieldEntry::into_field).collect();
        let mut object = Self {
            label_plural: entry.label_plural.unwrap_or_else(|| format!("{label}s")),
            label,
            key_prefix,
            by_name: (0..).take(fields.len()).collect(),
            external_id: None,
            required: Vec::new(),
            columns: HashMap::new(),
            relationships: HashMap::new(),
            name: entry.name,
            fields,
        };
        object.list_columns()?;
        Ok(object)
    }

    fn list_columns(&mut self) -> Result<(), SchemaError> {
        for (field, column) in self.fields.iter().zip(0..) {
            let taken = self.columns.insert(field.name.to_ascii_lowercase(), column).is_some();
            if taken || field.name.eq_ignore_ascii_case("Id") {
                return Err(SchemaError::SameField {
                    object: self.name.clone(),
                    field: field.name.clone(),
                });
            }
            if let Some(relationship) = &field.relationship_name {
                self.relationships.insert(relationship.to_ascii_lowercase(), column);
            }
            if field.external_id {
                self.external_id.get_or_insert(column);
            }
            if field.required_on_create() {
                self.required.push(column);
            }
        }
        // Found as written without folding: nearly every row comes so.
        for (field, column) in self.fields.iter().zip(0..) {
            self.columns.insert(field.name.clone(), column);
        }
        let Self { fields, by_name, .. } = self;
        by_name.sort_by(|a, b| fields[usize::from(*a)].name.cmp(&fields[usize::from(*b)].name));
        Ok(())
    }

    pub(crate) fn field(&self, column: Column) -> &Field {
        &self.fields[usize::from(column)]
    }

    /// Finds a field that the user sees by its API name, in any case.
    pub(crate) fn column(&self, name: &str) -> Option<Column> {
        let found = self.columns.get(name);
        let found = found.or_else(|| self.columns.get(&name.to_ascii_lowercase())).copied();
        found.filter(|column| !self.field(*column).hidden)
    }

    /// Finds a reference field by the name of its relationship, in any case.
    pub(crate) fn relationship(&self, name: &str) -> Option<Column> {
        let found = self.relationships.get(&name.to_ascii_lowercase()).copied();
        found.filter(|column| !self.field(*column).hidden)
    }

    /// The external id field of this name.
    pub(crate) fn external_id(&self, name: &str) -> Option<Column> {
        self.column(name).filter(|column| self.field(*column).external_id)
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
