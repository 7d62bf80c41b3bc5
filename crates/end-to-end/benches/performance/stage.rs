//! Where runs are measured: local services, one file, and what each run of it cost.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    kinds::{GENERATED, Kind},
    pipeline::{FILE, Pipeline, Report},
    processes::{Program, pause, pause_for, wait_until},
};

/// Services, a file, and what Salesforce must hold after each run of it.
pub(crate) struct Stage {
    pub(crate) pipeline: Pipeline,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    kind: Kind,
    /// The digest of Salesforce's records after a run that was compared row by row.
    right: Option<Value>,
}

/// What one run took.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) rows: f64,
    /// From the start of the producer to its end.
    pub(crate) seconds: f64,
    /// Rows a second while a fifth to nine tenths of the rows arrived.
    pub(crate) steady: f64,
    /// From the first call to as many in flight as were waited for, if ever.
    pub(crate) seconds_to_full: Option<f64>,
    /// Seconds of processors.
    pub(crate) producer_cpu: f64,
    pub(crate) consumers_cpu: f64,
    pub(crate) redis_cpu: f64,
    /// Most memory resident, in MiB.
    pub(crate) producer_peak: f64,
    pub(crate) consumer_peak: f64,
    /// The part of the machine's processors that was in use.
    pub(crate) busy: f64,
}

/// How a run is made.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) consumers: usize,
    /// Changes of the simulator's faults.
    pub(crate) faults: Value,
    /// Settings of all programs.
    pub(crate) settings: Vec<(&'static str, &'static str)>,
    /// How many calls in flight to wait for.
    pub(crate) full: u64,
}

impl Way {
    /// One consumer, nothing goes wrong, no latency, all settings at their defaults.
    pub(crate) fn plain() -> Self {
        Self { consumers: 1, faults: json!({}), settings: Vec::new(), full: u64::MAX }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    pub(crate) fn faults(mut self, faults: Value) -> Self {
        self.faults = faults;
        self
    }

    pub(crate) fn consumers(mut self, consumers: usize) -> Self {
        self.consumers = consumers;
        self
    }
}

/// Between two looks at Salesforce: they cost it some processor, too.
const SAMPLE_MS: u64 = 50;

/// Bytes of a row that are not the description.
const NARROW: usize = 76;

/// Rows with as many bytes as asked for, as columns of a lead.
const DESCRIBED: Kind = Kind {
    name: "described",
    mapping: "ExternalId=External_Id__c\nName=LastName\nEmail=Email\nCompany=Company\n\
              Description=Description\n",
    ..GENERATED
};

impl Stage {
    /// With a file as `generate-upload` makes it.
    pub(crate) fn of_generated_rows(rows: u64) -> Self {
        let pipeline = Self::pipeline();
        pipeline.generate(rows, &[]);
        let bytes = blob_bytes(&pipeline);
        Self { pipeline, rows, bytes, kind: GENERATED, right: None }
    }

    /// With a file whose rows have about so many bytes each.
    pub(crate) fn of_wide_rows(rows: u64, row_bytes: usize) -> Self {
        let mut pipeline = Self::pipeline();
        pipeline.set_mapping(DESCRIBED.mapping);
        let mut text = String::from("ExternalId,Name,Email,Company,Description\n");
        let description = "lorem ipsum dolor sit amet ".repeat(row_bytes / 27 + 1);
        let description = description[..row_bytes.saturating_sub(NARROW)].trim();
        for row in 1..=rows {
            text += &format!(
                "EXT-{row:09},Jane Doe {row:08},jane.doe.{row:08}@example.com,Company {row:08},\
                 {description}\n"
            );
        }
        let bytes = text.len() as u64;
        pipeline.put(FILE, text);
        Self { pipeline, rows, bytes, kind: DESCRIBED, right: None }
    }

    fn pipeline() -> Pipeline {
        let mut pipeline = Pipeline::start();
        // Tests want leases that end soon; here everything is as users have it.
        pipeline.set("QUEUE_LEASE", "");
        pipeline
    }

    /// Imports the file once, and compares Salesforce with it.
    pub(crate) fn run(&mut self, way: &Way) -> Run {
        let before = self.prepare(way);
        let consumers: Vec<_> = (0..way.consumers).map(|_| self.pipeline.consumer()).collect();
        for consumer in &consumers {
            wait_until("a consumer has started", || consumer.stderr().contains("worker started"));
        }
        let started = Instant::now();
        let (busy, redis) = (Busy::now(), redis_cpu(&self.pipeline));
        let at_start: f64 = consumers.iter().map(|consumer| cpu_seconds(consumer).0).sum();
        let producer = self.pipeline.sync(&["--json"]);
        let (producer_cpu, arrivals) = self.follow(&producer, started, way.full);
        let seconds = started.elapsed().as_secs_f64();
        let busy = busy.until_now();
        let ended = producer.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report = Report::of(&ended);
        report.assert_it_adds_up(self.rows);
        let consumers_cpu: f64 = consumers.iter().map(|consumer| cpu_seconds(consumer).0).sum();
        let peak = consumers.iter().map(Program::peak_memory_bytes).max();
        for consumer in consumers {
            consumer.signal("TERM");
            assert_eq!(consumer.end().code, Some(0));
        }
        self.compare();
        let run = Run {
            rows: self.rows as f64,
            seconds,
            steady: arrivals.steady(self.rows),
            seconds_to_full: arrivals.seconds_to_full(),
            producer_cpu,
            consumers_cpu: consumers_cpu - at_start,
            redis_cpu: redis_cpu(&self.pipeline) - redis,
            producer_peak: mebibytes(report.number("producerPeakMemoryBytes")),
            consumer_peak: mebibytes(peak.unwrap_or_default()),
            busy,
        };
        self.clear();
        for (name, value) in before {
            self.pipeline.set(name, &value);
        }
        run
    }

    /// Reads the file into the queue, which has no limits, and nobody takes anything from it. Gives
    /// seconds, those of the producer's processor, and those of Redis'.
    pub(crate) fn feed(&mut self) -> (f64, f64, f64) {
        self.pipeline.set("QUEUE_DEPTH_HIGH", "1000000000");
        self.pipeline.set("QUEUE_BYTES_HIGH", "1000000000000");
        let (started, redis) = (Instant::now(), redis_cpu(&self.pipeline));
        let producer = self.pipeline.sync(&["--no-wait"]);
        let cpu = cpu_at_end(&producer);
        let seconds = started.elapsed().as_secs_f64();
        let ended = producer.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let redis = redis_cpu(&self.pipeline) - redis;
        self.clear();
        self.pipeline.set("QUEUE_DEPTH_HIGH", "");
        self.pipeline.set("QUEUE_BYTES_HIGH", "");
        (seconds, cpu, redis)
    }

    /// Compares Salesforce's records with the file: row by row the first time, and by the digest of
    /// records that were right then each further time.
    pub(crate) fn compare(&mut self) {
        let url = format!("{}/__sim/digest/Lead", self.pipeline.salesforce_url);
        let digest = reqwest::blocking::get(url).unwrap().text().unwrap();
        let digest: Value = serde_json::from_str(&digest).unwrap();
        match &self.right {
            Some(right) => {
                assert_eq!(&digest, right, "Salesforce does not hold the rows of the file");
            }
            None => {
                self.pipeline.assert_holds(&self.kind, &[FILE]);
                self.right = Some(digest);
            }
        }
    }

    /// Empties Redis and Salesforce.
    pub(crate) fn clear(&self) {
        let client = redis::Client::open(self.pipeline.redis.url()).unwrap();
        let () = redis::cmd("FLUSHALL").query(&mut client.get_connection().unwrap()).unwrap();
        self.pipeline.tell_salesforce("reset", &json!({}));
    }

    /// Gives what undoes the settings.
    fn prepare(&mut self, way: &Way) -> Vec<(&'static str, String)> {
        self.clear();
        self.pipeline.set_faults(&way.faults);
        for (name, value) in &way.settings {
            self.pipeline.set(name, value);
        }
        way.settings.iter().map(|(name, _)| (*name, String::new())).collect()
    }

    /// Watches Salesforce until the producer has ended; gives the seconds of its processor.
    fn follow(&self, producer: &Program, started: Instant, full: u64) -> (f64, Arrivals) {
        let mut arrivals = Arrivals { full, ..Arrivals::default() };
        loop {
            let (cpu, has_ended) = cpu_seconds(producer);
            let state = self.pipeline.salesforce_state();
            arrivals.add(started.elapsed().as_secs_f64(), &state);
            if has_ended {
                return (cpu, arrivals);
            }
            pause_for(SAMPLE_MS);
        }
    }
}

/// How rows arrived at Salesforce.
#[derive(Debug, Default)]
struct Arrivals {
    full: u64,
    /// Seconds, and rows that are there.
    samples: Vec<(f64, f64)>,
    first_call: Option<f64>,
    full_at: Option<f64>,
}

impl Arrivals {
    fn add(&mut self, second: f64, state: &Value) {
        let rows = state["objects"]["Lead"]["rows"].as_f64().unwrap_or_default();
        let in_flight = state["callsInFlight"].as_u64().unwrap_or_default();
        if self.first_call.is_none() && (rows > 0.0 || in_flight > 0) {
            self.first_call = Some(second);
        }
        if self.full_at.is_none() && in_flight >= self.full {
            self.full_at = Some(second);
        }
        self.samples.push((second, rows));
    }

    fn seconds_to_full(&self) -> Option<f64> {
        Some(self.full_at? - self.first_call?)
    }

    fn steady(&self, rows: u64) -> f64 {
        let rows = rows as f64;
        let begin = self.samples.iter().find(|(_, there)| *there >= rows * 0.2);
        let end = self.samples.iter().rev().find(|(_, there)| *there <= rows * 0.9);
        match (begin, end) {
            (Some((from, first)), Some((to, last))) if to > from => (last - first) / (to - from),
            _ => f64::NAN,
        }
    }
}

/// What the machine's processors have done.
struct Busy {
    busy: f64,
    all: f64,
}

impl Busy {
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let first = stat.lines().next().unwrap();
        let ticks: Vec<f64> =
            first.split_whitespace().skip(1).map(|ticks| ticks.parse().unwrap()).collect();
        let all = ticks.iter().take(8).sum();
        // Idle, and waiting for a disk.
        Self { busy: all - ticks[3] - ticks[4], all }
    }

    fn until_now(&self) -> f64 {
        let now = Self::now();
        (now.busy - self.busy) / (now.all - self.all)
    }
}

/// Linux counts processor time for programs in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processors that a program has used, and whether it has ended. One that ended keeps its
/// count until somebody waits for it.
pub(crate) fn cpu_seconds(program: &Program) -> (f64, bool) {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    // The name before is in parentheses, and may hold anything.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    ((ticks(11) + ticks(12)) / TICKS_PER_SECOND, fields[0] == "Z")
}

/// Waits for the end of a program; gives the seconds of processors that it used.
pub(crate) fn cpu_at_end(program: &Program) -> f64 {
    loop {
        let (cpu, has_ended) = cpu_seconds(program);
        if has_ended {
            return cpu;
        }
        pause();
    }
}

fn redis_cpu(pipeline: &Pipeline) -> f64 {
    let client = redis::Client::open(pipeline.redis.url()).unwrap();
    let info: String =
        redis::cmd("INFO").arg("cpu").query(&mut client.get_connection().unwrap()).unwrap();
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().parse::<f64>().unwrap()
    };
    field("used_cpu_user") + field("used_cpu_sys")
}

fn blob_bytes(pipeline: &Pipeline) -> u64 {
    crate::pipeline::block_on(pipeline.store().properties(FILE)).unwrap().bytes
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}
