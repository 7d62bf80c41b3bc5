//! Arguments of `producer sync`.

use clap::Args;
use ingest_core::{InvalidRunId, RunId};

use super::{import_args::ImportArgs, load_args::LoadArgs, read_args::ReadArgs};

/// Arguments of `producer sync`.
#[derive(Clone, Debug, Args)]
pub struct SyncArgs {
    /// Name of the blob in the container; gzip and Zstandard are decompressed on the way.
    #[arg(long, value_name = "BLOB")]
    pub file: String,

    /// A name of your own for the run. A run of that name goes on where it stopped.
    #[arg(long, value_name = "ID", value_parser = own_run_id)]
    pub run_id: Option<RunId>,

    /// Do not ask before an insert, a delete or a hard-delete starts. Without a terminal nobody can be
    /// asked, and these start with it only.
    #[arg(long)]
    pub yes: bool,

    /// What it loads.
    #[command(flatten)]
    pub load: LoadArgs,
    /// How it is imported.
    #[command(flatten)]
    pub import: ImportArgs,
    /// How the file is read.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// A name that can be in a path of the HTTP API, where `/api/sync/start` is something else.
pub(super) fn own_run_id(text: &str) -> Result<RunId, String> {
    match text {
        "start" => Err("`start` is a word of the HTTP API; choose another name".to_owned()),
        text => text.parse().map_err(|error: InvalidRunId| error.to_string()),
    }
}
