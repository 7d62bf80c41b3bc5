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
    #[serde(default)]
    pub(crate) deletable: bool,
    pub(crate) fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Field {
    /// API name, spelled as Salesforce spells it.
    pub(crate) name: String,
    /// What people read above it.
    pub(crate) label: String,
    /// Such as `string`, `boolean`, `double`, `reference`.
    #[serde(rename = "type")]
    pub(crate) field_type: String,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) external_id: bool,
    pub(crate) id_lookup: bool,
    /// No two records have the same value.
    pub(crate) unique: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) nillable: bool,
    pub(crate) defaulted_on_create: bool,
    /// Name under which the record that a reference points to is reached.
    pub(crate) relationship_name: Option<String>,
    /// Objects that a reference may point to.
    pub(crate) reference_to: Vec<String>,
    /// Whether a reference may point to records of several objects.
    pub(crate) polymorphic_foreign_key: bool,
    /// Of text, in characters; 0 for what is no text.
    pub(crate) length: u32,
    /// Of a whole number; 0 for what is none.
    pub(crate) digits: u32,
    /// Digits of a number, in all.
    pub(crate) precision: u32,
    /// Those of them behind the point.
    pub(crate) scale: u32,
    /// Worked out by a formula.
    pub(crate) calculated: bool,
    /// Numbered by Salesforce.
    pub(crate) auto_number: bool,
    /// Whether only the values of the picklist are taken.
    pub(crate) restricted_picklist: bool,
    pub(crate) picklist_values: Vec<PicklistValue>,
}

/// One value of a picklist.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PicklistValue {
    pub(crate) value: String,
    pub(crate) active: bool,
}

impl Field {
    /// What a picklist offers now.
    pub(crate) fn active_values(&self) -> impl Iterator<Item = &str> {
        self.picklist_values.iter().filter(|value| value.active).map(|value| value.value.as_str())
    }
}

impl Describe {
    /// The field of this name, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The only field with this label, whatever its case.
    pub(crate) fn field_by_label(&self, label: &str) -> Option<&Field> {
        let mut found = self.fields.iter().filter(|field| field.label.eq_ignore_ascii_case(label));
        found.next().filter(|_| found.next().is_none())
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
