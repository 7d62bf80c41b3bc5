//! A server as a process of its own, and somebody who delivers its batches.

use std::{process::Stdio, time::Duration};

use blob_store::{BlobArgs, BlobStore, Overwrite};
use ingest_core::IdLine;
use job_queue::{BatchBackend, Claimed, Queue, QueueArgs, RunLoad};
use redis::Commands;
use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap, redirect};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{Azurite, RedisServer, load_of, outcome};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    time::{sleep, timeout},
};

/// Nothing here takes longer unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Redis, a container, and the settings to use them.
pub(crate) struct Services {
    pub(crate) redis: RedisServer,
    pub(crate) store: BlobStore,
    pub(crate) folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Services {
    pub(crate) async fn start() -> Self {
        let redis = RedisServer::start();
        let (azurite, container) = (Azurite::shared(), Azurite::new_container());
        let store = BlobStore::connect(&BlobArgs {
            azure_storage_connection_string: Some(azurite.connection_string().into()),
            azure_storage_account_url: None,
            azure_container: container.clone(),
            azure_allow_http: false,
        })
        .unwrap();
        store.create_container().await.unwrap();
        let settings = [
            ("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string()),
            ("AZURE_CONTAINER", container),
            ("REDIS_URL", redis.url()),
            ("QUEUE_LEASE", "2s".to_owned()),
            ("BATCH_ROWS", "10".to_owned()),
            ("HTTP_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
        Self { redis, store, folder: tempfile::tempdir().unwrap(), settings }
    }

    /// Changes a setting of the servers started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) async fn put(&self, name: &str, content: impl Into<bytes::Bytes>) {
        let mut writer = self.store.write(name, Overwrite::Replace).await.unwrap();
        writer.write(content.into()).await.unwrap();
        writer.commit().await.unwrap();
    }

    /// A file with so many rows.
    pub(crate) async fn put_rows(&self, name: &str, rows: u32) {
        let lines = (1..=rows).map(|row| format!("{row},name {row}\n"));
        self.put(name, format!("id,name\n{}", lines.collect::<String>())).await;
    }

    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.redis.url()).unwrap().get_connection().unwrap()
    }

    /// Waits until the servers have nothing more to do for any run.
    pub(crate) async fn no_import_is_left(&self) {
        self.imports_become(0, 0).await;
    }

    /// Waits until the servers are asked for so many runs, and have taken so many of them.
    pub(crate) async fn imports_become(&self, asked: u64, taken: u64) {
        let mut redis = self.connection();
        let mut count = || -> (u64, u64) {
            let jobs = redis.hlen("{batch-sync}:full-import:data").unwrap();
            (jobs, redis.zcard("{batch-sync}:full-import:leases").unwrap())
        };
        for _ in 0..600 {
            if count() == (asked, taken) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("there are {:?} imports", count());
    }

    pub(crate) async fn queue(&self) -> Queue {
        Queue::connect(&QueueArgs::at(&self.redis.url())).await.unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        self.command_of(&["serve"])
    }

    pub(crate) fn command_of(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    pub(crate) async fn serve(&self) -> Server {
        let mut process = self.command().spawn().unwrap();
        let mut says = BufReader::new(process.stderr.take().unwrap());
        let mut heard = String::new();
        let url = loop {
            let bytes = timeout(PATIENCE, says.read_line(&mut heard)).await.unwrap().unwrap();
            assert!(bytes > 0, "the server has ended: {heard}");
            let address = heard.lines().find_map(|line| line.strip_prefix("listening on "));
            if let Some(address) = address {
                break address.split(';').next().unwrap().to_owned();
            }
        };
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Server { process, says, heard, url, client }
    }
}

/// A server, and a run of 100 rows (`rows.csv`) of which three batches are queued: the queue takes
/// no more, and nobody delivers.
pub(crate) async fn half_fed_run() -> (Services, Server, String) {
    half_fed_run_with(&[]).await
}

/// With further settings.
pub(crate) async fn half_fed_run_with(settings: &[(&str, &str)]) -> (Services, Server, String) {
    let mut services = Services::start().await;
    for (name, value) in [("QUEUE_DEPTH_HIGH", "3")].iter().chain(settings) {
        services.set(name, value);
    }
    services.put_rows("rows.csv", 100).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["batchesFed"] == 3).await;
    (services, server, run)
}

/// `producer serve`. Killed when dropped.
pub(crate) struct Server {
    process: Child,
    says: BufReader<ChildStderr>,
    /// Until it said where it listens.
    heard: String,
    pub(crate) url: String,
    client: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The words of a refusal, which is JSON with `error`, whatever it is about.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        self.json()["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn run(&self) -> String {
        self.json()["runId"].as_str().unwrap_or_else(|| panic!("no run in {self:?}")).to_owned()
    }
}

impl Server {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path)).await
    }

    pub(crate) async fn start(&self, file: &str) -> Answer {
        send(self.start_request(file)).await
    }

    pub(crate) fn start_request(&self, file: &str) -> RequestBuilder {
        let body = serde_json::json!({ "fileName": file });
        self.request(Method::POST, "/api/sync/start").json(&body)
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// The report of a run, once `is_so`.
    pub(crate) async fn report(&self, run: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let look = async {
            loop {
                last = self.get(&format!("/api/sync/{run}")).await.json();
                if is_so(&last) {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(PATIENCE, look).await.is_err() {
            panic!("it never came to that: {last}");
        }
        last
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    pub(crate) async fn terminate(&self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(sent.success());
    }

    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits for its end; gives its exit code and what it said.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        let mut said = self.heard;
        self.says.read_to_string(&mut said).await.unwrap();
        (status.code(), said)
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    Answer::of(timeout(PATIENCE, request.send()).await.unwrap().unwrap()).await
}

/// Takes batches off the queue as a consumer does, and says itself what becomes of them.
pub(crate) struct Deliverer {
    backend: BatchBackend,
    /// What came when it was first asked.
    held: Option<Claimed>,
}

impl Deliverer {
    pub(crate) async fn new(services: &Services) -> Self {
        Self::of(services, Some(&load())).await
    }

    /// One with this default load; it is among the live from now on.
    pub(crate) async fn of(services: &Services, default: Option<&RunLoad>) -> Self {
        let name = format!("test-{}", default.map_or("none", |load| &load.summary.id));
        let mut backend = BatchBackend::new(services.queue().await, &name, default);
        let held = backend.claim().await.unwrap();
        Self { backend, held }
    }

    /// Salesforce takes every row of so many batches.
    pub(crate) async fn deliver(&mut self, batches: usize) {
        for _ in 0..batches {
            accept(&self.claim().await).await;
        }
    }

    /// And of all that come within two seconds.
    pub(crate) async fn deliver_all(&mut self) {
        while let Ok(claimed) = timeout(Duration::from_secs(2), self.claim()).await {
            accept(&claimed).await;
        }
    }

    /// Salesforce takes no row of so many batches.
    pub(crate) async fn reject(&mut self, batches: usize, code: &str) {
        for _ in 0..batches {
            refuse(&self.claim().await, code).await;
        }
    }

    /// Salesforce takes every row of so many batches, and says which record it is.
    pub(crate) async fn deliver_with_ids(&mut self, batches: usize) {
        for _ in 0..batches {
            let claimed = self.claim().await;
            let mut job = outcome(&claimed, |_| None);
            for (record, _) in claimed.job().rows.iter() {
                let (key, id) = (format!("K-{record}"), format!("003{record:015}"));
                let key = Some(key.as_bytes());
                job.ids.push(job.dialect, IdLine { record, key, id: &id, change: "created" });
            }
            claimed.settle(&job).await.unwrap();
        }
    }

    pub(crate) async fn claim(&mut self) -> Claimed {
        if let Some(held) = self.held.take() {
            return held;
        }
        let claim = async {
            loop {
                if let Some(claimed) = self.backend.claim().await.unwrap() {
                    return claimed;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, claim).await.expect("there is a batch")
    }
}

/// Salesforce takes every row of the batch.
pub(crate) async fn accept(claimed: &Claimed) {
    let job = outcome(claimed, |_| None);
    claimed.settle(&job).await.unwrap();
}

/// Salesforce takes no row of the batch.
pub(crate) async fn refuse(claimed: &Claimed, code: &str) {
    let job = outcome(claimed, |_| Some(code));
    claimed.settle(&job).await.unwrap();
}

/// The default load of the tests' consumer.
pub(crate) fn load() -> RunLoad {
    load_of("Contact")
}
