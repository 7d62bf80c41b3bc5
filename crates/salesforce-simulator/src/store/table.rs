//! The rows of one object.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{index::Index, row::Row};
use crate::{
    id::{KeyPrefix, RecordId},
    problem::RowError,
    schema::{Column, Compared, Field, Object},
};

/// What is kept of a row; `None` is a deleted one, whose id is never given away
/// again.
pub(crate) type StoredRow = Option<Arc<[u8]>>;

/// When a row came, and when it was written or deleted last: seconds since 1970. Eight bytes a row,
/// also of those that are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamps {
    /// 0 when nothing knows of the row any more.
    pub(crate) created: u32,
    pub(crate) modified: u32,
}

/// What a row was before it was written or deleted.
#[derive(Debug)]
pub(crate) struct Before {
    row: StoredRow,
    stamps: Stamps,
}

/// The rows of one object, by number, and its counts.
#[derive(Debug)]
pub(crate) struct Table {
    prefix: KeyPrefix,
    rows: Vec<StoredRow>,
    /// As many as rows.
    stamps: Vec<Stamps>,
    lookups: Vec<Lookup>,
    pub(crate) counts: Counts,
}

/// Rows by the text of a column. The index is built when somebody looks for the first time: by most columns
/// nobody ever does, and each index has an entry for each row.
#[derive(Debug)]
struct Lookup {
    column: Column,
    compared: Compared,
    index: OnceLock<Index>,
}

impl Lookup {
    fn of(field: &Field, column: Column) -> Self {
        Self { column, compared: field.compared(), index: OnceLock::new() }
    }

    fn index(&self, rows: &[StoredRow]) -> &Index {
        self.index.get_or_init(|| {
            let mut index = Index::new(self.column, self.compared);
            for (row, number) in rows.iter().zip(0..) {
                if let Some(key) = row.as_deref().and_then(|row| Row(row).get(self.column)) {
                    index.insert(key, number);
                }
            }
            index
        })
    }
}

/// What happened to an object's rows since the start or the last reset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) deleted: u64,
    /// By the code of a row's first error.
    pub(crate) rejected: BTreeMap<String, u64>,
}

impl Counts {
    pub(crate) fn reject(&mut self, errors: &[RowError]) {
        if let Some(error) = errors.first() {
            match self.rejected.get_mut(error.status_code.as_ref()) {
                Some(count) => *count += 1,
                None => {
                    self.rejected.insert(error.status_code.clone().into_owned(), 1);
                }
            }
        }
    }
}

/// The rows that a key stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    None,
    One(RecordId),
    Many(Vec<RecordId>),
}

impl Table {
    pub(crate) fn new(object: &Object) -> Self {
        let indexed = object.fields.iter().zip(0..).filter(|(field, _)| field.is_indexed());
        Self {
            prefix: object.key_prefix,
            rows: Vec::new(),
            stamps: Vec::new(),
            lookups: indexed.map(|(field, column)| Lookup::of(field, column)).collect(),
            counts: Counts::default(),
        }
    }

    pub(crate) fn rows(&self) -> &[StoredRow] {
        &self.rows
    }

    /// All rows with their stamps, deleted ones too, but for those that nothing knows of.
    pub(crate) fn stamped(&self) -> impl Iterator<Item = (u32, &StoredRow, Stamps)> {
        let rows = self.rows.iter().zip(&self.stamps).zip(0..);
        rows.map(|((row, stamps), number)| (number, row, *stamps)).filter(|it| it.2.created > 0)
    }

    /// The row of an id; `None` when there never was one.
    pub(crate) fn row(&self, id: RecordId) -> Option<&StoredRow> {
        (id.prefix == self.prefix).then(|| self.rows.get(slot(id.number)))?
    }

    pub(crate) fn find(&self, column: Column, key: &str) -> Found {
        let Some(lookup) = self.lookups.iter().find(|lookup| lookup.column == column) else {
            return Found::None;
        };
        let index = lookup.index(&self.rows);
        let text_of = |number| {
            let row = self.rows[slot(number)].as_deref()?;
            Row(row).get(column)
        };
        let mut numbers = index.find(key, text_of);
        let id = |number| RecordId { prefix: self.prefix, number };
        match (numbers.next(), numbers.next()) {
            (None, _) => Found::None,
            (Some(one), None) => Found::One(id(one)),
            (Some(one), Some(two)) => {
                let mut all: Vec<u32> = [one, two].into_iter().chain(numbers).collect();
                all.sort_unstable();
                Found::Many(all.into_iter().map(id).collect())
            }
        }
    }

    pub(crate) fn push(&mut self, row: Arc<[u8]>, now: u32) -> RecordId {
        let number = u32::try_from(self.rows.len()).expect("ids end before the memory does");
        self.rows.push(None);
        self.stamps.push(Stamps { created: now, modified: now });
        self.swap(number, Some(row));
        RecordId { prefix: self.prefix, number }
    }

    /// Undoes the last [`push`](Self::push).
    pub(crate) fn pop(&mut self) {
        if let Some(last) = self.rows.len().checked_sub(1) {
            self.swap(u32::try_from(last).expect("was given as an id"), None);
            self.rows.pop();
            self.stamps.pop();
        }
    }

    /// Writes or deletes a row.
    pub(crate) fn replace(&mut self, number: u32, row: StoredRow, now: u32) -> Before {
        let stamps = self.stamps[slot(number)];
        self.stamps[slot(number)].modified = now;
        Before { row: self.swap(number, row), stamps }
    }

    /// Deletes a row past the recycle bin: no query finds it any more.
    pub(crate) fn erase(&mut self, number: u32) -> Before {
        let before = self.replace(number, None, 0);
        self.stamps[slot(number)] = Stamps { created: 0, modified: 0 };
        before
    }

    /// Undoes a [`replace`](Self::replace), or an [`erase`](Self::erase).
    pub(crate) fn restore(&mut self, number: u32, before: Before) {
        self.swap(number, before.row);
        self.stamps[slot(number)] = before.stamps;
    }

    /// Loses the newest rows, so that no query finds them, and gives their number. No count of what
    /// was done changes.
    pub(crate) fn lose(&mut self, rows: usize) -> usize {
        let there = |number: &u32| self.rows[slot(*number)].is_some();
        let end = u32::try_from(self.rows.len()).expect("were given as ids");
        let newest: Vec<u32> = (0..end).rev().filter(there).take(rows).collect();
        for number in &newest {
            self.swap(*number, None);
            self.stamps[slot(*number)] = Stamps { created: 0, modified: 0 };
        }
        newest.len()
    }

    /// Puts a row in the place of another, and gives that back.
    fn swap(&mut self, number: u32, row: StoredRow) -> StoredRow {
        let before = std::mem::replace(&mut self.rows[slot(number)], row);
        let after = self.rows[slot(number)].as_deref();
        for index in self.lookups.iter_mut().filter_map(|lookup| lookup.index.get_mut()) {
            let old = before.as_deref().and_then(|row| Row(row).get(index.column));
            let new = after.and_then(|row| Row(row).get(index.column));
            if old != new {
                if let Some(key) = old {
                    index.remove(key, number);
                }
                if let Some(key) = new {
                    index.insert(key, number);
                }
            }
        }
        self.counts.rows += u64::from(after.is_some());
        self.counts.rows -= u64::from(before.is_some());
        before
    }
}

fn slot(number: u32) -> usize {
    usize::try_from(number).expect("32 bits fit")
}

/// The time of a stamp.
pub(super) fn seconds_since_1970() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
