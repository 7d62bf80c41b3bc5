//! The loads that this process knows: those of its file, and `default`, which its environment says.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use load::{DEFAULT_LOAD, InvalidLoads, LoadSettings, Loads, NamedLoad, NotUtf8};

use crate::cli::{
    invalid_setting::InvalidSetting,
    load_args::{LoadArgs, LoadsArgs},
};

/// A longer file is neither one of loads nor a mapping, as its reader says.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The loads that this process knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownLoads {
    /// With `default`, when the environment says an object.
    pub(super) loads: Loads,
    /// What the environment says, with an object or without.
    pub(super) environment: LoadSettings,
}

impl KnownLoads {
    /// Reads the file and the environment, with all mappings that they name.
    pub(crate) fn read(args: &LoadsArgs) -> Result<Self, InvalidSetting> {
        Self::read_with(args, false)
    }

    /// The same for a command that may say a load itself: then an environment that says half of one is
    /// no matter.
    pub(crate) fn read_beside(args: &LoadArgs) -> Result<Self, InvalidSetting> {
        let says_name = args.load.as_ref().is_some_and(|name| name != DEFAULT_LOAD);
        Self::read_with(&args.loads, says_name || args.flags.0.object.is_some())
    }

    fn read_with(args: &LoadsArgs, is_said: bool) -> Result<Self, InvalidSetting> {
        let of_file = match &args.loads_file {
            None => Loads::default(),
            Some(path) => loads_in(path)?,
        };
        let said = LoadSettings::of_variables(&service::variables())
            .map_err(|error| InvalidSetting(words_of(&error)))?;
        let loads = match of_file.clone().with_default(&said, &read_text) {
            Err(_) if is_said => of_file,
            loads => loads.map_err(|error| InvalidSetting(service::with_causes(&error)))?,
        };
        Ok(Self { loads, environment: said })
    }

    /// What flags say, and what the environment says of all else.
    pub(crate) fn with_flags(&self, flags: &LoadSettings) -> LoadSettings {
        flags.clone().over(self.environment.clone())
    }

    /// Names the settings of the environment that have no effect, because nothing says their object:
    /// neither the environment nor these flags.
    pub(crate) fn warn_of_what_has_no_effect(&self, flags: &LoadSettings) {
        let names = self.environment.said_without_object();
        if !names.is_empty() && flags.object.is_none() {
            tracing::warn!(
                "{} {} no effect, because SALESFORCE_OBJECT is not set: set it, or write a load in a \
                 file of loads (LOADS_FILE)",
                names.join(", "),
                if names.len() == 1 { "has" } else { "have" },
            );
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &NamedLoad> {
        self.loads.iter()
    }
}

fn loads_in(path: &Path) -> Result<Loads, InvalidSetting> {
    let bytes = read_bytes(path).map_err(|error| {
        InvalidSetting(format!("could not read the loads file {}: {error}", path.display()))
    })?;
    let text = NotUtf8::check(bytes).map_err(|NotUtf8 { line }| {
        let (path, problem) = (path.to_owned(), NotUtf8::PROBLEM.to_owned());
        InvalidSetting(InvalidLoads { path, line: Some(line), problem }.to_string())
    })?;
    Loads::parse(path, &text, &read_text).map_err(|error| InvalidSetting(error.to_string()))
}

/// The text of a small file.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    NotUtf8::check(read_bytes(path)?)
        .map_err(|not_utf8| io::Error::new(io::ErrorKind::InvalidData, not_utf8))
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        // It may end within a character. That it is too large says who reads the text.
        bytes.fill(b' ');
    }
    Ok(bytes)
}

/// What clap says, without what it writes around it.
fn words_of(error: &clap::Error) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    message.split("\n\n").next().unwrap_or(message).trim_end().to_owned()
}
