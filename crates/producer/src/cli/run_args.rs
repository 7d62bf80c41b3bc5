//! Arguments of the commands that look at runs and steer them.

use blob_store::BlobArgs;
use clap::Args;
use ingest_core::RunId;
use job_queue::QueueArgs;

use crate::cli::{
    import_args::{ImportArgs, WatermarkArgs},
    load_args::{LoadArgs, LoadsArgs},
    read_args::ReadArgs,
    sync_args::own_run_id,
};

/// Arguments of `producer files`.
#[derive(Clone, Debug, Args)]
pub struct FilesArgs {
    /// Only files whose name begins with this. Files that runs wrote are listed with `rejects/` or
    /// `ids/` only.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub prefix: String,

    /// Print them as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the files are.
    #[command(flatten)]
    pub blob: BlobArgs,
}

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

/// Arguments of `producer loads`.
#[derive(Clone, Debug, Args)]
pub struct ListLoadsArgs {
    /// Print them as JSON.
    #[arg(long)]
    pub json: bool,

    /// Which there are.
    #[command(flatten)]
    pub loads: LoadsArgs,
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

/// Arguments of `producer ids`.
#[derive(Clone, Debug, Args)]
pub struct IdsArgs {
    /// Id of the run.
    pub run: RunId,

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

/// Arguments of `producer resume`. The run goes on with the load that it has.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// Id of the run.
    pub run: RunId,

    /// How it is imported.
    #[command(flatten)]
    pub import: ImportArgs,
}

/// Arguments of `producer replay`. Without a load it is that of the run that rejected the rows: names
/// of files and the environment are for new ones.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Id of the run whose rejected rows are loaded again.
    pub run: RunId,

    /// Only rows that were rejected with this code; may be given more than once.
    #[arg(long = "code", value_name = "CODE")]
    pub codes: Vec<String>,

    /// An edited copy of the rejects file, by its name in the container.
    #[arg(long, value_name = "BLOB")]
    pub file: Option<String>,

    /// A name of your own for the new run. A replay of that name goes on where it stopped.
    #[arg(long, value_name = "ID", value_parser = own_run_id)]
    pub run_id: Option<RunId>,

    /// Do not ask before an insert, a delete or a hard-delete starts. Without a terminal nobody can be
    /// asked, and these start with it only.
    #[arg(long)]
    pub yes: bool,

    /// What it loads; without a word of it, what the run loads.
    #[command(flatten)]
    pub load: LoadArgs,
    /// How it is imported.
    #[command(flatten)]
    pub import: ImportArgs,
    /// How an edited file is read, and how rows are cut into batches.
    #[command(flatten)]
    pub read: ReadArgs,
}
