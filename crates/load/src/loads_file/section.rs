//! One table of a file of loads: a load, or the defaults of all.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    document::{Document, Key, Placed, in_order, json},
    named_load::NamedLoad,
    problem::{Problem, unknown},
};
use crate::{
    AssignmentRule, InlineColumns, InlineConstants, InvalidFields, InvalidInline, InvalidLoad,
    LoadSettings, sdl,
};

/// What can be said of a load as well as of all.
pub(super) const SHARED: [&str; 15] = [
    "external-id",
    "operation",
    "api",
    "call-rows",
    "assignment-rule",
    "allow-duplicates",
    "leave-out",
    "time-zone",
    "dates",
    "two-digit-years",
    "dates-with-time",
    "decimal",
    "nulls",
    "truncate",
    "ids",
];

/// What is of one load.
pub(super) const OWN: [&str; 6] = ["object", "mapping", "columns", "constants", "files", "after"];

/// Which table.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Defaults,
    /// With its name.
    Load(&'a str),
}

/// A table, as it was read.
#[derive(Default)]
pub(super) struct Section {
    pub(super) settings: LoadSettings,
    pub(super) files: Vec<Placed>,
    pub(super) after: Vec<Placed>,
    /// Where its settings stand.
    lines: HashMap<String, usize>,
}

impl Section {
    pub(super) fn read(
        document: &Document<'_>,
        table: &DeTable<'_>,
        kind: Kind<'_>,
    ) -> Result<Self, Problem> {
        let mut section = Self::default();
        let mut plain = Map::new();
        let (mut mapping, mut columns, mut constants) = (None, None, None);
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            section.lines.insert(name.to_owned(), document.line(key));
            match (kind, name) {
                (Kind::Load(_), "object") => {
                    plain.insert(name.to_owned(), plain_setting(document, key, value)?);
                }
                (_, shared) if SHARED.contains(&shared) => {
                    plain.insert(name.to_owned(), plain_setting(document, key, value)?);
                }
                (Kind::Load(_), "mapping") => mapping = Some(mapping_path(document, key, value)?),
                (Kind::Load(load), "columns") => {
                    columns = Some(read_columns(document, load, key, value)?);
                }
                (Kind::Load(load), "constants") => {
                    constants = Some(read_constants(document, load, key, value)?);
                }
                (Kind::Load(_), "files") => section.files = document.texts(key, value)?,
                (Kind::Load(_), "after") => section.after = document.texts(key, value)?,
                (kind, other) => return Err(document.at(key, kind.refuses(other))),
            }
        }
        let settings: LoadSettings =
            serde_json::from_value(plain.into()).expect("each setting was read alone");
        section.settings = LoadSettings { mapping, columns, constants, ..settings };
        Ok(section)
    }

    /// The load that begins in this line.
    pub(super) fn named(
        self,
        line: usize,
        name: &str,
        defaults: &LoadSettings,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<NamedLoad, Problem> {
        let texts = |placed: Vec<Placed>| placed.into_iter().map(|it| it.text).collect();
        let settings = self.settings.over(defaults.clone());
        let load = settings.load(read).map_err(|invalid| {
            let (key, problem) = said_of(&invalid, &settings, name);
            let line = match &invalid {
                InvalidLoad::Inline(InvalidInline { line: Some(line), .. })
                | InvalidLoad::Fields(InvalidFields { is_file: false, line: Some(line), .. }) => {
                    *line
                }
                _ => self.lines.get(key).copied().unwrap_or(line),
            };
            Problem { line: Some(line), problem }
        })?;
        let (files, after) = (texts(self.files), texts(self.after));
        Ok(NamedLoad { name: name.to_owned(), settings, load, files, after })
    }
}

impl Kind<'_> {
    fn refuses(self, key: &str) -> String {
        match self {
            Self::Load(_) => unknown(key, &[&OWN[..], &SHARED].concat()),
            Self::Defaults if OWN.contains(&key) => {
                format!("`{key}` is of one load alone; write it below `[loads.NAME]`")
            }
            Self::Defaults => unknown(key, &SHARED),
        }
    }
}

/// A setting that [`LoadSettings`] reads as it is.
fn plain_setting(
    document: &Document<'_>,
    key: &Key<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Value, Problem> {
    let name = key.get_ref();
    let value = json(value.get_ref());
    let alone = Map::from_iter([(name.to_string(), value.clone())]);
    match serde_json::from_value::<LoadSettings>(alone.into()) {
        Ok(_) => Ok(value),
        Err(error) => Err(document.at(key, format!("{name}: {error}"))),
    }
}

/// The path of a mapping file as it can be opened: it is named from the folder of the file of loads.
fn mapping_path(
    document: &Document<'_>,
    key: &Key<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<PathBuf, Problem> {
    let named = value.get_ref().as_str().filter(|name| !name.trim().is_empty());
    let named = named.ok_or_else(|| {
        let problem = "mapping: it has to be the name of a file, like \"mappings/contacts.sdl\"";
        document.at(key, problem.to_owned())
    })?;
    Ok(document.path.parent().map_or_else(|| PathBuf::from(named), |folder| folder.join(named)))
}

fn read_columns(
    document: &Document<'_>,
    load: &str,
    key: &Key<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<InlineColumns, Problem> {
    let mut said = Vec::new();
    for (column, fields) in in_order(document.table_of(key, value)?) {
        let fields = document.texts(column, fields)?.into_iter().map(|field| field.text).collect();
        said.push((document.line(column), column.get_ref().to_string(), fields));
    }
    let columns = InlineColumns::new(&place(document, load), said);
    columns.map_err(|invalid| of_inline(&invalid, document.line(key)))
}

fn read_constants(
    document: &Document<'_>,
    load: &str,
    key: &Key<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<InlineConstants, Problem> {
    let mut said = Vec::new();
    for (field, value) in in_order(document.table_of(key, value)?) {
        let constant = document.constant(field, value)?;
        said.push((document.line(field), field.get_ref().to_string(), constant));
    }
    let constants = InlineConstants::new(&place(document, load), said);
    constants.map_err(|invalid| of_inline(&invalid, document.line(key)))
}

/// Where the columns of a load are, in a message. The folder is of this machine, and no part of a load.
fn place(document: &Document<'_>, load: &str) -> PathBuf {
    let file = document.path.file_name().unwrap_or(document.path.as_os_str());
    sdl::place_of_columns(&file.display().to_string(), load)
}

fn of_inline(invalid: &InvalidInline, line: usize) -> Problem {
    Problem { line: Some(invalid.line.unwrap_or(line)), problem: invalid.problem.clone() }
}

/// What is wrong with the settings of a load, in the words of the file, and the setting in whose line.
fn said_of(invalid: &InvalidLoad, settings: &LoadSettings, name: &str) -> (&'static str, String) {
    match invalid {
        InvalidLoad::NoObject => {
            ("object", format!("load `{name}` has no object; write one, like `object = \"Lead\"`"))
        }
        InvalidLoad::NoExternalId => (
            "operation",
            format!(
                "load `{name}` is an upsert without an external id; write the field by which rows \
                 find their record, like `external-id = \"ErpKey__c\"`, or another `operation`"
            ),
        ),
        InvalidLoad::NotByBulk { .. } => {
            let what = match settings.assignment_rule {
                Some(AssignmentRule::Active) => {
                    "`assignment-rule = true` (name the rule's id instead)"
                }
                _ => "`allow-duplicates`",
            };
            let instead = "write `api = \"collections\"` or `\"auto\"`";
            ("api", format!("Bulk API cannot do {what} as Collections does; {instead}"))
        }
        InvalidLoad::ByBulkOnly => (
            "api",
            "Collections cannot hard-delete, it puts records into the recycle bin; write `api = \
             \"bulk\"`"
                .to_owned(),
        ),
        InvalidLoad::ColumnsAndLeftOut => ("leave-out", invalid.to_string()),
        InvalidLoad::ColumnsAndMapping => (
            "columns",
            "`columns` and `mapping` say both which column fills which field; leave one of them out"
                .to_owned(),
        ),
        InvalidLoad::ConstantsWithoutColumns => ("constants", invalid.to_string()),
        InvalidLoad::UnreadableMapping { .. } | InvalidLoad::Mapping(_) => {
            ("mapping", invalid.to_string())
        }
        InvalidLoad::Fields(InvalidFields { is_file: false, problem, .. }) => {
            ("columns", format!("load `{name}`: {problem}"))
        }
        InvalidLoad::Fields(of_file) => ("mapping", format!("load `{name}`: {of_file}")),
        InvalidLoad::Inline(invalid) => ("constants", invalid.problem.clone()),
    }
}
