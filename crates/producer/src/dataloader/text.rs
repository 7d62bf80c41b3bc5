//! A file of loads, as text.

use std::fmt::Write as _;

use ingest_core::commands::producer;

use super::{
    conversion::{Converted, Value},
    environment::Variable,
    problem::quoted,
};

/// A value of a variable, and the loads that want it.
type ValueOfLoads<'a> = (String, Vec<&'a str>);

/// Characters of a line of comment.
const WIDTH: usize = 98;

/// Values of one variable that differ, shown at most.
const VALUES_MAX: usize = 20;

pub(super) fn of(name: &str, has_common: bool, converted: &Converted) -> String {
    let mut text = String::new();
    let beside = if has_common { ", and config.properties beside it" } else { "" };
    comment(
        &mut text,
        &format!("Loads of {}, a configuration of Data Loader{beside}.", quoted(name)),
    );
    let what_to_do = format!(
        "Save it as loads.toml, name it in LOADS_FILE, and read what the comments say: they name \
         what has no counterpart. `{} loads` checks it.",
        producer()
    );
    comment(&mut text, &what_to_do);
    text.push_str("#\n");
    comment(&mut text, "What no setting of Data Loader says, and is otherwise here:");
    for difference in DIFFERENCES {
        comment(&mut text, &format!("* {difference}"));
    }
    for load in &converted.loads {
        let _infallible = write!(text, "\n# Process {}\n", quoted(&load.bean));
        for note in &load.notes {
            comment(&mut text, &format!("* {note}"));
        }
        let _infallible = writeln!(text, "[loads.{}]", load.name);
        for (key, value) in &load.settings {
            let _infallible = writeln!(text, "{key} = {}", toml(value));
        }
    }
    if !converted.without_load.is_empty() {
        text.push_str("\n# Without a load:\n");
        for without in &converted.without_load {
            comment(&mut text, &format!("* {without}"));
        }
    }
    environment(&mut text, converted);
    text
}

const DIFFERENCES: [&str; 3] = [
    "a file has to have every column that its mapping file fills fields with; Data Loader passes \
     over those that are missing",
    "a date field rejects a cell with a time of day, unless `dates-with-time = \"cut\"`",
    "a year of two digits rejects its row, unless `two-digit-years` says the century",
];

fn environment(text: &mut String, converted: &Converted) {
    let mut variables: Vec<(&'static str, Vec<ValueOfLoads<'_>>)> = Vec::new();
    for load in &converted.loads {
        for variable in &load.variables {
            let (name, line) = match variable {
                Variable::Set(name, value) => (*name, format!("{name}={}", of_env(value))),
                Variable::Unset(name, why) => (*name, format!("{name}: {why}")),
            };
            let at = variables.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                variables.push((name, Vec::new()));
                variables.len() - 1
            });
            let lines = &mut variables[at].1;
            match lines.iter_mut().find(|(known, _)| *known == line) {
                Some((_, loads)) => loads.push(&load.name),
                None => lines.push((line, vec![&load.name])),
            }
        }
    }
    if variables.is_empty() {
        return;
    }
    text.push('\n');
    comment(
        text,
        "What belongs to the environment of the programs, or to .env, and not to a load:",
    );
    for (_, lines) in &variables {
        for (line, loads) in lines.iter().take(VALUES_MAX) {
            // Who copies a line takes off what is before it: it is of all loads then.
            match loads.len() == converted.loads.len() {
                true => comment(text, &format!("* {line}")),
                false => comment(text, &format!("* for {}: {line}", loads.join(", "))),
            }
        }
        if let Some(more) = lines.len().checked_sub(VALUES_MAX).filter(|more| *more > 0) {
            comment(text, &format!("* and {more} more values"));
        }
    }
}

/// As `.env` has it.
fn of_env(value: &str) -> String {
    let is_plain = |character: char| {
        character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '@' | ':' | '/' | '+')
    };
    let value = ingest_core::shown(value, 500);
    match value.chars().all(is_plain) {
        true => value,
        false => format!("'{value}'"),
    }
}

fn toml(value: &Value) -> String {
    match value {
        Value::Text(text) => toml_text(text),
        Value::Texts(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| toml_text(text)).collect();
            format!("[{}]", texts.join(", "))
        }
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Number(number) => number.to_string(),
    }
}

/// Whatever is in it, it stays a text of one line.
fn toml_text(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other if ingest_core::is_control(other) => {
                let _infallible = write!(quoted, "\\U{:08x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A comment, in lines that can be read. What is in it came through `quoted` or is ours.
fn comment(text: &mut String, sentence: &str) {
    let mut line = String::from("#");
    let mut is_first = true;
    for word in sentence.split(' ') {
        let is_too_long = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if is_too_long && !is_first {
            text.push_str(&line);
            text.push('\n');
            line = String::from(if sentence.starts_with('*') { "#  " } else { "#" });
        }
        line.push(' ');
        line.push_str(word);
        is_first = false;
    }
    text.push_str(&line);
    text.push('\n');
}
