//! The file that the rows are written to that would be rejected.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::cli::invalid_setting::InvalidSetting;

/// A file that is there when the check has ended. Without such rows there is none, but one of an earlier
/// check is replaced by its header.
pub(super) struct RejectsOut {
    path: PathBuf,
    /// Where it is written.
    part: PathBuf,
    file: BufWriter<File>,
    has_rows: bool,
    is_finished: bool,
}

impl RejectsOut {
    /// Begins the file. One that is there is replaced only with `force`.
    pub(super) fn create(path: &Path, force: bool) -> anyhow::Result<Self> {
        if !force && path.exists() {
            return Err(InvalidSetting(format!(
                "{} exists already; name another file, or replace it with --force",
                path.display()
            ))
            .into());
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).with_context(|| writing(path))?;
        let (path, file) = (path.to_owned(), BufWriter::new(file));
        Ok(Self { path, part, file, has_rows: false, is_finished: false })
    }

    /// Writes the header, before all rows.
    pub(super) fn header(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(line).with_context(|| writing(&self.path))
    }

    /// Writes lines of rows.
    pub(super) fn rows(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        self.has_rows |= !lines.is_empty();
        self.file.write_all(lines).with_context(|| writing(&self.path))
    }

    /// Puts the file in its place.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.is_finished = true;
        let mut finish = || -> io::Result<()> {
            self.file.flush()?;
            if self.has_rows || self.path.exists() {
                return fs::rename(&self.part, &self.path);
            }
            fs::remove_file(&self.part)
        };
        finish().with_context(|| writing(&self.path))
    }
}

impl Drop for RejectsOut {
    fn drop(&mut self) {
        if !self.is_finished {
            // The check was broken off, with its own error.
            let _removed = fs::remove_file(&self.part);
        }
    }
}

fn writing(path: &Path) -> String {
    format!("could not write {}", path.display())
}
