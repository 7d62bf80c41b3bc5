//! What an object looks like to the integration user, as far as this program uses it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One object. Fields that the user may not see are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Objects that its rows may refer to, through references that can be written.
    #[must_use]
    pub fn parents(&self) -> BTreeSet<String> {
        let writable = self.fields.iter().filter(|field| field.createable || field.updateable);
        let reached = writable.filter(|field| field.relationship_name.is_some());
        reached.flat_map(|field| field.reference_to.iter().cloned()).collect()
    }

    /// The same without what decides nothing: values of picklists that are not offered, or take others.
    #[must_use]
    pub fn compact(self) -> Self {
        let compact = |mut field: Field| {
            let is_restricted = field.restricted_picklist;
            field.picklist_values.retain(|value| is_restricted && value.active);
            field
        };
        Self { fields: self.fields.into_iter().map(compact).collect(), ..self }
    }

    /// What rows of other objects have to know of it: the fields by which a record is named. Of all
    /// others, that they are there.
    #[must_use]
    pub fn as_parent(self) -> Self {
        let seen_from_outside = |field: Field| match field.external_id || field.id_lookup {
            true => Field { label: String::new(), ..field },
            false => Field { name: field.name, ..Field::default() },
        };
        Self {
            name: self.name,
            fields: self.fields.into_iter().map(seen_from_outside).collect(),
            createable: false,
            updateable: false,
            deletable: false,
        }
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

    /// Whether it is one of [those](Self::required).
    pub(crate) fn needs(&self, name: &str) -> bool {
        self.required().any(|field| field.name == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contact() -> Describe {
        let described = json!({"name": "Contact", "createable": true, "fields": [
            {"name": "Key__c", "label": "Key", "type": "string", "externalId": true, "length": 9},
            {"name": "Note__c", "label": "Note", "type": "string", "length": 80},
            {"name": "AccountId", "type": "reference", "createable": true, "relationshipName": "Account",
             "referenceTo": ["Account"]},
            {"name": "OwnerId", "type": "reference", "updateable": true, "relationshipName": "Owner",
             "referenceTo": ["Group", "User"]},
            {"name": "CreatedById", "type": "reference", "relationshipName": "CreatedBy",
             "referenceTo": ["Robot"]},
            {"name": "Hot__c", "type": "picklist", "restrictedPicklist": true, "picklistValues": [
                {"value": "a", "active": true}, {"value": "b", "active": false}]},
            {"name": "Open__c", "type": "picklist", "picklistValues": [
                {"value": "a", "active": true}]},
        ]});
        serde_json::from_value(described).unwrap()
    }

    #[test]
    fn parents_are_what_can_be_referred_to() {
        assert_eq!(contact().parents(), ["Account", "Group", "User"].map(str::to_owned).into());
    }

    #[test]
    fn what_decides_nothing_is_left_out_and_every_field_is_there() {
        let (whole, compact, parent) = (contact(), contact().compact(), contact().as_parent());

        let names = |describe: &Describe| -> Vec<String> {
            describe.fields.iter().map(|field| field.name.clone()).collect()
        };
        assert_eq!(names(&compact), names(&whole));
        assert_eq!(names(&parent), names(&whole));
        let offered = |describe: &Describe, at: usize| describe.fields[at].picklist_values.len();
        assert_eq!((offered(&compact, 5), offered(&compact, 6)), (1, 0));
        assert_eq!(parent.fields[0].length, 9);
        assert_eq!(parent.fields[1], Field { name: "Note__c".to_owned(), ..Field::default() });
    }
}
