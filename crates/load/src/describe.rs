//! What an object looks like to the integration user, as far as this program uses it.

use serde::Deserialize;

/// One object. Fields that the user may not see are absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "these are Salesforce's own names")]
pub struct Describe {
    /// API name, spelled as Salesforce spells it.
    pub name: String,
    #[serde(default)]
    pub createable: bool,
    #[serde(default)]
    pub updateable: bool,
    #[serde(default)]
    pub deletable: bool,
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "these are Salesforce's own names")]
pub struct Field {
    /// API name, spelled as Salesforce spells it.
    pub name: String,
    /// What people read above it.
    pub label: String,
    /// Such as `string`, `boolean`, `double`, `reference`.
    #[serde(rename = "type")]
    pub field_type: String,
    pub createable: bool,
    pub updateable: bool,
    pub external_id: bool,
    pub id_lookup: bool,
    /// No two records have the same value.
    pub unique: bool,
    pub case_sensitive: bool,
    pub nillable: bool,
    pub defaulted_on_create: bool,
    /// Name under which the record that a reference points to is reached.
    pub relationship_name: Option<String>,
    /// Objects that a reference may point to.
    pub reference_to: Vec<String>,
    /// Whether a reference may point to records of several objects.
    pub polymorphic_foreign_key: bool,
    /// Of text, in characters; 0 for what is no text.
    pub length: u32,
    /// Of a whole number; 0 for what is none.
    pub digits: u32,
    /// Digits of a number, in all.
    pub precision: u32,
    /// Those of them behind the point.
    pub scale: u32,
    /// Worked out by a formula.
    pub calculated: bool,
    /// Numbered by Salesforce.
    pub auto_number: bool,
    /// Whether only the values of the picklist are taken.
    pub restricted_picklist: bool,
    pub picklist_values: Vec<PicklistValue>,
}

/// One value of a picklist.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "these are Salesforce's own names")]
pub struct PicklistValue {
    pub value: String,
    pub active: bool,
}

impl Field {
    /// What a picklist offers now.
    pub fn active_values(&self) -> impl Iterator<Item = &str> {
        self.picklist_values.iter().filter(|value| value.active).map(|value| value.value.as_str())
    }
}

impl Describe {
    /// The field of this name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The only field with this label, whatever its case.
    pub fn field_by_label(&self, label: &str) -> Option<&Field> {
        let mut found = self.fields.iter().filter(|field| field.label.eq_ignore_ascii_case(label));
        found.next().filter(|_| found.next().is_none())
    }

    /// The reference field whose record is reached under this name.
    pub fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            field.relationship_name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// Fields that a new record cannot do without.
    pub fn required(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| {
            field.createable
                && !field.nillable
                && !field.defaulted_on_create
                && field.field_type != "boolean"
        })
    }
}
