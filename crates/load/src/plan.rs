//! Which column of a header fills which field.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ingest_core::{Header, RepeatedName, few};

use crate::{
    Sameness,
    columns::{Constants, LeftOut, MappedColumn},
    target::{Key, Target, TargetRules},
    value::{Converter, DecimalSign},
};

/// What to do with each column of one header.
#[derive(Debug)]
pub struct Plan {
    /// As Salesforce spells it.
    pub object: String,
    /// The field by which rows find their record, as Salesforce spells it; an insert has none.
    pub key: Option<Key>,
    /// The same, where records have to be looked up by it before anything is done to them.
    pub looked_up_by: Option<Key>,
    pub(crate) header: Header,
    /// One entry for each column: the fields it fills.
    pub(crate) columns: Vec<Vec<Target>>,
    /// The fields that all rows have alike.
    pub(crate) constants: Constants,
    pub(crate) empty_is_null: bool,
    /// Whether a row without a value is no record: an insert would make one of nothing.
    pub(crate) refuses_blank_rows: bool,
    /// Which columns of CSV the last batch used: mostly the next one uses the same.
    pub(crate) columns_of_last_batch: Mutex<Vec<bool>>,
}

/// Why rows under a header cannot be delivered, whatever is in them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "its messages say it")]
pub enum HeaderMismatch {
    /// The export has changed, or the mapping was made for another file. Names are compared without
    /// blanks around them and without upper and lower case.
    #[error(
        "the file has no column `{column}`, which {} maps; its columns are {columns}", mapping.display()
    )]
    ColumnMissing { column: String, mapping: PathBuf, columns: String },
    /// Two columns have the same name, and the mapping uses it.
    #[error(
        "columns {first} and {second} of the file are both named `{column}`, which {} maps; rename \
         the one that is not meant",
        mapping.display()
    )]
    ColumnRepeated { column: String, mapping: PathBuf, first: usize, second: usize },
    /// Without the key no row could be found again, so nothing is sent.
    #[error(
        "no column fills the field {field}, by which rows find their record; name a column so, or \
         map one to it in the load (MAPPING_FILE)"
    )]
    KeyMissing { field: String },
    /// Two columns lead to one field, such as its name and its label, and the second would
    /// overwrite the first. Leave one out (`MAPPING_LEAVE_OUT`), or map them.
    #[error("columns {first} and {second} both fill the field {field}")]
    FilledTwice { first: NamedColumn, second: NamedColumn, field: String },
    /// Without a mapping each column must fill a field that has its name or label. These do not, or
    /// the user may not write the field.
    #[error(
        "{}; rename these columns, map them in the load (MAPPING_FILE), or name those that are \
         not to be sent in its leave-out (MAPPING_LEAVE_OUT)",
        few(problems, "; ")
    )]
    Columns { problems: Vec<String> },
    /// Salesforce would refuse every new record. Map a column to the field, or give it a constant.
    #[error("no column fills {}, which every new record needs", few(fields, ", "))]
    RequiredMissing { fields: Vec<String> },
}

/// The fields of the columns' names.
pub(crate) fn match_names(
    header: &Header,
    left_out: &LeftOut,
    rules: &TargetRules,
) -> Result<Vec<Vec<Target>>, HeaderMismatch> {
    let mut problems = Vec::new();
    let mut columns = Vec::with_capacity(header.columns().len());
    for (place, column) in header.columns().iter().enumerate() {
        let name = column.trim();
        let mut targets = Vec::new();
        let is_left_out =
            header.is_added_to_ids(place) || rules.ignores(name) || left_out.names(name);
        if !name.is_empty() && !is_left_out {
            match Target::resolve(name, rules) {
                Ok(target) => targets.push(target),
                Err(_) if left_out.all() => (),
                Err(problem) => problems.push(format!("column `{}`: {problem}", shown(column))),
            }
        }
        columns.push(targets);
    }
    if problems.is_empty() { Ok(columns) } else { Err(HeaderMismatch::Columns { problems }) }
}

/// Puts each mapped column where the header has it: see [`Header::find`].
pub(crate) fn place(
    mapped: &[MappedColumn],
    mapping: &std::path::Path,
    header: &Header,
) -> Result<Vec<Vec<Target>>, HeaderMismatch> {
    let mut columns = vec![Vec::new(); header.columns().len()];
    for MappedColumn { column, targets } in mapped {
        let mapping = || mapping.to_owned();
        let place = match header.find(column) {
            Ok(Some(place)) => place,
            Ok(None) => {
                let (column, columns) = (column.clone(), listed(header));
                return Err(HeaderMismatch::ColumnMissing { column, mapping: mapping(), columns });
            }
            Err(RepeatedName { first, second }) => {
                let (column, mapping) = (column.clone(), mapping());
                return Err(HeaderMismatch::ColumnRepeated { column, mapping, first, second });
            }
        };
        columns[place].extend(targets.iter().cloned());
    }
    Ok(columns)
}

impl Plan {
    /// Columns that are not sent.
    pub fn left_out(&self) -> Vec<&str> {
        let names = self.header.columns().iter();
        names
            .zip(&self.columns)
            .filter(|(name, targets)| targets.is_empty() && !name.trim().is_empty())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Whether it writes the same JSON for every row as another plan for the same header.
    pub fn sends_as(&self, other: &Self) -> bool {
        (&self.object, &self.columns, &self.constants, &self.key)
            == (&other.object, &other.columns, &other.constants, &other.key)
    }

    /// Fields that it fills, and another one for the same header does not.
    pub fn filled_beyond(&self, other: &Self) -> Vec<String> {
        let is_lost =
            |target: &&Target| other.targets().all(|(_, kept)| kept.fills != target.fills);
        let lost = self.targets().map(|(_, target)| target).filter(is_lost);
        lost.map(|target| target.field.clone()).collect()
    }

    /// Columns, with each field that they fill.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Target)> + Clone {
        let names = self.header.columns().iter();
        names
            .zip(&self.columns)
            .flat_map(|(name, targets)| targets.iter().map(|target| (name.as_str(), target)))
    }

    /// The targets that hold numbers: number of the target, column from 0, and the sign by which its cells
    /// are read.
    pub fn numbers(&self) -> impl Iterator<Item = (usize, usize, DecimalSign)> {
        self.filled().filter_map(|(number, column, target)| match target.converter {
            Converter::Integer { sign, .. } | Converter::Decimal { sign, .. } => {
                Some((number, column, sign))
            }
            _ => None,
        })
    }

    /// The targets that hold dates: number of the target, and column from 0.
    pub fn dates(&self) -> impl Iterator<Item = (usize, usize)> {
        let filled = self.filled().filter(|(_, _, target)| target.holds_a_date());
        filled.map(|(number, column, _)| (number, column))
    }

    /// All targets: number of the target, column from 0, and the target.
    fn filled(&self) -> impl Iterator<Item = (usize, usize, &Target)> {
        let columns = self.columns.iter().enumerate();
        let targets = columns
            .flat_map(|(column, targets)| targets.iter().map(move |target| (column, target)));
        targets.enumerate().map(|(number, (column, target))| (number, column, target))
    }

    /// The field that tells rows apart in what is sent.
    pub fn sent_key(&self) -> Option<(&str, Sameness)> {
        match &self.looked_up_by {
            Some(_) => Some(("Id", Sameness::OfIds)),
            None => self.key.as_ref().map(|key| (key.field.as_str(), key.sameness)),
        }
    }

    /// When two keys of its rows are the same.
    pub(crate) fn sameness(&self) -> Sameness {
        self.key.as_ref().map_or(Sameness::Exact, |key| key.sameness)
    }

    /// What fills the field by which rows find their record.
    pub(crate) fn key_target(&self) -> Option<&Target> {
        self.targets().map(|(_, target)| target).find(|target| target.is_key)
    }

    pub(crate) fn columns_of_last_batch(&self) -> MutexGuard<'_, Vec<bool>> {
        self.columns_of_last_batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn column(&self, place: usize) -> NamedColumn {
        NamedColumn { place, name: self.header.columns()[place - 1].clone() }
    }

    /// Whether rows under this header can become records.
    pub(crate) fn check(&self) -> Result<(), HeaderMismatch> {
        let mut filled_by: HashMap<&str, Vec<(usize, &Target)>> = HashMap::new();
        let targets = self.columns.iter().zip(1..);
        for (target, place) in
            targets.flat_map(|(targets, place)| targets.iter().map(move |target| (target, place)))
        {
            let others = filled_by.entry(&target.fills).or_default();
            let in_the_way = others.iter().find(|(_, other)| !target.goes_beside(other));
            if let Some((first, _)) = in_the_way {
                return Err(HeaderMismatch::FilledTwice {
                    first: self.column(*first),
                    second: self.column(place),
                    field: target.fills.clone(),
                });
            }
            others.push((place, target));
        }
        match &self.key {
            Some(key) if self.key_target().is_none() => {
                Err(HeaderMismatch::KeyMissing { field: key.field.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// A column in a message: names may be the same.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// From 1.
    place: usize,
    name: String,
}

impl fmt::Display for NamedColumn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} `{}`", self.place, shown(&self.name))
    }
}

/// Names of columns for a message; a file that is no CSV at all has one very long one.
fn listed(header: &Header) -> String {
    few(header.columns().iter().map(|name| format!("`{}`", shown(name))), ", ")
}

pub(crate) fn shown(column: &str) -> String {
    const NAME_CHARACTERS_MAX: usize = 40;
    ingest_core::shown(column, NAME_CHARACTERS_MAX)
}
