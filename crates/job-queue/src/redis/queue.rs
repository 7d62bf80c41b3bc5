//! The connection to Redis, and what to do while Redis is away.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind,
    aio::ConnectionManager,
};
use secrecy::ExposeSecret;
use tracing::{info, warn};

use crate::{QueueArgs, QueueError, redis::connection::Link, redis::scripts};

const AWAY_DELAY_MIN: Duration = Duration::from_millis(100);
const AWAY_DELAY_MAX: Duration = Duration::from_secs(3);

/// The queue and the ledger. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Queue {
    link: Arc<Link>,
    pub(crate) lease: Duration,
    away: Arc<AtomicBool>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// Batches that have no outcome yet, and what they weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting, delayed and being delivered.
    pub jobs: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// How full the queue is, for a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fullness {
    /// Its own batches; the bytes are also those of its rejected rows that are not in their file.
    pub own: Depth,
    /// Bytes of the batches of all runs.
    pub all_bytes: u64,
}

impl Queue {
    /// Connects to Redis.
    ///
    /// # Errors
    ///
    /// When the URL is malformed, or nothing answers within some seconds.
    pub async fn connect(args: &QueueArgs) -> Result<Self, QueueError> {
        let link = Arc::new(Link::connect(args.redis_url.expose_secret()).await?);
        link.follow_master();
        Ok(Self { link, lease: args.queue_lease, away: Arc::default() })
    }

    /// What should be set differently on this Redis, one sentence each.
    ///
    /// # Errors
    ///
    /// When Redis cannot be asked. A managed Redis that hides its settings gives
    /// no warnings.
    pub async fn settings_warnings(&self) -> Result<Vec<String>, QueueError> {
        let mut connection = self.connection();
        match redis::cmd("INFO").query_async::<String>(&mut connection).await {
            Ok(info) => Ok(settings_warnings(&info)),
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Ok(Vec::new())
            }
            Err(source) => Err(QueueError::Refused { action: "tell about itself", source }),
        }
    }

    /// How full the queues of all runs are: the batches of those that may be delivered, and the
    /// bytes of all, those that are paused, held or failed too.
    ///
    /// # Errors
    ///
    /// When Redis refuses; Redis being away is waited out.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let script = scripts::call(&scripts::DEPTH);
        let (jobs, bytes, _all): (u64, u64, u64) = self.invoke("tell the depth", &script).await?;
        Ok(Depth { jobs, bytes })
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }

    /// Runs a script; waits while Redis is away. It must be safe to run twice:
    /// when an answer is lost it is.
    pub(crate) async fn invoke<T: FromRedisValue>(
        &self,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, QueueError> {
        let mut patience = self.patience(action);
        loop {
            let command = Cmd::invoke_script(script);
            let error = match command.query_async(&mut self.connection()).await {
                Ok(answer) => return Ok(patience.rewarded_with(answer)),
                // It has started since we knew it.
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    match self.greet().await {
                        Ok(()) => continue,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            patience.wait(error).await?;
        }
    }

    /// Runs a pipeline; as [`invoke`](Self::invoke).
    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        action: &'static str,
        pipeline: &redis::Pipeline,
    ) -> Result<T, QueueError> {
        let mut patience = self.patience(action);
        loop {
            match pipeline.query_async(&mut self.connection()).await {
                Ok(answer) => return Ok(patience.rewarded_with(answer)),
                Err(error) => patience.wait(error).await?,
            }
        }
    }

    pub(crate) fn connection(&self) -> ConnectionManager {
        self.link.connection()
    }

    pub(crate) fn patience(&self, action: &'static str) -> Patience<'_> {
        Patience { queue: self, action, since: Instant::now(), delay: AWAY_DELAY_MIN }
    }
}

/// Waits for a Redis that is away, and says so once for all who wait.
pub(crate) struct Patience<'a> {
    queue: &'a Queue,
    action: &'static str,
    since: Instant,
    delay: Duration,
}

impl Patience<'_> {
    /// Waits a while when waiting may help.
    pub(crate) async fn wait(&mut self, error: RedisError) -> Result<(), QueueError> {
        if !is_away(&error) {
            return Err(QueueError::Refused { action: self.action, source: error });
        }
        if !self.queue.away.swap(true, Ordering::Relaxed) {
            warn!(error = %error, "redis does not {}; waiting until it does", self.action);
        }
        tokio::time::sleep(self.delay.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.delay = (self.delay * 2).min(AWAY_DELAY_MAX);
        self.queue.link.mend(&error).await;
        Ok(())
    }

    pub(crate) fn rewarded_with<T>(&self, answer: T) -> T {
        let away = &self.queue.away;
        if away.load(Ordering::Relaxed) && away.swap(false, Ordering::Relaxed) {
            info!("redis answers again after {:.1} s", self.since.elapsed().as_secs_f64());
        }
        answer
    }
}

/// Whether waiting may help: Redis cannot be reached, is starting, is being
/// failed over, or is full.
pub(crate) fn is_away(error: &RedisError) -> bool {
    use redis::ErrorKind::{ClusterConnectionNotFound, Io, Server};
    error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || matches!(error.kind(), Io | ClusterConnectionNotFound)
        || matches!(
            error.kind(),
            Server(
                // Of a transaction, whose commands are always the same: the server could not.
                ServerErrorKind::ExecAbort
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
            )
        )
        // Of a pipeline, each command has an answer of its own.
        || error.clone().into_server_errors().is_some_and(|errors| {
            errors.iter().any(|(_, error)| is_full(error.code(), error.details()))
        })
}

/// Redis has no memory left, or may not write at the moment.
fn is_full(code: &str, details: Option<&str>) -> bool {
    let codes = ["OOM", "BUSY", "MISCONF", "NOREPLICAS"];
    // Redis 6.2 wraps what a script met.
    let wrapped = ["-OOM ", "-READONLY ", "-MISCONF ", "-NOREPLICAS "];
    codes.contains(&code)
        || details.is_some_and(|details| wrapped.iter().any(|met| details.contains(met)))
}

/// Reads Redis' `INFO`.
fn settings_warnings(info: &str) -> Vec<String> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let mut warnings = Vec::new();
    if let Some(policy) = field("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        warnings.push(format!(
            "redis may evict queued rows (maxmemory-policy {policy}); set `maxmemory-policy noeviction`"
        ));
    }
    if field("aof_enabled") == Some("0") {
        warnings.push(
            "redis keeps no append-only file, so a restart loses queued rows; set `appendonly yes`"
                .to_owned(),
        );
    }
    if let Some(version) = field("redis_version").filter(|version| is_too_old(version)) {
        warnings.push(format!("redis {version} is too old; 6.2 or newer is needed"));
    }
    warnings
}

fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next(), parts.next()) < (Some(6), Some(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_as_it_should_be_gives_no_warning() {
        let info = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";

        assert_eq!(settings_warnings(info), Vec::<String>::new());
    }

    #[test]
    fn each_risky_setting_is_named_with_its_cure() {
        let info = "redis_version:6.0.16\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n";

        let warnings = settings_warnings(info);

        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].contains("maxmemory-policy noeviction"));
        assert!(warnings[1].contains("appendonly yes"));
        assert!(warnings[2].contains("6.2"));
    }
}
