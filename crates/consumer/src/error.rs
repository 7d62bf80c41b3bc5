use std::{io, net::SocketAddr};

use ingest_core::{RunId, commands::producer};
use load::Misfit;

use crate::retry::Blocker;
use salesforce::{LoginError, Refusal};

/// Why the consumer could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// Somebody waits for this command, so it does not wait long: the network, a proxy or the address is the
    /// reason, or Salesforce is down.
    #[error(
        "salesforce does not answer ({cause}); is it up, and is SALESFORCE_LOGIN_URL or \
         SALESFORCE_INSTANCE_URL right?"
    )]
    SalesforceAway {
        /// What came instead.
        cause: String,
    },
    /// The token endpoint said no.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The user is signed in and may not read what the object looks like; the answer says why.
    #[error("could not read the object {object}: salesforce answers {answer}")]
    Describe {
        /// The object.
        object: String,
        /// What Salesforce says.
        answer: Refusal,
    },
    /// The name is mistyped (objects of your own end with `__c`), or a permission set is missing.
    #[error(
        "salesforce has no object {object}; check SALESFORCE_OBJECT, or give the integration user \
         access to it"
    )]
    NoSuchObject {
        /// The object.
        object: String,
    },
    /// The load does not fit the org.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// Rows are on the queue that are meant for another org: mostly the settings of a sandbox and
    /// of production were mixed, or a sandbox was refreshed and has another id since.
    #[error(
        "the queue belongs to org {queue}, and these settings sign in to org {signed_in}; sign in to \
         the first one, or give this deployment a queue of its own (QUEUE_NAME); only if {signed_in} \
         is to get all that is queued, as after the refresh of a sandbox, start once with --adopt-org"
    )]
    QueueOfOtherOrg {
        /// The org of the queue.
        queue: String,
        /// Where the settings lead.
        signed_in: String,
    },
    /// The queue was to be given to another org while consumers of the first one deliver.
    #[error(
        "the queue belongs to org {queue}, and {consumers} of its consumers are running, which would go \
         on sending rows there; stop all of them, and start this one again with --adopt-org, which gives \
         the queue to org {signed_in} (one that was killed counts for some seconds more)"
    )]
    QueueInUse {
        /// The org of the queue.
        queue: String,
        /// Where the settings lead.
        signed_in: String,
        /// How many of its consumers are live.
        consumers: u64,
    },
    /// The id is mistyped, the run is older than `RUN_KEEP`, or `QUEUE_NAME` and `REDIS_URL` are
    /// those of another deployment.
    #[error("there is no run {run}; `{} runs` lists those that are kept", producer())]
    NoSuchRun {
        /// The run.
        run: RunId,
    },
    /// A count is compared with the figures of the run, and these still change.
    #[error(
        "run {run} has not ended: rows of it are still to be read or delivered; count when \
         `{} show {run}` says that it has",
        producer()
    )]
    RunNotEnded {
        /// The run.
        run: RunId,
    },
    /// The run ended before a consumer took a batch of it, so nothing of it is in Salesforce.
    #[error("no consumer has delivered run {run}: it has no load, and there is nothing to count")]
    RunNotDelivered {
        /// The run.
        run: RunId,
    },
    /// The settings of the command are those of another org than that of the consumers.
    #[error(
        "run {run} was delivered to org {of_run}, and these settings sign in to org {signed_in}; \
         count with the sign-in settings of the consumers that delivered it"
    )]
    OtherOrg {
        /// The run.
        run: RunId,
        /// Its org.
        of_run: String,
        /// Where the settings lead.
        signed_in: String,
    },
    /// The scopes of the app do not let it say who is signed in, and a count is of the records of
    /// one user.
    #[error(
        "salesforce does not say which user is signed in, so that user's records cannot be \
         counted; give the app the scope `id` or `openid`"
    )]
    NoUser,
    /// Salesforce refused the query, or did not answer it; the answer says which.
    #[error("could not count records of {object}: salesforce answers {answer}; try again later")]
    Count {
        /// The object.
        object: String,
        /// What Salesforce says.
        answer: Refusal,
    },
    /// Another program has the port, mostly a second consumer on the same machine, or the address
    /// is none of this machine.
    #[error("could not listen on {address} for health and metrics; choose another METRICS_LISTEN")]
    MetricsListen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot sign in until a person has acted.
    #[error(transparent)]
    Stopped(#[from] StoppedBy),
}

impl ConsumerError {
    /// Whether it passes only when a person acts: settings, or what an administrator of the org allows.
    pub(crate) fn is_for_a_person(&self) -> bool {
        match self {
            Self::Login(error) => !error.is_passing(),
            Self::Describe { answer: Refusal::Answered(answer), .. } => {
                matches!(answer.status, 400..=499) && answer.status != 429
            }
            Self::NoSuchObject { .. }
            | Self::Misfit(_)
            | Self::QueueOfOtherOrg { .. }
            | Self::OtherOrg { .. }
            | Self::NoUser
            | Self::Stopped(_) => true,
            // One that ends soon may have it.
            Self::MetricsListen { source, .. } => source.kind() != io::ErrorKind::AddrInUse,
            Self::SalesforceAway { .. }
            | Self::Describe { .. }
            | Self::QueueInUse { .. }
            | Self::NoSuchRun { .. }
            | Self::RunNotEnded { .. }
            | Self::RunNotDelivered { .. }
            | Self::Count { .. } => false,
        }
    }
}

/// The consumer can no longer sign in, so it ended; the message begins with what Salesforce says.
#[derive(Debug, thiserror::Error)]
#[error("{0}; what is not delivered stays queued, so start the consumer again then")]
pub struct StoppedBy(pub(crate) Blocker);
