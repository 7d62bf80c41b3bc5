//! What a run loads, as typed.

use std::path::PathBuf;

use clap::Args;
use load::LoadFlags;

/// Which loads there are, besides the one that the environment says.
#[derive(Clone, Debug, Default, Args)]
pub struct LoadsArgs {
    /// File of loads, in TOML: each says what becomes of files, and by which names it knows them.
    #[arg(long, env = "LOADS_FILE", value_name = "FILE")]
    pub loads_file: Option<PathBuf>,
}

/// What a run loads.
#[derive(Clone, Debug, Default, Args)]
pub struct LoadArgs {
    /// The load of this name: one of the file of loads, or `default`, which the environment says. Not
    /// set: the one whose pattern fits the name of the file, else `default`, else that of the
    /// consumers.
    #[arg(long, value_name = "NAME")]
    pub load: Option<String>,

    /// Which loads there are.
    #[command(flatten)]
    pub loads: LoadsArgs,
    /// Single values, which replace those of the load.
    #[command(flatten)]
    pub flags: LoadFlags,
}
