//! The commands of some lines of shell, as far as documents have them.

use std::fmt;

/// One command, with what is assigned before it.
#[derive(Debug, Default)]
pub(super) struct Command {
    variables: Vec<String>,
    words: Vec<String>,
}

impl Command {
    /// Its name first.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn program(&self) -> &str {
        &self.words[0]
    }

    /// The names of the variables that only it has.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words.join(" "))
    }
}

/// The commands of a block, in order. What follows `|`, `&&`, `&` or `;` is one of its own; where output goes to, and
/// what stands in `$(…)`, is none, unless it is assigned.
pub(super) fn commands(block: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut lines = block.lines();
    while let Some(first) = lines.next() {
        let mut line = first.to_owned();
        let mut words = shlex::split(&line);
        // A quote, or a backslash at the end, goes on in the next line.
        while words.is_none() || line.ends_with('\\') {
            let Some(next) = lines.next() else { break };
            line = format!("{}\n{next}", line.trim_end_matches('\\'));
            words = shlex::split(&line);
        }
        if let Some((_, end)) = line.split_once("<<") {
            let end = end.trim_matches(['\'', '"', '-']);
            let _document = lines.by_ref().find(|it| it.trim() == end);
        }
        let words = words.unwrap_or_else(|| panic!("a quote without its end: {line}"));
        // A function that the document defines.
        if !words.first().is_some_and(|word| word.ends_with("()")) {
            add(&words, &mut commands);
        }
    }
    commands
}

fn add(words: &[String], commands: &mut Vec<Command>) {
    let is_between = |word: &str| ["|", "||", "&&", "&", ";"].contains(&word);
    let mut command = Command::default();
    let mut words = words.iter().map(String::as_str).peekable();
    let mut is_assigned = false;
    while let Some(word) = words.next() {
        let word = if is_assigned { word.trim_end_matches(')') } else { word };
        let (word, ends) = match word.strip_suffix(';') {
            _ if is_between(word) => ("", true),
            Some(word) => (word, true),
            None => (word, false),
        };
        match word {
            "" | "do" | "…" => {}
            ">" | ">>" | "2>" | "<" => _ = words.next(),
            _ if word.starts_with(['>', '<']) => {}
            _ if command.words.is_empty() && word.contains("=$(") => {
                is_assigned = true;
                let (_, program) = word.split_once("=$(").unwrap_or_default();
                command.words.push(program.to_owned());
            }
            _ => match word.split_once('=') {
                Some((name, _)) if command.words.is_empty() => {
                    command.variables.push(name.to_owned());
                }
                _ => command.words.push(word.to_owned()),
            },
        }
        if ends || words.peek().is_none() {
            let whole = std::mem::take(&mut command);
            commands.extend((!whole.words.is_empty()).then_some(whole));
        }
    }
}
