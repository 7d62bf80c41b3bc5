//! What is said of columns: which fields one fills, which ones are left out, and which value all rows
//! get instead of a cell.

use serde::{Deserialize, Serialize};

use crate::target::{NULL_CELL, Target};

/// Columns that fit no field and need not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut(pub Vec<String>);

/// One line of a mapping file.
#[derive(Debug)]
pub struct MappedColumn {
    /// Its name in the file.
    pub column: String,
    /// The fields that it fills.
    pub targets: Vec<Target>,
}

/// A value that every row gets.
#[derive(Debug)]
pub struct Constant {
    /// As the mapping file has it, with its quotes.
    pub quoted: String,
    /// The field that it fills.
    pub target: Target,
    pub(crate) json: String,
}

impl LeftOut {
    pub(crate) fn names(&self, column: &str) -> bool {
        self.0.iter().any(|name| name.trim().eq_ignore_ascii_case(column))
    }

    /// `*` stands for all columns that fit no field.
    pub(crate) fn all(&self) -> bool {
        self.0.iter().any(|name| name.trim() == "*")
    }
}

impl Constant {
    pub(crate) fn new(quoted: &str, value: &str, target: Target) -> Result<Self, String> {
        if target.is_key {
            return Err("a value that all rows share cannot be what tells them apart".to_owned());
        }
        let mut json = target.before.clone().into_bytes();
        if value == NULL_CELL {
            let null = target.null.as_ref().ok_or("a boolean cannot be emptied")?;
            json = null.clone().into_bytes();
        } else {
            target
                .converter
                .write(value, &mut json)
                .map_err(|invalid| format!("field `{}`: {invalid}", target.field))?;
            json.extend_from_slice(target.after.as_bytes());
        }
        let json = String::from_utf8(json).expect("JSON of text is text");
        Ok(Self { quoted: quoted.to_owned(), target, json })
    }
}
