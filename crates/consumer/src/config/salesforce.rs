//! Where the rows go, and how.

use std::{fs, io, path::Path};

use clap::Args;
use load::{InvalidLoad, Load, LoadSettings, NotUtf8};
use salesforce::{Connection, ConnectionArgs};

use super::InvalidSettings;

/// Where the rows go, and how to get in.
#[derive(Clone, Debug, Args)]
pub struct SalesforceArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    /// The load of runs that were started without one. Without an object there is none, and such
    /// runs wait for a consumer that has one.
    #[command(flatten)]
    pub(crate) load: LoadSettings,
}

/// How to get in, and what is loaded.
#[derive(Clone, Debug)]
pub struct SalesforceConfig {
    pub(crate) connection: Connection,
    /// The load of runs that were started without one.
    pub(crate) load: Option<Load>,
    /// Variables of settings that make no load, because none names its object.
    pub(crate) without_effect: Vec<&'static str>,
}

impl SalesforceArgs {
    /// Takes the arguments as they are meant.
    pub(crate) fn meant(self) -> Result<SalesforceConfig, InvalidSettings> {
        Ok(SalesforceConfig {
            load: self.load()?,
            without_effect: self.load.said_without_object(),
            connection: self.connection.connection()?,
        })
    }

    /// Settings that name no object are no load, as in a producer, which may have the same environment.
    fn load(&self) -> Result<Option<Load>, InvalidLoad> {
        match self.load.object {
            None => Ok(None),
            Some(_) => self.load.load(&read_text).map(Some),
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    NotUtf8::check(fs::read(path)?)
        .map_err(|not_utf8| io::Error::new(io::ErrorKind::InvalidData, not_utf8))
}
