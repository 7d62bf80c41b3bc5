//! Arguments of `producer plan`.

use blob_store::BlobArgs;
use clap::Args;
use job_queue::QueueArgs;

use super::{load_args::LoadArgs, read_args::ReadArgs};

/// Arguments of `producer plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Name of the blob in the container.
    #[arg(long, value_name = "BLOB")]
    pub file: String,

    /// Count the rows instead of estimating them from the first megabytes. Compressed files, and
    /// files in another encoding than UTF-8, are always counted.
    #[arg(long)]
    pub count: bool,

    /// The column by which Salesforce finds records: rows that repeat its cells are counted. Not set:
    /// the one that fills the external id of the load.
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,

    /// Print the plan as JSON.
    #[arg(long)]
    pub json: bool,

    /// What it would load. A column of dates that contradicts it is an error.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How the file is read.
    #[command(flatten)]
    pub read: ReadArgs,
}
