//! One load of several.

use crate::{Load, LoadSettings};

/// A load that can be asked for by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLoad {
    /// Small letters, digits, `-` and `_`.
    pub name: String,
    /// What is said of it, the defaults of the file included. Its mapping file is named as it can be
    /// opened.
    pub settings: LoadSettings,
    /// What they say, the mapping file included.
    pub load: Load,
    /// Patterns of the names of blobs that are loaded so. `*` stands for anything but a slash, `?` for
    /// one ASCII character of that, `**` for any folders, `{a,b}` for one of several.
    pub files: Vec<String>,
    /// Names of the loads that have to be complete before it.
    pub after: Vec<String>,
}
