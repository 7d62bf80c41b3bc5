//! What an object looks like to the integration user, as far as this program uses it.

use serde::Deserialize;

/// One object. Fields that the user may not see are absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Describe {
    /// API name, spelled as Salesforce spells it.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) createable: bool,
    #[serde(default)]
    pub(crate) updateable: bool,
    pub(crate) fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Field {
    /// API name, spelled as Salesforce spells it.
    pub(crate) name: String,
    /// Such as `string`, `boolean`, `double`, `reference`.
    #[serde(rename = "type")]
    pub(crate) field_type: String,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) external_id: bool,
    pub(crate) id_lookup: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) nillable: bool,
    pub(crate) defaulted_on_create: bool,
    /// Name under which the record that a reference points to is reached.
    pub(crate) relationship_name: Option<String>,
    /// Objects that a reference may point to.
    pub(crate) reference_to: Vec<String>,
}

impl Describe {
    /// The field of this name, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The reference field whose record is reached under this name.
    pub(crate) fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            field.relationship_name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// Fields that a new record cannot do without.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| {
            field.createable
                && !field.nillable
                && !field.defaulted_on_create
                && field.field_type != "boolean"
        })
    }
}
