//! Deletes by id; the ids may belong to several objects.

use super::{
    outcome::Outcome,
    table::{Before, Table, seconds_since_1970},
    terms::DeleteTerms,
};
use crate::{
    id::{self, RecordId},
    problem::RowError,
    schema::{ObjectNumber, Schema},
};

pub(super) fn delete(
    tables: &mut [Table],
    schema: &Schema,
    ids: &[String],
    terms: DeleteTerms,
) -> Vec<Outcome> {
    let now = seconds_since_1970();
    let mut deleted: Vec<(ObjectNumber, u32, Before)> = Vec::new();
    let mut outcomes = Vec::with_capacity(ids.len());
    for text in ids {
        outcomes.push(match find(tables, schema, text) {
            Ok((object, id)) => {
                let table = &mut tables[object.0];
                let row = match terms.past_the_recycle_bin {
                    true => table.erase(id.number),
                    false => table.replace(id.number, None, now),
                };
                deleted.push((object, id.number, row));
                Outcome { id: Some(id), created: None, errors: Vec::new() }
            }
            Err(error) => Outcome::failed(vec![error]),
        });
    }
    if terms.all_or_none && !outcomes.iter().all(Outcome::is_success) {
        for (object, number, row) in deleted.drain(..).rev() {
            tables[object.0].restore(number, row);
        }
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_success()) {
            *outcome = Outcome::failed(vec![RowError::rolled_back()]);
        }
    }
    for (object, ..) in deleted {
        tables[object.0].counts.deleted += 1;
    }
    outcomes
}

fn find(
    tables: &[Table],
    schema: &Schema,
    text: &str,
) -> Result<(ObjectNumber, RecordId), RowError> {
    if !id::well_formed(text) {
        return Err(RowError::new("MALFORMED_ID", format!("malformed id {text}"), &[]));
    }
    let id = RecordId::parse(text).ok_or_else(|| RowError::unknown_id(&[]))?;
    let object = schema.find_by_prefix(id.prefix).ok_or_else(|| RowError::unknown_id(&[]))?;
    match tables[object.0].row(id) {
        None => Err(RowError::unknown_id(&[])),
        Some(None) => Err(RowError::deleted()),
        Some(Some(_)) => Ok((object, id)),
    }
}
