//! What can go wrong with the queue.

use std::time::Duration;

use ingest_core::RunId;

/// What can go wrong with the queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// `REDIS_URL` is no Redis URL.
    #[error(
        "REDIS_URL is not a Redis URL; write redis://HOST:PORT or rediss://HOST:PORT, or \
         redis+sentinel://HOST:PORT,HOST:PORT/NAME"
    )]
    InvalidUrl,
    /// No Redis answers.
    #[error("redis does not answer at {address}; start it, or set REDIS_URL")]
    Unreachable {
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: redis::RedisError,
    },
    /// No Sentinel knows a master of that name.
    #[error("no Sentinel at {sentinels} knows the master of {service}; check both in REDIS_URL")]
    NoMaster {
        /// What the master is called.
        service: String,
        /// Hosts of the Sentinels.
        sentinels: String,
    },
    /// User or password are wrong, or missing.
    #[error("redis at {address} does not know this user and password; check them in REDIS_URL")]
    Denied {
        /// Host and port, without user and password.
        address: String,
    },
    /// Redis refused a command.
    #[error("redis refused to {action}")]
    Refused {
        /// The action.
        action: &'static str,
        /// What Redis said.
        #[source]
        source: redis::RedisError,
    },
    /// An entry of the ledger is not what this program wrote.
    #[error(
        "run {run}: the ledger's field {field} is missing or not understood; was it written by another version?"
    )]
    Ledger {
        /// Whose entry.
        run: RunId,
        /// Name of the field.
        field: &'static str,
    },
    /// Somebody gave the queue to another org.
    #[error(
        "the queue belongs to org {org} now, and this consumer is signed in to another one, so it takes \
         nothing more; stop it, or start it again with settings that sign in to {org}"
    )]
    OfOtherOrg {
        /// Whose the queue is.
        org: String,
    },
    /// `apalis-redis` could not push.
    #[error("could not push batches to the queue")]
    Push(#[source] apalis_redis::Error),
}

impl QueueError {
    /// Whether it passes only when a person acts.
    #[must_use]
    pub fn is_for_a_person(&self) -> bool {
        matches!(self, Self::InvalidUrl | Self::Denied { .. } | Self::OfOtherOrg { .. })
    }
}

/// Why a feeder cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Another producer holds the lock on this run.
    #[error("run {run} is being fed by another producer; if that one has died, its lock expires within {} s", for_at_most.as_secs() + 1)]
    HeldByAnother {
        /// The run.
        run: RunId,
        /// When the lock expires unless the other producer renews it.
        for_at_most: Duration,
    },
    /// The run has failed, and its file is being read by another one.
    #[error("the file of run {run} is being loaded by run {other}; that one has to end first")]
    UnderWay {
        /// The run.
        run: RunId,
        /// The run that reads the same version of the same file.
        other: RunId,
    },
    /// The lock expired: this process or Redis was stopped too long.
    #[error("run {run}: this producer did not renew its lock in time and lost the run")]
    LockLost {
        /// The run.
        run: RunId,
    },
    /// There is no such run.
    #[error("there is no run {run}; `producer runs` lists them")]
    UnknownRun {
        /// The run.
        run: RunId,
    },
    /// The run was ended meanwhile.
    #[error("run {run} is {state}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    RunEnded {
        /// The run.
        run: RunId,
        /// The state it is in.
        state: String,
        /// Why, in the words of the actor that ended it.
        reason: String,
    },
    /// A person paused the run; pushing works again when it is resumed.
    #[error("run {run} is paused; `producer resume {run}` goes on")]
    Paused {
        /// The run.
        run: RunId,
    },
    /// Redis came back without its last writes. Feeding has to start again at
    /// the ledger's checkpoint; nothing is lost.
    #[error("run {run}: redis lost its last writes; feeding starts again at the last checkpoint")]
    Rewound {
        /// The run.
        run: RunId,
    },
    /// The queue itself.
    #[error(transparent)]
    Queue(#[from] QueueError),
}
