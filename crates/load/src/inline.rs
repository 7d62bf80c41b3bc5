//! A mapping that is written where the load is, without a file of its own: `columns` and `constants`.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{
    DecimalSign, Sdl,
    sdl::{Entry, IN_A_REQUEST, constant},
    spelling::{Names, quoted},
};

/// Which column fills which fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineColumns {
    path: PathBuf,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    line: usize,
    name: String,
    /// One or more.
    fields: Vec<String>,
}

/// What fields get in every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineConstants {
    constants: Vec<FieldConstant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldConstant {
    line: usize,
    field: String,
    value: ConstantValue,
}

/// What a field gets in every row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected text, a number, true, or false")]
pub enum ConstantValue {
    /// Read as a cell with this text is.
    Text(String),
    /// Whether.
    Boolean(bool),
    /// As it is written, with a point before its decimals.
    #[serde(deserialize_with = "number")]
    Number(String),
}

/// `columns` or `constants` of a load name something that cannot be filled; the message says where
/// and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct InvalidInline {
    /// The file of the load; in a request, `columns`.
    pub path: PathBuf,
    /// The line in the file; in a request, the how manyth it is. From 1.
    pub line: Option<usize>,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl InlineColumns {
    /// The columns at `path`, each with its line, its name, and the fields that it fills.
    ///
    /// # Errors
    ///
    /// When a column has no name, is there twice or fills nothing, and when there is none.
    pub fn new(
        path: &Path,
        said: impl IntoIterator<Item = (usize, String, Vec<String>)>,
    ) -> Result<Self, InvalidInline> {
        let refuse = |line, problem| InvalidInline { path: path.to_owned(), line, problem };
        let mut columns: Vec<Column> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        for (line, name, fields) in said {
            let column =
                Column::new(line, &name, fields).map_err(|problem| refuse(Some(line), problem))?;
            if let Some(before) = lines.insert(column.name.clone(), line) {
                let name = quoted(&column.name);
                let problem = format!(
                    "column {name} is mapped on line {before} already; to fill several fields \
                     write a list of them, such as [\"LastName\", \"Alias__c\"]"
                );
                return Err(refuse(Some(line), problem));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            let problem = "no column fills a field; write them like `Email = \"Email\"`";
            return Err(refuse(None, problem.to_owned()));
        }
        Ok(Self { path: path.to_owned(), columns })
    }

    /// The mapping file that says the same.
    pub(crate) fn sdl(
        &self,
        constants: Option<&InlineConstants>,
        decimal: DecimalSign,
    ) -> Result<Sdl, InvalidInline> {
        let of_columns = self.columns.iter().map(|Column { line, name, fields }| Entry {
            line: *line,
            column: name.clone(),
            constant: None,
            targets: fields.clone(),
        });
        let mut entries: Vec<Entry> = of_columns.collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        for FieldConstant { line, field, value } in
            constants.into_iter().flat_map(|it| &it.constants)
        {
            let text = value.as_cell(decimal).map_err(|problem| InvalidInline {
                path: self.path.clone(),
                line: Some(*line),
                problem: format!("constant of {}: {problem}", quoted(field)),
            })?;
            // In a file, one line has all fields of a value.
            if let Some(place) = places.get(&text) {
                entries[*place].targets.push(field.clone());
                continue;
            }
            places.insert(text.clone(), entries.len());
            entries.push(Entry {
                line: *line,
                column: format!("\"{text}\""),
                constant: Some(text),
                targets: vec![field.clone()],
            });
        }
        Ok(Sdl { path: self.path.clone(), entries })
    }
}

impl Column {
    fn new(line: usize, name: &str, fields: Vec<String>) -> Result<Self, String> {
        let name = name.trim();
        if name.is_empty() {
            return Err("there is a column without a name".to_owned());
        }
        if let Some(value) = constant(name)? {
            let value = quoted(&value);
            return Err(format!(
                "{value} in quotes is no column but a value for all rows; write it under \
                 `constants`, like `Type = \"Customer\"`"
            ));
        }
        let fields: Vec<String> = fields.iter().map(|field| field.trim().to_owned()).collect();
        let of_column = |problem: String| format!("column {}: {problem}", quoted(name));
        if fields.iter().all(String::is_empty) {
            let problem = "it fills no field; name one, or take the column away: what `columns` does \
                           not name is not sent";
            return Err(of_column(problem.to_owned()));
        }
        fields.iter().try_for_each(|field| check_field(field)).map_err(of_column)?;
        Ok(Self { line, name: name.to_owned(), fields })
    }
}

fn check_field(field: &str) -> Result<(), String> {
    if field.is_empty() {
        return Err("a field has no name".to_owned());
    }
    if field.contains(',') {
        let field = quoted(field);
        return Err(format!(
            "{field} is no field; write several like [\"LastName\", \"Alias__c\"]"
        ));
    }
    Ok(())
}

impl InlineConstants {
    /// What fields get in every row, each with its line; `path` is where.
    ///
    /// # Errors
    ///
    /// When a field has no name, or a value is empty.
    pub fn new(
        path: &Path,
        said: impl IntoIterator<Item = (usize, String, ConstantValue)>,
    ) -> Result<Self, InvalidInline> {
        let mut constants = Vec::new();
        for (line, field, value) in said {
            let field = field.trim().to_owned();
            let checked = check_field(&field).and_then(|()| value.check());
            checked.map_err(|problem| InvalidInline {
                path: path.to_owned(),
                line: Some(line),
                problem: format!("constant of {}: {problem}", quoted(&field)),
            })?;
            constants.push(FieldConstant { line, field, value });
        }
        Ok(Self { constants })
    }
}

impl ConstantValue {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Text(text) if text.trim().is_empty() => {
                Err("it is empty; leave it out, or write \"#N/A\" to empty the field".to_owned())
            }
            Self::Number(number) if !number.bytes().any(|byte| byte.is_ascii_digit()) => {
                Err(format!("{} is no number that a field can have", quoted(number)))
            }
            _ => Ok(()),
        }
    }

    /// As a cell of the file would have it. The type of the field is not known here, so nothing is
    /// changed: a number with a point would be another one where a comma stands before decimals.
    fn as_cell(&self, decimal: DecimalSign) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Boolean(whether) => Ok(whether.to_string()),
            Self::Number(number) if decimal == DecimalSign::Comma && number.contains('.') => {
                let cell = number.replace('.', ",");
                Err(format!(
                    "decimals stand behind a comma in this load; write it as a cell has it, \
                     \"{cell}\""
                ))
            }
            Self::Number(number) => Ok(number.clone()),
        }
    }
}

fn number<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    serde_json::Number::deserialize(input).map(|number| number.to_string())
}

impl<'de> Deserialize<'de> for InlineColumns {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let pairs: Pairs<Names> = Pairs::deserialize(input)?;
        let pairs = pairs.0.into_iter().map(|(name, fields)| (name, fields.into_vec()));
        let said = pairs.zip(1..).map(|((name, fields), line)| (line, name, fields));
        Self::new(Path::new(IN_A_REQUEST), said).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for InlineConstants {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let pairs: Pairs<ConstantValue> = Pairs::deserialize(input)?;
        let said = pairs.0.into_iter().zip(1..).map(|((field, value), line)| (line, field, value));
        Self::new(Path::new("constants"), said).map_err(D::Error::custom)
    }
}

/// A table in the order in which it is written, with what it says twice.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct InOrder<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Vec<(String, T)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a table of names and what they stand for")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map
                        .next_value()
                        .map_err(|error| A::Error::custom(format!("{}: {error}", quoted(&name))))?;
                    pairs.push((name, value));
                }
                Ok(pairs)
            }
        }

        input.deserialize_map(InOrder(std::marker::PhantomData)).map(Self)
    }
}
