//! The handle to Redis: every script and every pipeline goes through it.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use redis::{
    Cmd, ErrorKind, FromRedisValue, ScriptInvocation, ServerErrorKind, aio::ConnectionManager,
};
use secrecy::ExposeSecret;

use crate::{
    Metrics, QueueArgs, QueueError,
    metrics::Command,
    redis::{aof_repair::rewrite_state, connection::Connection, keys::Keys, retry::Retry},
};

/// The queue and the ledger. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Queue {
    connection: Arc<Connection>,
    pub(crate) keys: Keys,
    pub(crate) lease: Duration,
    /// An action of some clone waits for Redis at this moment.
    is_away: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Queue {
    /// Connects to Redis.
    ///
    /// # Errors
    ///
    /// When the URL is malformed, or nothing answers within some seconds.
    pub async fn connect(args: &QueueArgs) -> Result<Self, QueueError> {
        let connection = Arc::new(Connection::open(args.redis_url.expose_secret()).await?);
        connection.follow_master();
        let keys = Keys::of(&args.queue_name);
        let (is_away, metrics) = (Arc::default(), Arc::default());
        Ok(Self { connection, keys, lease: args.queue_lease, is_away, metrics })
    }

    /// What this process measures of the queue.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How often a worker shows that it is alive; time passes for leases while one does.
    #[must_use]
    pub fn between_heartbeats(&self) -> Duration {
        self.lease / 4
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
        self.invoke_as(Command::Other, action, script).await
    }

    /// The same for what is measured by itself.
    pub(crate) async fn invoke_as<T: FromRedisValue>(
        &self,
        command: Command,
        action: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, QueueError> {
        let mut retry = self.retry(action);
        loop {
            let invocation = Cmd::invoke_script(script);
            let mut connection = self.connection();
            let answering = invocation.query_async(&mut connection);
            let error = match self.measured(command, answering).await {
                Ok(answer) => return Ok(retry.succeeded(answer)),
                // Redis has restarted: before any script runs, its state is written again.
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    match rewrite_state(&mut self.connection(), &self.keys).await {
                        Ok(()) => continue,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            retry.wait(error).await?;
        }
    }

    /// Runs a pipeline; as [`invoke`](Self::invoke).
    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        action: &'static str,
        pipeline: &redis::Pipeline,
    ) -> Result<T, QueueError> {
        let mut retry = self.retry(action);
        loop {
            let mut connection = self.connection();
            let answering = pipeline.query_async(&mut connection);
            match self.measured(Command::Other, answering).await {
                Ok(answer) => return Ok(retry.succeeded(answer)),
                Err(error) => retry.wait(error).await?,
            }
        }
    }

    /// One request, with the time that it takes until there is an answer or an error.
    pub(crate) async fn measured<T>(
        &self,
        command: Command,
        request: impl Future<Output = T>,
    ) -> T {
        let since = Instant::now();
        let answer = request.await;
        self.metrics.requested(command, since.elapsed());
        answer
    }

    pub(crate) fn connection(&self) -> ConnectionManager {
        self.connection.current()
    }

    pub(crate) fn retry(&self, action: &'static str) -> Retry<'_> {
        Retry::new(&self.connection, &self.is_away, &self.metrics, action)
    }
}
