//! Columns that name a record of one of several objects: a row has one of them.

use std::borrow::Cow;

use crate::{
    plan::shown,
    target::{NULL_CELL, Target, is_nothing},
};

/// The columns of one row that name a record of one of several objects.
#[derive(Default)]
pub(super) struct Choices<'a> {
    /// What fills a field, with its column.
    made: Vec<(&'a Target, &'a str)>,
    /// Those that bring nothing, and whether they say `#N/A`.
    empty: Vec<(&'a Target, bool)>,
}

impl<'a> Choices<'a> {
    /// Whether a cell names the record: it brings something, and no other column of its field did.
    pub(super) fn takes(&mut self, target: &'a Target, column: &'a str, cell: &str) -> bool {
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
    pub(super) fn problem(&self, target: &Target, cell: &str) -> Option<Cow<'static, str>> {
        let first = self.first(target).filter(|_| !is_nothing(cell))?;
        let (first, field) = (shown(first), &target.fills);
        let rule = format!(
            "column `{first}` says already what `{field}` refers to; leave one of them empty"
        );
        Some(rule.into())
    }

    /// One target for each field that no column fills and one empties.
    pub(super) fn emptied(&self, empty_is_null: bool) -> Vec<&'a Target> {
        let mut emptied: Vec<&Target> = Vec::new();
        for (target, says_so) in &self.empty {
            if (*says_so || empty_is_null)
                && self.first(target).is_none()
                && emptied.iter().all(|other| other.fills != target.fills)
            {
                emptied.push(target);
            }
        }
        emptied
    }
}
