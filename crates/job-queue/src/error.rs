//! What can go wrong with the queue.

use std::{fmt, time::Duration};

use ingest_core::{RunId, commands::producer};
use redis::RedisError;

/// What can go wrong with the queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// `REDIS_URL` is mistyped, or the password has a character that means something in a URL.
    #[error(
        "REDIS_URL is not a Redis URL; write redis://HOST:PORT or rediss://HOST:PORT (TLS), \
         redis+sentinel://HOST:PORT,HOST:PORT/NAME, or redis+cluster://HOST:PORT,HOST:PORT; if user or \
         password have other characters than letters, digits, `-`, `.`, `_` and `~`, write each as % and \
         two hexadecimal digits, such as %2F for `/`, %23 for `#` and %40 for `@`"
    )]
    InvalidUrl,
    /// The programs speak with Redis over the network, also on one machine.
    #[error(
        "REDIS_URL names a Unix socket, and these programs speak with Redis over TCP only; write \
         redis://HOST:PORT, and let Redis listen at a port"
    )]
    UnixSocket,
    /// What stands behind a `#` would switch off the check of the certificate, or is the rest of a
    /// password.
    #[error(
        "REDIS_URL has a `#`, as in `#insecure`: the certificate of redis is always checked. Remove it, and if your \
         own authority signed the certificate, set SSL_CERT_FILE to the file of the authority's certificate; a `#` in \
         the password is written %23"
    )]
    Fragment,
    /// Redis is not started, listens at another address, or a firewall is in the way.
    #[error(
        "redis does not answer at {address}; start it, or set REDIS_URL in the environment or in .env"
    )]
    Unreachable {
        /// Host and port, without user and password.
        address: String,
        /// What the connection said.
        #[source]
        source: RedisError,
    },
    /// The port is that for TLS, or that of another service. Azure's Redis has port 6380 or 10000,
    /// for TLS only.
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
    /// `REDIS_URL` begins with `rediss://`, and the port is the one without TLS.
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
    /// The certificate was made for another name, has expired, or is signed by an authority that
    /// this machine does not know.
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
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` names something that is not there, cannot be read or holds no
    /// certificate.
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
    /// Each program holds some connections; mostly other clients of the same Redis do not close
    /// theirs.
    #[error(
        "redis at {address} has as many connections as it may have; end programs that are connected to it, or raise \
         its maxclients"
    )]
    NoPlace {
        /// Host and port, without user and password.
        address: String,
    },
    /// `REDIS_URL` ends with a number that this Redis does not have; managed ones often have only 0.
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
    /// Sentinels have passwords of their own, which are not those of Redis.
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
    /// The user of `REDIS_URL` has fewer rights than the programs need: [Redis](redis.md).
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
    /// The name behind the hosts is not the one that the Sentinels call the master, or none of them
    /// could be reached.
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
    /// The hosts are no cluster, the cluster is not complete, or the user may not ask.
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
    /// `REDIS_URL` ends with a number, and a cluster has only the database 0.
    #[error(
        "a Redis Cluster has no databases but 0: remove the number at the end of REDIS_URL; deployments on one Redis are \
         kept apart by QUEUE_NAME"
    )]
    ClusterDatabase,
    /// `REDIS_URL` has no password, and this Redis wants one.
    #[error(
        "redis at {address} asks for a password; write it into REDIS_URL: redis://USER:PASSWORD@HOST:PORT"
    )]
    NoPassword {
        /// Host and port, without user and password.
        address: String,
    },
    /// User or password are wrong, or were changed.
    #[error(
        "redis at {address} does not know this user and password; check them in REDIS_URL: a `%` in the password has to \
         be written %25, and without a user, as in redis://:PASSWORD@HOST:PORT, it is that of `default`"
    )]
    Denied {
        /// Host and port, without user and password.
        address: String,
    },
    /// `REDIS_AUTH=entra` needs an identity, and none of the ways to sign in worked; the causes name
    /// each.
    #[error(
        "could not sign in to Entra ID for redis; give this machine a managed identity, or run `az login`, or set \
         REDIS_AUTH=password"
    )]
    NotSignedIn {
        /// What each way of signing in said.
        #[source]
        source: entra::SignInFailed,
    },
    /// The identity has a token, and this Redis does not know it yet.
    #[error(
        "redis at {address} does not take the token of this identity; add the identity under Authentication of the \
         Redis in Azure, and if the user in REDIS_URL is another one, write the identity's object id there"
    )]
    TokenRefused {
        /// Host and port, without user and password.
        address: String,
    },
    /// The user of `REDIS_URL` lacks a right that this version of the programs needs, mostly after an
    /// upgrade.
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
    /// `REDIS_AUTH=entra` goes only with TLS.
    #[error(
        "REDIS_AUTH=entra sends a token of Entra ID, and whoever listens could read it; write rediss:// in \
         REDIS_URL instead of redis://"
    )]
    TokenWithoutTls,
    /// A command for a person waits ten seconds for Redis. It is restarting, failing over, or
    /// loading its data; programs that load wait longer and go on by themselves.
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
    /// Redis is at its `maxmemory`. Nothing is lost, but nothing new is taken: [Redis](redis.md).
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
    /// Redis answered with an error that has no better name here; the cause has its text.
    #[error("redis refused to {action}")]
    Refused {
        /// The action.
        action: &'static str,
        /// What Redis said.
        #[source]
        source: RedisError,
    },
    /// An entry of the run was written by a version that this program does not know, or by hand.
    /// Use the newer program for this run.
    #[error(
        "run {run}: the ledger's field {field} is missing or not understood; was it written by another version?"
    )]
    Ledger {
        /// Whose entry.
        run: RunId,
        /// Name of the field.
        field: &'static str,
    },
    /// A consumer was started with `--adopt-org` and gave the queue to another org.
    #[error(
        "the queue belongs to org {org} now, and this consumer is signed in to another one, so it takes \
         nothing more; stop it, or start it again with settings that sign in to {org}"
    )]
    OfOtherOrg {
        /// Whose the queue is.
        org: String,
    },
    /// Redis refused to store batches, or the connection broke; the cause says which. The run can
    /// be resumed.
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
    /// A second producer was started for the run, or the first one was killed a moment ago.
    #[error("run {run} is being fed by another producer; if that one has died, its lock expires within {} s", for_at_most.as_secs() + 1)]
    HeldByAnother {
        /// The run.
        run: RunId,
        /// When the lock expires unless the other producer renews it.
        for_at_most: Duration,
    },
    /// The run was to be resumed, and meanwhile another run was started for the same file.
    #[error("the file of run {run} is being loaded by run {other}; that one has to end first")]
    UnderWay {
        /// The run.
        run: RunId,
        /// The run that reads the same version of the same file.
        other: RunId,
    },
    /// The process or Redis stood for longer than `QUEUE_LEASE`, such as a suspended machine.
    /// Resume the run.
    #[error("run {run}: this producer did not renew its lock in time and lost the run")]
    LockLost {
        /// The run.
        run: RunId,
    },
    /// The id is mistyped, the run is older than `RUN_KEEP`, or `QUEUE_NAME` and `REDIS_URL` are
    /// those of another deployment.
    #[error("there is no run {run}; `{} runs` lists them", producer())]
    UnknownRun {
        /// The run.
        run: RunId,
    },
    /// While this program read the file, somebody cancelled the run, or a consumer failed it.
    #[error("run {run} is {state}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    RunEnded {
        /// The run.
        run: RunId,
        /// The state it is in.
        state: String,
        /// Why, in the words of the actor that ended it.
        reason: String,
    },
    /// A person paused the run while this program read the file.
    #[error("run {run} is paused; `{} resume {run}` goes on", producer())]
    Paused {
        /// The run.
        run: RunId,
    },
    /// Redis was restarted and lost its last second of writes. Nothing is lost: what was read since
    /// is read again.
    #[error("run {run}: redis lost its last writes; feeding starts again at the last checkpoint")]
    Rewound {
        /// The run.
        run: RunId,
    },
    /// The queue itself.
    #[error(transparent)]
    Queue(#[from] QueueError),
}
