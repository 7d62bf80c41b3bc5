//! Arguments and settings, as typed.

use std::time::Duration;

use blob_store::BlobArgs;
use clap::{Args, Parser, Subcommand};
use ingest_core::{InvalidRunId, RunId};
use job_queue::QueueArgs;
use service::CompletionsArgs;

use crate::{
    cli::{
        reject_limit::RejectLimit,
        run_args::{
            CancelArgs, PauseArgs, RejectsArgs, ReplayArgs, ResumeArgs, RunsArgs, ShowArgs,
            VerifyArgs, WatchArgs,
        },
        serve_args::ServeArgs,
    },
    plan::PlanArgs,
    report::target::TargetArgs,
};

/// The command line of `producer`.
#[derive(Debug, Parser)]
#[command(
    name = "producer",
    version,
    about = "Reads a CSV blob and puts its rows on the queue that the consumers deliver to Salesforce.",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 done with rejected rows, \
                  130 or 143 interrupted (the same run id goes on where it stopped)."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `producer` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a file: read it, queue it, and follow the run to its end.
    #[command(after_help = "Examples:\n  \
        producer sync --file big-data-import.csv\n  \
        producer sync --file big-data-import.csv --run-id nightly-7      again: goes on with that run\n  \
        producer sync --file exports/accounts.csv.gz --no-wait\n  \
        producer sync --file big-data-import.csv --max-rejects 1%\n  \
        producer sync --file contacts.csv --object Contact --external-id ErpKey__c")]
    Sync(Box<SyncArgs>),
    /// List the newest runs.
    #[command(after_help = "Examples:\n  \
        producer runs                            the newest 20\n  \
        producer runs --newest 100\n  \
        producer runs --json | jq '.[] | select(.status == \"interrupted\") | .run'")]
    Runs(RunsArgs),
    /// Show one run: its report so far.
    #[command(after_help = "Examples:\n  \
        producer show 20261123-145735-pmao\n  \
        producer show 20261123-145735-pmao --json | jq .rejectedByCode")]
    Show(ShowArgs),
    /// Prove a run: count its file again and compare it with the ledger.
    ///
    /// Ends with exit code 0 when every row of the file has one outcome, else with 1.
    #[command(after_help = "Examples:\n  \
        producer verify nightly-7          names the batches that have no outcome, if any\n  \
        producer verify nightly-7 --json")]
    Verify(VerifyArgs),
    /// Print the rejected rows of a run, as they came, with the reason of each.
    ///
    /// To look at them or mend them in a spreadsheet, take them --for-spreadsheet: cells that it would
    /// run as formulas have a ' in front there, which a replay takes off again.
    #[command(after_help = "Examples:\n  \
        producer rejects nightly-7 > rejects.csv\n  \
        producer rejects nightly-7 --for-spreadsheet > mended.csv    to open, mend, upload and replay")]
    Rejects(RejectsArgs),
    /// Say what loading a file will take by either API, and what to set for it.
    ///
    /// Reads the beginning of the file, and loads nothing. What the org has left today is known once a
    /// consumer has been started.
    #[command(after_help = "Examples:\n  \
        producer plan --file big-data-import.csv            estimated from its first megabytes\n  \
        producer plan --file big-data-import.csv --count    reads all of it\n  \
        producer plan --file big-data-import.csv --json")]
    Plan(Box<PlanArgs>),
    /// Show all runs, the queue and the consumers, live, in this terminal.
    #[command(after_help = "Examples:\n  \
        producer watch      keys: up and down, enter for one run, p pause, r resume, c cancel, q quit")]
    Watch(WatchArgs),
    /// Stop a run until it is resumed: nothing more of it is read or delivered.
    #[command(after_help = "Examples:\n  \
        producer pause 20261123-145735-pmao\n  \
        producer pause nightly-7 --json")]
    Pause(PauseArgs),
    /// Go on with a run that is paused, interrupted or failed.
    ///
    /// When a `producer serve` is running, it is handed the run. Else the run goes on here, in the
    /// foreground, as with `producer sync --run-id`.
    #[command(after_help = "Examples:\n  \
        producer resume 20261123-145735-pmao\n  \
        producer resume nightly-7 --target 3f0a91c4e2b7      consumers of another mapping deliver the rest")]
    Resume(Box<ResumeArgs>),
    /// End a run for good: what is queued of it is removed and counts as cancelled.
    #[command(after_help = "Examples:\n  \
        producer cancel 20261123-145735-pmao           asks first, on a terminal\n  \
        producer cancel 20261123-145735-pmao --yes")]
    Cancel(CancelArgs),
    /// Load the rejected rows of a run again, as a new run.
    ///
    /// Mend what they were rejected for first: in Salesforce, or in a copy of the rejects file.
    #[command(after_help = "Examples:\n  \
        producer replay 20261123-145735-pmao                              all rejected rows\n  \
        producer replay 20261123-145735-pmao --code STORAGE_LIMIT_EXCEEDED --code UNABLE_TO_LOCK_ROW\n  \
        producer replay 20261123-145735-pmao --file rejects/mended.csv    as edited in a spreadsheet")]
    Replay(Box<ReplayArgs>),
    /// Serve the HTTP API and the page, and import the runs that are started there.
    #[command(after_help = "Start a run:\n  \
        curl -X POST http://localhost:3001/api/sync/start -H 'Content-Type: application/json' \\\n       \
        -d '{\"fileName\": \"big-data-import.csv\"}'\n\n\
        Examples:\n  \
        producer serve                                       the page: http://127.0.0.1:3001/batch-sync\n  \
        producer serve --http-listen 127.0.0.1:0             any free port; it is printed\n  \
        API_TOKEN_FILE=/run/secrets/api producer serve --http-listen 0.0.0.0:3001")]
    Serve(Box<ServeArgs>),
    /// Print a script that completes commands and flags in your shell.
    #[command(after_help = "Examples:\n  \
        source <(producer completions bash)                                  in ~/.bashrc\n  \
        producer completions zsh > \"${fpath[1]}/_producer\"                  once\n  \
        producer completions fish > ~/.config/fish/completions/producer.fish  once")]
    Completions(CompletionsArgs),
}

/// Arguments of `producer sync`.
#[derive(Clone, Debug, Args)]
pub struct SyncArgs {
    /// Name of the blob in the container; gzip and Zstandard are decompressed on the way.
    #[arg(long, value_name = "BLOB")]
    pub file: String,

    /// A name of your own for the run. A run of that name goes on where it stopped.
    #[arg(long, value_name = "ID", value_parser = own_run_id)]
    pub run_id: Option<RunId>,

    /// Who is to deliver it.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How it is loaded.
    #[command(flatten)]
    pub load: LoadArgs,
    /// How the file is read.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How a run is loaded in the foreground.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// Return when everything is queued, without waiting for the consumers.
    #[arg(long)]
    pub no_wait: bool,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How full the queue may get.
    #[command(flatten)]
    pub watermarks: WatermarkArgs,
    /// When the run is given up, and forgotten.
    #[command(flatten)]
    pub guards: GuardArgs,
}

/// How full the queue may get.
#[derive(Clone, Debug, Args)]
pub struct WatermarkArgs {
    /// Stop reading a run when this many of its batches are on the queue.
    #[arg(long, env = "QUEUE_DEPTH_HIGH", default_value_t = 2_000, value_name = "BATCHES")]
    pub queue_depth_high: u64,

    /// Go on reading when no more than this many are left [default: half of the high watermark].
    #[arg(long, env = "QUEUE_DEPTH_LOW", value_name = "BATCHES")]
    pub queue_depth_low: Option<u64>,

    /// Stop reading when the batches of a run, or of all runs together, have this many bytes; go on at
    /// half of it. However full the others are, a run may queue a 16th of it. At least 1048576.
    #[arg(long, env = "QUEUE_BYTES_HIGH", default_value_t = 64 << 20, value_name = "BYTES")]
    pub queue_bytes_high: u64,
}

/// How the file is read and cut into batches. A run keeps what it was started
/// with.
#[derive(Clone, Debug, Args)]
pub struct ReadArgs {
    /// Rows in a batch.
    #[arg(long, env = "BATCH_ROWS", default_value_t = 100, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch_rows: u32,

    /// Bytes in a batch: it is closed early when the next row would not fit.
    #[arg(long, env = "BATCH_BYTES_MAX", default_value_t = 1 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1_024..=16 << 20))]
    pub batch_bytes_max: u32,

    /// Keep rows with the same cell in this column in one batch, such as the children of one parent,
    /// whose lock they share. The file has to be sorted by it; `producer plan` says whether it is.
    #[arg(long, env = "BATCH_KEEP_TOGETHER", value_name = "COLUMN")]
    pub batch_keep_together: Option<String>,

    /// Bytes in a record; a longer one is rejected.
    #[arg(long, env = "RECORD_BYTES_MAX", default_value_t = 1 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1_024..=16 << 20))]
    pub record_bytes_max: u32,

    /// Bytes in the header line; a file with a longer one is refused.
    #[arg(long, env = "HEADER_BYTES_MAX", default_value_t = 64 << 10, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1_024..=1 << 20))]
    pub header_bytes_max: u32,

    /// Columns in the header line; a file with more is refused.
    #[arg(long, env = "HEADER_COLUMNS_MAX", default_value_t = 2_000, value_name = "COLUMNS", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub header_columns_max: u32,

    /// What stands between two cells: one character, `tab`, or `auto` to tell by the header line.
    #[arg(long, env = "CSV_DELIMITER", default_value = "auto", value_name = "CHARACTER")]
    pub csv_delimiter: String,

    /// What stands around a cell that holds delimiters, quotes or line breaks.
    #[arg(long, env = "CSV_QUOTE", default_value = "\"", value_name = "CHARACTER")]
    pub csv_quote: String,

    /// `backslash` when quotes inside quotes are written behind one, as Data Factory, Synapse and
    /// Spark do; `none` when they are doubled.
    #[arg(long, env = "CSV_ESCAPE", default_value = "none", value_name = "CHARACTER")]
    pub csv_escape: String,

    /// Encoding of the file, such as utf-8, windows-1252 or utf-16le.
    #[arg(long, env = "CSV_ENCODING", default_value = "utf-8", value_name = "NAME")]
    pub csv_encoding: String,
}

/// When a run is given up, and when it is forgotten.
#[derive(Clone, Debug, Args)]
pub struct GuardArgs {
    /// Stop reading at the first rejected row; what is queued by then is delivered.
    #[arg(long, conflicts_with = "max_rejects")]
    pub fail_fast: bool,

    /// Stop reading when more rows than this are rejected: a number, or a share such as 5% (judged
    /// from 1,000 rows on). What is queued by then is delivered.
    #[arg(long, value_name = "N|P%", value_parser = |text: &str| text.parse::<RejectLimit>().map(|_| text.to_owned()))]
    pub max_rejects: Option<String>,

    /// How long the ledger keeps a run after its end.
    #[arg(long, env = "RUN_KEEP", default_value = "30d", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub run_keep: Duration,
}

/// A name that can be in a path of the HTTP API, where `/api/sync/start` is something else.
fn own_run_id(text: &str) -> Result<RunId, String> {
    match text {
        "start" => Err("`start` is a word of the HTTP API; choose another name".to_owned()),
        text => text.parse().map_err(|error: InvalidRunId| error.to_string()),
    }
}
