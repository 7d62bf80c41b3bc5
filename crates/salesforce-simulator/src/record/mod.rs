//! From the JSON of one record to a draft: everything that can be checked
//! without looking at the store.

mod calendar;
pub(crate) mod cells;
mod check;
pub(crate) mod json;

use std::borrow::Cow;

use check::{Checked, check};
use json::JsonRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    problem::{Refusal, RowError},
    schema::{Column, Field, FieldType, Object, ObjectNumber, Schema},
};

/// How much of a request a wrong record takes down; the reference could not
/// verify which one Salesforce does (salesforce-api.md 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ErrorScope {
    /// The whole request is refused with 400.
    #[default]
    Request,
    /// The record fails, the others are stored.
    Record,
}

/// What an explicit null does to a boolean field, which the reference could not
/// verify (salesforce-api.md 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BooleanNulls {
    /// It becomes false.
    #[default]
    False,
    /// It is a value of a wrong type.
    Refused,
}

/// What the reference could not verify about records.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Strictness {
    pub(crate) type_errors: ErrorScope,
    pub(crate) unknown_fields: ErrorScope,
    pub(crate) boolean_nulls: BooleanNulls,
}

/// A value for a column; `None` clears it.
pub(crate) type Write<'a> = (Column, Option<Cow<'a, str>>);

/// A record on its way into the store.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) object: ObjectNumber,
    /// As it was sent.
    pub(crate) id: Option<Cow<'a, str>>,
    /// Sorted by column, each column once.
    pub(crate) writes: Vec<Write<'a>>,
    pub(crate) parents: Vec<ParentKey<'a>>,
    /// What is wrong with its fields.
    pub(crate) errors: Vec<RowError>,
    /// Why it is refused whatever its fields are.
    pub(crate) barred: Option<RowError>,
}

/// A parent given by its external id, `"Account": {"ErpKey__c": "A-9"}`.
#[derive(Debug)]
pub(crate) struct ParentKey<'a> {
    /// The reference field that gets the parent's id.
    pub(crate) column: Column,
    pub(crate) object: ObjectNumber,
    pub(crate) key_column: Column,
    pub(crate) key: Cow<'a, str>,
}

/// What records are read against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    /// The text that the records were parsed out of.
    pub(crate) body: &'a str,
    pub(crate) strictness: Strictness,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(rename = "type", borrow)]
    type_name: Option<Cow<'a, str>>,
}

/// The `attributes.type` of a record.
pub(crate) fn type_name<'a>(record: &JsonRecord<'a>) -> Option<Cow<'a, str>> {
    let (_, value) = record.members.iter().find(|(name, _)| name == "attributes")?;
    serde_json::from_str::<Attributes<'a>>(value.get()).ok()?.type_name
}

impl<'a> Reader<'a> {
    /// Reads one record of the given object.
    pub(crate) fn read(
        self,
        object: ObjectNumber,
        record: JsonRecord<'a>,
    ) -> Result<Draft<'a>, Refusal> {
        let mut draft = Draft {
            object,
            id: None,
            writes: Vec::with_capacity(record.members.len()),
            parents: Vec::new(),
            errors: Vec::new(),
            barred: None,
        };
        let mut not_writable = Vec::new();
        let object = self.schema.object(object);
        for (name, value) in record.members {
            if name == "attributes" {
                continue;
            }
            if name.eq_ignore_ascii_case("Id") {
                draft.id = json::text(value);
            } else if let Some(column) = object.column(&name) {
                let field = object.field(column);
                if field.writable {
                    self.read_field(&mut draft, column, field, value)?;
                } else {
                    not_writable.push(field.name.as_str());
                }
            } else if let Some(column) = object.relationship(&name) {
                self.read_parent(&mut draft, column, object, value);
            } else {
                self.unknown_field(&mut draft, &name, object)?;
            }
        }
        if !not_writable.is_empty() {
            draft.errors.push(RowError::not_writable(&not_writable));
        }
        settle_writes(&mut draft.writes);
        Ok(draft)
    }

    fn read_field(
        self,
        draft: &mut Draft<'a>,
        column: Column,
        field: &Field,
        value: &'a RawValue,
    ) -> Result<(), Refusal> {
        let null_is_wrong = field.field_type == FieldType::Boolean
            && self.strictness.boolean_nulls == BooleanNulls::Refused
            && value.get() == "null";
        let checked = match check(field, value) {
            _ if null_is_wrong => {
                Checked::WrongType { token: "VALUE_NULL", value: Cow::Borrowed("null") }
            }
            checked => checked,
        };
        match checked {
            Checked::Stored(text) => draft.writes.push((column, text)),
            Checked::Refused(error) => draft.errors.push(error),
            Checked::WrongType { token, value: text } => match self.strictness.type_errors {
                ErrorScope::Request => return Err(self.wrong_type(field, token, &text, value)),
                ErrorScope::Record => {
                    draft.errors.push(RowError::wrong_type(&field.label, &field.name, &text));
                }
            },
        }
        Ok(())
    }

    fn wrong_type(self, field: &Field, token: &str, text: &str, value: &RawValue) -> Refusal {
        let (line, column) = json::place(self.body, value);
        let found = if text.is_empty() { String::new() } else { format!(" value {text}") };
        Refusal::parser(format!(
            "Cannot deserialize instance of {} from {token}{found} or request may be missing a \
             required field at [line:{line}, column:{column}]",
            field.field_type.parser_name()
        ))
    }

    fn read_parent(
        self,
        draft: &mut Draft<'a>,
        column: Column,
        object: &Object,
        value: &'a RawValue,
    ) {
        if value.get() == "null" {
            draft.writes.push((column, None));
            return;
        }
        let field = object.field(column);
        match self.parent_key(column, field, value) {
            Some(key) => draft.parents.push(key),
            None => draft.errors.push(RowError::new(
                "INVALID_FIELD",
                format!(
                    "The external foreign key reference does not reference a valid entity: {}",
                    field.relationship_name.as_deref().unwrap_or(&field.name)
                ),
                &[&field.name],
            )),
        }
    }

    fn parent_key(
        self,
        column: Column,
        field: &Field,
        value: &'a RawValue,
    ) -> Option<ParentKey<'a>> {
        let record = serde_json::from_str::<JsonRecord<'a>>(value.get()).ok()?;
        let parent = match (type_name(&record), field.parents.as_slice()) {
            (None, [only]) => *only,
            (None, _) => return None,
            (Some(name), parents) => {
                let (named, _) = self.schema.find(&name)?;
                *parents.iter().find(|parent| **parent == named)?
            }
        };
        let mut keys = record.members.into_iter().filter(|(name, _)| name != "attributes");
        let (name, value) = keys.next()?;
        let key_column = self.schema.object(parent).key(&name)?;
        let key = json::text(value).unwrap_or(Cow::Borrowed(value.get()));
        keys.next().is_none().then_some(ParentKey { column, object: parent, key_column, key })
    }

    fn unknown_field(
        self,
        draft: &mut Draft<'a>,
        name: &str,
        object: &Object,
    ) -> Result<(), Refusal> {
        let error = RowError::no_such_column(name, &object.name);
        match self.strictness.unknown_fields {
            ErrorScope::Request => Err(Refusal::from(vec![error])),
            ErrorScope::Record => {
                draft.errors.push(error);
                Ok(())
            }
        }
    }
}

impl Draft<'_> {
    /// The text that is to be stored in a column.
    pub(crate) fn text(&self, column: Column) -> Option<&str> {
        let place = self.writes.binary_search_by_key(&column, |(column, _)| *column).ok()?;
        self.writes[place].1.as_deref()
    }

    /// Whether a column is to be emptied.
    pub(crate) fn clears(&self, column: Column) -> bool {
        self.writes
            .binary_search_by_key(&column, |(column, _)| *column)
            .is_ok_and(|place| self.writes[place].1.is_none())
    }
}

/// Sorts by column; of a column that came twice the last value stays.
pub(crate) fn settle_writes(writes: &mut Vec<Write<'_>>) {
    writes.sort_by_key(|(column, _)| *column);
    writes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 = later.1.take();
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_column_that_came_twice_the_last_value_stays() {
        let mut writes: Vec<Write<'_>> =
            vec![(2, Some("a".into())), (1, Some("b".into())), (2, Some("c".into()))];

        settle_writes(&mut writes);

        assert_eq!(writes, [(1, Some("b".into())), (2, Some("c".into()))]);
    }
}
