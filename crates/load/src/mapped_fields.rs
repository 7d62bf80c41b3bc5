//! Mistakes of a mapping that can be seen without the org: in the fields that it fills.

use std::{collections::HashMap, fmt};

use crate::{
    Columns, InvalidFields, Load, Sdl, is_api_name,
    sdl::Entry,
    spelling::quoted,
    target::{Path, is_same_name},
};

impl Load {
    /// Looks for mistakes in the fields that the load fills, as far as they can be seen without the
    /// org: names that are none, a field that is filled twice, an external id that nothing fills.
    ///
    /// # Errors
    ///
    /// The first one, with its line and its column.
    pub fn check_columns(&self) -> Result<(), InvalidFields> {
        let Columns::Mapped(sdl) = &self.columns else { return Ok(()) };
        self.mistake(sdl).map_or(Ok(()), |(line, problem)| {
            Err(InvalidFields {
                path: sdl.path.clone(),
                is_file: sdl.is_file(),
                line: line.filter(|_| sdl.has_lines()),
                problem,
            })
        })
    }

    fn mistake(&self, sdl: &Sdl) -> Option<(Option<usize>, String)> {
        let mut filled_by: HashMap<String, Vec<Filling<'_>>> = HashMap::new();
        let mut is_key_filled = false;
        for entry in &sdl.entries {
            let by = |problem: String| (Some(entry.line), format!("{}: {problem}", named(entry)));
            for name in entry.targets.iter().filter(|name| self.uses(name)) {
                let path = Path::of(name);
                if let Err(problem) = check_name(name, path.as_ref()) {
                    return Some(by(problem));
                }
                let is_key = self.key.as_ref().is_some_and(|key| is_same_name(key, name));
                if is_key && entry.constant.is_some() {
                    return Some(by(format!(
                        "{} tells records apart, so it needs a column, and no value that all rows share",
                        quoted(name)
                    )));
                }
                is_key_filled |= is_key;
                let filling = Filling { entry, path };
                let others = filled_by.entry(field_of(name, filling.path.as_ref())).or_default();
                if let Some(other) = others.iter().find(|other| !filling.goes_beside(other)) {
                    return Some(by(filling.refused_beside(other, name, sdl)));
                }
                others.push(filling);
            }
        }
        let key = self.key.as_ref().filter(|_| !is_key_filled)?;
        let like = match (sdl.is_file(), sdl.has_lines()) {
            (true, _) => format!("a line like `Number={key}`"),
            (false, true) => format!("one like `Number = \"{key}\"`"),
            (false, false) => format!("one like `\"Number\": \"{key}\"`"),
        };
        let problem = format!(
            "no column fills {}, by which rows find their record; write {like}, or name another \
             external id, which a column fills",
            quoted(key)
        );
        Some((None, problem))
    }

    /// A delete needs to know which record, and nothing else.
    fn uses(&self, name: &str) -> bool {
        !self.operation.deletes() || self.key.as_ref().is_none_or(|key| is_same_name(key, name))
    }
}

/// What fills a field.
struct Filling<'a> {
    entry: &'a Entry,
    path: Option<Path<'a>>,
}

impl Filling<'_> {
    /// A reference to one of several objects may have a column for each of them. Whether it is one,
    /// the org knows.
    fn goes_beside(&self, other: &Self) -> bool {
        match (&self.path, &other.path) {
            (Some(path), Some(others)) => {
                let are_columns = self.entry.constant.is_none() && other.entry.constant.is_none();
                let of_object = |path: &Path<'_>| {
                    path.object.map(|object| {
                        (object.to_ascii_lowercase(), path.field.trim().to_ascii_lowercase())
                    })
                };
                let (own, others) = (of_object(path), of_object(others));
                are_columns && own.is_some() && others.is_some() && own != others
            }
            _ => false,
        }
    }

    fn refused_beside(&self, other: &Self, name: &str, sdl: &Sdl) -> String {
        let field = quoted(name);
        if std::ptr::eq(self.entry, other.entry) {
            return format!("{field} is named twice; name each field once");
        }
        let line = match sdl.has_lines() && self.entry.line != other.entry.line {
            true => format!(" on line {}", other.entry.line),
            false => String::new(),
        };
        let are_paths = self.path.is_some() && other.path.is_some();
        let choice =
            match are_paths && self.entry.constant.is_none() && other.entry.constant.is_none() {
                true => {
                    "; if it may refer to several objects, name the object of each, like \
                 `Lead:Who.Key__c`"
                }
                false => "",
            };
        format!(
            "{field} is filled by {} already{line}; a field has one column or one constant, so take \
             one of them away{choice}",
            named(other.entry)
        )
    }
}

fn named(entry: &Entry) -> impl fmt::Display {
    match &entry.constant {
        Some(value) => format!("constant {}", quoted(value)),
        None => format!("column {}", quoted(&entry.column)),
    }
}

/// The name that a field and the relationship of a reference share, in small letters: `AccountId` and
/// `Account`, `Parent__c` and `Parent__r` are the same field.
fn field_of(name: &str, path: Option<&Path<'_>>) -> String {
    let Some(path) = path else { return name.trim().to_ascii_lowercase() };
    let relationship = path.relationship.trim().to_ascii_lowercase();
    match relationship.strip_suffix("__r") {
        Some(custom) => format!("{custom}__c"),
        None => format!("{relationship}id"),
    }
}

fn check_name(name: &str, path: Option<&Path<'_>>) -> Result<(), String> {
    const LIKE: &str = "like `LastName` or `ErpKey__c`, or a path like `Account.ErpKey__c`";
    let Some(path) = path else {
        return match is_api_name(name.trim()) {
            true => Ok(()),
            false => Err(format!("{} is no API name of a field; write it {LIKE}", quoted(name))),
        };
    };
    if path.field.contains(['.', ':']) {
        return Err(format!(
            "{} goes over two relationships, and a path can go over one; write the external id of \
             the record that the row refers to, like `{}.ErpKey__c`",
            quoted(name),
            ingest_core::shown(path.relationship, 40)
        ));
    }
    let mut parts = [Some(path.relationship), Some(path.field), path.object].into_iter().flatten();
    match parts.all(|part| is_api_name(part.trim())) {
        true => Ok(()),
        false => Err(format!("{} is no path to a field; write it {LIKE}", quoted(name))),
    }
}
