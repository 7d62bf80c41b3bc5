//! What can go wrong with the queue.

use std::{fmt, time::Duration};

use ingest_core::{RunId, commands::producer};
use redis::RedisError;

/// What can go wrong with the queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// `REDIS_URL` is no Redis URL.
    #[error(
        "REDIS_URL is not a Redis URL; write redis://HOST:PORT or rediss://HOST:PORT (TLS), \
         redis+sentinel://HOST:PORT,HOST:PORT/NAME, or redis+cluster://HOST:PORT,HOST:PORT; if user or \
         password have other characters than letters, digits, `-`, `.`, `_` and `~`, write each as % and \
         two hexadecimal digits, such as %2F for `/`, %23 for `#` and %40 for `@`"
    )]
    InvalidUrl,
    /// `REDIS_URL` names a socket.
    #[error(
        "REDIS_URL names a Unix socket, and these programs speak with Redis over TCP only; write \
         redis://HOST:PORT, and let Redis listen at a port"
    )]
    UnixSocket,
    /// `REDIS_URL` ends with `#…`.
    #[error(
        "REDIS_URL has a `#`, as in `#insecure`: the certificate of redis is always checked. Remove it, and if your \
         own authority signed the certificate, set SSL_CERT_FILE to the file of the authority's certificate; a `#` in \
         the password is written %23"
    )]
    Fragment,
    /// No Redis answers.
    #[error("redis does not answer at {address}; start it, or set REDIS_URL")]
    Unreachable {
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: RedisError,
    },
    /// Somebody answers, but no Redis without TLS does.
    #[error(
        "what listens at {address} is no {server} without TLS; if it expects TLS, write rediss:// in REDIS_URL"
    )]
    NotPlain {
        /// Who it is.
        server: Server,
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: RedisError,
    },
    /// The server does not speak TLS, or there is none.
    #[error(
        "nothing at {address} speaks TLS; check host and port in REDIS_URL ({server} has another port for TLS), or write \
         redis:// if it is in a network that nobody else can read"
    )]
    NoTls {
        /// Who it is.
        server: Server,
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: RedisError,
    },
    /// The server's certificate is not accepted.
    #[error(
        "the certificate of {server} at {address} is not accepted; write the name in REDIS_URL that it is made for, and \
         if your own authority signed it, set SSL_CERT_FILE to the file of the authority's certificate"
    )]
    Untrusted {
        /// Who it is.
        server: Server,
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: RedisError,
    },
    /// The certificates of authorities cannot be read.
    #[error(
        "the certificates to trust could not be read, so redis at {address} was not asked; set SSL_CERT_FILE to a \
         file with the authority's certificate (PEM), or remove the setting"
    )]
    NoAuthorities {
        /// Host and port, without user and password.
        address: String,
        /// What went wrong, and with which file.
        #[source]
        source: RedisError,
    },
    /// Redis takes no more connections.
    #[error(
        "redis at {address} has as many connections as it may have; end programs that are connected to it, or raise \
         its maxclients"
    )]
    NoPlace {
        /// Host and port, without user and password.
        address: String,
    },
    /// There is no database of this number.
    #[error(
        "redis at {address} refuses the database at the end of REDIS_URL; write a smaller number, or none, or raise \
         `databases` in redis.conf"
    )]
    NoDatabase {
        /// Host and port, without user and password.
        address: String,
        /// What Redis said.
        #[source]
        source: RedisError,
    },
    /// A Sentinel does not take who asks.
    #[error(
        "the Sentinel at {address} refuses to sign us in; set REDIS_SENTINEL_PASSWORD to its password, and \
         REDIS_SENTINEL_USERNAME if it is not that of the user `default` (user and password in REDIS_URL are those of \
         redis)"
    )]
    SentinelSignIn {
        /// Host and port.
        address: String,
        /// What it said.
        #[source]
        source: RedisError,
    },
    /// A user may not ask where the master or the slot is.
    #[error(
        "{server} at {address} does not tell where the keys are: its user lacks a right, in a Sentinel \
         `+sentinel|get-master-addr-by-name`, in a cluster `+cluster|slots`; see docs/redis.md"
    )]
    MayNotAsk {
        /// Who it is.
        server: Server,
        /// Host and port, without user and password.
        address: String,
        /// What it said: it names the command.
        #[source]
        source: RedisError,
    },
    /// No Sentinel knows a master of that name.
    #[error(
        "no Sentinel at {sentinels} knows the master of {service}; check both in REDIS_URL, and if the Sentinels have a \
         password, set REDIS_SENTINEL_PASSWORD"
    )]
    NoMaster {
        /// What the master is called.
        service: String,
        /// Hosts of the Sentinels.
        sentinels: String,
        /// What the last one said that did not answer the question.
        #[source]
        source: Option<RedisError>,
    },
    /// No node of a cluster tells who has the keys.
    #[error(
        "no redis at {nodes} tells which node of the cluster has slot {slot}; check the hosts in REDIS_URL, that all \
         slots are assigned, and that the user may call CLUSTER SLOTS; for a redis that is no cluster write redis://"
    )]
    NoClusterNode {
        /// The slot of all keys.
        slot: u16,
        /// Hosts of the setting.
        nodes: String,
        /// What the last one said that did not answer the question.
        #[source]
        source: Option<RedisError>,
    },
    /// A cluster has no numbered databases.
    #[error(
        "a Redis Cluster has no databases but 0: remove the number at the end of REDIS_URL; deployments on one Redis are \
         kept apart by QUEUE_NAME"
    )]
    ClusterDatabase,
    /// Redis asks for a password, and got none.
    #[error(
        "redis at {address} asks for a password; write it into REDIS_URL: redis://USER:PASSWORD@HOST:PORT"
    )]
    NoPassword {
        /// Host and port, without user and password.
        address: String,
    },
    /// User or password are wrong.
    #[error(
        "redis at {address} does not know this user and password; check them in REDIS_URL: a `%` in the password has to \
         be written %25, and without a user, as in redis://:PASSWORD@HOST:PORT, it is that of `default`"
    )]
    Denied {
        /// Host and port, without user and password.
        address: String,
    },
    /// Entra ID gave no token.
    #[error(
        "could not sign in to Entra ID for redis; give this machine a managed identity, or run `az login`, or set \
         REDIS_AUTH=password"
    )]
    NotSignedIn {
        /// What each way of signing in said.
        #[source]
        source: entra::SignInFailed,
    },
    /// Redis does not take the token of Entra ID.
    #[error(
        "redis at {address} does not take the token of this identity; add the identity under Authentication of the \
         Redis in Azure, and if the user in REDIS_URL is another one, write the identity's object id there"
    )]
    TokenRefused {
        /// Host and port, without user and password.
        address: String,
    },
    /// The user may not do this.
    #[error(
        "redis refused to {action}: its user lacks a right; the line for `ACL SETUSER` in docs/redis.md has all that are \
         needed"
    )]
    Forbidden {
        /// The action.
        action: &'static str,
        /// What Redis said: it names the command, or that it is about a key.
        #[source]
        source: RedisError,
    },
    /// `REDIS_AUTH=entra`, and a URL without TLS.
    #[error(
        "REDIS_AUTH=entra sends a token of Entra ID, and whoever listens could read it; write rediss:// in \
         REDIS_URL instead of redis://"
    )]
    TokenWithoutTls,
    /// Redis cannot be reached, or cannot serve; nothing more is waited for.
    #[error(
        "redis cannot {action} at the moment; try again when it answers, and see its own log if it goes on"
    )]
    Away {
        /// The action.
        action: &'static str,
        /// What was said last.
        #[source]
        source: RedisError,
    },
    /// Redis has no memory left; nothing more is waited for.
    #[error(
        "redis is full and cannot {action}; raise its maxmemory, or let consumers deliver what is queued, and try \
         again"
    )]
    Full {
        /// The action.
        action: &'static str,
        /// What Redis said.
        #[source]
        source: RedisError,
    },
    /// Redis refused a command.
    #[error("redis refused to {action}")]
    Refused {
        /// The action.
        action: &'static str,
        /// What Redis said.
        #[source]
        source: RedisError,
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

/// What there is to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Server {
    /// A Redis.
    Redis,
    /// One that knows which Redis is the master.
    Sentinel,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Sentinel => "Sentinel",
        })
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
    #[error("there is no run {run}; `{} runs` lists them", producer())]
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
    #[error("run {run} is paused; `{} resume {run}` goes on", producer())]
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
