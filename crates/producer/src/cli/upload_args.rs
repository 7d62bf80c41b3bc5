//! Arguments of `producer upload`.

use std::path::PathBuf;

use blob_store::BlobArgs;
use clap::Args;

/// Arguments of `producer upload`.
#[derive(Clone, Debug, Args)]
pub struct UploadArgs {
    /// The file; `-` reads standard input.
    pub file: PathBuf,

    /// Name of the blob in the container [default: the name of the file].
    #[arg(long = "as", value_name = "BLOB", required_if_eq("file", "-"))]
    pub name: Option<String>,

    /// Replace the blob if it exists.
    #[arg(long)]
    pub force: bool,

    /// Print what was uploaded as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the file goes.
    #[command(flatten)]
    pub blob: BlobArgs,
}
