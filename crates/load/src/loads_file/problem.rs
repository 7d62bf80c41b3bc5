//! What is wrong with a file of loads.

use std::path::Path;

use ingest_core::shown;

use super::InvalidLoads;

/// Characters of what is said of a mistake, at most.
const CHARACTERS_MAX: usize = 600;

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
