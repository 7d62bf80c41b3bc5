//! Which load a blob's name belongs to.

use std::collections::HashMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{document::Placed, problem::Problem};
use crate::spelling::quoted;

/// Patterns of a file of loads, at most.
const PATTERNS_MAX: usize = 1_000;

/// Bytes of a pattern, at most: those of a blob's name.
const PATTERN_BYTES_MAX: usize = 1_024;

/// Patterns of names, each of one load.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    set: GlobSet,
    /// The load of each pattern.
    owners: Vec<usize>,
}

impl Patterns {
    /// The loads that have a pattern for this name.
    pub(super) fn that_fit(&self, name: &str) -> Vec<usize> {
        let mut loads: Vec<usize> =
            self.set.matches(name).into_iter().map(|at| self.owners[at]).collect();
        loads.sort_unstable();
        loads.dedup();
        loads
    }
}

/// Patterns that have been read so far.
pub(super) struct Reading {
    set: GlobSetBuilder,
    owners: Vec<usize>,
    /// The load and the line of each.
    said: HashMap<String, (String, usize)>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { set: GlobSetBuilder::new(), owners: Vec::new(), said: HashMap::new() }
    }
}

impl Reading {
    /// The patterns of the load `name`, which is the one at this place.
    pub(super) fn add(&mut self, name: &str, at: usize, files: &[Placed]) -> Result<(), Problem> {
        for Placed { line, text } in files {
            let refuse = |problem| Problem { line: Some(*line), problem };
            if self.owners.len() == PATTERNS_MAX {
                return Err(refuse(format!("there are more than {PATTERNS_MAX} patterns")));
            }
            check(text).map_err(refuse)?;
            if let Some((other, before)) = self.said.insert(text.clone(), (name.to_owned(), *line))
            {
                let pattern = quoted(text);
                return Err(refuse(format!(
                    "the pattern {pattern} is of load `{other}` on line {before} already; a file \
                     is of one load, so write patterns of which only one can fit"
                )));
            }
            let glob = GlobBuilder::new(text)
                .literal_separator(true)
                .backslash_escape(true)
                .empty_alternates(true)
                .build();
            self.set.add(glob.map_err(|error| {
                refuse(format!("{} is no pattern: {}; {LIKE}", quoted(text), error.kind()))
            })?);
            self.owners.push(at);
        }
        Ok(())
    }

    pub(super) fn read(self) -> Result<Patterns, Problem> {
        let set = self.set.build().map_err(|error| Problem {
            line: None,
            problem: format!("the patterns of `files` cannot be used together: {}", error.kind()),
        })?;
        Ok(Patterns { set, owners: self.owners })
    }
}

const LIKE: &str = "write it like `exports/*/accounts_*.csv`";

fn check(pattern: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        return Err(format!("a pattern of `files` is empty; {LIKE}"));
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        let pattern = quoted(pattern);
        return Err(format!("the pattern {pattern} is longer than the name of a blob can be"));
    }
    let stands_for_folders = |part: &str| !part.contains("**") || part == "**";
    if !pattern.split('/').all(stands_for_folders) {
        return Err(format!(
            "{}: `**` stands for folders, alone between slashes; write it like \
             `exports/**/accounts_*.csv`",
            quoted(pattern)
        ));
    }
    // globset compares bytes, and would take half a letter for one.
    let mut in_brackets = pattern.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    if !in_brackets.all(str::is_ascii) {
        let pattern = quoted(pattern);
        return Err(format!(
            "{pattern}: letters beyond ASCII do not go into `[]`; write them like `{{ä,ö}}`"
        ));
    }
    Ok(())
}
