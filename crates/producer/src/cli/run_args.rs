//! Arguments of the commands that look at runs and steer them.

use blob_store::BlobArgs;
use clap::{Arg, Args, builder::Resettable};
use ingest_core::RunId;
use job_queue::QueueArgs;

use crate::cli::{
    load_args::{LoadArgs, WatermarkArgs},
    read_args::ReadArgs,
    target_args::{TargetArgs, target_id},
};

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

/// Arguments of `producer watch`.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How full the queue may get.
    #[command(flatten)]
    pub watermarks: WatermarkArgs,
}

/// Arguments of `producer pause`.
#[derive(Clone, Debug, Args)]
pub struct PauseArgs {
    /// Id of the run.
    pub run: RunId,

    /// Print what became of it as JSON.
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

/// Arguments of `producer rejects`.
#[derive(Clone, Debug, Args)]
pub struct RejectsArgs {
    /// Id of the run.
    pub run: RunId,

    /// As a copy that is safe to open: what a spreadsheet would run is text in it.
    #[arg(long)]
    pub for_spreadsheet: bool,

    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
}

/// Arguments of `producer cancel`.
#[derive(Clone, Debug, Args)]
pub struct CancelArgs {
    /// Id of the run.
    pub run: RunId,

    /// Do not ask.
    #[arg(long)]
    pub yes: bool,

    /// Print what became of it as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
}

/// Arguments of `producer resume`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// Id of the run.
    pub run: RunId,

    /// Have it delivered by the consumers of another target, by its id or how that begins. What is
    /// being sent at this moment is finished with the old one.
    #[arg(long, value_name = "ID", value_parser = target_id)]
    pub target: Option<String>,

    /// How it is loaded.
    #[command(flatten)]
    pub load: LoadArgs,
}

/// Arguments of `producer replay`. Without a target it is that of the run that rejected the rows: the
/// environment is for new runs.
#[derive(Clone, Debug, Args)]
#[command(mut_args(no_target_of_environment))]
pub struct ReplayArgs {
    /// Id of the run whose rejected rows are loaded again.
    pub run: RunId,

    /// Only rows that were rejected with this code; may be given more than once.
    #[arg(long = "code", value_name = "CODE")]
    pub codes: Vec<String>,

    /// An edited copy of the rejects file, by its name in the container.
    #[arg(long, value_name = "BLOB")]
    pub file: Option<String>,

    /// Who is to deliver it [default: who delivered the run].
    #[command(flatten)]
    pub target: TargetArgs,
    /// How it is loaded.
    #[command(flatten)]
    pub load: LoadArgs,
    /// How an edited file is read, and how rows are cut into batches.
    #[command(flatten)]
    pub read: ReadArgs,
}

fn no_target_of_environment(argument: Arg) -> Arg {
    match argument.get_id().as_str() {
        "object" | "operation" | "external_id" => argument.env(Resettable::Reset),
        _ => argument,
    }
}
