//! The handle to Redis: every script and every pipeline goes through it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    Cmd, ErrorKind, FromRedisValue, ScriptInvocation, ServerErrorKind, aio::ConnectionManager,
};

use crate::{
    Metrics, QueueArgs, QueueError,
    metrics::Command,
    redis::{
        aof_repair::rewrite_state,
        connection::Connection,
        keys::Keys,
        retry::Retry,
        waits::{Trouble, Waits},
    },
    refusal::is_full,
};

/// What a program says of a Redis without [room](Queue::has_room).
pub const IS_FULL: &str = "is full: raise its maxmemory, or let consumers deliver what is queued";

/// How long an action of a person waits for Redis.
const PATIENCE_OF_A_PERSON: Duration = Duration::from_secs(10);

/// The queue and the ledger. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Queue {
    connection: Arc<Connection>,
    pub(crate) keys: Keys,
    pub(crate) lease: Duration,
    /// How long an action waits for a Redis that is away or full; without end if there is none.
    patience: Option<Duration>,
    waits: Arc<Waits>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl Queue {
    /// Connects to Redis. Where Sentinels or other nodes of a cluster answer, and the one that is needed
    /// does not, it waits for a failover.
    ///
    /// # Errors
    ///
    /// When the URL is malformed, nothing answers within some seconds, or a person has to act.
    pub async fn connect(args: &QueueArgs) -> Result<Self, QueueError> {
        Self::open(args, None).await
    }

    /// The same for a person who waits for an answer: see [`for_a_person`](Self::for_a_person).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and when a failover takes longer than some seconds.
    pub async fn connect_for_a_person(args: &QueueArgs) -> Result<Self, QueueError> {
        Self::open(args, Some(PATIENCE_OF_A_PERSON)).await
    }

    async fn open(args: &QueueArgs, patience: Option<Duration>) -> Result<Self, QueueError> {
        let connection = Arc::new(Box::pin(Connection::open(args, patience)).await?);
        connection.follow_master();
        let keys = Keys::of(&args.queue_name);
        let (waits, metrics) = (Arc::default(), Arc::default());
        Ok(Self { connection, keys, lease: args.queue_lease, patience, waits, metrics })
    }

    /// The same queue, whose actions wait for some seconds at most while Redis is away or full, and then
    /// say so.
    #[must_use]
    pub fn for_a_person(&self) -> Self {
        Self { patience: Some(PATIENCE_OF_A_PERSON), ..self.clone() }
    }

    /// Whether Redis takes what needs memory: whatever does, and what an action of this process waits to write. A
    /// push of some megabytes may cross the limit where a small one does not. Nothing is written.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or refuses otherwise; it is not waited for.
    pub async fn has_room(&self) -> Result<bool, QueueError> {
        let is_awaited = self.waits.is_any_for(Trouble::Full);
        let mut nothing = redis::cmd("SETRANGE");
        nothing.arg(self.keys.never_there()).arg(0).arg("");
        match nothing.query_async::<u64>(&mut self.connection()).await {
            Ok(_bytes) => Ok(!is_awaited),
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(QueueError::refused("tell whether it has room", error)),
        }
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
        Retry::new(&self.connection, &self.waits, &self.metrics, action, self.patience)
    }
}
