//! Why settings make no load.

use std::path::PathBuf;

use crate::{InvalidFields, InvalidInline, SdlError};

/// Settings of a load that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLoad {
    /// There is no object to load.
    #[error("SALESFORCE_OBJECT is not set; name the object that the rows become, such as Lead")]
    NoObject,
    /// An upsert without a key.
    #[error(
        "SALESFORCE_EXTERNAL_ID is not set; name the external id field by which rows find their \
         record, such as External_Id__c"
    )]
    NoExternalId,
    /// Something that Bulk API does otherwise, or not at all.
    #[error(
        "Bulk API cannot do {what} as Collections does; set SALESFORCE_API=collections or auto"
    )]
    NotByBulk {
        /// The setting.
        what: &'static str,
    },
    /// Something that Collections cannot do.
    #[error(
        "Collections cannot hard-delete, it puts records into the recycle bin; choose the API bulk \
         (SALESFORCE_API=bulk, --api bulk)"
    )]
    ByBulkOnly,
    /// The mapping file cannot be read.
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
    /// Two places say which column fills which field.
    #[error("columns are mapped by `columns` and by a mapping file; leave one of them out")]
    ColumnsAndMapping,
    /// What is left out is said where it says nothing.
    #[error("a column that `columns` does not name is not sent; take `leave-out` away")]
    ColumnsAndLeftOut,
    /// Constants without columns.
    #[error(
        "`constants` stands beside `columns`; write the columns there as well, or in a mapping \
         file a line such as `\"Customer\"=Type`"
    )]
    ConstantsWithoutColumns,
    /// `columns` or `constants` cannot be followed.
    #[error(transparent)]
    Inline(#[from] InvalidInline),
}
