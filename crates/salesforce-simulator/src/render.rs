//! Stored rows as JSON.

use serde::Serialize;

use crate::{
    id::RecordId,
    schema::{Column, Field, FieldType, Object},
    store::Row,
};

/// A field that an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Id,
    Column(Column),
}

/// A row as it is stored: the fields that have a value, sorted by name. With an
/// id, `Id` comes first and `_writes`, how many times the row was written, last.
pub(crate) fn stored_row(out: &mut Vec<u8>, object: &Object, row: Row<'_>, id: Option<RecordId>) {
    let texts = texts_by_column(object, row);
    out.push(b'{');
    if let Some(id) = id {
        name(out, "Id");
        json(out, &id);
    }
    for column in &object.by_name {
        if let Some(text) = texts[usize::from(*column)] {
            let field = object.field(*column);
            name(out, &field.name);
            value(out, field, text);
        }
    }
    if id.is_some() {
        name(out, "_writes");
        json(out, &row.writes());
    }
    out.push(b'}');
}

/// A record as the REST API shows it: `attributes`, then the asked-for fields
/// with null for those without a value.
pub(crate) fn record(
    out: &mut Vec<u8>,
    object: &Object,
    url_base: &str,
    id: RecordId,
    row: Row<'_>,
    shown: &[Shown],
) {
    let texts = texts_by_column(object, row);
    out.extend_from_slice(b"{\"attributes\":{\"type\":");
    json(out, &object.name);
    out.extend_from_slice(b",\"url\":");
    json(out, &format!("{url_base}/sobjects/{}/{id}", object.name));
    out.push(b'}');
    for one in shown {
        match one {
            Shown::Id => {
                name(out, "Id");
                json(out, &id);
            }
            Shown::Column(column) => {
                let field = object.field(*column);
                name(out, &field.name);
                match texts[usize::from(*column)].or(field.value_by_default()) {
                    Some(text) => value(out, field, text),
                    None => out.extend_from_slice(b"null"),
                }
            }
        }
    }
    out.push(b'}');
}

fn texts_by_column<'a>(object: &Object, row: Row<'a>) -> Vec<Option<&'a str>> {
    let mut texts = vec![None; object.fields.len()];
    for (column, text) in row.fields() {
        texts[usize::from(column)] = Some(text);
    }
    texts
}

fn name(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    json(out, name);
    out.push(b':');
}

/// Numbers and booleans are stored as the text they came as.
fn value(out: &mut Vec<u8>, field: &Field, text: &str) {
    match field.field_type {
        FieldType::Boolean
        | FieldType::Int
        | FieldType::Double
        | FieldType::Currency
        | FieldType::Percent => out.extend_from_slice(text.as_bytes()),
        _ => json(out, text),
    }
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("memory takes every text and number");
}
