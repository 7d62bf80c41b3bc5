//! Writes one row, as JSON or as CSV.

use std::{borrow::Cow, ops::Range};

use csv::ByteRecord;
use ingest_core::{RecordId, RejectCode, few, trimmed};

use super::{
    choices::Choices,
    csv_columns::CsvColumns,
    encoded_row::{InvalidCell, InvalidRow},
};
use crate::{
    Reason, Sameness,
    plan::{Plan, shown},
    target::{NULL_CELL, Target, is_nothing},
    value::{Form, InvalidValue},
};

/// Writes rows, one behind the other.
pub(crate) struct RowWriter<'a> {
    plan: &'a Plan,
    pub(crate) out: Vec<u8>,
    /// What a row begins with; nothing in CSV.
    before_fields: String,
    /// Where values go in CSV; nothing for JSON.
    pub(super) columns: Option<CsvColumns<'a>>,
    /// The record of the row, where that was looked up: it stands in the place of the key.
    pub(super) id: Option<RecordId>,
    /// Values that name other records; nothing, as long as nobody wants to know them.
    pub(crate) references: Option<Vec<Reference>>,
}

/// A value that names another record.
#[derive(Debug)]
pub(crate) struct Reference {
    /// The number of its target.
    pub(crate) target: usize,
    pub(crate) sameness: Sameness,
    /// Where it is.
    pub(crate) json: Range<usize>,
}

impl<'a> RowWriter<'a> {
    /// Writes JSON, with room for so many bytes.
    pub(crate) fn json(plan: &'a Plan, bytes: usize) -> Self {
        let before_fields =
            format!("{{\"attributes\":{{\"type\":\"{}\"}}{}", plan.object, plan.constants.json);
        let out = Vec::with_capacity(bytes);
        Self { plan, out, before_fields, columns: None, id: None, references: None }
    }

    /// Writes CSV behind what there is.
    pub(super) fn csv(plan: &'a Plan, columns: CsvColumns<'a>, out: Vec<u8>) -> Self {
        let before_fields = String::new();
        Self { plan, out, before_fields, columns: Some(columns), id: None, references: None }
    }

    fn form(&self) -> Form {
        if self.columns.is_some() { Form::Csv } else { Form::Json }
    }

    /// Writes one row; the answer is where its key is. Of one that is invalid nothing stays.
    pub(crate) fn row(&mut self, record: Option<&ByteRecord>) -> Result<Range<usize>, InvalidRow> {
        let start = self.out.len();
        let written = match record {
            Some(record) if self.plan.header.takes(record.len()) => self.fields(record),
            _ => Err(whole(RejectCode::FieldCount, "not one record with the header's columns")),
        };
        if written.is_err() {
            self.out.truncate(start);
        }
        written
    }

    fn fields(&mut self, record: &ByteRecord) -> Result<Range<usize>, InvalidRow> {
        let mut key = 0..0;
        let mut is_blank = true;
        let mut invalid: Vec<(&str, InvalidCell)> = Vec::new();
        let mut choices = Choices::default();
        let mut number = 0;
        self.begin();
        let plan = self.plan;
        let cells = Cells::of(record);
        let columns = plan.header.columns().iter().zip(&plan.columns).enumerate();
        for (place, (column, targets)) in columns.take(record.len()) {
            if targets.is_empty() {
                continue;
            }
            let cell = cells.get(place).ok_or_else(|| {
                let of_column = format!("column `{column}`: not text");
                of_cell(RejectCode::InvalidUtf8, of_column, number, "not text".into())
            })?;
            is_blank = is_blank && plan.refuses_blank_rows && is_nothing(trimmed(cell));
            for target in targets {
                if let Some(columns) = &mut self.columns {
                    columns.begin_cell(number, &mut self.out);
                }
                if target.is_key {
                    key = self.key(column, (number, target), trimmed(cell))?;
                } else if target.is_of_choice && !choices.takes(target, column, trimmed(cell)) {
                    let rule = choices.problem(target, trimmed(cell));
                    invalid.extend(
                        rule.map(|rule| (column.as_str(), InvalidCell { target: number, rule })),
                    );
                } else if let Err(rule) = self.value((number, target), cell) {
                    invalid.push((column, InvalidCell { target: number, rule }));
                }
                number += 1;
            }
        }
        for target in choices.emptied(plan.empty_is_null) {
            self.null(target);
        }
        self.end();
        if invalid.is_empty() && is_blank && plan.refuses_blank_rows {
            return Err(whole(RejectCode::BlankRow, "no column that is mapped has a value"));
        }
        if invalid.is_empty() {
            return Ok(key);
        }
        let problems = invalid
            .iter()
            .map(|(column, cell)| format!("column `{}`: {}", shown(column), cell.rule));
        let reason = Reason::own(RejectCode::InvalidValue, few(problems, "; "));
        Err(InvalidRow { reason, cells: invalid.into_iter().map(|(_, cell)| cell).collect() })
    }

    fn begin(&mut self) {
        match &mut self.columns {
            None => self.out.extend_from_slice(self.before_fields.as_bytes()),
            Some(columns) => columns.begin_row(self.out.len()),
        }
    }

    fn end(&mut self) {
        match &mut self.columns {
            None => self.out.push(b'}'),
            Some(columns) => columns.end_row(&mut self.out),
        }
    }

    fn key(
        &mut self,
        column: &str,
        (number, target): (usize, &Target),
        cell: &str,
    ) -> Result<Range<usize>, InvalidRow> {
        if is_nothing(cell) {
            let what = if target.field == "Id" { "id" } else { "external id" };
            let rule = format!("the {what} is empty");
            let message = format!("column `{column}`: {rule}");
            return Err(of_cell(RejectCode::ExternalIdMissing, message, number, rule.into()));
        }
        let form = self.form();
        if form == Form::Json {
            self.out.extend_from_slice(target.before.as_bytes());
        }
        let start = self.out.len();
        target.converter.write(cell, form, &mut self.out).map_err(|rule| {
            of_cell(RejectCode::InvalidValue, format!("column `{column}`: {rule}"), number, rule)
        })?;
        if let Some(id) = &self.id {
            self.out.truncate(start);
            self.out.extend_from_slice(id.as_str().as_bytes());
        }
        if let Some(columns) = &mut self.columns {
            columns.has_written(number, &self.out[start..]);
        }
        Ok(start..self.out.len())
    }

    /// A blank cell is not sent, unless the settings say that it empties its field; `#N/A` always
    /// does.
    fn value(
        &mut self,
        (number, target): (usize, &Target),
        cell: &str,
    ) -> Result<(), InvalidValue> {
        let seen = trimmed(cell);
        if is_nothing(seen) {
            if target.null.is_some() && (seen == NULL_CELL || self.plan.empty_is_null) {
                self.null(target);
            } else if target.null.is_none() && seen == NULL_CELL {
                return Err("a boolean cannot be emptied".into());
            }
            return Ok(());
        }
        let start = self.out.len();
        let form = self.form();
        if form == Form::Json {
            self.out.extend_from_slice(target.before.as_bytes());
        }
        let value = self.out.len();
        if let Err(problem) = target.converter.write(cell, form, &mut self.out) {
            self.out.truncate(start);
            return Err(problem);
        }
        if let Some(columns) = &mut self.columns {
            columns.has_written(number, &self.out[value..]);
            return Ok(());
        }
        if let Some(references) = self.references.as_mut().filter(|_| target.is_reference()) {
            let (sameness, json) = (target.sameness, value..self.out.len());
            references.push(Reference { target: number, sameness, json });
        }
        self.out.extend_from_slice(target.after.as_bytes());
        Ok(())
    }

    /// Empties the field of a target, where that can be done.
    fn null(&mut self, target: &Target) {
        match (&mut self.columns, &target.null) {
            (_, None) => (),
            (None, Some(null)) => self.out.extend_from_slice(null.as_bytes()),
            (Some(columns), Some(_)) => columns.null(target, &mut self.out),
        }
    }
}

/// The cells of a record as text.
struct Cells<'a> {
    record: &'a ByteRecord,
    /// All of them, one behind the other: whether they are text is mostly found out at once.
    text: Option<&'a str>,
}

impl<'a> Cells<'a> {
    fn of(record: &'a ByteRecord) -> Self {
        Self { record, text: std::str::from_utf8(record.as_slice()).ok() }
    }

    /// Nothing, when it is no text, or half a character.
    fn get(&self, place: usize) -> Option<&'a str> {
        match self.text {
            Some(text) => text.get(self.record.range(place)?),
            None => std::str::from_utf8(self.record.get(place)?).ok(),
        }
    }
}

/// Of a row that is to blame as a whole.
fn whole(code: RejectCode, message: &str) -> InvalidRow {
    InvalidRow { reason: Reason::own(code, message.to_owned()), cells: Vec::new() }
}

/// Of a row with one cell that is to blame.
fn of_cell(
    code: RejectCode,
    message: String,
    target: usize,
    rule: Cow<'static, str>,
) -> InvalidRow {
    let reason = Reason::own(code, message);
    InvalidRow { reason, cells: vec![InvalidCell { target, rule }] }
}
