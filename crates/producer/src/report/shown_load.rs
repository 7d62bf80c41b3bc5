//! A load that may be asked for, as it is shown.

use load::{ApiChoice, NamedLoad};
use serde::Serialize;

/// A load that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownLoad<'a> {
    pub(crate) name: &'a str,
    pub(crate) object: &'a str,
    pub(crate) operation: &'static str,
    /// The field by which rows find their record.
    pub(crate) external_id: Option<&'a str>,
    /// Tells which column fills which field, and how.
    pub(crate) mapping: String,
    pub(crate) api: ApiChoice,
    /// Whether the ids of the records are written to a file.
    pub(crate) ids: bool,
    /// Patterns of the names of files that it is for.
    pub(crate) files: &'a [String],
    /// Loads whose files belong in front.
    pub(crate) after: &'a [String],
}

impl<'a> ShownLoad<'a> {
    pub(crate) fn of(named: &'a NamedLoad) -> Self {
        let load = &named.load;
        Self {
            name: &named.name,
            object: &load.object,
            operation: load.operation.as_str(),
            external_id: load.key.as_deref(),
            mapping: load.mapping_digest(),
            api: load.api,
            ids: load.ids,
            files: &named.files,
            after: &named.after,
        }
    }
}
