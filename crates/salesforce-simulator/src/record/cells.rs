//! From a row of a CSV file to a draft (salesforce-api.md 3.4).

use std::borrow::Cow;

use csv::StringRecord;

use super::{
    Draft, ParentKey,
    check::{Checked, check_cell, check_null},
    settle_writes,
};
use crate::{
    problem::RowError,
    schema::{Column, Object, ObjectNumber, Schema},
};

/// A cell that empties its field.
const NULL: &str = "#N/A";

/// What the cells below a heading are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heading {
    Id,
    Field(Column),
    /// The external id of a parent, `Account.ErpKey__c`.
    Parent {
        column: Column,
        object: ObjectNumber,
        key_column: Column,
    },
}

/// What each heading of a file stands for, or the first that stands for nothing.
pub(crate) fn headings(
    schema: &Schema,
    object: ObjectNumber,
    names: &StringRecord,
) -> Result<Vec<Heading>, String> {
    names.iter().map(|name| heading(schema, object, name).ok_or_else(|| name.to_owned())).collect()
}

fn heading(schema: &Schema, number: ObjectNumber, name: &str) -> Option<Heading> {
    let object = schema.object(number);
    if name.eq_ignore_ascii_case("Id") {
        return Some(Heading::Id);
    }
    match name.split_once('.') {
        None => object.column(name).map(Heading::Field),
        Some((relationship, key)) => parent_heading(schema, object, relationship, key),
    }
}

/// `Account` and `ErpKey__c`, or `Lead:Who` and `Key__c` where there is a choice.
fn parent_heading(
    schema: &Schema,
    object: &Object,
    relationship: &str,
    key: &str,
) -> Option<Heading> {
    let (type_name, relationship) = match relationship.split_once(':') {
        Some((type_name, relationship)) => (Some(type_name), relationship),
        None => (None, relationship),
    };
    let column = object.relationship(relationship)?;
    let field = object.field(column);
    if type_name.is_some() != field.is_polymorphic() {
        return None;
    }
    let parent = match type_name {
        Some(name) => schema.find(name).map(|(number, _)| number),
        None => field.parents.first().copied(),
    };
    let parent = parent.filter(|parent| field.parents.contains(parent))?;
    let key_column = schema.object(parent).key(key)?;
    Some(Heading::Parent { column, object: parent, key_column })
}

/// Reads a row. What is wrong with it fails this row only, never the others.
pub(crate) fn read_row<'a>(
    schema: &Schema,
    number: ObjectNumber,
    headings: &[Heading],
    cells: &'a StringRecord,
) -> Draft<'a> {
    let object = schema.object(number);
    let mut draft = Draft {
        object: number,
        id: None,
        writes: Vec::with_capacity(cells.len()),
        parents: Vec::new(),
        errors: Vec::new(),
        barred: None,
    };
    let mut not_writable = Vec::new();
    for (place, (heading, cell)) in headings.iter().zip(cells).enumerate() {
        if cell.is_empty() {
            continue;
        }
        match *heading {
            Heading::Id => draft.id = Some(Cow::Borrowed(cell)),
            Heading::Field(column) if !object.field(column).writable => {
                not_writable.push(object.field(column).name.as_str());
            }
            Heading::Field(column) => read_cell(&mut draft, object, column, place, cell),
            Heading::Parent { column, .. } if cell == NULL => draft.writes.push((column, None)),
            Heading::Parent { column, object, key_column } => {
                let key = Cow::Borrowed(cell);
                draft.parents.push(ParentKey { column, object, key_column, key });
            }
        }
    }
    if !not_writable.is_empty() {
        draft.errors.push(RowError::not_writable(&not_writable));
    }
    settle_writes(&mut draft.writes);
    draft
}

fn read_cell<'a>(
    draft: &mut Draft<'a>,
    object: &Object,
    column: Column,
    place: usize,
    cell: &'a str,
) {
    let field = object.field(column);
    let checked = if cell == NULL { check_null(field) } else { check_cell(field, cell) };
    match checked {
        Checked::Stored(text) => draft.writes.push((column, text)),
        Checked::Refused(error) => draft.errors.push(error),
        Checked::WrongType { value, .. } => {
            let soap_type = field.field_type.soap_type();
            draft.errors.push(RowError::wrong_cell(&field.name, place, &value, soap_type));
        }
    }
}
