//! Settings become a load.

use std::{io, path::Path};

use crate::{InvalidLoad, Load, LoadSettings, Sdl};

/// Bytes of a mapping file, at most: it has a line for each column, and is kept with each run.
const MAPPING_BYTES_MAX: usize = 1 << 20;

impl LoadSettings {
    /// The load that they say, with the mapping file that they name, which `read` reads.
    ///
    /// # Errors
    ///
    /// When settings are missing or do not fit together, when the mapping file cannot be read or
    /// understood, and when [its fields](Load::check_columns) cannot be filled.
    pub fn load(&self, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<Load, InvalidLoad> {
        let load = Load::new(self)?.mapped_by(self.sdl(read)?);
        load.check_columns()?;
        Ok(load.mapped_without_folder())
    }

    /// What says which column fills which field; nothing, when their names do.
    fn sdl(&self, read: &dyn Fn(&Path) -> io::Result<String>) -> Result<Option<Sdl>, InvalidLoad> {
        match (&self.mapping, &self.columns) {
            (Some(_), Some(_)) => Err(InvalidLoad::ColumnsAndMapping),
            (None, Some(_)) if self.leave_out.is_some() => Err(InvalidLoad::ColumnsAndLeftOut),
            (_, None) if self.constants.is_some() => Err(InvalidLoad::ConstantsWithoutColumns),
            (None, None) => Ok(None),
            (None, Some(columns)) => {
                let decimal = self.decimal.unwrap_or_default();
                Ok(Some(columns.sdl(self.constants.as_ref(), decimal)?))
            }
            (Some(path), None) => mapping_file(path, read).map(Some),
        }
    }
}

fn mapping_file(
    path: &Path,
    read: &dyn Fn(&Path) -> io::Result<String>,
) -> Result<Sdl, InvalidLoad> {
    let unreadable = |problem| InvalidLoad::UnreadableMapping { path: path.to_owned(), problem };
    let text = read(path).map_err(|error| unreadable(error.to_string()))?;
    if text.len() > MAPPING_BYTES_MAX {
        return Err(unreadable("it is larger than 1 MiB; is it a mapping file?".to_owned()));
    }
    Ok(Sdl::parse(path, &text)?)
}
