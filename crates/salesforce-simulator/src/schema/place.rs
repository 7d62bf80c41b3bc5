//! Where objects and fields stand in a schema.

/// Place of an object in the schema, and of its table in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectNumber(pub(crate) usize);

/// Place of a field among the fields of its object.
pub(crate) type Column = u16;
