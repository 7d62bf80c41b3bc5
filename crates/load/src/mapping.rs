//! Where it is said which column fills which field: a mapping file, or the columns' names.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Mutex,
};

use ingest_core::Header;

use crate::{
    Describe, Operation,
    columns::{Constant, Constants, LeftOut, MappedColumn},
    plan::{HeaderMismatch, Plan, match_names, place},
    sdl::{Entry, Sdl},
    target::{NULL_CELL, Target, TargetRules},
};

/// How columns find their fields.
#[derive(Debug)]
pub struct Mapping {
    rules: TargetRules,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Columns that are named like fields, but for those that are to be left out.
    Names {
        left_out: LeftOut,
    },
    File {
        path: PathBuf,
        columns: Vec<MappedColumn>,
        constants: Vec<Constant>,
    },
}

impl Mapping {
    /// Columns fill the fields of their name.
    pub fn by_name(rules: TargetRules, left_out: LeftOut) -> Self {
        Self { rules, source: Source::Names { left_out } }
    }

    /// Columns fill the fields that a mapping file names.
    ///
    /// # Errors
    ///
    /// All lines that cannot be followed, each with its number.
    pub fn from_file(sdl: &Sdl, rules: TargetRules) -> Result<Self, Vec<String>> {
        let mut reading = Reading { has_lines: sdl.has_lines(), ..Reading::default() };
        for entry in &sdl.entries {
            reading.entry(entry, &rules);
        }
        let Reading { columns, constants, mut problems, .. } = reading;
        if let Some(key) = &rules.key
            && !columns.iter().flat_map(|column| &column.targets).any(|target| target.is_key)
            && problems.is_empty()
        {
            problems.push(format!(
                "no column fills the field {}, by which rows find their record",
                key.field
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { rules, source: Source::File { path: sdl.path.clone(), columns, constants } })
    }

    /// What the mapping file says of columns; nothing when they are matched by name.
    pub fn columns(&self) -> &[MappedColumn] {
        match &self.source {
            Source::Names { .. } => &[],
            Source::File { columns, .. } => columns,
        }
    }

    /// Values that every row gets.
    pub fn constants(&self) -> &[Constant] {
        match &self.source {
            Source::Names { .. } => &[],
            Source::File { constants, .. } => constants,
        }
    }

    /// Whether columns fill the fields of their names.
    pub fn is_by_name(&self) -> bool {
        matches!(self.source, Source::Names { .. })
    }

    /// What decides whether a field may be filled.
    pub fn rules(&self) -> &TargetRules {
        &self.rules
    }

    /// Fields that a new record needs and that no column fills. When columns are matched by name
    /// this cannot be said without a header.
    pub fn required_but_not_filled(&self) -> Vec<&str> {
        if self.is_by_name() {
            return Vec::new();
        }
        let of_columns = self.columns().iter().flat_map(|column| &column.targets);
        let of_constants = self.constants().iter().map(|constant| &constant.target);
        self.rules.required_without(of_columns.chain(of_constants))
    }

    /// What to do with each column of this header. `parents` are objects that its columns refer
    /// to, as far as more is known than at the start.
    pub fn plan(
        &self,
        header: Header,
        parents: BTreeMap<String, Describe>,
    ) -> Result<Plan, HeaderMismatch> {
        let columns = match &self.source {
            Source::Names { left_out } => {
                let mut rules = self.rules.clone();
                rules.parents.extend(parents);
                match_names(&header, left_out, &rules)?
            }
            Source::File { path, columns, .. } => place(columns, path, &header)?,
        };
        let plan = Plan {
            object: self.rules.describe.name.clone(),
            key: self.rules.key.clone(),
            looked_up_by: self.rules.looked_up_by().cloned(),
            header,
            columns,
            constants: Constants::of(self.constants()),
            empty_is_null: self.rules.values.empty_is_null,
            refuses_blank_rows: self.rules.operation == Operation::Insert,
            columns_of_last_batch: Mutex::default(),
        };
        plan.check()?;
        let required = self.required_without(&plan);
        if self.rules.operation == Operation::Insert && !required.is_empty() {
            let fields = required.into_iter().map(str::to_owned).collect();
            return Err(HeaderMismatch::RequiredMissing { fields });
        }
        Ok(plan)
    }

    /// Fields that a new record needs and that a plan does not fill.
    pub fn required_without(&self, plan: &Plan) -> Vec<&str> {
        let of_constants = self.constants().iter().map(|constant| &constant.target);
        self.rules.required_without(plan.targets().map(|(_, target)| target).chain(of_constants))
    }

    /// Fields that no record goes without and that columns of a plan fill. The field by which rows
    /// find their record is not among them: no row goes without it.
    pub fn required_with(&self, plan: &Plan) -> Vec<RequiredField> {
        let without_value = match self.rules.operation {
            Operation::Insert => Some(Lack::NoValue),
            Operation::Upsert => Some(Lack::NoValueIfNew),
            // The record has one.
            Operation::Update => None,
            Operation::Delete | Operation::HardDelete => return Vec::new(),
        };
        let columns = plan.columns.iter().enumerate();
        let targets = columns
            .flat_map(|(column, targets)| targets.iter().map(move |target| (column, target)));
        let targets: Vec<_> = targets.enumerate().collect();
        let required = self.rules.describe.required().filter_map(|field| {
            let mut filling = targets.iter().filter(|(_, (_, target))| target.fills == field.name);
            let (number, (column, first)) = filling.next()?;
            let mut columns = vec![*column];
            columns.extend(filling.map(|(_, (column, _))| *column));
            let target = *number;
            (!first.is_key).then_some(RequiredField { target, columns, without_value })
        });
        required.collect()
    }
}

/// A field that no record goes without, and what fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredField {
    /// Number of the first [target](Plan::targets) that fills it.
    pub target: usize,
    /// The columns that fill it, from 0. They are several where a reference may lead to several
    /// objects.
    pub columns: Vec<usize>,
    /// What a row lacks whose cells are blank.
    pub(crate) without_value: Option<Lack>,
}

/// What a row lacks in a field that no record goes without: Salesforce rejects it, unless a trigger
/// fills the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It empties the field.
    Emptied,
    /// It brings nothing, and makes a new record.
    NoValue,
    /// It brings nothing, and may make a new record.
    NoValueIfNew,
}

/// What has been read of a mapping file so far.
#[derive(Default)]
struct Reading {
    columns: Vec<MappedColumn>,
    constants: Vec<Constant>,
    /// What fills a field, by its name.
    filled_by: HashMap<String, Vec<Filling>>,
    problems: Vec<String>,
    has_lines: bool,
}

struct Filling {
    target: Target,
    column: String,
    is_constant: bool,
}

impl Reading {
    fn entry(&mut self, entry: &Entry, rules: &TargetRules) {
        let mut targets = Vec::new();
        for name in &entry.targets {
            match self.target(name, entry, rules) {
                Ok(Some(target)) => targets.push(target),
                Ok(None) => (),
                Err(problem) => self.problem(entry, &problem),
            }
        }
        match &entry.constant {
            None if targets.is_empty() => (),
            None => self.columns.push(MappedColumn { column: entry.column.clone(), targets }),
            Some(value) => {
                for target in targets {
                    if value == NULL_CELL && rules.describe.needs(&target.fills) {
                        let field = &target.fills;
                        self.problem(entry, &format!("no record goes without the field {field}"));
                        continue;
                    }
                    match Constant::new(&entry.column, value, target) {
                        Ok(constant) => self.constants.push(constant),
                        Err(problem) => self.problem(entry, &problem),
                    }
                }
            }
        }
    }

    fn problem(&mut self, entry: &Entry, problem: &str) {
        let what = if entry.constant.is_some() { "constant" } else { "column" };
        let name = entry.column.trim_matches('"');
        let line = match self.has_lines {
            true => format!("line {}, ", entry.line),
            false => String::new(),
        };
        self.problems.push(format!("{line}{what} `{name}`: {problem}"));
    }

    /// The field of this name; nothing, when the operation has no use for it.
    fn target(
        &mut self,
        name: &str,
        entry: &Entry,
        rules: &TargetRules,
    ) -> Result<Option<Target>, String> {
        if rules.ignores(name) {
            return Ok(None);
        }
        let target = Target::resolve(name, rules)?;
        let is_constant = entry.constant.is_some();
        let others = self.filled_by.entry(target.fills.clone()).or_default();
        let in_the_way = others
            .iter()
            .find(|other| is_constant || other.is_constant || !target.goes_beside(&other.target));
        if let Some(Filling { column, .. }) = in_the_way {
            return Err(format!("field `{}` is filled by `{column}` already", target.fills));
        }
        let (column, filling) = (entry.column.clone(), target.clone());
        others.push(Filling { target: filling, column, is_constant });
        Ok(Some(target))
    }
}

impl TargetRules {
    /// Whether the operation has no use for a field: a delete needs to know which record, and
    /// nothing else.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.operation.deletes()
            && self.key.as_ref().is_none_or(|key| !key.field.eq_ignore_ascii_case(name))
    }

    /// Fields that a new record cannot do without, less these.
    fn required_without<'a>(&self, filled: impl Iterator<Item = &'a Target> + Clone) -> Vec<&str> {
        if !self.operation.creates() {
            return Vec::new();
        }
        let required = self.describe.required().map(|field| field.name.as_str());
        required.filter(|name| filled.clone().all(|target| target.fills != *name)).collect()
    }
}
