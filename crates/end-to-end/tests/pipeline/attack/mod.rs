//! A mixed attack on one server and two consumers, and honest runs beside it: half-sent requests,
//! answers that nobody reads, requests that are none, and files that are meant to stop whoever reads
//! them. `make attack` goes on for `MINUTES`, in control groups as large as `deploy/compose.yaml` says
//! where it may have them, and holds the figures against what is promised.

mod doors;
mod files;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use self::doors::Opened;
use test_support::wait_at_most;

use crate::{
    kinds::LEADS,
    pipeline::Pipeline,
    processes::{Program, path_setting, pause_for, setting},
    records::sheet,
    server::{SERVE, Server},
};

/// `deploy/compose.yaml`
const MEMORY_BYTES_MAX: u64 = 96 << 20;
/// What is promised of an honest run beside the attack, and of `/livez`.
const RATIO_MAX: f64 = 2.0;
const LIVEZ_MAX: Duration = Duration::from_secs(1);
/// For a run beside the attack, whatever it is promised.
const RUN_SECONDS_MAX: u64 = 600;

/// A program, and where it serves its figures.
struct Served {
    program: Program,
    figures: SocketAddr,
}

impl Served {
    fn start(pipeline: &Pipeline, group: &str, name: &'static str, arguments: &[&str]) -> Self {
        let figures = free_address();
        let more = [("METRICS_LISTEN", figures.to_string())];
        let program = LEADS.program_with(pipeline, name, &more, arguments);
        if let Some(groups) = path_setting("CONTROL_GROUPS") {
            fs::write(groups.join(group).join("cgroup.procs"), program.pid().to_string()).unwrap();
        }
        Self { program, figures }
    }
}

/// One on which nobody listens.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// One server, two consumers, and a Salesforce that takes as long as one does.
struct Stage {
    pipeline: Pipeline,
    server: Server,
    figures: SocketAddr,
    consumers: Vec<Served>,
    rows: u64,
}

impl Stage {
    fn set(rows: u64) -> Self {
        let pipeline = Pipeline::with_salesforce(&["--latency-ms=200"]);
        let Served { program, figures } = Served::start(&pipeline, "server", "producer", &SERVE);
        let server = Server::of(program);
        let consumers = ["consumer-1", "consumer-2"];
        let consumers =
            consumers.map(|group| Served::start(&pipeline, group, "consumer", &[])).into();
        Self { pipeline, server, figures, consumers, rows }
    }

    fn wait_for(&self, run: &str) {
        wait_at_most(RUN_SECONDS_MAX, &format!("{run} has ended"), || {
            pause_for(200);
            let report = self.server.report(run);
            assert!(!["failed", "held"].iter().any(|ill| report["status"] == *ill), "{report}");
            report["status"] == "completed"
        });
    }

    /// Loads a file of its own. Gives how long that took.
    fn load(&self, name: &str) -> Duration {
        let file = format!("{name}.csv");
        self.pipeline.put(&file, sheet(&format!("{name}-"), self.rows, 0));
        let started = Instant::now();
        let run = self.server.start_run(&file);
        self.wait_for(&run);
        let took = started.elapsed();
        let report = self.server.report(&run);
        let figures = ["read", "created", "rejected", "unfinished"];
        let figures = figures.map(|field| report[field].as_u64().unwrap());
        assert_eq!(figures, [self.rows, self.rows, 0, 0], "{report}");
        self.pipeline
            .assert_holds_of_some(&LEADS, &[&file], |key| key.starts_with(&format!("{name}-")));
        took
    }

    /// Nobody was killed, nobody holds more than it may. In a control group the kernel sees to that.
    fn assert_stands(&mut self) {
        let programs = self.consumers.iter_mut().map(|served| &mut served.program);
        for program in programs.chain([self.server.program()]) {
            assert!(program.is_running(), "{}", program.stderr());
            let peak = program.peak_memory_bytes() - program.file_memory_bytes();
            let is_watched = path_setting("CONTROL_GROUPS").is_some();
            assert!(
                is_watched || peak <= MEMORY_BYTES_MAX,
                "it has held {peak} bytes: {}",
                program.stderr()
            );
        }
    }
}

/// Goes on until it is dropped.
struct Attack {
    runtime: tokio::runtime::Runtime,
    opened: Opened,
    is_over: Arc<AtomicBool>,
    starter: Option<thread::JoinHandle<u64>>,
}

impl Attack {
    fn begin(stage: &Stage) -> Self {
        let url = stage.server.url.clone();
        let api: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        stage.pipeline.put("rejected.csv", files::rejected());
        let rejected = stage.server.start_run("rejected.csv");
        stage.wait_for(&rejected);
        let hostile = files::hostile();
        let names: Vec<&'static str> = hostile.iter().map(|(name, _)| *name).collect();
        hostile.into_iter().for_each(|(name, content)| stage.pipeline.put(name, content));

        let (runtime, opened) = (tokio::runtime::Runtime::new().unwrap(), Opened::default());
        let guard = runtime.enter();
        let figures = stage.consumers.iter().map(|served| served.figures).chain([stage.figures]);
        figures.for_each(|figures| doors::send_halves(figures, 400, &opened));
        doors::send_halves(api, 1_200, &opened);
        let (rejects, events) =
            ["rejects", "events"].map(|what| format!("/api/sync/{rejected}/{what}")).into();
        doors::read_nothing(api, &rejects, 16, &opened);
        doors::read_nothing(api, &events, 64, &opened);
        doors::send_nonsense(api, 8, &opened);
        drop(guard);

        let is_over = Arc::new(AtomicBool::new(false));
        let told = is_over.clone();
        let starter = thread::spawn(move || start_one_after_the_other(&url, &names, &told));
        Self { runtime, opened, is_over, starter: Some(starter) }
    }

    /// How many connections and starts there were.
    fn end(mut self) -> (u64, u64) {
        self.is_over.store(true, Ordering::Relaxed);
        let starts = self.starter.take().unwrap().join().unwrap();
        self.runtime.shutdown_background();
        (self.opened.count(), starts)
    }
}

/// Starts the files, each when the run of the one before has ended or it was refused.
fn start_one_after_the_other(url: &str, names: &[&str], is_over: &AtomicBool) -> u64 {
    let client = Client::new();
    let ask = |request: reqwest::blocking::RequestBuilder| -> Option<Value> {
        serde_json::from_str(&request.send().ok()?.text().ok()?).ok()
    };
    let mut starts = 0;
    for name in names.iter().cycle() {
        let start = client.post(format!("{url}/api/sync/start"));
        let start = start.header("Content-Type", "application/json");
        let answer = ask(start.body(json!({ "fileName": name }).to_string()));
        starts += 1;
        let run = answer.and_then(|answer| Some(answer["runId"].as_str()?.to_owned()));
        while !is_over.load(Ordering::Relaxed) {
            pause_for(500);
            let Some(run) = &run else { break };
            let report = ask(client.get(format!("{url}/api/sync/{run}"))).unwrap_or_default();
            let is_under_way = ["queued", "feeding", "waiting", "draining"];
            if !is_under_way.iter().any(|status| report["status"] == *status) {
                break;
            }
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    starts
}

/// Asks whether the server lives, four times a second, until nobody listens any more. Gives the longest
/// time that an answer took.
fn ask_whether_it_lives(url: &str, until: &mpsc::Receiver<()>) -> Duration {
    let mut longest = Duration::ZERO;
    while until.recv_timeout(Duration::from_millis(250)) == Err(mpsc::RecvTimeoutError::Timeout) {
        // A connection of its own each time.
        let (client, asked) = (Client::new(), Instant::now());
        let answer = client.get(format!("{url}/livez")).timeout(Duration::from_secs(30)).send();
        assert_eq!(answer.unwrap().status(), 200);
        longest = longest.max(asked.elapsed());
    }
    longest
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what somebody runs it for")]
fn honest_runs_go_on_beside_a_mixed_attack() {
    let minutes = setting("MINUTES");
    let rows = setting("ROWS").unwrap_or(10_000);
    let attacked_for = Duration::from_secs(minutes.map_or(15, |minutes| minutes * 60));
    let mut stage = Stage::set(rows);
    let mut alone = [stage.load("calm1"), stage.load("calm2"), stage.load("calm3")];
    alone.sort();

    let (began, attack) = (Instant::now(), Attack::begin(&stage));
    let (stop, until) = mpsc::channel();
    let url = stage.server.url.clone();
    let watch = thread::spawn(move || ask_whether_it_lives(&url, &until));
    let mut attacked = Vec::new();
    while attacked.is_empty() || began.elapsed() < attacked_for {
        attacked.push(stage.load(&format!("storm{}", attacked.len())));
    }
    drop(stop);
    let longest = watch.join().unwrap();
    let (connections, starts) = attack.end();

    attacked.sort();
    let (median, worst) = (attacked[attacked.len() / 2], attacked[attacked.len() - 1]);
    let ratio = worst.as_secs_f64() / alone[1].as_secs_f64();
    println!(
        "{rows} rows alone in {:?}; beside {connections} connections and {starts} starts {} times in \
         {median:?}, at worst in {worst:?} ({ratio:.2}); /livez in {longest:?} at most",
        alone[1],
        attacked.len()
    );
    stage.assert_stands();
    if minutes.is_some() {
        assert!(ratio <= RATIO_MAX, "an honest run took {ratio:.2} times as long");
        assert!(longest <= LIVEZ_MAX, "/livez took {longest:?}");
    }
}
