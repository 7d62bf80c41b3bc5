//! One object.

use std::collections::HashMap;

use super::{
    field::Field,
    file::{FieldEntry, ObjectEntry, SchemaError},
    place::Column,
};
use crate::id::KeyPrefix;

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

impl Object {
    pub(super) fn new(entry: ObjectEntry) -> Result<Self, SchemaError> {
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

    /// The field of this name, if it names records.
    pub(crate) fn key(&self, name: &str) -> Option<Column> {
        self.column(name).filter(|column| self.field(*column).is_key())
    }
}
