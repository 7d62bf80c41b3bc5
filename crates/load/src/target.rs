//! One field that a column fills.

use std::collections::BTreeMap;

use ingest_core::commands::producer;

use crate::{
    Describe, Field, Operation, Sameness,
    value::{Converter, ValueRules},
};

/// What decides whether a field may be filled, and with what.
#[derive(Clone, Debug)]
pub struct TargetRules {
    /// The object, as the user sees it.
    pub describe: Describe,
    /// What is done with its rows.
    pub operation: Operation,
    /// The field by which rows find their record; an insert has none.
    pub key: Option<Key>,
    /// Objects that rows refer to, as far as they are known, by name.
    pub parents: BTreeMap<String, Describe>,
    /// How cells are read.
    pub values: ValueRules,
    /// Whether the order of dates with slashes is not set.
    pub dates_are_assumed: bool,
}

impl TargetRules {
    /// The field by whose values records have to be looked up before anything is done to them:
    /// Salesforce updates and deletes by id only.
    pub fn looked_up_by(&self) -> Option<&Key> {
        self.key.as_ref().filter(|key| self.operation.takes_ids() && key.field != "Id")
    }
}

/// The field by which rows find their record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// As Salesforce spells it.
    pub field: String,
    /// When two values of it are the same.
    pub sameness: Sameness,
}

impl TargetRules {
    /// Which order of dates is taken on trust, when any of these fields holds a date.
    pub fn assumed_dates<'a>(&self, filled: impl Iterator<Item = &'a Target>) -> Option<String> {
        let of_dates = filled.filter(|target| self.dates_are_assumed && target.holds_a_date());
        let fields: Vec<&str> = of_dates.map(|target| target.field.as_str()).collect();
        (!fields.is_empty()).then(|| {
            format!(
                "dates with slashes are taken to be {} in {}; `{} plan` says which order a \
                 file fits, and MAPPING_DATES sets it",
                self.values.dates.in_words(),
                fields.join(", "),
                producer()
            )
        })
    }
}

/// One field that a column fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Path of the field, such as `Email` or `Account.ErpKey__c`.
    pub field: String,
    /// The field itself, or the one that holds the reference.
    pub fills: String,
    /// Type of the field as Salesforce names it.
    pub field_type: String,
    /// Turns a cell into JSON.
    pub converter: Converter,
    /// JSON before the value, such as `,"Account":{"ErpKey__c":`.
    pub(crate) before: String,
    /// JSON after the value.
    pub(crate) after: &'static str,
    /// Column of its values in the CSV of Bulk, such as `Email` or `Lead:Who.Key__c`.
    pub(crate) column: String,
    /// JSON that empties the field, where that can be done.
    pub(crate) null: Option<String>,
    /// Whether rows find their record by it.
    pub is_key: bool,
    /// Whether it names a record of one of several objects. Then a column for each of them may fill
    /// the same field, and a row has one of them.
    pub is_of_choice: bool,
    /// When two values are the same.
    pub sameness: Sameness,
    /// What is worth knowing about writing to it.
    pub warning: Option<String>,
}

/// In a cell: the field is to be emptied. So Salesforce's own bulk loading has it.
pub const NULL_CELL: &str = "#N/A";

/// Whether a cell brings no value: it is blank, or empties its field.
pub(crate) fn is_nothing(trimmed: &str) -> bool {
    trimmed.is_empty() || trimmed == NULL_CELL
}

const FIELDS_ARE_HIDDEN: &str =
    "check the spelling, or let the integration user see it (field-level security hides fields)";

/// A relationship and a field beyond it: `Account.ErpKey__c`, or `Lead:Who.Key__c` where the
/// relationship may lead to several objects.
pub(crate) struct Path<'a> {
    pub(crate) object: Option<&'a str>,
    pub(crate) relationship: &'a str,
    pub(crate) field: &'a str,
}

impl<'a> Path<'a> {
    /// Nothing, when the name is one of a field. Data Loader writes `Account:Account-ErpKey__c` and
    /// `Who:Lead-Key__c`, the relationship first; it wrote `Account:ErpKey__c` before it knew of
    /// several objects.
    pub(crate) fn of(name: &'a str) -> Option<Self> {
        if let Some((relationship, (object, field))) =
            name.split_once(':').and_then(|(name, rest)| Some((name, rest.split_once('-')?)))
        {
            let [relationship, object, field] = [relationship, object, field].map(str::trim);
            return Some(Self { object: Some(object), relationship, field });
        }
        match (name.split_once(':'), name.split_once('.')) {
            (Some((object, rest)), _) if rest.contains('.') => {
                let (relationship, field) = rest.split_once('.')?;
                Some(Self { object: Some(object.trim()), relationship, field })
            }
            (Some((relationship, field)), _) | (None, Some((relationship, field))) => {
                Some(Self { object: None, relationship, field })
            }
            (None, None) => None,
        }
    }
}

impl Target {
    /// Whether its values name other records.
    pub fn is_reference(&self) -> bool {
        self.field_type == "reference"
    }

    /// Whether its own column in the CSV empties its field; otherwise there is another one for that.
    pub(crate) fn empties_in_its_column(&self) -> bool {
        self.column == self.fills
    }

    pub(crate) fn holds_a_date(&self) -> bool {
        matches!(self.converter, Converter::Date { .. } | Converter::Timestamp { .. })
    }

    /// The object beyond the relationship that a name goes over, if it is known which one.
    pub fn parent_of(name: &str, describe: &Describe) -> Option<String> {
        let path = Path::of(name)?;
        let reference = describe.relationship(path.relationship)?;
        match (path.object, reference.reference_to.as_slice()) {
            (Some(object), several) => {
                several.iter().find(|known| known.eq_ignore_ascii_case(object)).cloned()
            }
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// Finds the field of this name, or of this path over a relationship. The error says what is
    /// wrong with the name.
    pub fn resolve(name: &str, rules: &TargetRules) -> Result<Self, String> {
        match Path::of(name) {
            None => Self::field(name, rules),
            Some(path) => Self::parent(name, &path, rules),
        }
    }

    fn field(name: &str, rules: &TargetRules) -> Result<Self, String> {
        let object = &rules.describe.name;
        let field = rules
            .describe
            .field(name)
            .or_else(|| rules.describe.field_by_label(name))
            .ok_or_else(|| format!("{object} has no field `{name}`; {FIELDS_ARE_HIDDEN}"))?;
        let is_key = rules.key.as_ref().is_some_and(|key| key.field == field.name);
        // A key names the record; whether it may be changed does not matter.
        let warning = if is_key { None } else { writable(field, rules)? };
        let converter = if is_key { Converter::of_key } else { Converter::of };
        let converter = converter(field, &rules.values)
            .map_err(|why| format!("field `{}` of {object} {why}", field.name))?;
        // An id is spelled so in a record that is sent.
        let json_name = if is_key && field.name == "Id" { "id" } else { &field.name };
        Ok(Self {
            field: field.name.clone(),
            fills: field.name.clone(),
            field_type: field.field_type.clone(),
            before: format!(",\"{json_name}\":"),
            after: "",
            column: field.name.clone(),
            // What an explicit null does to a boolean is not documented.
            null: (converter != Converter::Boolean).then(|| format!(",\"{}\":null", field.name)),
            converter,
            is_key,
            is_of_choice: false,
            sameness: Sameness::of(field),
            warning,
        })
    }

    /// Whether both may be filled by columns of one file, though they fill the same field.
    pub(crate) fn goes_beside(&self, other: &Self) -> bool {
        self.fills != other.fills
            || (self.is_of_choice && other.is_of_choice && self.before != other.before)
    }

    /// A record that the row refers to, named by an external id of its own.
    fn parent(name: &str, path: &Path<'_>, rules: &TargetRules) -> Result<Self, String> {
        let object = &rules.describe.name;
        if !is_api_name(path.field) {
            return Err(format!(
                "`{name}` cannot be used: a path is `Relationship.ExternalId__c`, over one \
                 relationship"
            ));
        }
        let reference = rules.describe.relationship(path.relationship).ok_or_else(|| {
            format!(
                "{object} has no relationship `{}`; it is named like `Account` or, for a custom \
                 field, `Parent__r` (field-level security hides fields)",
                path.relationship
            )
        })?;
        let parent = beyond(name, path, reference)?;
        let warning = writable(reference, rules)?;
        let key =
            rules.parents.get(parent).map(|parent| parent_key(parent, path.field)).transpose()?;
        let (field, converter, sameness) = match key {
            None => (path.field, Converter::Key { length_max: None }, Sameness::IgnoringCase),
            Some(field) => (
                field.name.as_str(),
                Converter::of_key(field, &rules.values)
                    .map_err(|why| format!("field `{}` of {parent} {why}", field.name))?,
                Sameness::of(field),
            ),
        };
        let relationship = reference.relationship_name.as_deref().unwrap_or(path.relationship);
        // Where there is no choice, Bulk takes no object before the relationship.
        let is_choice = reference.reference_to.len() > 1 || reference.polymorphic_foreign_key;
        let is_of_choice = is_choice && path.object.is_some();
        let (of_type, of_object) = match is_of_choice {
            false => (String::new(), String::new()),
            true => (format!("\"attributes\":{{\"type\":\"{parent}\"}},"), format!("{parent}:")),
        };
        Ok(Self {
            field: format!("{relationship}.{field}"),
            fills: reference.name.clone(),
            field_type: "reference".to_owned(),
            converter,
            before: format!(",\"{relationship}\":{{{of_type}\"{field}\":"),
            after: "}",
            column: format!("{of_object}{relationship}.{field}"),
            null: Some(format!(",\"{}\":null", reference.name)),
            is_key: false,
            is_of_choice,
            sameness,
            warning,
        })
    }
}

/// The object beyond a relationship; where there are several, the path has to say which.
fn beyond<'a>(name: &str, path: &Path<'_>, reference: &'a Field) -> Result<&'a str, String> {
    let objects = &reference.reference_to;
    match (path.object, objects.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(format!("`{name}` leads to no object")),
        (None, several) => Err(format!(
            "`{name}` may lead to several objects ({}); say which, such as `{}:{}.{}`",
            several.join(", "),
            several[0],
            path.relationship,
            path.field
        )),
        (Some(object), several) => {
            let found = several.iter().find(|known| known.eq_ignore_ascii_case(object));
            found.map(String::as_str).ok_or_else(|| {
                format!("`{name}` leads to {}, and not to {object}", several.join(" or "))
            })
        }
    }
}

/// The field of another object by which rows name its records.
fn parent_key<'a>(parent: &'a Describe, name: &str) -> Result<&'a Field, String> {
    let field = parent
        .field(name)
        .ok_or_else(|| format!("{} has no field `{name}`; {FIELDS_ARE_HIDDEN}", parent.name))?;
    if field.external_id || field.id_lookup {
        return Ok(field);
    }
    Err(format!(
        "field `{}` of {} is no external id, so it names no record; tick External ID in its definition, or \
         use another field: an External ID, or one that Salesforce describes with idLookup, such as Email of \
         Contact",
        field.name, parent.name
    ))
}

/// Refuses a field that the user cannot write to; the answer is a warning about one that can be written
/// in one of two cases only.
fn writable(field: &Field, rules: &TargetRules) -> Result<Option<String>, String> {
    let (name, object) = (&field.name, &rules.describe.name);
    if field.calculated || field.auto_number {
        let by = if field.calculated { "a formula" } else { "Salesforce" };
        return Err(format!("field `{name}` of {object} is filled by {by}; leave the column out"));
    }
    match (rules.operation, field.createable, field.updateable) {
        (_, true, true) | (Operation::Insert, true, _) | (Operation::Update, _, true) => Ok(None),
        (Operation::Upsert, true, false) => {
            Ok(Some(format!("field `{name}` cannot be changed in a record that exists already")))
        }
        (Operation::Upsert, false, true) => {
            Ok(Some(format!("field `{name}` cannot be set in a new record")))
        }
        (Operation::Update, true, false) => {
            Err(format!("field `{name}` of {object} can only be set in a new record"))
        }
        _ => Err(format!(
            "field `{name}` of {object} is read-only; map another one, or let the integration \
             user edit it (field-level security)"
        )),
    }
}

/// Names in Salesforce have no case.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

/// Whether a name can be an API name, so that it needs no escape in JSON and in a path.
pub fn is_api_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
