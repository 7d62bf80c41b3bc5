//! Records that are refused whatever their fields are: because a key comes twice,
//! or because a fault says so.

use std::collections::HashMap;

use crate::{
    org::Org,
    problem::RowError,
    record::Draft,
    schema::{Column, Schema},
    store::{Operation, fold},
};

/// Every record whose key is there twice is refused, the first one too.
pub(crate) fn bar_repeated_keys(schema: &Schema, drafts: &mut [Draft<'_>], key: Column) {
    let Some(first) = drafts.first() else { return };
    let field = schema.object(first.object).field(key);
    let mut seen: HashMap<String, u32> = HashMap::with_capacity(drafts.len());
    for text in drafts.iter().filter_map(|draft| draft.text(key)) {
        *seen.entry(fold(text, field.compared()).into_owned()).or_default() += 1;
    }
    if seen.values().all(|times| *times == 1) {
        return;
    }
    for draft in drafts {
        let Some(text) = draft.text(key) else { continue };
        if seen.get(fold(text, field.compared()).as_ref()).is_some_and(|times| *times > 1) {
            draft.barred = Some(RowError::twice_in_request(&field.name, text));
        }
    }
}

/// Meets each draft with the faults of rows. `duplicates_pass`: the client asked
/// for duplicates to be saved.
pub(crate) fn bar_by_faults(
    org: &Org,
    drafts: &mut [Draft<'_>],
    operation: Operation,
    duplicates_pass: bool,
) {
    if org.faults.spares_rows() {
        return;
    }
    for draft in drafts.iter_mut().filter(|draft| draft.barred.is_none()) {
        let object = org.schema().object(draft.object);
        let key_column = match operation {
            Operation::Upsert { key, .. } => Some(key),
            Operation::Insert | Operation::Update => object.external_id,
        };
        let key = key_column.and_then(|column| draft.text(column));
        if let Some(key) = key.or(draft.id.as_deref()) {
            draft.barred = org.faults.row_error(key, None, duplicates_pass);
        }
    }
}

/// Refuses rows of which a parent is locked by another call.
pub(crate) fn bar_by_locked_parents(org: &Org, drafts: &mut [Draft<'_>]) {
    if !org.faults.locks_parents() {
        return;
    }
    let schema = org.schema();
    let parents: Vec<Vec<String>> =
        drafts.iter().map(|draft| named_parents(schema, draft)).collect();
    let locked = org.faults.parents_are_locked(parents.iter().map(Vec::as_slice));
    for (draft, _) in drafts.iter_mut().zip(locked).filter(|(_, is_locked)| *is_locked) {
        draft.barred.get_or_insert_with(|| RowError::locked(None));
    }
}

/// The parents of a row, as it names them: by external id or by id.
fn named_parents(schema: &Schema, draft: &Draft<'_>) -> Vec<String> {
    let by_key = draft.parents.iter().map(|parent| {
        let field = schema.object(parent.object).field(parent.key_column);
        let key = fold(&parent.key, field.compared());
        format!("{} {} {key}", parent.object.0, parent.key_column)
    });
    let object = schema.object(draft.object);
    let by_id = draft.writes.iter().filter_map(|(column, id)| {
        let is_reference = !object.field(*column).parents.is_empty();
        id.as_deref().filter(|_| is_reference).map(str::to_owned)
    });
    by_key.chain(by_id).collect()
}
