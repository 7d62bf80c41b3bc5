//! Rows become JSON, written straight into one buffer: a map per row would cost several times as
//! much as all the rest.

use std::{borrow::Cow, collections::HashMap, fmt, ops::Range};

use bytes::Bytes;
use csv::ByteRecord;
use ingest_core::{Reject, Rows, few, trimmed};

use crate::{
    Reason,
    plan::{Plan, shown},
    target::{NULL_CELL, Sameness, Target},
    value::InvalidValue,
};

/// A row that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// Why, as it is said of the row.
    pub reason: Reason,
    /// The same of each cell that is to blame; of none, when it is the row as a whole.
    pub cells: Vec<InvalidCell>,
}

/// A cell that cannot be what its field wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCell {
    /// Which of the plan's [targets](Plan::targets) it is for, from 0.
    pub target: usize,
    /// What is wrong with it; never what it is.
    pub rule: Cow<'static, str>,
}

/// The rows of one batch as JSON objects.
pub struct EncodedRows {
    pub(crate) json: Vec<u8>,
    pub(crate) rows: Vec<EncodedRow>,
    /// How much of the JSON before a key belongs to it: its name.
    pub(crate) key_name_bytes: usize,
}

/// One row.
#[derive(Debug)]
pub enum EncodedRow {
    /// It can be sent.
    Ready {
        /// Where its JSON is in the buffer.
        json: Range<usize>,
        /// Where its key is in the buffer; nothing without a key.
        key: Range<usize>,
        /// The row before it that has the same key.
        after: Option<usize>,
    },
    /// It cannot be sent.
    Invalid(Reason),
}

/// Code of a row with a cell that cannot be what its field wants.
const INVALID_VALUE: &str = "INVALID_VALUE";

/// Code of a row that cannot be upserted.
const EXTERNAL_ID_MISSING: &str = "EXTERNAL_ID_MISSING";

/// Code of a row that would become a record of nothing.
const BLANK_ROW: &str = "BLANK_ROW";

const BODY_BEFORE: &[u8] = b"{\"allOrNone\":false,\"records\":[";
const BODY_AFTER: &[u8] = b"]}";

impl EncodedRows {
    /// Records that are JSON already, without keys.
    #[must_use]
    pub fn from_json(records: &[&str]) -> Self {
        let (mut json, mut rows) = (Vec::new(), Vec::new());
        for record in records {
            let start = json.len();
            json.extend_from_slice(record.as_bytes());
            rows.push(EncodedRow::Ready { json: start..json.len(), key: 0..0, after: None });
        }
        Self { json, rows, key_name_bytes: 0 }
    }

    /// One entry for each row, in order.
    pub fn rows(&self) -> &[EncodedRow] {
        &self.rows
    }

    /// The JSON of a row that is ready; nothing of another one.
    pub fn json(&self, index: usize) -> &[u8] {
        match &self.rows[index] {
            EncodedRow::Ready { json, .. } => &self.json[json.clone()],
            EncodedRow::Invalid(_) => &[],
        }
    }

    /// Whether there is a row with a value that does not fit its field.
    pub fn has_invalid_values(&self) -> bool {
        let is_invalid = |row: &EncodedRow| matches!(row, EncodedRow::Invalid(reason) if reason.code == INVALID_VALUE);
        self.rows.iter().any(is_invalid)
    }

    /// The same without the JSON of all other rows.
    pub fn with_json_of(mut self, indexes: &[usize]) -> Self {
        let bytes = indexes.iter().map(|index| self.json(*index).len()).sum();
        let mut kept = Vec::with_capacity(bytes);
        let mut indexes = indexes.iter().copied().peekable();
        for (index, row) in self.rows.iter_mut().enumerate() {
            let EncodedRow::Ready { json, key, .. } = row else { continue };
            if indexes.next_if_eq(&index).is_none() {
                (*json, *key) = (0..0, 0..0);
                continue;
            }
            let start = kept.len();
            kept.extend_from_slice(&self.json[json.clone()]);
            if key.start < key.end {
                *key = start + (key.start - json.start)..start + (key.end - json.start);
            }
            *json = start..kept.len();
        }
        Self { json: kept, ..self }
    }

    /// The ids of these rows with commas between, where rows have ids as their keys.
    pub fn ids(&self, indexes: &[usize]) -> String {
        let key = |index: &usize| match &self.rows[*index] {
            EncodedRow::Ready { key, .. } => String::from_utf8_lossy(&self.json[key.clone()]),
            EncodedRow::Invalid(_) => unreachable!("only ready rows are put into calls"),
        };
        // An id in JSON is itself in quotes.
        let ids: Vec<_> =
            indexes.iter().map(|index| key(index).trim_matches('"').to_owned()).collect();
        ids.join(",")
    }

    /// The body of a call with these rows.
    pub fn body(&self, indexes: &[usize]) -> Bytes {
        let json = |index: &usize| match &self.rows[*index] {
            EncodedRow::Ready { json, .. } => &self.json[json.clone()],
            EncodedRow::Invalid(_) => unreachable!("only ready rows are put into calls"),
        };
        let bytes: usize = indexes.iter().map(|index| json(index).len() + 1).sum();
        let mut body = Vec::with_capacity(BODY_BEFORE.len() + bytes + BODY_AFTER.len());
        body.extend_from_slice(BODY_BEFORE);
        for (n, index) in indexes.iter().enumerate() {
            if n > 0 {
                body.push(b',');
            }
            body.extend_from_slice(json(index));
        }
        body.extend_from_slice(BODY_AFTER);
        Bytes::from(body)
    }
}

impl Plan {
    /// Writes rows as JSON.
    pub fn encode(&self, rows: &Rows) -> EncodedRows {
        let json = Vec::with_capacity(rows.bytes() * 2 + rows.len() * 64);
        let mut encoder = Encoder::new(self, json);
        let mut encoded = Vec::with_capacity(rows.len());
        for_each_record(self, rows, |_, record| encoded.push(encoder.encode(record)));
        encoder.finish(encoded)
    }
}

/// Cuts each row into its cells. It is handed over with its number and as it came; one that is not one
/// record without cells.
pub(crate) fn for_each_record(
    plan: &Plan,
    rows: &Rows,
    mut each: impl FnMut((u64, &[u8]), Option<&ByteRecord>),
) {
    let dialect = plan.header.dialect();
    let mut record = ByteRecord::new();
    let mut text = Vec::new();
    for (number, raw) in rows.iter() {
        record.clear();
        let is_one = dialect.for_each_cell(raw, &mut text, |cell| record.push_field(cell));
        each((number, raw), is_one.then_some(&record));
    }
}

/// Writes rows as JSON, one behind the other.
pub(crate) struct Encoder<'a> {
    plan: &'a Plan,
    before_fields: String,
    pub(crate) json: Vec<u8>,
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

impl<'a> Encoder<'a> {
    pub(crate) fn new(plan: &'a Plan, json: Vec<u8>) -> Self {
        let before_fields =
            format!("{{\"attributes\":{{\"type\":\"{}\"}}{}", plan.object, plan.constants);
        Self { plan, before_fields, json, references: None }
    }

    fn encode(&mut self, record: Option<&ByteRecord>) -> EncodedRow {
        let start = self.json.len();
        match self.row(record) {
            Ok(key) => EncodedRow::Ready { json: start..self.json.len(), key, after: None },
            Err(invalid) => EncodedRow::Invalid(invalid.reason),
        }
    }

    /// Writes one row; the answer is where its key is. Of one that is invalid nothing stays.
    pub(crate) fn row(&mut self, record: Option<&ByteRecord>) -> Result<Range<usize>, InvalidRow> {
        let start = self.json.len();
        let written = match record {
            Some(record) if self.plan.header.takes(record.len()) => self.fields(record),
            _ => Err(whole(Reject::FIELD_COUNT, "not one record with the header's columns")),
        };
        if written.is_err() {
            self.json.truncate(start);
        }
        written
    }

    fn fields(&mut self, record: &ByteRecord) -> Result<Range<usize>, InvalidRow> {
        let mut key = 0..0;
        let mut is_blank = true;
        let mut invalid: Vec<(&str, InvalidCell)> = Vec::new();
        let mut choices = Choices::default();
        let mut number = 0;
        self.json.extend_from_slice(self.before_fields.as_bytes());
        let plan = self.plan;
        for ((column, targets), cell) in plan.header.columns().iter().zip(&plan.columns).zip(record)
        {
            if targets.is_empty() {
                continue;
            }
            let cell = std::str::from_utf8(cell).map_err(|_| {
                let of_column = format!("column `{column}`: not text");
                of_cell(Reject::INVALID_UTF8, of_column, number, "not text".into())
            })?;
            is_blank = is_blank && plan.refuses_blank_rows && is_nothing(trimmed(cell));
            for target in targets {
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
        for null in choices.emptied(plan.empty_is_null) {
            self.json.extend_from_slice(null.as_bytes());
        }
        self.json.push(b'}');
        if invalid.is_empty() && is_blank && plan.refuses_blank_rows {
            return Err(whole(BLANK_ROW, "no column that is mapped has a value"));
        }
        if invalid.is_empty() {
            return Ok(key);
        }
        let problems = invalid
            .iter()
            .map(|(column, cell)| format!("column `{}`: {}", shown(column), cell.rule));
        let reason = reason(INVALID_VALUE, &few(problems, "; "));
        Err(InvalidRow { reason, cells: invalid.into_iter().map(|(_, cell)| cell).collect() })
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
            return Err(of_cell(EXTERNAL_ID_MISSING, message, number, rule.into()));
        }
        self.json.extend_from_slice(target.before.as_bytes());
        let start = self.json.len();
        target.converter.write(cell, &mut self.json).map_err(|rule| {
            of_cell(INVALID_VALUE, format!("column `{column}`: {rule}"), number, rule)
        })?;
        Ok(start..self.json.len())
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
            match &target.null {
                Some(null) if seen == NULL_CELL || self.plan.empty_is_null => {
                    self.json.extend_from_slice(null.as_bytes());
                }
                None if seen == NULL_CELL => return Err("a boolean cannot be emptied".into()),
                _ => (),
            }
            return Ok(());
        }
        let start = self.json.len();
        self.json.extend_from_slice(target.before.as_bytes());
        let value = self.json.len();
        if let Err(problem) = target.converter.write(cell, &mut self.json) {
            self.json.truncate(start);
            return Err(problem);
        }
        if let Some(references) = self.references.as_mut().filter(|_| target.is_reference()) {
            let (sameness, json) = (target.sameness, value..self.json.len());
            references.push(Reference { target: number, sameness, json });
        }
        self.json.extend_from_slice(target.after.as_bytes());
        Ok(())
    }

    /// Links each row to the one before it that has the same key.
    fn finish(self, mut rows: Vec<EncodedRow>) -> EncodedRows {
        let mut last_of_key: HashMap<Cow<'_, [u8]>, usize> = HashMap::with_capacity(rows.len());
        for (index, row) in rows.iter_mut().enumerate() {
            let EncodedRow::Ready { key, after, .. } = row else { continue };
            if key.start < key.end {
                let key = unquoted(&self.json[key.clone()]);
                let key = self.plan.sameness().comparable(key);
                *after = last_of_key.insert(key, index);
            }
        }
        drop(last_of_key);
        let key_name_bytes = self.plan.key_target().map_or(0, |key| key.before.len());
        EncodedRows { json: self.json, rows, key_name_bytes }
    }
}

/// The columns of one row that name a record of one of several objects.
#[derive(Default)]
struct Choices<'a> {
    /// What fills a field, with its column.
    made: Vec<(&'a Target, &'a str)>,
    /// Those that bring nothing, and whether they say `#N/A`.
    empty: Vec<(&'a Target, bool)>,
}

impl<'a> Choices<'a> {
    /// Whether a cell names the record: it brings something, and no other column of its field did.
    fn takes(&mut self, target: &'a Target, column: &'a str, cell: &str) -> bool {
        if is_nothing(cell) {
            self.empty.push((target, cell == NULL_CELL));
            return false;
        }
        let is_first = self.first(target).is_none();
        if is_first {
            self.made.push((target, column));
        }
        is_first
    }

    fn first(&self, target: &Target) -> Option<&'a str> {
        self.made.iter().find(|(made, _)| made.fills == target.fills).map(|(_, column)| *column)
    }

    /// What is wrong with a cell that was not taken; nothing, when it is blank.
    fn problem(&self, target: &Target, cell: &str) -> Option<Cow<'static, str>> {
        let first = self.first(target).filter(|_| !is_nothing(cell))?;
        let (first, field) = (shown(first), &target.fills);
        let rule = format!(
            "column `{first}` says already what `{field}` refers to; leave one of them empty"
        );
        Some(rule.into())
    }

    /// JSON of the fields that no column fills and one empties.
    fn emptied(&self, empty_is_null: bool) -> Vec<&'a str> {
        let mut nulls: Vec<&str> = Vec::new();
        for (target, says_so) in &self.empty {
            let null = target.null.as_deref().filter(|_| *says_so || empty_is_null);
            if let Some(null) = null
                && self.first(target).is_none()
                && !nulls.contains(&null)
            {
                nulls.push(null);
            }
        }
        nulls
    }
}

/// Whether a cell brings no value: it is blank, or empties its field.
fn is_nothing(trimmed: &str) -> bool {
    trimmed.is_empty() || trimmed == NULL_CELL
}

/// A key in JSON without the quotes of a text.
pub(crate) fn unquoted(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(json)
}

/// Of a row that is to blame as a whole.
fn whole(code: &str, message: &str) -> InvalidRow {
    InvalidRow { reason: reason(code, message), cells: Vec::new() }
}

/// Of a row with one cell that is to blame.
fn of_cell(code: &str, message: String, target: usize, rule: Cow<'static, str>) -> InvalidRow {
    let reason = Reason { code: code.to_owned(), message };
    InvalidRow { reason, cells: vec![InvalidCell { target, rule }] }
}

fn reason(code: &str, message: &str) -> Reason {
    Reason { code: code.to_owned(), message: message.to_owned() }
}

/// Shows how many rows there are: the JSON holds their values.
impl fmt::Debug for EncodedRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} rows", self.rows.len())
    }
}
