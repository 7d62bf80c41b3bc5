//! Which records the rows of a batch are, for a run that writes an ids file.

use ingest_core::{BatchJob, Cells, IdLine, IdLines, RecordId};
use load::Plan;

use super::written::Written;
use crate::retry::Change;

/// Which records the rows of one batch are, as far as it is known: Salesforce's answer says it, and of
/// a row that names its record, or whose record was looked up, it was known before.
///
/// Nobody knows the record of a row that Salesforce stored and whose answer names none, or something that
/// is no id: its line has no id then. A row of which no answer ever came is no delivered one.
pub(crate) struct RecordIds {
    /// Where rows have their key; nothing, when the ids file has none.
    key_column: Option<usize>,
    rows: Vec<Known>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    /// The record that the row was sent for.
    sent: Option<RecordId>,
    answered: Option<RecordId>,
}

impl RecordIds {
    /// Before anything is sent.
    pub(crate) fn of(plan: &Plan, rows: &Written) -> Self {
        let is_id = plan.key.as_ref().is_some_and(|key| key.field.eq_ignore_ascii_case("Id"));
        let sent = |row: usize| {
            let key = rows.key(row).filter(|_| is_id)?;
            RecordId::parse(key.trim_matches('"'))
        };
        let known = |row| Known { sent: sent(row), answered: None };
        Self {
            key_column: plan.ids_key_column(),
            rows: (0..rows.rows().len()).map(known).collect(),
        }
    }

    /// The records were looked up.
    pub(crate) fn found(&mut self, ids: &[Option<RecordId>]) {
        for (known, id) in self.rows.iter_mut().zip(ids) {
            known.sent = *id;
        }
    }

    /// Salesforce answered; nothing, when it named no record, or when its answer is read once more.
    pub(crate) fn answered(&mut self, row: usize, id: Option<RecordId>) {
        self.rows[row].answered = id;
    }

    /// Adds a line for each of these rows of a batch, with what Salesforce did.
    pub(crate) fn write(
        &self,
        job: &BatchJob,
        delivered: impl Iterator<Item = (usize, Change)>,
        lines: &mut IdLines,
    ) {
        let mut cells = self.key_column.map(|column| Cells::at(job.dialect, column));
        for (row, change) in delivered {
            let Some((record, raw)) = job.rows.get(row) else { continue };
            let Known { sent, answered } = self.rows[row];
            let id = answered.or(sent);
            let line = IdLine {
                record,
                key: cells.as_mut().map(|cells| cells.read(raw)),
                id: id.as_ref().map_or("", RecordId::as_str),
                change: change.as_str(),
            };
            lines.push(job.dialect, line);
        }
    }
}
