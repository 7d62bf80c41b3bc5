//! What the org holds.
//!
//! One lock for all tables: a call that must see or change several of them
//! (parents, all-or-none, counts) sees one moment. Records are parsed and
//! checked before it is taken. Measured with `examples/load`: two million rows
//! hold it for 1.9 s, half of the time that the calls take, so it is full at
//! about 1,000,000 rows/s, and one core serves 500,000. A lock per object would
//! not help a load, which is of one object.

mod delete;
mod index;
mod listing;
mod outcome;
mod row;
mod save;
mod table;
mod terms;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use index::fold;
pub use listing::Digest;
pub(crate) use listing::Listing;
pub(crate) use outcome::Outcome;
pub(crate) use row::Row;
use table::Table;
pub(crate) use table::{Counts, Found, Stamps, StoredRow};
pub(crate) use terms::{DeleteTerms, Operation, RowsBefore, Terms};

use crate::{
    id::RecordId,
    record::Draft,
    schema::{Column, ObjectNumber, Schema},
};

/// The rows of all objects.
#[derive(Debug)]
pub(crate) struct Store {
    tables: Mutex<Vec<Table>>,
}

/// What a query looks at.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) number: u32,
    /// `None` in the recycle bin: what the fields held is not kept.
    pub(crate) row: StoredRow,
    pub(crate) stamps: Stamps,
}

impl Store {
    pub(crate) fn new(schema: &Schema) -> Self {
        Self { tables: Mutex::new(empty_tables(schema)) }
    }

    /// Forgets all rows and counts.
    pub(crate) fn reset(&self, schema: &Schema) {
        let old = std::mem::replace(&mut *self.lock(), empty_tables(schema));
        // Millions of rows take a while to free: not under the lock.
        drop(old);
    }

    /// Stores records; the outcomes are in the order of the drafts.
    pub(crate) fn save(
        &self,
        schema: &Schema,
        terms: Terms,
        drafts: Vec<Draft<'_>>,
    ) -> Vec<Outcome> {
        save::save(&mut self.lock(), schema, terms, drafts)
    }

    /// Deletes records by their ids; the outcomes are in the order of the ids.
    pub(crate) fn delete(
        &self,
        schema: &Schema,
        ids: &[String],
        terms: DeleteTerms,
    ) -> Vec<Outcome> {
        delete::delete(&mut self.lock(), schema, ids, terms)
    }

    /// The row of an id: `None` when there never was one, `Some(None)` when it
    /// was deleted.
    pub(crate) fn row(&self, object: ObjectNumber, id: RecordId) -> Option<StoredRow> {
        self.lock()[object.0].row(id).cloned()
    }

    /// The rows that an object has at this moment.
    pub(crate) fn rows_before(&self, object: ObjectNumber) -> RowsBefore {
        let rows = self.lock()[object.0].rows().len();
        RowsBefore::of(object, rows)
    }

    pub(crate) fn find(&self, object: ObjectNumber, column: Column, key: &str) -> Found {
        self.lock()[object.0].find(column, key)
    }

    pub(crate) fn counts(&self) -> Vec<Counts> {
        self.lock().iter().map(|table| table.counts.clone()).collect()
    }

    /// All rows of an object at this moment, in the order of their creation.
    pub(crate) fn rows(&self, object: ObjectNumber) -> Vec<(u32, Arc<[u8]>)> {
        let tables = self.lock();
        let rows = tables[object.0].rows();
        rows.iter().zip(0..).filter_map(|(row, number)| Some((number, row.clone()?))).collect()
    }

    /// The same with their stamps, and with those in the recycle bin when that is asked for.
    pub(crate) fn kept(&self, object: ObjectNumber, with_deleted: bool) -> Vec<Kept> {
        let tables = self.lock();
        let stamped = tables[object.0].stamped();
        let kept = stamped.filter(|(_, row, _)| with_deleted || row.is_some());
        kept.map(|(number, row, stamps)| Kept { number, row: row.clone(), stamps }).collect()
    }

    /// Loses the newest rows of an object, and gives their number.
    pub(crate) fn lose(&self, object: ObjectNumber, rows: usize) -> usize {
        self.lock()[object.0].lose(rows)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn empty_tables(schema: &Schema) -> Vec<Table> {
    schema.objects().map(|(_, object)| Table::new(object)).collect()
}
