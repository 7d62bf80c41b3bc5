//! Mapping files of Data Loader: `CsvColumn=Field__c`, one line each.
//!
//! They are Java properties files: see [`Property`].

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use ingest_core::shown;
use serde::{Deserialize, Serialize};

use crate::{Describe, properties::Property, target::Target};

/// Characters of what is said of a line, at most: it quotes the line.
const PROBLEM_CHARACTERS_MAX: usize = 300;

/// A mapping file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sdl {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

/// One column, or one constant, with the fields it fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Where it is in the file, from 1.
    pub(crate) line: usize,
    /// The column; for a constant, the constant in its quotes.
    pub(crate) column: String,
    /// What every row gets instead of a cell.
    pub(crate) constant: Option<String>,
    /// Empty when the file says that the column is not sent.
    pub(crate) targets: Vec<String>,
}

/// Why a mapping file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdlError {
    /// The line is not as Data Loader writes it.
    #[error("mapping file {}, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is empty, or has lines without a field only: then no column would be sent.
    #[error("mapping file {}: it maps no column; write lines like `Email=Email`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Sdl {
    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Objects that rows of this one refer to by an external id.
    pub fn parents(&self, describe: &Describe) -> BTreeSet<String> {
        let names = self.entries.iter().flat_map(|entry| &entry.targets);
        names.filter_map(|name| Target::parent_of(name, describe)).collect()
    }

    /// Columns, and constants in their quotes, with the names of the fields that they fill.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries.iter().map(|entry| (entry.column.as_str(), entry.targets.as_slice()))
    }

    /// Its columns as a load has them that has no file: names, with the fields that they fill.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &[String])> {
        let columns = self.entries.iter().filter(|entry| entry.constant.is_none());
        columns.map(|entry| (entry.column.as_str(), entry.targets.as_slice()))
    }

    /// And its constants: fields, with what they get in every row.
    pub fn constants(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().flat_map(|entry| {
            let value = entry.constant.as_deref();
            entry.targets.iter().filter_map(move |field| Some((field.as_str(), value?)))
        })
    }

    /// Whether it is a mapping file, and not `columns` of a load.
    pub(crate) fn is_file(&self) -> bool {
        !is_place_of_columns(&self.path)
    }

    /// Whether its entries stand in lines: those of a request do not.
    pub(crate) fn has_lines(&self) -> bool {
        self.path != Path::new(IN_A_REQUEST)
    }

    /// What messages call it: the mapping file, or where its columns are.
    pub(crate) fn called(&self) -> String {
        let file = if self.is_file() { "mapping file " } else { "" };
        format!("{file}{}", self.path.display())
    }

    /// The same, without the folder of the file.
    pub(crate) fn named_without_folder(self) -> Self {
        let path = self.path.file_name().map(PathBuf::from).unwrap_or(self.path);
        Self { path, ..self }
    }

    /// Reads the text of the mapping file at `path`.
    ///
    /// # Errors
    ///
    /// When a line of it cannot be understood.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SdlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines_of_columns: HashMap<String, usize> = HashMap::new();
        for property in Property::read(text, LIKE) {
            let refuse = |line: usize, problem: String| SdlError::Line {
                path: path.to_owned(),
                line,
                problem: shown(&problem, PROBLEM_CHARACTERS_MAX),
            };
            let property = property.map_err(|invalid| refuse(invalid.line, invalid.problem))?;
            let line = property.line;
            let refuse = |problem| refuse(line, problem);
            let entry = entry(property).map_err(refuse)?;
            if let Some(before) = lines_of_columns.insert(entry.column.clone(), line) {
                let column = &entry.column;
                return Err(refuse(format!(
                    "column `{column}` is mapped on line {before} already; to fill several \
                     fields write `{column}=First, Second`"
                )));
            }
            entries.push(entry);
        }
        if entries.iter().all(|entry| entry.targets.is_empty()) {
            return Err(SdlError::Empty { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), entries })
    }
}

/// Where `columns` of a request are, which have no file.
pub(crate) const IN_A_REQUEST: &str = "columns";

/// Where the `columns` of a load are in a file of loads, in a message.
pub(crate) fn place_of_columns(file: &str, load: &str) -> PathBuf {
    format!("{file} [loads.{load}]").into()
}

/// Whether a mapping has no file of its own: its path is one of the two above.
pub(crate) fn is_place_of_columns(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text == IN_A_REQUEST || (text.contains(" [loads.") && text.ends_with(']'))
}

const LIKE: &str = "CsvColumn=Field__c";

fn entry(Property { line, name: column, value }: Property) -> Result<Entry, String> {
    if column.is_empty() {
        return Err("there is no column name before `=`".to_owned());
    }
    let constant = constant(&column)?;
    let targets: Vec<String> = value.split(',').map(|target| target.trim().to_owned()).collect();
    match targets.as_slice() {
        [only] if only.is_empty() => Ok(Entry { line, column, constant, targets: Vec::new() }),
        several if several.iter().any(String::is_empty) => {
            Err(format!("column `{column}`: there is nothing beside a comma"))
        }
        _ => Ok(Entry { line, column, constant, targets }),
    }
}

/// What stands in quotes is no column but a value for all rows.
pub(crate) fn constant(column: &str) -> Result<Option<String>, String> {
    let quoted = column.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(blank) if blank.trim().is_empty() => {
            Err("there is nothing between the quotes of a constant".to_owned())
        }
        quoted => Ok(quoted.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Sdl, SdlError> {
        Sdl::parse(Path::new("lead.sdl"), text)
    }

    /// Entries as `line column -> target + target`.
    fn read(text: &str) -> Vec<String> {
        let sdl = parse(text).unwrap();
        sdl.entries
            .iter()
            .map(|entry| {
                format!("{} {} -> {}", entry.line, entry.column, entry.targets.join(" + "))
            })
            .collect()
    }

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_line_maps_a_column_to_a_field() {
        let text = "#Mapping values\n#Mon Nov 23 2026\n\n  Email = Email \r\n! note\nName=LastName";

        assert_eq!(read(text), ["4 Email -> Email", "6 Name -> LastName"]);
    }

    #[test]
    fn escapes_are_those_of_java_properties() {
        assert_eq!(read(r"Company\ Name=Company"), ["1 Company Name -> Company"]);
        assert_eq!(read(r"a\=b\:c=Field__c"), ["1 a=b:c -> Field__c"]);
        assert_eq!(read(r"Stra\u00dfe=Street"), ["1 Straße -> Street"]);
        assert_eq!(read(r"KONTOF\u00DCHRER-NR.=Short__c"), ["1 KONTOFÜHRER-NR. -> Short__c"]);
        assert_eq!(read(r"Mood \uD83D\uDE00=Mood__c"), ["1 Mood \u{1f600} -> Mood__c"]);
        assert_eq!(read(r"C\:\\Path=Path__c"), [r"1 C:\Path -> Path__c"]);
        assert_eq!(read("Long \\\n   Name=\\\n  Field__c"), ["1 Long Name -> Field__c"]);
        assert_eq!(read(r"Parent=Account\:ErpKey__c"), ["1 Parent -> Account:ErpKey__c"]);
    }

    #[test]
    fn blanks_and_colons_in_a_column_name_need_no_escape() {
        assert_eq!(read("Company Name: short=Company"), ["1 Company Name: short -> Company"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_column() {
        assert_eq!(read("\u{feff}Email=Email"), ["1 Email -> Email"]);
    }

    #[test]
    fn a_blank_target_means_that_the_column_is_not_sent() {
        assert_eq!(read("Note=\nEmail=Email"), ["1 Note -> ", "2 Email -> Email"]);
    }

    #[test]
    fn one_column_may_fill_several_fields() {
        assert_eq!(read("Name=LastName, Nick__c"), ["1 Name -> LastName + Nick__c"]);
    }

    #[test]
    fn a_value_in_quotes_is_a_constant() {
        let sdl = parse("\"Web shop\"=LeadSource\nNick \"Q\"=Nick__c").unwrap();

        let constants: Vec<_> = sdl.entries.iter().map(|entry| entry.constant.as_deref()).collect();
        assert_eq!(constants, [Some("Web shop"), None]);
    }

    #[test]
    fn columns_and_constants_are_told_apart_for_a_load_without_a_file() {
        let sdl = parse("Name=LastName, Nick__c\n\"Web\"=LeadSource,Origin__c\nNote=").unwrap();

        let columns: Vec<_> = sdl.columns().map(|(name, to)| (name, to.join("+"))).collect();
        let constants: Vec<_> = sdl.constants().collect();

        let expected = [("Name", "LastName+Nick__c".to_owned()), ("Note", String::new())];
        assert_eq!(columns, expected);
        assert_eq!(constants, [("LeadSource", "Web"), ("Origin__c", "Web")]);
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_named() {
        for (text, expected) in [
            ("Email=Email\n\nName", "mapping file lead.sdl, line 3: there is no `=`"),
            ("=Email", "mapping file lead.sdl, line 1: there is no column name before `=`"),
            ("A=B\nA=C", "line 2: column `A` is mapped on line 1 already"),
            ("\" \"=LeadSource", "line 1: there is nothing between the quotes of a constant"),
            ("Name=A,,B", "line 1: column `Name`: there is nothing beside a comma"),
            (r"Stra\u00=Street", r"line 1: `\u00` is no character"),
            (r"Mood\u+123=Street", r"line 1: `\u+123` is no character"),
            (r"Mood\uD83D=Street", r"line 1: `\uD83D` is half a character"),
            (r"Mood\uD83Dx=Street", r"line 1: `\uD83D` is half a character"),
            (r"Mood\uD83D\u0041=Street", r"line 1: `\uD83D` is half a character"),
            (r"Mood\uDE00=Street", r"line 1: `\uDE00` is half a character"),
            ("A\u{1b}=B\nA\u{1b}=C", r"line 2: column `A\u001b` is mapped on line 1 already"),
            ("# nothing\n\n", "mapping file lead.sdl: it maps no column"),
            ("Note=\n", "mapping file lead.sdl: it maps no column"),
        ] {
            let message = refusal(text);
            assert!(message.contains(expected), "{text:?} gave {message:?}");
        }
    }
}
