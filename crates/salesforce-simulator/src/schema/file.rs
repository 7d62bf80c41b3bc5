//! The JSON form of a schema, as `standard.json` and the file given by
//! `--schema` have it.

use serde::Deserialize;

use super::field_type::FieldType;

/// What is wrong with a schema file.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Not JSON, or a key that a schema does not have.
    #[error("the schema is not of the form {{\"objects\": [{{\"name\", \"fields\": […]}}]}}")]
    Form(#[from] serde_json::Error),
    /// A key prefix is the start of each record id, so it has a fixed length.
    #[error("object {object}: keyPrefix must be three letters or digits, such as \"a01\"")]
    KeyPrefix {
        /// Name of the object.
        object: String,
    },
    /// Two objects with one key prefix would share their record ids.
    #[error("object {object}: keyPrefix is already that of {other}")]
    SameKeyPrefix {
        /// Name of the object.
        object: String,
        /// The object that has the prefix already.
        other: String,
    },
    /// Two fields of an object with one name.
    #[error("object {object}: field {field} is there twice")]
    SameField {
        /// Name of the object.
        object: String,
        /// Name of the field.
        field: String,
    },
    /// A reference field needs an object to refer to.
    #[error("object {object}: field {field}: referenceTo must name an object of the schema")]
    Reference {
        /// Name of the object.
        object: String,
        /// Name of the field.
        field: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaFile {
    pub(super) objects: Vec<ObjectEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ObjectEntry {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) label_plural: Option<String>,
    pub(super) key_prefix: String,
    pub(super) fields: Vec<FieldEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FieldEntry {
    pub(super) name: String,
    pub(super) label: Option<String>,
    #[serde(rename = "type")]
    pub(super) field_type: FieldType,
    #[serde(default)]
    pub(super) length: usize,
    #[serde(default)]
    pub(super) precision: u32,
    #[serde(default)]
    pub(super) scale: u32,
    #[serde(default)]
    pub(super) digits: u32,
    #[serde(default)]
    pub(super) external_id: bool,
    #[serde(default)]
    pub(super) id_lookup: bool,
    #[serde(default)]
    pub(super) unique: bool,
    #[serde(default)]
    pub(super) case_sensitive: bool,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) calculated: bool,
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) values: Vec<String>,
    #[serde(default)]
    pub(super) restricted: bool,
    pub(super) reference_to: Option<OneOrMany>,
    pub(super) relationship_name: Option<String>,
}

/// `"Account"`, or `["Contact", "Lead"]`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}
