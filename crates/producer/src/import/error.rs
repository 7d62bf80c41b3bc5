//! Why a file cannot be read, a run cannot go on, or what it writes cannot be written.

use std::time::Duration;

use blob_store::BlobError;
use ingest_core::{IngestError, RunId, commands::producer};
use job_queue::{FeedError, Ledger, Output, QueueError};
use load::UnreadableLoad;

use crate::{
    import::{confirmation::Unconfirmed, load_choice::LoadError},
    report::{
        command_line::{cancel_command, resume_command},
        format::duration,
        output_names::{name, rows},
    },
};

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The file cannot be read as a whole; the message says why.
    #[error("{file}: {source}")]
    Csv { file: String, source: IngestError },
}

impl ReadError {
    /// It passes only when a person acts: access is refused.
    pub(crate) fn is_for_a_person(&self) -> bool {
        matches!(self, Self::Blob(error) if error.is_for_a_person())
    }

    /// This version of the file can never be read to its end.
    pub(crate) fn is_for_good(&self) -> bool {
        use BlobError::{BlobChanged, Corrupt, CutShort, Inflated, WindowTooLarge};
        match self {
            Self::Blob(error) => matches!(
                error,
                BlobChanged { .. }
                    | Corrupt { .. }
                    | CutShort { .. }
                    | Inflated { .. }
                    | WindowTooLarge { .. }
            ),
            Self::Csv { source, .. } => matches!(
                source,
                IngestError::OnlyEmptyLines { .. } | IngestError::HardlyAnyRow { .. }
            ),
        }
    }
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// One version of a file is loaded by one run at a time, else its rows would be loaded twice.
    #[error(
        "{file} is being loaded by run {run}; watch it with `{} show {run}`, or go on with it \
         if it was interrupted: {}; or end it: {}",
        producer(),
        resume_command(run),
        cancel_command(run)
    )]
    UnderWay { file: String, run: RunId },
    /// `--run-id` names a run that exists, and it loads another file.
    #[error("run {run} loads {of}, not {file}; give --file {of}, or another --run-id")]
    OtherFile { run: RunId, file: String, of: String },
    /// The run was started with another `AZURE_CONTAINER` than is set now.
    #[error("run {run} loads from container {of}, not {container}; set AZURE_CONTAINER={of}")]
    OtherContainer { run: RunId, container: String, of: String },
    /// Somebody uploaded the file again. A run never mixes rows of two versions, so this run cannot
    /// be continued.
    #[error(
        "{file} was replaced after run {run} had begun to load it; load the new version as a new run, \
         under another id"
    )]
    OtherVersion { run: RunId, file: String },
    /// A fault ended the run; the reason says which. What was delivered stays delivered, and
    /// `resume` continues it when the reason is gone, unless the file itself is the reason.
    #[error("run {run} failed: {reason}")]
    Failed { run: RunId, reason: String },
    /// More rows were rejected than `--max-rejects` allows, which was known when all of the file was queued already: the run is
    /// complete.
    #[error("run {run}: {reason}")]
    TooManyRejects { run: RunId, reason: String },
    /// More rows were rejected than `--max-rejects` allows, and it would fail again at once. See
    /// the rejected rows first.
    #[error(
        "run {run} failed, for {reason}; give it another limit to go on with: {} \
         --max-rejects N",
        resume_command(run)
    )]
    LimitPassed { run: RunId, reason: String },
    /// The command was told to wait no longer than this for a run that Salesforce refuses or no consumer
    /// delivers.
    #[error(
        "nothing of run {run} was delivered for {} now, and it is not followed any more (--max-held): \
         {reason}; nothing is lost. When that is put right, go on with: {}; or end it with: {}",
        duration(*lasts),
        resume_command(run),
        cancel_command(run)
    )]
    UndeliveredTooLong { run: RunId, lasts: Duration, reason: String },
    /// Somebody cancelled the run. A cancelled run cannot be continued; load the file as a new run.
    #[error("run {run} was cancelled; what was delivered before stays delivered")]
    Cancelled { run: RunId },
    /// The container cannot be written to at the moment: rights, a network fault, or a policy that
    /// forbids changes.
    #[error(
        "{} of run {run} could not be written to {name}; they are kept in redis, and \
         running the same command again writes them: {command}", rows(*output)
    )]
    Output {
        output: Output,
        run: RunId,
        name: String,
        command: String,
        #[source]
        source: Box<OutputError>,
    },
    /// A newer program started the run; resume it with that version.
    #[error(
        "run {run}: the ledger's settings are not understood; was it started by another version?"
    )]
    LedgerSettings { run: RunId },
    /// The id is mistyped, the run is older than `RUN_KEEP`, or `QUEUE_NAME` and `REDIS_URL` are
    /// those of another deployment.
    #[error("there is no run {run}; `{} runs` lists them", producer())]
    UnknownRun { run: RunId },
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The producer asked the org first, and the load does not fit: each row would be refused, or
    /// the run would fail at its first batch.
    #[error("a run of {file} would fail, and is not started: {reason}")]
    Misfit { file: String, reason: String },
    #[error(transparent)]
    Unconfirmed(#[from] Box<Unconfirmed>),
    /// A run keeps the load with which it began. The command, a pattern or the environment says
    /// another one now.
    #[error(
        "run {run} was started with another load than is said now ({how}); go on with what it has \
         ({}), or load the file as a new run, under another id",
        resume_command(run)
    )]
    OtherLoad { run: RunId, how: String },
}

impl SyncError {
    /// Lines of a run that could not be written.
    pub(crate) fn output(output: Output, ledger: &Ledger, source: OutputError) -> Self {
        match source {
            OutputError::Queue(error) => error.into(),
            source => Self::Output {
                output,
                run: ledger.run.clone(),
                name: name(output, &ledger.run, 1),
                command: resume_command(&ledger.run),
                source: Box::new(source),
            },
        }
    }

    /// It passes only when a person acts: it was asked for in a way that cannot be followed, or access is
    /// refused.
    pub(crate) fn is_for_a_person(&self) -> bool {
        match self {
            Self::Load(_)
            | Self::OtherLoad { .. }
            | Self::Unconfirmed(_)
            | Self::Misfit { .. }
            | Self::LimitPassed { .. }
            | Self::UndeliveredTooLong { .. } => true,
            Self::Queue(error) | Self::Feed(FeedError::Queue(error)) => error.is_for_a_person(),
            Self::Read(error) => error.is_for_a_person(),
            Self::Output { source, .. } => {
                matches!(&**source, OutputError::Blob(error) if error.is_for_a_person())
            }
            _ => false,
        }
    }

    /// A person or another setting can fix it, so the run is interrupted and can be resumed. An
    /// error of the run itself, or of the request, does not interrupt it.
    pub(crate) fn interrupts(&self) -> bool {
        match self {
            Self::Read(error) if error.is_for_good() => false,
            Self::Read(_) | Self::Queue(_) | Self::Output { .. } | Self::LedgerSettings { .. } => {
                true
            }
            Self::Feed(error) => matches!(error, FeedError::LockLost { .. } | FeedError::Queue(_)),
            _ => false,
        }
    }

    /// Retryable without a person: the blob storage cannot be reached, or another producer has the
    /// run.
    pub(crate) fn may_heal(&self) -> bool {
        match self {
            Self::Read(ReadError::Blob(BlobError::Unreachable { .. }))
            | Self::Feed(FeedError::HeldByAnother { .. } | FeedError::LockLost { .. }) => true,
            Self::Output { source, .. } => {
                matches!(**source, OutputError::Blob(BlobError::Unreachable { .. }))
            }
            _ => false,
        }
    }
}

/// Why rejected rows, or ids, could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A newer program started the run, so what its key is called is not known here.
    #[error("the load of the run cannot be read")]
    Load(#[from] UnreadableLoad),
    /// The run's entry in Redis is damaged, or was written by a newer program.
    #[error("the header of the run cannot be read")]
    Header(#[from] IngestError),
}
