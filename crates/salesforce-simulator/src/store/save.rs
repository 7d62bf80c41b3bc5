//! Insert, update and upsert of drafts, one after another, as one step for the
//! rest of the world.

use std::{borrow::Cow, sync::Arc};

use super::{
    outcome::Outcome,
    row::{Row, start_row, write_field},
    table::{Before, Found, Table, seconds_since_1970},
    terms::{Operation, RowsBefore, Terms},
};
use crate::{
    id::{self, RecordId},
    problem::RowError,
    record::{Draft, ParentKey, Write, settle_writes},
    schema::{Column, Field, Object, ObjectNumber, Schema},
};

pub(super) fn save(
    tables: &mut [Table],
    schema: &Schema,
    terms: Terms,
    drafts: Vec<Draft<'_>>,
) -> Vec<Outcome> {
    let objects: Vec<ObjectNumber> = drafts.iter().map(|draft| draft.object).collect();
    let mut saving = Saving {
        tables,
        schema,
        operation: terms.operation,
        parents_before: terms.parents_before,
        now: seconds_since_1970(),
        buffer: Vec::new(),
        undo: terms.all_or_none.then(Vec::new),
    };
    let mut outcomes: Vec<Outcome> = drafts.into_iter().map(|draft| saving.save(draft)).collect();
    if terms.all_or_none && !outcomes.iter().all(Outcome::is_success) {
        saving.undo();
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_success()) {
            let id = outcome.id.filter(|_| terms.rolled_back_has_id);
            *outcome = Outcome { id, ..Outcome::failed(vec![RowError::rolled_back()]) };
        }
    }
    for (outcome, object) in outcomes.iter_mut().zip(objects) {
        count(&mut tables[object.0], outcome, terms.operation);
    }
    outcomes
}

fn count(table: &mut Table, outcome: &mut Outcome, operation: Operation) {
    if outcome.is_success() {
        let created = outcome.created == Some(true);
        table.counts.created += u64::from(created);
        table.counts.updated += u64::from(!created);
        if !matches!(operation, Operation::Upsert { .. }) {
            outcome.created = None;
        }
    } else {
        table.counts.reject(&outcome.errors);
    }
}

struct Saving<'t> {
    tables: &'t mut [Table],
    schema: &'t Schema,
    operation: Operation,
    parents_before: Option<RowsBefore>,
    now: u32,
    buffer: Vec<u8>,
    undo: Option<Vec<Undo>>,
}

enum Undo {
    Pushed(ObjectNumber),
    Replaced(ObjectNumber, u32, Before),
}

impl Saving<'_> {
    fn save(&mut self, mut draft: Draft<'_>) -> Outcome {
        if let Some(error) = draft.barred.take() {
            return Outcome::failed(vec![error]);
        }
        let mut errors = std::mem::take(&mut draft.errors);
        let target = match self.target(&draft) {
            Ok(target) => target,
            Err(error) => {
                errors.push(error);
                return Outcome::failed(errors);
            }
        };
        errors.extend(self.missing(&draft, target, &errors));
        errors.extend(self.resolve_parents(&mut draft));
        errors.extend(self.resolve_references(&mut draft));
        if errors.is_empty() {
            errors.extend(self.taken(&draft, target));
        }
        if !errors.is_empty() {
            return Outcome::failed(errors);
        }
        let id = self.write(&draft, target);
        Outcome { id: Some(id), created: Some(target.is_none()), errors }
    }

    /// The row that the record goes to; `None` is a new one.
    fn target(&self, draft: &Draft<'_>) -> Result<Option<RecordId>, RowError> {
        let object = self.schema.object(draft.object);
        match (self.operation, draft.id.as_deref()) {
            (Operation::Insert, None) => Ok(None),
            (Operation::Insert, Some(_)) => Err(RowError::new(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "cannot specify Id in an insert call",
                &["Id"],
            )),
            (Operation::Update, None) => Err(RowError::new(
                "MISSING_ARGUMENT",
                "Id not specified in an update call",
                &["Id"],
            )),
            (Operation::Update, Some(id)) => {
                self.existing(draft.object, id, &format!("{} ID", object.label), "Id").map(Some)
            }
            (Operation::Upsert { .. }, Some(_)) => Err(RowError::new(
                "INVALID_FIELD",
                "The Id field should not be specified in the sobject data.",
                &["Id"],
            )),
            (Operation::Upsert { key, update_only }, None) => {
                self.row_of_key(draft, key, update_only)
            }
        }
    }

    fn row_of_key(
        &self,
        draft: &Draft<'_>,
        column: Column,
        update_only: bool,
    ) -> Result<Option<RecordId>, RowError> {
        let field = self.schema.object(draft.object).field(column);
        let Some(key) = draft.text(column) else {
            let message = format!("{} not specified", field.name);
            return Err(RowError::new("MISSING_ARGUMENT", message, &[&field.name]));
        };
        match self.tables[draft.object.0].find(column, key) {
            Found::None if update_only => Err(RowError::new(
                "NOT_FOUND",
                "The requested resource does not exist",
                &[&field.name],
            )),
            Found::None => Ok(None),
            Found::One(id) => Ok(Some(id)),
            Found::Many(ids) => Err(RowError::ambiguous_key(&field.label, &field.name, &ids)),
        }
    }

    /// The id of a row that is there.
    fn existing(
        &self,
        object: ObjectNumber,
        text: &str,
        label: &str,
        name: &str,
    ) -> Result<RecordId, RowError> {
        let prefix = self.schema.object(object).key_prefix;
        if !id::well_formed(text) || !text.as_bytes().starts_with(&prefix) {
            return Err(RowError::malformed_id(label, name, text));
        }
        let id = RecordId::parse(text).ok_or_else(|| RowError::unknown_id(&[name]))?;
        match self.tables[object.0].row(id) {
            None => Err(RowError::unknown_id(&[name])),
            Some(None) => Err(RowError::deleted()),
            Some(Some(_)) => Ok(id),
        }
    }

    /// Required fields that a new row has not, or an old one would lose.
    fn missing(
        &self,
        draft: &Draft<'_>,
        target: Option<RecordId>,
        errors: &[RowError],
    ) -> Option<RowError> {
        let object = self.schema.object(draft.object);
        let is_missing = |column: Column| match target {
            None => {
                let is_given_by_key = draft.parents.iter().any(|parent| parent.column == column);
                draft.text(column).is_none()
                    && !is_given_by_key
                    && !has_error(errors, object, column)
            }
            Some(_) => draft.clears(column),
        };
        let missing: Vec<&str> = object
            .required
            .iter()
            .filter(|column| is_missing(**column))
            .map(|column| object.field(*column).name.as_str())
            .collect();
        (!missing.is_empty()).then(|| RowError::required(&missing))
    }

    /// Puts the ids of parents given by key into their reference fields.
    fn resolve_parents(&self, draft: &mut Draft<'_>) -> Vec<RowError> {
        if draft.parents.is_empty() {
            return Vec::new();
        }
        let mut errors = Vec::new();
        for parent in std::mem::take(&mut draft.parents) {
            match self.parent(&parent) {
                Ok(id) => draft.writes.push((parent.column, Some(Cow::Owned(id.to_string())))),
                Err(error) => errors.push(error),
            }
        }
        settle_writes(&mut draft.writes);
        errors
    }

    fn parent(&self, parent: &ParentKey<'_>) -> Result<RecordId, RowError> {
        let object = self.schema.object(parent.object);
        let field = object.field(parent.key_column);
        match self.tables[parent.object.0].find(parent.key_column, &parent.key) {
            Found::One(id) if self.parents_before.is_none_or(|it| it.admits(parent.object, id)) => {
                Ok(id)
            }
            Found::One(_) | Found::None => {
                Err(RowError::parent_not_found(&parent.key, &field.name, &object.name))
            }
            Found::Many(ids) => Err(RowError::ambiguous_key(&field.label, &field.name, &ids)),
        }
    }

    /// Checks that references lead somewhere, and writes them in full length.
    fn resolve_references(&self, draft: &mut Draft<'_>) -> Vec<RowError> {
        let object = self.schema.object(draft.object);
        let mut errors = Vec::new();
        for (column, text) in &mut draft.writes {
            let field = object.field(*column);
            let (Some(parent), Some(id)) = (self.parent_of(field, text), text.as_deref()) else {
                continue;
            };
            match self.existing(parent, id, &field.label, &field.name) {
                Ok(id) => *text = Some(Cow::Owned(id.to_string())),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Of the objects that a field refers to, the one that an id belongs to.
    fn parent_of(&self, field: &Field, id: &Option<Cow<'_, str>>) -> Option<ObjectNumber> {
        let of_id = |parent: &&ObjectNumber| {
            let prefix = self.schema.object(**parent).key_prefix;
            id.as_deref().is_some_and(|id| id.as_bytes().starts_with(&prefix))
        };
        field.parents.iter().find(of_id).or(field.parents.first()).copied()
    }

    /// Unique values that another row has already.
    fn taken(&self, draft: &Draft<'_>, target: Option<RecordId>) -> Option<RowError> {
        let object = self.schema.object(draft.object);
        let looked_up = match self.operation {
            Operation::Upsert { key, .. } => Some(key),
            Operation::Insert | Operation::Update => None,
        };
        let unique = |column: &Column| object.field(*column).unique && Some(*column) != looked_up;
        draft
            .writes
            .iter()
            .filter(|(column, _)| unique(column))
            .filter_map(|(column, text)| Some((*column, text.as_deref()?)))
            .find_map(|(column, text)| match self.tables[draft.object.0].find(column, text) {
                Found::One(id) if Some(id) != target => {
                    Some(RowError::taken(&object.field(column).name, id))
                }
                _ => None,
            })
    }

    fn write(&mut self, draft: &Draft<'_>, target: Option<RecordId>) -> RecordId {
        let table = &mut self.tables[draft.object.0];
        let before = target.and_then(|id| table.row(id)?.clone());
        let key_kept = self.key_kept();
        merge(&mut self.buffer, before.as_deref().map(Row), &draft.writes, key_kept);
        let row = Arc::from(self.buffer.as_slice());
        let table = &mut self.tables[draft.object.0];
        let Some(id) = target else {
            let id = table.push(row, self.now);
            if let Some(undo) = &mut self.undo {
                undo.push(Undo::Pushed(draft.object));
            }
            return id;
        };
        let before = table.replace(id.number, Some(row), self.now);
        if let Some(undo) = &mut self.undo {
            undo.push(Undo::Replaced(draft.object, id.number, before));
        }
        id
    }

    /// A row found by its key keeps the key as it is, upper and lower case.
    fn key_kept(&self) -> Option<Column> {
        match self.operation {
            Operation::Upsert { key, .. } => Some(key),
            Operation::Insert | Operation::Update => None,
        }
    }

    fn undo(&mut self) {
        for step in self.undo.take().unwrap_or_default().into_iter().rev() {
            match step {
                Undo::Pushed(object) => self.tables[object.0].pop(),
                Undo::Replaced(object, number, before) => {
                    self.tables[object.0].restore(number, before);
                }
            }
        }
    }
}

/// Whether a value came for the column and was refused: then it is not missing
/// as well.
fn has_error(errors: &[RowError], object: &Object, column: Column) -> bool {
    let name = &object.field(column).name;
    errors.iter().any(|error| error.fields.contains(name))
}

/// Writes the row that results from the fields of an old one and new values.
fn merge(
    buffer: &mut Vec<u8>,
    before: Option<Row<'_>>,
    writes: &[Write<'_>],
    key_kept: Option<Column>,
) {
    start_row(buffer, before.map_or(1, |row| row.writes() + 1));
    let mut writes = writes.iter().peekable();
    for (column, text) in before.iter().flat_map(|row| row.fields()) {
        while let Some((new, value)) = writes.next_if(|(new, _)| *new < column) {
            write_present(buffer, *new, value.as_deref());
        }
        let replaced = writes.next_if(|(new, _)| *new == column);
        match replaced.filter(|_| key_kept != Some(column)) {
            Some((_, value)) => write_present(buffer, column, value.as_deref()),
            None => write_field(buffer, column, text),
        }
    }
    for (column, value) in writes {
        write_present(buffer, *column, value.as_deref());
    }
}

fn write_present(buffer: &mut Vec<u8>, column: Column, value: Option<&str>) {
    if let Some(text) = value {
        write_field(buffer, column, text);
    }
}
