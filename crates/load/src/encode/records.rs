//! Rows are cut into their cells.

use csv::ByteRecord;
use ingest_core::Rows;

use crate::plan::Plan;

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
