//! The mapping file that a setting names.

use std::{fs, path::Path};

use load::Sdl;

use crate::error::ConsumerError;

/// Reads a mapping file.
pub(crate) fn read_mapping(path: &Path) -> anyhow::Result<Sdl> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConsumerError::MappingFile { path: path.to_owned(), source })?;
    Ok(Sdl::parse(path, &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_mapping_file_is_named() {
        let message = read_mapping(Path::new("nowhere.sdl")).unwrap_err().to_string();

        assert_eq!(message, "could not read the mapping file nowhere.sdl");
    }
}
