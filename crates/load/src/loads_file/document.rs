//! The TOML of a file of loads, with the lines in which things stand.

use std::path::Path;

use serde_json::{Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Problem;
use crate::{ConstantValue, spelling::quoted};

/// A larger file is no file of loads: a load of a hundred columns takes some five kilobytes.
const BYTES_MAX: usize = 1 << 20;

/// A file of loads.
pub(super) struct Document<'a> {
    pub(super) path: &'a Path,
    text: &'a str,
    /// Where its lines end.
    line_ends: Vec<usize>,
}

/// A piece of text, and its line.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) line: usize,
    pub(super) text: String,
}

impl<'a> Document<'a> {
    /// The text of the file at `path`.
    pub(super) fn new(path: &'a Path, text: &'a str) -> Result<Self, Problem> {
        if text.len() > BYTES_MAX {
            let problem = "it is larger than 1 MiB; is it a file of loads?".to_owned();
            return Err(Problem { line: None, problem });
        }
        let text = text.trim_start_matches('\u{feff}');
        let line_ends = text.match_indices('\n').map(|(end, _)| end).collect();
        Ok(Self { path, text, line_ends })
    }

    pub(super) fn table(&self) -> Result<DeTable<'a>, Problem> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|error| Problem {
            line: error.span().map(|span| self.line_at(span.start)),
            problem: format!("it is no TOML: {}", error.message()),
        })
    }

    /// The line in which something stands, from 1.
    pub(super) fn line<T>(&self, it: &Spanned<T>) -> usize {
        self.line_at(it.span().start)
    }

    fn line_at(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }

    pub(super) fn at<T>(&self, it: &Spanned<T>, problem: String) -> Problem {
        Problem { line: Some(self.line(it)), problem }
    }

    /// The table that a key has.
    pub(super) fn table_of<'t>(
        &self,
        key: &Key<'a>,
        value: &'t Spanned<DeValue<'a>>,
    ) -> Result<&'t DeTable<'a>, Problem> {
        value.get_ref().as_table().ok_or_else(|| {
            let key = quoted(key.get_ref());
            let found = value.get_ref().type_str();
            self.at(value, format!("{key} has to be a table, and not of type {found}"))
        })
    }

    /// One text, or several in a list.
    pub(super) fn texts(
        &self,
        key: &Key<'a>,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<Vec<Placed>, Problem> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.placed(key, item)).collect(),
            _ => Ok(vec![self.placed(key, value)?]),
        }
    }

    fn placed(&self, key: &Key<'a>, value: &Spanned<DeValue<'a>>) -> Result<Placed, Problem> {
        let line = self.line(value);
        match value.get_ref().as_str() {
            Some(text) => Ok(Placed { line, text: text.to_owned() }),
            None => {
                let key = quoted(key.get_ref());
                let found = value.get_ref().type_str();
                let problem =
                    format!("{key} has to be text, or a list of texts, and not of type {found}");
                Err(Problem { line: Some(line), problem })
            }
        }
    }

    /// What every row gets.
    pub(super) fn constant(
        &self,
        key: &Key<'a>,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<ConstantValue, Problem> {
        match value.get_ref() {
            DeValue::String(text) => Ok(ConstantValue::Text(text.to_string())),
            DeValue::Boolean(whether) => Ok(ConstantValue::Boolean(*whether)),
            DeValue::Integer(number) if number.radix() == 10 => Ok(number_of(number.as_str())),
            DeValue::Float(number) => Ok(number_of(number.as_str())),
            other => {
                let key = quoted(key.get_ref());
                let found = other.type_str();
                Err(self.at(
                    value,
                    format!(
                        "constant of {key}: it has to be text, a number, true or false, and not \
                         of type {found}; write it in quotes, as a cell has it"
                    ),
                ))
            }
        }
    }
}

/// As it is written: a telephone number may begin with `+`.
fn number_of(written: &str) -> ConstantValue {
    ConstantValue::Number(written.to_owned())
}

/// A key of a table.
pub(super) type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

/// What a table says, in the order of the file.
pub(super) fn in_order<'t, 'a>(
    table: &'t DeTable<'a>,
) -> Vec<(&'t Key<'a>, &'t Spanned<DeValue<'a>>)> {
    let mut said: Vec<_> = table.iter().collect();
    said.sort_by_key(|(key, _)| key.span().start);
    said
}

/// The same value in JSON. A number that JSON does not have becomes text, which no setting of numbers
/// takes.
pub(super) fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::from(number.to_string()), Value::from),
        DeValue::Float(number) => {
            let finite = number.as_str().parse().ok().and_then(Number::from_f64);
            finite.map_or_else(|| Value::from(number.as_str()), Value::from)
        }
        DeValue::Boolean(whether) => Value::from(*whether),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let pairs = table.iter();
            pairs.map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}
