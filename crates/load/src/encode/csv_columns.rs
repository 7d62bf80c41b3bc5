//! The columns of the CSV of a batch, and the cells of a record in them.

use std::mem;

use ingest_core::Dialect;

use crate::{
    plan::Plan,
    target::{NULL_CELL, Target},
};

/// Limits of Bulk API 2.0: characters of a cell and of a record.
const CELL_CHARACTERS_MAX: usize = 131_072;
const RECORD_CHARACTERS_MAX: usize = 400_000;

/// The columns of CSV: those of the targets, of constants, and of fields that are emptied in a column of
/// their own, because the one that fills them names a record of another object.
pub(super) struct CsvColumns<'a> {
    plan: &'a Plan,
    nulls: Vec<&'a str>,
    /// Targets and nulls that are written.
    pub(super) kept: Vec<bool>,
    /// Targets and nulls for which a row has something.
    pub(super) used: Vec<bool>,
    row_start: usize,
    target: usize,
    has_cells: bool,
    /// Nulls of this row.
    emptied: Vec<usize>,
    /// Whether CSV can say what JSON would.
    pub(super) is_sayable: bool,
}

impl<'a> CsvColumns<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let (mut nulls, mut targets) = (Vec::new(), 0);
        for (_, target) in plan.targets() {
            targets += 1;
            let has_one = target.null.is_some() && !target.empties_in_its_column();
            if has_one && !nulls.contains(&target.fills.as_str()) {
                nulls.push(target.fills.as_str());
            }
        }
        // In most batches all columns have something, and none is emptied in another column.
        let kept = (0..targets + nulls.len()).map(|column| column < targets).collect();
        Self {
            plan,
            nulls,
            kept,
            used: Vec::new(),
            row_start: 0,
            target: 0,
            has_cells: false,
            emptied: Vec::new(),
            is_sayable: true,
        }
    }

    /// Writes these columns; nothing is known of others.
    pub(super) fn expect(&mut self, used: &[bool]) {
        if used.len() == self.kept.len() {
            self.kept.copy_from_slice(used);
        }
        self.used = vec![false; self.kept.len()];
    }

    pub(super) fn are_as_expected(&self) -> bool {
        self.kept == self.used
    }

    fn targets(&self) -> usize {
        self.kept.len() - self.nulls.len()
    }

    /// Names of the columns that are written. A record that was looked up is named by its id.
    pub(super) fn names(&self, are_looked_up: bool) -> Vec<String> {
        let of_targets = self.plan.targets().zip(&self.kept).filter(|(_, kept)| **kept);
        let name = |target: &Target| match target.is_key && are_looked_up {
            true => "Id".to_owned(),
            false => target.column.clone(),
        };
        let of_targets = of_targets.map(|((_, target), _)| name(target));
        let of_constants = self.plan.constants.cells.iter().map(|(name, _)| name.clone());
        let of_nulls = self.nulls.iter().zip(&self.kept[self.targets()..]);
        let of_nulls = of_nulls.filter(|(_, kept)| **kept).map(|(name, _)| (*name).to_owned());
        of_targets.chain(of_constants).chain(of_nulls).collect()
    }

    pub(super) fn begin_row(&mut self, start: usize) {
        self.row_start = start;
        self.has_cells = false;
        self.emptied.clear();
        self.is_sayable = self.plan.constants.are_sayable;
    }

    /// Before the cell of a target.
    pub(super) fn begin_cell(&mut self, target: usize, csv: &mut Vec<u8>) {
        self.target = target;
        if self.kept[target] {
            begin_cell(&mut self.has_cells, csv);
        }
    }

    /// A value was written into the cell of a target.
    pub(super) fn has_written(&mut self, target: usize, cell: &[u8]) {
        self.used[target] = true;
        let says_something_else = cell.is_empty() || cell == NULL_CELL.as_bytes();
        let is_too_long =
            cell.len() > CELL_CHARACTERS_MAX && characters(cell) > CELL_CHARACTERS_MAX;
        self.is_sayable &= !says_something_else && !is_too_long;
    }

    /// Empties the field of a target.
    pub(super) fn null(&mut self, target: &Target, csv: &mut Vec<u8>) {
        if target.empties_in_its_column() {
            self.used[self.target] = true;
            csv.extend_from_slice(NULL_CELL.as_bytes());
            return;
        }
        let null = self.nulls.iter().position(|name| *name == target.fills);
        self.emptied.extend(null.map(|null| null + self.targets()));
    }

    pub(super) fn end_row(&mut self, csv: &mut Vec<u8>) {
        for (_, cell) in &self.plan.constants.cells {
            begin_cell(&mut self.has_cells, csv);
            csv.extend_from_slice(cell);
        }
        for column in self.targets()..self.kept.len() {
            let is_emptied = self.emptied.contains(&column);
            self.used[column] |= is_emptied;
            if self.kept[column] {
                begin_cell(&mut self.has_cells, csv);
                csv.extend_from_slice(if is_emptied { NULL_CELL.as_bytes() } else { b"" });
            }
        }
        let record = &csv[self.row_start..];
        // A file has one kind of line end, also in its cells.
        let has_other_line_end = record.contains(&b'\r');
        let is_too_long =
            record.len() > RECORD_CHARACTERS_MAX && characters(record) > RECORD_CHARACTERS_MAX;
        self.is_sayable &= !has_other_line_end && !is_too_long;
        if record.is_empty() {
            // It would be a blank line.
            csv.extend_from_slice(b"\"\"");
        }
        csv.push(b'\n');
    }
}

fn begin_cell(has_cells: &mut bool, csv: &mut Vec<u8>) {
    if mem::replace(has_cells, true) {
        csv.push(b',');
    }
}

/// Characters of all cells of a record, or of one cell; their quotes are no part of them.
fn characters(record: &[u8]) -> usize {
    let begins_one = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    let mut count = 0;
    Dialect::default().for_each_cell(record, &mut Vec::new(), |text| {
        count += text.iter().filter(begins_one).count();
    });
    count
}
