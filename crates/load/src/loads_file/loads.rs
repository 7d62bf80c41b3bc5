//! The loads that there are.

use std::{io, path::Path};

use super::{
    document::{Document, in_order},
    named_load::NamedLoad,
    no_load::NoLoad,
    order,
    patterns::{self, Patterns},
    problem::{InvalidLoads, Problem, unknown},
    section::{Kind, Section},
};
use crate::{InvalidLoad, LoadSettings, spelling::quoted};

/// The name of the load that the environment says. In a file no load has it.
pub const DEFAULT_LOAD: &str = "default";

/// Loads of a file, at most.
const LOADS_MAX: usize = 1_000;

/// Characters of the name of a load, at most.
const NAME_CHARACTERS_MAX: usize = 64;

/// The loads that there are, in the order of their file; `default` is the last one.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    loads: Vec<NamedLoad>,
    patterns: Patterns,
}

impl Loads {
    /// Reads the text of the file at `path`. Mapping files, which `read` reads, are named from the
    /// file's folder.
    ///
    /// # Errors
    ///
    /// The first mistake that it has.
    pub fn parse(
        path: &Path,
        text: &str,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, InvalidLoads> {
        Self::read_from(path, text, read).map_err(|problem| problem.of(path))
    }

    fn read_from(
        path: &Path,
        text: &str,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, Problem> {
        let document = &Document::new(path, text)?;
        let root = document.table()?;
        let [mut defaults, mut loads] = [None, None];
        for (key, value) in in_order(&root) {
            match key.get_ref().as_ref() {
                "defaults" => defaults = Some(document.table_of(key, value)?),
                "loads" => loads = Some(document.table_of(key, value)?),
                other => return Err(document.at(key, unknown(other, &["defaults", "loads"]))),
            }
        }
        let defaults = match defaults {
            None => LoadSettings::default(),
            Some(table) => Section::read(document, table, Kind::Defaults)?.settings,
        };

        let mut named: Vec<NamedLoad> = Vec::new();
        let mut patterns = patterns::Reading::default();
        let mut after = order::Reading::default();
        for (key, value) in loads.into_iter().flat_map(in_order) {
            let name = key.get_ref().as_ref();
            check_name(name).map_err(|problem| document.at(key, problem))?;
            if named.len() == LOADS_MAX {
                let problem = format!("there are more than {LOADS_MAX} loads");
                return Err(document.at(key, problem));
            }
            let table = document.table_of(key, value)?;
            let section = Section::read(document, table, Kind::Load(name))?;
            patterns.add(name, named.len(), &section.files)?;
            after.add(name, &section.after);
            named.push(section.named(document.line(key), name, &defaults, read)?);
        }
        after.check()?;
        Ok(Self { loads: named, patterns: patterns.read()? })
    }

    /// With the load `default` of the environment, when that names an object. Nothing of the
    /// environment is mixed into the loads of the file.
    ///
    /// # Errors
    ///
    /// When what the environment says makes no load.
    pub fn with_default(
        mut self,
        environment: &LoadSettings,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, InvalidLoad> {
        self.loads.retain(|load| load.name != DEFAULT_LOAD);
        if environment.object.is_some() {
            self.loads.push(NamedLoad {
                name: DEFAULT_LOAD.to_owned(),
                settings: environment.clone(),
                load: environment.load(read)?,
                files: Vec::new(),
                after: Vec::new(),
            });
        }
        Ok(self)
    }

    /// All of them, in the order of their file.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLoad> {
        self.loads.iter()
    }

    /// The load of this name.
    ///
    /// # Errors
    ///
    /// When there is none; the names that there are are in the error.
    pub fn named(&self, name: &str) -> Result<&NamedLoad, NoLoad> {
        self.find(name).ok_or_else(|| NoLoad::Unknown {
            name: name.to_owned(),
            known: self.iter().map(|load| load.name.clone()).collect(),
        })
    }

    /// The load whose pattern fits the name of a blob, or else `default`, if there is one.
    ///
    /// # Errors
    ///
    /// When the patterns of several loads fit.
    pub fn of_file(&self, file: &str) -> Result<Option<&NamedLoad>, NoLoad> {
        match self.patterns.that_fit(file).as_slice() {
            [] => Ok(self.find(DEFAULT_LOAD)),
            [only] => Ok(Some(&self.loads[*only])),
            several => Err(NoLoad::Several {
                file: file.to_owned(),
                loads: several.iter().map(|at| self.loads[*at].name.clone()).collect(),
            }),
        }
    }

    fn find(&self, name: &str) -> Option<&NamedLoad> {
        self.iter().find(|load| load.name == name)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    if name == DEFAULT_LOAD {
        return Err("`default` is the load that the environment says (SALESFORCE_OBJECT …); give \
                    this one another name"
            .to_owned());
    }
    if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.bytes().all(is_plain) {
        return Err(format!(
            "{} is no name of a load; write {NAME_CHARACTERS_MAX} small letters, digits, `-` and \
             `_` at most, like `accounts-2026`",
            quoted(name)
        ));
    }
    Ok(())
}
