//! What is wrong with a file of loads.

use std::path::{Path, PathBuf};

use ingest_core::{nearest, shown};

use crate::spelling::{listed, quoted};

/// Characters of what is said of a mistake, at most.
const CHARACTERS_MAX: usize = 600;

/// The file that `LOADS_FILE` names has a mistake; the message says where and what to write. No
/// command that reads the file goes on before it is corrected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("loads file {}{}: {problem}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct InvalidLoads {
    /// The file.
    pub path: PathBuf,
    /// Where, from 1; nothing, when it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

/// A mistake, and where it is.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: Option<usize>,
    pub(super) problem: String,
}

impl Problem {
    pub(super) fn of(self, path: &Path) -> InvalidLoads {
        let problem = shown(&self.problem, CHARACTERS_MAX);
        InvalidLoads { path: path.to_owned(), line: self.line, problem }
    }
}

/// What to say of a key that has no meaning where it stands.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("unknown key {}; did you mean `{near}`?", quoted(key)),
        None => {
            let known = listed(known.iter().copied());
            format!("unknown key {}; it can be one of {known}", quoted(key))
        }
    }
}
