//! Arguments of the commands that look at runs.

use blob_store::BlobArgs;
use clap::Args;
use clap_complete::Shell;
use ingest_core::RunId;
use job_queue::QueueArgs;

/// Arguments of `producer runs`.
#[derive(Clone, Debug, Args)]
pub struct RunsArgs {
    /// How many runs, newest first.
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    pub newest: usize,

    /// Print them as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
}

/// Arguments of `producer show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Id of the run.
    pub run: RunId,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
}

/// Arguments of `producer verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Id of the run.
    pub run: RunId,

    /// Print what was found as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
}

/// Arguments of `producer completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: Shell,
}
