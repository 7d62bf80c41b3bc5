//! What an administrator changes while loads run.

use serde::Deserialize;

use super::Schema;

/// A change of one field; what it does not name stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldChange {
    /// API name of the object, in any case.
    pub object: String,
    /// API name of the field, in any case.
    pub field: String,
    /// Whether the integration user does not see it: then it is as if it were not there.
    #[serde(default)]
    pub hidden: Option<bool>,
    /// Whether nobody may write to it.
    #[serde(default)]
    pub read_only: Option<bool>,
    /// In characters.
    #[serde(default)]
    pub length: Option<usize>,
    /// Of a picklist, all of them.
    #[serde(default)]
    pub values: Option<Vec<String>>,
}

impl FieldChange {
    /// One that changes nothing yet.
    #[must_use]
    pub fn of(object: &str, field: &str) -> Self {
        Self { object: object.to_owned(), field: field.to_owned(), ..Self::default() }
    }
}

impl Schema {
    /// The same with a field changed; nothing, when there is no such field.
    pub(crate) fn changed_by(&self, change: &FieldChange) -> Option<Self> {
        let mut schema = self.clone();
        let mut objects = schema.objects.iter_mut();
        let object = objects.find(|known| known.name.eq_ignore_ascii_case(&change.object))?;
        let mut fields = object.fields.iter_mut();
        let field = fields.find(|known| known.name.eq_ignore_ascii_case(&change.field))?;
        field.hidden = change.hidden.unwrap_or(field.hidden);
        field.writable = change.read_only.map_or(field.writable, |read_only| !read_only);
        field.length = change.length.unwrap_or(field.length);
        if let Some(values) = &change.values {
            field.values.clone_from(values);
        }
        Some(schema)
    }
}
