//! Why a mapping cannot be followed, whatever the org is like.

use std::path::{Path, PathBuf};

/// The mapping contradicts itself, whatever the file is; the message says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", place(*is_file, path, *line))]
pub struct InvalidFields {
    /// The mapping file, or where `columns` are.
    pub path: PathBuf,
    /// Whether it is a mapping file.
    pub is_file: bool,
    /// The line in the file, from 1; nothing in a request, and when it is the mapping as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

fn place(is_file: bool, path: &Path, line: Option<usize>) -> String {
    let file = if is_file { "mapping file " } else { "" };
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    format!("{file}{}{line}", path.display())
}
