//! Settings as files and requests spell them: what is read, and what is said of what cannot be.

use std::ops::RangeInclusive;

use clap::ValueEnum;
use ingest_core::{few, shown};
use serde::{Deserialize, Deserializer, de::Error};

use crate::{AssignmentRule, is_api_name};

/// Rows of a call: Salesforce takes no more.
pub(crate) const CALL_ROWS: RangeInclusive<i64> = 1..=200;

/// Characters that are shown of what somebody wrote, at most.
const WRITTEN_CHARACTERS_MAX: usize = 60;

/// What somebody wrote, as a message quotes it.
pub(crate) fn quoted(written: &str) -> String {
    format!("`{}`", shown(written, WRITTEN_CHARACTERS_MAX))
}

/// Names as a message lists them.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    few(names.into_iter().map(quoted), ", ")
}

/// The name of an object or a field.
pub(crate) fn api_name(text: &str) -> Result<String, String> {
    match is_api_name(text) {
        true => Ok(text.to_owned()),
        false => Err("not an API name; these have letters, digits and underscores".to_owned()),
    }
}

pub(crate) fn name<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    text(input, |text| api_name(text).map_err(|why| format!("{} is {why}", quoted(text))))
}

/// One of the values that a setting can have.
pub(crate) fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(
    input: D,
) -> Result<Option<T>, D::Error> {
    text(input, |text| {
        T::from_str(text, false).map_err(|_| {
            let values = T::value_variants().iter().filter_map(T::to_possible_value);
            let values: Vec<String> = values.map(|value| quoted(value.get_name())).collect();
            format!("{} is no value of it; write {}", quoted(text), values.join(" or "))
        })
    })
}

fn text<'de, D: Deserializer<'de>, T>(
    input: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    text.map(|text| read(&text)).transpose().map_err(D::Error::custom)
}

pub(crate) fn call_rows<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u16>, D::Error> {
    let Some(rows) = Option::<i64>::deserialize(input)? else { return Ok(None) };
    let fitting = u16::try_from(rows).ok().filter(|_| CALL_ROWS.contains(&rows));
    let refused = || {
        let (min, max) = (CALL_ROWS.start(), CALL_ROWS.end());
        D::Error::custom(format!("{rows} rows make no call; write a number from {min} to {max}"))
    };
    fitting.map(Some).ok_or_else(refused)
}

/// Whether some rule, or which one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true, false, or the id of a rule")]
enum Rule {
    Whether(bool),
    Named(String),
}

pub(crate) fn assignment_rule<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<AssignmentRule>, D::Error> {
    match Option::<Rule>::deserialize(input)? {
        None => Ok(None),
        Some(Rule::Whether(true)) => Ok(Some(AssignmentRule::Active)),
        Some(Rule::Whether(false)) => Ok(Some(AssignmentRule::None)),
        Some(Rule::Named(rule)) => rule.parse().map(Some).map_err(D::Error::custom),
    }
}

/// One name, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a name, or a list of names such as [\"A\", \"B\"]")]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Several(names) => names,
        }
    }
}

pub(crate) fn names<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Option::<Names>::deserialize(input)?.map(Names::into_vec))
}
