//! What is said of columns: which fields one fills, which ones are left out, and which value all rows
//! get instead of a cell.

use serde::{Deserialize, Serialize};

use crate::{
    target::{NULL_CELL, Target},
    value::Form,
};

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
    /// The same in CSV: its column, and the cell.
    cell: (String, Vec<u8>),
    /// Whether the cell says what the JSON says.
    is_sayable: bool,
}

/// The values that all rows have alike.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Constants {
    /// As JSON that follows other fields.
    pub(crate) json: String,
    /// In CSV: columns, and what their cells are in each record.
    pub(crate) cells: Vec<(String, Vec<u8>)>,
    /// Whether CSV can say all of them.
    pub(crate) are_sayable: bool,
}

impl Constants {
    pub(crate) fn of(constants: &[Constant]) -> Self {
        Self {
            json: constants.iter().map(|constant| constant.json.as_str()).collect(),
            cells: constants.iter().map(|constant| constant.cell.clone()).collect(),
            are_sayable: constants.iter().all(|constant| constant.is_sayable),
        }
    }
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
        let (json, cell, is_sayable) = if value == NULL_CELL {
            let null = target.null.clone().ok_or("a boolean cannot be emptied")?;
            (null.into_bytes(), (target.fills.clone(), NULL_CELL.as_bytes().to_vec()), true)
        } else {
            let (mut json, mut cell) = (target.before.clone().into_bytes(), Vec::new());
            for (form, out) in [(Form::Json, &mut json), (Form::Csv, &mut cell)] {
                let written = target.converter.write(value, form, out);
                written.map_err(|invalid| format!("field `{}`: {invalid}", target.field))?;
            }
            json.extend_from_slice(target.after.as_bytes());
            let is_sayable = !cell.is_empty() && cell != NULL_CELL.as_bytes();
            (json, (target.column.clone(), cell), is_sayable)
        };
        let json = String::from_utf8(json).expect("JSON of text is text");
        Ok(Self { quoted: quoted.to_owned(), target, json, cell, is_sayable })
    }
}
