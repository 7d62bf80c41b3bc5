//! Redis and Azurite of its own, files, and somebody who settles batches.

use std::process::{Child, Command, Output, Stdio};

use blob_store::{BlobArgs, BlobStore, Overwrite, ReadSettings};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use ingest_core::{Cells, IdLine};
use job_queue::{BatchBackend, Queue, QueueArgs, RunLoad};
use redis::Commands;
use serde_json::Value;
use test_support::{Azurite, RedisServer, load_of, outcome};

pub(crate) const FILE: &str = "big.csv";

pub(crate) struct Fixture {
    pub(crate) redis: RedisServer,
    azurite: Azurite,
}

impl Fixture {
    pub(crate) fn start() -> Self {
        Self { redis: RedisServer::start(), azurite: Azurite::start(&[]) }
    }

    /// With [`FILE`] of so many rows.
    pub(crate) fn with_rows(rows: u64) -> Self {
        let fixture = Self::start();
        let body: String = (1..=rows).map(|row| format!("E{row},Name {row}\n")).collect();
        fixture.put(FILE, format!("ExternalId,Name\n{body}"));
        fixture
    }

    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let connection_string = self.azurite.connection_string();
        let settings = [
            ("REDIS_URL", self.redis.url()),
            ("AZURE_STORAGE_CONNECTION_STRING", connection_string),
            // What is settled here is counted in batches.
            ("BATCH_ROWS", "100".to_owned()),
        ];
        settings.map(|(name, value)| (name.to_owned(), value)).into()
    }

    pub(crate) fn producer(&self, arguments: &[&str]) -> Output {
        self.producer_with(&[], arguments)
    }

    /// With further settings.
    pub(crate) fn producer_with(&self, more: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut settings = self.settings();
        settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        producer(&settings, arguments)
    }

    /// Runs a command that must end well; gives what it printed for people.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.producer(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// Runs a command that must fail with code 1; gives its last line.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.producer(arguments);
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {words}");
        assert_eq!(stdout(&output), "", "an error is no data");
        words.lines().last().unwrap_or_default().to_owned()
    }

    pub(crate) fn report(&self, run: &str) -> Value {
        let output = self.producer(&["show", run, "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    }

    pub(crate) fn azurite_address(&self) -> String {
        self.azurite.address()
    }

    pub(crate) fn store(&self) -> BlobStore {
        BlobStore::connect(&BlobArgs {
            azure_storage_connection_string: Some(self.azurite.connection_string().into()),
            azure_storage_account_url: None,
            azure_container: "high-volume-ingest".to_owned(),
            azure_allow_http: false,
        })
        .unwrap()
    }

    /// The text of a blob.
    pub(crate) fn get(&self, name: &str) -> String {
        let store = self.store();
        let bytes: BytesMut = block_on(async {
            let blob = store.properties(name).await.unwrap();
            let chunks = store.read(name, &blob.etag, blob.bytes, 0, ReadSettings::default());
            chunks.map_ok(BytesMut::from).try_concat().await.unwrap()
        });
        String::from_utf8(bytes.into()).unwrap()
    }

    /// Somebody opens a rejects file, and saves it in its place.
    pub(crate) fn change(&self, name: &str, content: &str) {
        let (store, content) = (self.store(), Bytes::copy_from_slice(content.as_bytes()));
        block_on(async {
            let there = store.append_blob(name).await.unwrap().unwrap();
            assert!(store.append_empty(name, &there.etag, &there.metadata).await.unwrap());
            store.append(name, 0, content).await.unwrap();
        });
    }

    pub(crate) fn put(&self, name: &str, content: impl Into<Bytes>) {
        let (store, content) = (self.store(), content.into());
        block_on(async {
            store.create_container().await.unwrap();
            let mut writer = store.write(name, Overwrite::Replace).await.unwrap();
            writer.write(content).await.unwrap();
            writer.commit().await.unwrap();
        });
    }

    /// A consumer with this default load is among the live, for an hour.
    pub(crate) fn show_consumer(&self, load: &RunLoad) {
        let mut redis = self.connection();
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut redis).unwrap();
        let (name, json) = (&load.summary.id, serde_json::to_string(load).unwrap());
        let () = redis.zadd("{batch-sync}:consumers", name, (seconds + 3_600) * 1_000).unwrap();
        let () = redis.hset("{batch-sync}:consumers:loads", name, json).unwrap();
    }

    /// A server is among the live, for an hour.
    pub(crate) fn show_server(&self) {
        let mut redis = self.connection();
        let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut redis).unwrap();
        let () = redis.zadd("{batch-sync}:servers", "server", (seconds + 3_600) * 1_000).unwrap();
    }

    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap()
    }

    fn queue_args(&self) -> QueueArgs {
        QueueArgs::at(&self.redis.url())
    }

    /// Does something on the queue itself.
    pub(crate) fn on_queue<T>(&self, doing: impl AsyncFnOnce(&Queue) -> T) -> T {
        block_on(async { doing(&Queue::connect(&self.queue_args()).await.unwrap()).await })
    }

    /// Settles all batches that are queued. `code` gives the code with which a row is rejected.
    pub(crate) fn settle(&self, code: impl Fn(&str) -> Option<&'static str>) {
        self.settle_up_to(usize::MAX, code);
    }

    /// Settles so many batches, of which no row is rejected.
    pub(crate) fn settle_some(&self, batches: usize) {
        self.settle_up_to(batches, |_| None);
    }

    /// Settles all batches that are queued, with an id of each delivered row; its key is in this column.
    pub(crate) fn settle_with_ids(
        &self,
        key_column: usize,
        code: impl Fn(&str) -> Option<&'static str>,
    ) {
        block_on(async {
            let queue = Queue::connect(&self.queue_args()).await.unwrap();
            let mut consumer = BatchBackend::new(queue, "test", Some(&load()));
            while let Some(claimed) = consumer.claim().await.unwrap() {
                let mut job = outcome(&claimed, &code);
                let mut keys = Cells::at(job.dialect, key_column);
                for (record, raw) in claimed.job().rows.iter() {
                    if job.rejects.iter().all(|reject| reject.record != record) {
                        let (key, id) = (Some(keys.read(raw)), format!("003{record:012}"));
                        job.ids
                            .push(job.dialect, IdLine { record, key, id: &id, change: "created" });
                    }
                }
                claimed.settle(&job).await.unwrap();
            }
        });
    }

    /// Settles so many batches.
    pub(crate) fn settle_up_to(&self, batches: usize, code: impl Fn(&str) -> Option<&'static str>) {
        block_on(async {
            let queue = Queue::connect(&self.queue_args()).await.unwrap();
            let mut consumer = BatchBackend::new(queue, "test", Some(&load()));
            for _ in 0..batches {
                let Some(claimed) = consumer.claim().await.unwrap() else { break };
                let job = outcome(&claimed, &code);
                claimed.settle(&job).await.unwrap();
            }
        });
    }

    /// Queues all of [`FILE`] as a run and settles it.
    pub(crate) fn complete(&self, run: &str, code: impl Fn(&str) -> Option<&'static str>) {
        self.told(&["sync", "--file", FILE, "--run-id", run, "--no-wait"]);
        self.settle(code);
        assert_eq!(self.report(run)["status"], "completed");
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

/// The default load of the tests' consumer.
pub(crate) fn load() -> RunLoad {
    load_of("Contact")
}

/// Sends a process a signal, such as `-INT`.
pub(crate) fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// Runs `producer` to its end with nothing of the environment but `settings`.
pub(crate) fn producer(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(settings, arguments).stdin(Stdio::null()).output().unwrap()
}

/// `producer` with nothing of the environment but `settings`.
pub(crate) fn command(settings: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
    command.args(arguments).env_clear().envs(settings.iter().copied());
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
