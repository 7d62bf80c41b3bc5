//! Why settings make no load.

use std::path::PathBuf;

use crate::{InvalidFields, InvalidInline, SdlError};

/// Settings of a load that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLoad {
    /// Nothing says what the rows become.
    #[error("SALESFORCE_OBJECT is not set; name the object that the rows become, such as Lead")]
    NoObject,
    /// An upsert finds the record of a row by a key, and so do updates and deletes without an `Id`.
    #[error(
        "SALESFORCE_EXTERNAL_ID is not set; name the external id field by which rows find their \
         record, such as External_Id__c"
    )]
    NoExternalId,
    /// The setting has no counterpart in Bulk API 2.0, and would be ignored silently.
    #[error(
        "Bulk API cannot do {what} as Collections does; set SALESFORCE_API=collections or auto"
    )]
    NotByBulk {
        /// The setting.
        what: &'static str,
    },
    /// Only Bulk API can delete for good.
    #[error(
        "Collections cannot hard-delete, it puts records into the recycle bin; choose the API bulk \
         (SALESFORCE_API=bulk, --api bulk)"
    )]
    ByBulkOnly,
    /// `MAPPING_FILE` names a file that is not there or cannot be read. A relative name counts from
    /// the folder of the program, in a file of loads from the folder of that file.
    #[error("could not read the mapping file {}: {problem}", path.display())]
    UnreadableMapping {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The mapping file cannot be understood.
    #[error(transparent)]
    Mapping(#[from] SdlError),
    /// The fields that the mapping fills cannot be filled so.
    #[error(transparent)]
    Fields(#[from] InvalidFields),
    /// Two places say which column fills which field, and nobody could say which one holds.
    #[error("columns are mapped by `columns` and by a mapping file; leave one of them out")]
    ColumnsAndMapping,
    /// With `columns` only what is named is sent, so `leave-out` says nothing.
    #[error("a column that `columns` does not name is not sent; take `leave-out` away")]
    ColumnsAndLeftOut,
    /// Constants belong to `columns`; without these, columns are mapped by their names or by a
    /// file.
    #[error(
        "`constants` stands beside `columns`; write the columns there as well, or in a mapping \
         file a line such as `\"Customer\"=Type`"
    )]
    ConstantsWithoutColumns,
    /// `columns` or `constants` cannot be followed.
    #[error(transparent)]
    Inline(#[from] InvalidInline),
}
