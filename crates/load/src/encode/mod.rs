//! Rows as they are sent: as JSON for Collections, as CSV for Bulk. Both are written straight into one
//! buffer, from the same cells and by the same converters.

mod choices;
mod csv_columns;
mod csv_rows;
mod encoded_row;
mod json_rows;
mod key;
mod records;
mod row;

pub use self::{
    csv_rows::CsvRows,
    encoded_row::{EncodedRow, InvalidCell, InvalidRow},
    json_rows::EncodedRows,
};
pub(crate) use self::{
    encoded_row::without_record,
    json_rows::Body,
    key::unquoted,
    records::for_each_record,
    row::{Reference, RowWriter},
};
