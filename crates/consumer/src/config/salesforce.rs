//! Where the rows go, and how.

use std::fs;

use clap::Args;
use load::{InvalidLoad, Load, LoadSettings};
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
}

impl SalesforceArgs {
    /// Takes the arguments as they are meant.
    pub(crate) fn meant(self) -> Result<SalesforceConfig, InvalidSettings> {
        Ok(SalesforceConfig { connection: self.connection.connection()?, load: self.load()? })
    }

    /// Settings that name no object are no load, as in a producer, which may have the same environment.
    fn load(&self) -> Result<Option<Load>, InvalidLoad> {
        match self.load.object {
            None => Ok(None),
            Some(_) => self.load.load(&|path| fs::read_to_string(path)).map(Some),
        }
    }
}
