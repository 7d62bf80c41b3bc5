//! Arguments of the commands that import a run.

use std::{net::SocketAddr, time::Duration};

use blob_store::BlobArgs;
use clap::Args;
use job_queue::QueueArgs;
use salesforce::ConnectionArgs;

use super::reject_limit::RejectLimit;

/// How a run is imported in the foreground.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// Return when everything is queued, without waiting for the consumers.
    #[arg(long)]
    pub no_wait: bool,

    /// Stop following a run of which nothing was delivered for longer than this, with exit code 2:
    /// Salesforce refuses it, or no consumer runs. The run stays as it is. Without it the end of that
    /// is waited for.
    #[arg(long, value_name = "TIME", value_parser = service::parse_duration)]
    pub max_held: Option<Duration>,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    /// Where `/livez` and `/metrics` are served while the run is loaded, such as 127.0.0.1:9091. One that
    /// is taken is no error.
    #[arg(long, env = "METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// Where the file is.
    #[command(flatten)]
    pub blob: BlobArgs,
    /// Where the queue is.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// How full the queue may get.
    #[command(flatten)]
    pub watermarks: WatermarkArgs,
    /// When the run is stopped, and how long its ledger is kept.
    #[command(flatten)]
    pub guards: GuardArgs,
    /// How to sign in to Salesforce, which is asked before a run starts whether its load and its file
    /// fit. Without it the first consumer finds out.
    #[command(flatten)]
    pub salesforce: ConnectionArgs,
}

/// How full the queue may get.
#[derive(Clone, Debug, Args)]
pub struct WatermarkArgs {
    /// Stop reading a run when this many of its batches are on the queue.
    #[arg(long, env = "QUEUE_DEPTH_HIGH", default_value_t = 2_000, value_name = "BATCHES")]
    pub queue_depth_high: u64,

    /// Resume reading when no more than this many are left [default: half of the high watermark].
    #[arg(long, env = "QUEUE_DEPTH_LOW", value_name = "BATCHES")]
    pub queue_depth_low: Option<u64>,

    /// Stop reading when the batches of a run, or of all runs together, have this many bytes; go on at
    /// half of it. However full the others are, a run may queue a 16th of it. At least 1 MiB.
    #[arg(long, env = "QUEUE_BYTES_HIGH", default_value_t = 64 << 20, value_name = "BYTES", value_parser = service::bytes_within::<u64>(1 << 20..=1 << 40))]
    pub queue_bytes_high: u64,
}

/// When a run is stopped, and how long its ledger is kept.
#[derive(Clone, Debug, Args)]
pub struct GuardArgs {
    /// Stop reading at the first rejected row; queued batches are still delivered.
    #[arg(long, conflicts_with = "max_rejects")]
    pub fail_fast: bool,

    /// Stop reading when more rows than this are rejected: a number, or a share such as 5% (applied
    /// from 1,000 rows on). Queued batches are still delivered.
    #[arg(long, value_name = "N|P%", value_parser = |text: &str| text.parse::<RejectLimit>().map(|_| text.to_owned()))]
    pub max_rejects: Option<String>,

    /// How long the ledger keeps a run after its end, at least 10 s: its report is read then.
    #[arg(long, env = "RUN_KEEP", default_value = "30d", value_name = "TIME", value_parser = kept)]
    pub run_keep: Duration,
}

fn kept(text: &str) -> Result<Duration, String> {
    let keep = service::parse_duration(text)?;
    match keep < KEEP_MIN {
        true => Err("too short; a run is kept for at least 10s".to_owned()),
        false => Ok(keep),
    }
}

/// Who follows a run reads its ledger when it has ended.
const KEEP_MIN: Duration = Duration::from_secs(10);

impl GuardArgs {
    /// The limit that was asked for.
    pub(crate) fn reject_limit(&self) -> Option<RejectLimit> {
        let given = self.max_rejects.as_deref().and_then(|limit| limit.parse().ok());
        if self.fail_fast { Some(RejectLimit::NONE) } else { given }
    }
}
