//! One field and its rules.

use super::{
    field_type::FieldType,
    file::{FieldEntry, OneOrMany},
    place::ObjectNumber,
};

/// When two values of a field are one to those who look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    AsWritten,
    IgnoringCase,
    /// `1001` is `1001.0`.
    ByNumber,
}

/// One field of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) field_type: FieldType,
    /// In characters; 0 when the field is not a text.
    pub(crate) length: usize,
    pub(crate) precision: u32,
    pub(crate) scale: u32,
    pub(crate) digits: u32,
    pub(crate) external_id: bool,
    /// A standard field by which records are found, though it is no external id.
    pub(crate) id_lookup: bool,
    pub(crate) unique: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) required: bool,
    /// Field-level security hides it from the user.
    pub(crate) hidden: bool,
    pub(crate) writable: bool,
    pub(crate) calculated: bool,
    pub(crate) default: Option<String>,
    pub(crate) values: Vec<String>,
    pub(crate) restricted: bool,
    pub(crate) reference_to: Vec<String>,
    pub(crate) relationship_name: Option<String>,
    /// The objects that `reference_to` names: one, or several of a polymorphic
    /// reference.
    pub(crate) parents: Vec<ObjectNumber>,
}

impl Field {
    pub(crate) fn compared(&self) -> Compared {
        match self.field_type {
            FieldType::Int | FieldType::Double | FieldType::Currency | FieldType::Percent => {
                Compared::ByNumber
            }
            _ if self.case_sensitive => Compared::AsWritten,
            _ => Compared::IgnoringCase,
        }
    }

    pub(crate) fn is_reference(&self) -> bool {
        self.field_type == FieldType::Reference
    }

    /// Whether it refers to records of more than one object.
    pub(crate) fn is_polymorphic(&self) -> bool {
        self.parents.len() > 1
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether a client may name records by this field: in an upsert, or as the parents of others.
    pub(crate) fn is_key(&self) -> bool {
        self.external_id || self.id_lookup
    }

    /// Whether rows are looked up by this field.
    pub(crate) fn is_indexed(&self) -> bool {
        self.is_key() || self.unique
    }

    /// What a row has in this field when it was created without.
    pub(crate) fn value_by_default(&self) -> Option<&str> {
        match self.field_type {
            FieldType::Boolean => Some(self.default.as_deref().unwrap_or("false")),
            _ => self.default.as_deref(),
        }
    }

    /// Required on insert = createable, not nillable, no default
    /// (salesforce-api.md 5.3).
    pub(crate) fn required_on_create(&self) -> bool {
        self.writable && self.required && self.value_by_default().is_none()
    }

    pub(crate) fn is_nillable(&self) -> bool {
        !self.required && self.field_type != FieldType::Boolean
    }
}

impl FieldEntry {
    pub(super) fn into_field(self) -> Field {
        Field {
            label: self.label.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            field_type: self.field_type,
            length: self.length,
            precision: self.precision,
            scale: self.scale,
            digits: self.digits,
            external_id: self.external_id,
            id_lookup: self.id_lookup,
            unique: self.unique,
            case_sensitive: self.case_sensitive,
            required: self.required,
            hidden: false,
            writable: !self.read_only && !self.calculated,
            calculated: self.calculated,
            default: self.default,
            values: self.values,
            restricted: self.restricted,
            reference_to: self.reference_to.map(OneOrMany::into_list).unwrap_or_default(),
            relationship_name: self.relationship_name,
            parents: Vec::new(),
        }
    }
}
