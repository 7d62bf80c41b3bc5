use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use bytes::Bytes;
use clap::Parser;
use consumer::Cli;
use ingest_core::ResumePoint;
use job_queue::{Created, Ledger, NewRun, Output, Queue, QueueArgs, RunLoad, RunState};
use load::{DEFAULT_LOAD, LoadSettings};
use salesforce_simulator::{Config, Fault, Faults, PlannedFault, Simulator, State};
use serde_json::Value;
use test_support::{RedisServer, batch, new_run, until};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) const HEADER: &str = "External_Id__c,LastName,Company,Email";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis with a queue, a Salesforce, and one run.
pub(crate) struct Scene {
    pub(crate) redis: RedisServer,
    pub(crate) queue: Queue,
    pub(crate) salesforce: Simulator,
    lease: Duration,
}

/// A consumer in this process. It stops with this value.
pub(crate) struct Consumer {
    pub(crate) shutdown: CancellationToken,
    ended: JoinHandle<anyhow::Result<ExitCode>>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default(), Duration::from_secs(30)).await
    }

    pub(crate) async fn with_faults(faults: Faults) -> Self {
        Self::with(Config { faults, ..Config::default() }, Duration::from_secs(30)).await
    }

    pub(crate) async fn with(salesforce: Config, lease: Duration) -> Self {
        tls::provide();
        let redis = RedisServer::start();
        let args = QueueArgs { queue_lease: lease, ..QueueArgs::at(&redis.url()) };
        let queue = Queue::connect(&args).await.unwrap();
        Self { redis, queue, salesforce: Simulator::start(salesforce).await.unwrap(), lease }
    }

    /// A fault for the calls that write.
    pub(crate) fn plan(&self, fault: PlannedFault) {
        self.salesforce.plan(fault.on("/composite/"));
    }

    /// Puts batches of these rows on the queue, under the usual header.
    pub(crate) async fn feed<R: AsRef<str>>(&self, run: &str, batches: &[Vec<R>]) {
        self.feed_under(HEADER, run, batches).await;
    }

    pub(crate) async fn feed_under<R: AsRef<str>>(
        &self,
        header: &str,
        run: &str,
        batches: &[Vec<R>],
    ) {
        self.feed_for(None, header, run, batches).await;
    }

    /// As a producer that said these settings of the load, beside the usual ones.
    pub(crate) async fn feed_with<R: AsRef<str>>(
        &self,
        settings: &[&str],
        run: &str,
        batches: &[Vec<R>],
    ) {
        self.feed_for(Some(&load_of(settings)), HEADER, run, batches).await;
    }

    /// As a producer that said what the run loads.
    pub(crate) async fn feed_for<R: AsRef<str>>(
        &self,
        load: Option<&RunLoad>,
        header: &str,
        run: &str,
        batches: &[Vec<R>],
    ) {
        let new = NewRun { load: load.cloned(), ..new_run(run, header) };
        assert_eq!(self.queue.create_run(&new).await.unwrap(), Created::New);
        let mut feeder = self.queue.acquire_run(&new.run).await.unwrap();
        let mut end = ResumePoint::default();
        for rows in batches {
            let rows = rows.iter().map(|row| row.as_ref().as_bytes());
            let job = batch(&new, end.sequence, end.record + 1, rows);
            end.record += job.rows.len() as u64;
            end.sequence += 1;
            end.byte += 1;
            feeder.push(&mut vec![job], end).await.unwrap();
        }
        feeder.finish(0).await.unwrap();
        feeder.release().await;
    }

    /// Starts a consumer with these arguments beside the usual ones.
    pub(crate) fn consumer(&self, arguments: &[&str]) -> Consumer {
        Self::start(&self.command_line(arguments))
    }

    /// Starts a consumer that has no load for runs that were started without one.
    pub(crate) fn consumer_without_load(&self, arguments: &[&str]) -> Consumer {
        let mut line = self.command_line(arguments);
        line.retain(|argument| !USUAL_LOAD.contains(&argument.as_str()));
        Self::start(&line)
    }

    fn start(line: &[String]) -> Consumer {
        let task = Cli::try_parse_from(line).unwrap().meant().unwrap();
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(consumer::run(task, shutdown.clone()));
        Consumer { shutdown, ended }
    }

    /// The program, and these arguments beside the usual ones.
    pub(crate) fn command_line(&self, arguments: &[&str]) -> Vec<String> {
        let usual = [
            env!("CARGO_BIN_EXE_consumer").to_owned(),
            format!("--redis-url={}", self.redis.url()),
            format!("--queue-lease={}ms", self.lease.as_millis()),
            format!("--salesforce-login-url={}", self.salesforce.url()),
            format!("--salesforce-client-id={}", Config::CLIENT_ID),
            format!("--salesforce-client-secret={}", Config::CLIENT_SECRET),
        ];
        let usual = usual.into_iter().chain(USUAL_LOAD.map(str::to_owned));
        let usual = usual.filter(|argument| !is_given(argument, arguments));
        usual.chain(arguments.iter().map(|argument| (*argument).to_owned())).collect()
    }

    pub(crate) async fn ledger(&self, run: &str) -> Ledger {
        self.queue.ledger(&run.parse().unwrap()).await.unwrap().unwrap()
    }

    /// Waits until a run has ended.
    pub(crate) async fn ended(&self, run: &str) -> Ledger {
        let ended = async || Some(self.ledger(run).await).filter(Ledger::has_ended);
        until("the run has ended", ended).await
    }

    /// Waits until a run has ended well, with all its rows delivered.
    pub(crate) async fn delivered(&self, run: &str) -> Ledger {
        let ledger = self.ended(run).await;
        assert_eq!(ledger.state, RunState::Completed);
        assert_eq!((ledger.rejected, ledger.unfinished()), (0, 0), "{ledger:?}");
        ledger
    }

    /// Waits until Salesforce holds so many rows.
    pub(crate) async fn stored(&self, rows: u64) {
        let stored = self.salesforce.wait_for(|state| state.objects["Lead"].rows >= rows);
        tokio::time::timeout(PATIENCE, stored).await.expect("rows arrive");
    }

    pub(crate) async fn struck(&self, fault: Fault) {
        let struck = self.salesforce.wait_for(|state| state.faults.contains_key(&fault));
        tokio::time::timeout(PATIENCE, struck).await.expect("the fault strikes");
    }

    /// Waits until so many ingest jobs are in this state.
    pub(crate) async fn jobs_are(&self, state: &str, jobs: u64) {
        let are = |org: &State| org.jobs.get(state).copied().unwrap_or_default() == jobs;
        let waited = tokio::time::timeout(PATIENCE, self.salesforce.wait_for(are)).await;
        waited.expect("the ingest jobs come so far");
    }

    /// What the queue keeps with the batches of a run that are being delivered.
    pub(crate) async fn notes(&self, run: &str) -> BTreeMap<String, String> {
        let redis = TcpStream::connect(("127.0.0.1", self.redis.port())).await.unwrap();
        let mut redis = BufReader::new(redis);
        let command = format!("HGETALL {{batch-sync}}:run:{run}:notes\r\n");
        redis.write_all(command.as_bytes()).await.unwrap();
        let mut lines = redis.lines();
        let mut line = async || lines.next_line().await.unwrap().unwrap();
        let texts = line().await[1..].parse().unwrap();
        let mut read = Vec::new();
        for _ in 0..texts {
            let _length = line().await;
            read.push(line().await);
        }
        read.chunks(2).map(|note| (note[0].clone(), note[1].clone())).collect()
    }

    /// As if the lease of a run's first batch had run out: it is somebody else's, and who holds it
    /// hears of it only from what Redis answers next.
    pub(crate) async fn take_lease_away(&self, run: &str) {
        let mut redis = TcpStream::connect(("127.0.0.1", self.redis.port())).await.unwrap();
        let command = format!("HDEL {{batch-sync}}:run:{run}:notes 0\r\n");
        redis.write_all(command.as_bytes()).await.unwrap();
        let mut answer = [0; 4];
        redis.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b":1\r\n", "nobody holds the batch");
    }

    /// Waits until so many calls are in flight.
    pub(crate) async fn calls_in_flight(&self, calls: u64) {
        let are = async || (self.salesforce.state().calls_in_flight >= calls).then_some(());
        until("so many calls are under way", are).await;
    }

    /// External id and value of a field of each row in Salesforce.
    pub(crate) async fn values(&self, field: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = self.salesforce.rows("Lead").await;
        rows.iter().map(|row| (text(&row["External_Id__c"]), text(&row[field]))).collect()
    }

    /// How often each row was written, summed up.
    pub(crate) async fn writes(&self) -> u64 {
        let rows = self.salesforce.rows("Lead").await;
        rows.iter().map(|row| row["_writes"].as_u64().unwrap()).sum()
    }

    /// The rejects of a run as they go into its file.
    pub(crate) async fn rejects(&self, run: &str) -> Vec<String> {
        let run = run.parse().unwrap();
        let pending = self.queue.pending_lines(&run, Output::Rejects, 1 << 20).await.unwrap();
        let line = |line: &Bytes| String::from_utf8(line.to_vec()).unwrap().trim_end().to_owned();
        pending.lines.iter().map(line).collect()
    }

    /// The lines of the ids file of a run, sorted by record.
    pub(crate) async fn ids(&self, run: &str) -> Vec<String> {
        let run = run.parse().unwrap();
        let pending = self.queue.pending_lines(&run, Output::Ids, 1 << 24).await.unwrap();
        let all = String::from_utf8(pending.lines.concat()).unwrap();
        let mut lines: Vec<String> = all.lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| line.split(',').next().unwrap().parse::<u64>().unwrap());
        lines
    }
}

impl Consumer {
    /// Stops it as SIGTERM does, and says how it ended.
    pub(crate) async fn stop(self) -> anyhow::Result<ExitCode> {
        self.shutdown.cancel();
        self.ended().await
    }

    /// Ends it as SIGKILL does: nothing is put back, nobody is told.
    pub(crate) async fn kill(mut self) {
        self.ended.abort();
        assert!((&mut self.ended).await.unwrap_err().is_cancelled(), "it was alive until now");
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> anyhow::Result<ExitCode> {
        let ended = tokio::time::timeout(PATIENCE, &mut self.ended).await;
        ended.expect("the consumer ends").unwrap()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What is loaded where no argument says it.
const USUAL_LOAD: [&str; 2] =
    ["--salesforce-object=Lead", "--salesforce-external-id=External_Id__c"];

fn is_given(usual: &str, arguments: &[&str]) -> bool {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    arguments.iter().any(|argument| name(argument) == name(usual))
}

#[derive(Debug, Parser)]
struct LoadArguments {
    #[command(flatten)]
    load: LoadSettings,
}

/// The load of these arguments beside the usual ones.
pub(crate) fn load_of(arguments: &[&str]) -> RunLoad {
    let usual = USUAL_LOAD.iter().filter(|argument| !is_given(argument, arguments));
    let line = ["load"].iter().chain(usual).chain(arguments);
    let LoadArguments { load } = LoadArguments::parse_from(line);
    RunLoad::new(DEFAULT_LOAD, &load.load(&|path| std::fs::read_to_string(path)).unwrap())
}

/// What deletes leads by their id.
pub(crate) fn delete_by_id() -> RunLoad {
    load_of(&["--salesforce-operation=delete", "--salesforce-external-id=Id"])
}

/// `batches` batches of 100 good rows.
pub(crate) fn good_batches(batches: usize) -> Vec<Vec<String>> {
    let row = |number| format!("E-{number:06},Ames {number},Acme,{number}@example.com");
    (0..batches).map(|batch| (batch * 100..(batch + 1) * 100).map(row).collect()).collect()
}
