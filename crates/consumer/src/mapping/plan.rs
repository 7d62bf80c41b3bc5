//! Which column of a header fills which field.

use std::{collections::HashMap, path::PathBuf};

use ingest_core::Header;

use super::{
    Sdl,
    target::{Target, TargetRules},
};

/// How columns find their fields.
#[derive(Debug)]
pub(crate) struct Mapping {
    rules: TargetRules,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Columns that are named like fields; the others are not sent.
    Names,
    File {
        path: PathBuf,
        columns: Vec<MappedColumn>,
    },
}

/// One line of a mapping file.
#[derive(Debug)]
pub(crate) struct MappedColumn {
    pub(crate) column: String,
    pub(crate) targets: Vec<Target>,
}

/// What to do with each column of one header.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) object: String,
    pub(super) header: Header,
    /// One entry for each column: the fields it fills.
    pub(super) columns: Vec<Vec<Target>>,
    pub(super) key_case_sensitive: bool,
}

/// Why rows under a header cannot be delivered, whatever is in them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderMisfit {
    #[error(
        "the file has no column `{column}`, which {} maps; its columns are {columns}", mapping.display()
    )]
    ColumnMissing { column: String, mapping: PathBuf, columns: String },
    #[error(
        "no column fills the external id field {field}; name a column so, or map one to it with \
         MAPPING_FILE"
    )]
    KeyMissing { field: String },
    #[error("columns `{first}` and `{second}` both fill the field {field}")]
    FilledTwice { first: String, second: String, field: String },
    #[error(
        "no column is named like a field of {object}; map the columns with MAPPING_FILE. The \
         columns are {columns}"
    )]
    NothingFits { object: String, columns: String },
}

impl Mapping {
    /// Columns fill the fields of their name.
    pub(crate) fn by_name(rules: TargetRules) -> Self {
        Self { rules, source: Source::Names }
    }

    /// Columns fill the fields that a mapping file names.
    ///
    /// # Errors
    ///
    /// All lines that cannot be followed, each with its number.
    pub(crate) fn from_file(sdl: &Sdl, rules: TargetRules) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut columns = Vec::new();
        let mut filled_by: HashMap<String, String> = HashMap::new();
        for entry in &sdl.entries {
            let mut targets = Vec::new();
            for name in &entry.targets {
                let checked = Target::resolve(name, &rules).and_then(|target| {
                    match filled_by.insert(target.field.clone(), entry.column.clone()) {
                        None => Ok(target),
                        Some(other) => {
                            Err(format!("field `{}` is filled by `{other}` already", target.field))
                        }
                    }
                });
                match checked {
                    Ok(target) => targets.push(target),
                    Err(problem) => problems.push(format!("line {}: {problem}", entry.line)),
                }
            }
            columns.push(MappedColumn { column: entry.column.clone(), targets });
        }
        if let Some(key) = &rules.key
            && !columns.iter().flat_map(|column| &column.targets).any(|target| target.is_key)
            && problems.is_empty()
        {
            problems.push(format!("no column fills the external id field {}", key.field));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        columns.retain(|column| !column.targets.is_empty());
        Ok(Self { rules, source: Source::File { path: sdl.path.clone(), columns } })
    }

    /// What the mapping file says; nothing when columns are matched by name.
    pub(crate) fn columns(&self) -> &[MappedColumn] {
        match &self.source {
            Source::Names => &[],
            Source::File { columns, .. } => columns,
        }
    }

    pub(crate) fn rules(&self) -> &TargetRules {
        &self.rules
    }

    /// Fields that a new record needs and that no column fills. When columns are matched by name
    /// this cannot be said without a header.
    pub(crate) fn required_but_not_filled(&self) -> Vec<&str> {
        let filled = |name: &str| {
            self.columns().iter().flat_map(|column| &column.targets).any(|target| {
                target.field == name
                    || target
                        .null
                        .as_deref()
                        .is_some_and(|null| null == format!(",\"{name}\":null"))
            })
        };
        match &self.source {
            Source::Names => Vec::new(),
            Source::File { .. } => self
                .rules
                .describe
                .required()
                .map(|field| field.name.as_str())
                .filter(|name| !filled(name))
                .collect(),
        }
    }

    /// What to do with each column of this header.
    pub(crate) fn plan(&self, header: Header) -> Result<Plan, HeaderMisfit> {
        let columns = match &self.source {
            Source::Names => self.match_names(&header),
            Source::File { path, columns } => place(columns, path, &header)?,
        };
        let plan = Plan {
            object: self.rules.describe.name.clone(),
            header,
            columns,
            key_case_sensitive: self.rules.key.as_ref().is_some_and(|key| key.case_sensitive),
        };
        plan.check_fields_are_filled_once()?;
        match &self.rules.key {
            Some(key) if !plan.targets().any(|(_, target)| target.is_key) => {
                Err(HeaderMisfit::KeyMissing { field: key.field.clone() })
            }
            None if plan.targets().next().is_none() => Err(HeaderMisfit::NothingFits {
                object: plan.object.clone(),
                columns: listed(&plan.header),
            }),
            _ => Ok(plan),
        }
    }

    fn match_names(&self, header: &Header) -> Vec<Vec<Target>> {
        header
            .columns()
            .iter()
            .map(|column| Target::resolve(column.trim(), &self.rules).into_iter().collect())
            .collect()
    }
}

/// Puts each mapped column where the header has it: by its exact name, else whatever its case.
fn place(
    mapped: &[MappedColumn],
    mapping: &std::path::Path,
    header: &Header,
) -> Result<Vec<Vec<Target>>, HeaderMisfit> {
    let names = header.columns();
    let mut columns = vec![Vec::new(); names.len()];
    for MappedColumn { column, targets } in mapped {
        let place = names
            .iter()
            .position(|name| name == column)
            .or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(column)))
            .ok_or_else(|| HeaderMisfit::ColumnMissing {
                column: column.clone(),
                mapping: mapping.to_owned(),
                columns: listed(header),
            })?;
        columns[place].extend(targets.iter().cloned());
    }
    Ok(columns)
}

impl Plan {
    /// Columns that are not sent.
    pub(crate) fn left_out(&self) -> Vec<&str> {
        let names = self.header.columns().iter();
        names
            .zip(&self.columns)
            .filter(|(_, targets)| targets.is_empty())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        let names = self.header.columns().iter();
        names
            .zip(&self.columns)
            .flat_map(|(name, targets)| targets.iter().map(|target| (name.as_str(), target)))
    }

    fn check_fields_are_filled_once(&self) -> Result<(), HeaderMisfit> {
        let mut filled_by = HashMap::new();
        for (column, target) in self.targets() {
            if let Some(first) = filled_by.insert(target.field.as_str(), column) {
                return Err(HeaderMisfit::FilledTwice {
                    first: first.to_owned(),
                    second: column.to_owned(),
                    field: target.field.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Names of columns for a message; a file that is no CSV at all has one very long one.
fn listed(header: &Header) -> String {
    const COLUMNS_SHOWN_MAX: usize = 20;
    const NAME_CHARACTERS_MAX: usize = 40;
    let names = header.columns();
    let mut shown: Vec<String> = names
        .iter()
        .take(COLUMNS_SHOWN_MAX)
        .map(|name| format!("`{}`", name.chars().take(NAME_CHARACTERS_MAX).collect::<String>()))
        .collect();
    if names.len() > COLUMNS_SHOWN_MAX {
        shown.push(format!("and {} more", names.len() - COLUMNS_SHOWN_MAX));
    }
    shown.join(", ")
}
