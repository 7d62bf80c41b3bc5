//! Queries whose pages are not all read.

use std::{collections::VecDeque, sync::Arc};

use crate::{render::Shown, schema::ObjectNumber};

/// Queries whose pages are not all read yet; older ones are forgotten.
const CURSORS_MAX: usize = 10;

pub(crate) type Rows = Arc<[(u32, Arc<[u8]>)]>;

/// Queries with pages still to come.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    next: u64,
    open: VecDeque<Cursor>,
}

/// One of them, and the rows that it has not shown yet.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    pub(crate) number: u64,
    pub(crate) object: ObjectNumber,
    pub(crate) shown: Arc<[Shown]>,
    pub(crate) rows: Rows,
}

impl Cursors {
    /// A query that was asked just now.
    pub(crate) fn begin(&mut self, object: ObjectNumber, shown: Vec<Shown>, rows: Rows) -> Cursor {
        self.next += 1;
        Cursor { number: self.next, object, shown: shown.into(), rows }
    }

    /// More of it may be asked for; the oldest one is forgotten for it.
    pub(crate) fn keep(&mut self, cursor: Cursor) {
        if self.open.len() == CURSORS_MAX {
            self.open.pop_front();
        }
        self.open.push_back(cursor);
    }

    /// A query that is kept.
    pub(crate) fn find(&self, number: u64) -> Option<Cursor> {
        self.open.iter().find(|cursor| cursor.number == number).cloned()
    }
}
