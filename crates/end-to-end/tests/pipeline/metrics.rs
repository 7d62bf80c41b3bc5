//! What the programs say of themselves in figures, beside the ledger, beside what Salesforce has, and beside
//! docs/metrics.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use reqwest::header::ACCEPT;
use serde_json::json;
use test_support::free_port;

use crate::{
    pipeline::{Pipeline, Report},
    processes::{Program, wait_until},
};

const ROWS: u64 = 6_000;

/// A program that serves its figures.
struct Watched {
    program: Program,
    port: u16,
}

impl Watched {
    fn start(pipeline: &Pipeline, name: &'static str, arguments: &[&str]) -> Self {
        let port = free_port();
        let listen = [("METRICS_LISTEN", format!("127.0.0.1:{port}"))];
        let program = pipeline.program_with(name, &listen, arguments);
        let watched = Self { program, port };
        wait_until("figures are served", || watched.answer("text/plain").is_some());
        watched
    }

    fn consumer(pipeline: &Pipeline) -> Self {
        Self::start(pipeline, "consumer", &[])
    }

    fn answer(&self, accept: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}/metrics", self.port);
        let request = reqwest::blocking::Client::new().get(url).header(ACCEPT, accept);
        request.send().ok()?.text().ok()
    }

    fn figures(&self) -> Figures {
        Figures::read(&self.answer("text/plain").unwrap())
    }
}

/// Samples by name and labels, as they are written.
#[derive(Clone, Debug, Default)]
struct Figures(BTreeMap<String, f64>);

impl Figures {
    fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (series, figure) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), figure.parse().unwrap())
        };
        Self(samples.map(sample).collect())
    }

    fn add(mut self, other: &Self) -> Self {
        for (series, figure) in &other.0 {
            *self.0.entry(series.clone()).or_default() += figure;
        }
        self
    }

    /// The sum of all series whose name, or name and labels, begin so.
    fn sum(&self, beginning: &str) -> u64 {
        let series = self.0.iter().filter(|(series, _)| {
            series.strip_prefix("batch_sync_").is_some_and(|series| series.starts_with(beginning))
        });
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a test's counts"
        )]
        let sum = series.map(|(_, figure)| figure).sum::<f64>() as u64;
        sum
    }
}

/// Locked rows, throttled calls, calls without an answer, rows that Salesforce rejects.
fn with_trouble() -> Pipeline {
    let pipeline = Pipeline::with_salesforce(&["--latency-ms=30"]);
    pipeline.set_faults(&json!({
        "latencyMs": 30, "rowLockPermille": 20, "rowLockTimes": 1, "throttledPermille": 30,
        "unavailablePermille": 30, "resetPermille": 20,
    }));
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    pipeline
}

#[test]
fn what_consumers_count_is_what_the_ledger_and_salesforce_have() {
    let pipeline = with_trouble();
    let server = Watched::start(&pipeline, "producer", &["serve", "--http-listen=127.0.0.1:0"]);
    let consumers = [Watched::consumer(&pipeline), Watched::consumer(&pipeline)];

    let ended = pipeline.sync(&["--run-id", "counted", "--json"]).end();

    let report = Report::of(&ended);
    report.assert_it_adds_up(ROWS);
    let counted = consumers.each_ref().map(Watched::figures);
    assert!(counted.iter().all(|own| own.sum("rows_delivered_total") > 0), "both have delivered");
    let sum = counted.iter().fold(Figures::default(), Figures::add);
    for (series, field) in [
        ("rows_delivered_total", "delivered"),
        ("rows_delivered_total{change=\"created\"}", "created"),
        ("rows_delivered_total{change=\"updated\"}", "updated"),
        ("rows_rejected_total", "rejected"),
        ("batches_settled_total", "batchesSettled"),
        ("batch_delivery_seconds_count", "batchesSettled"),
        ("batch_wait_seconds_count", "batchesFed"),
    ] {
        assert_eq!(sum.sum(series), report.number(field), "{series}");
    }
    assert_eq!(sum.sum("rows_delivered_total"), pipeline.leads().len() as u64);
    let missing = report.by_code("REQUIRED_FIELD_MISSING") + report.by_code("STRING_TOO_LONG");
    assert!(missing > 0 && sum.sum("rows_rejected_total{class=\"validation\"}") >= missing);
    // What Salesforce has answered, by its own count.
    let faults = &pipeline.salesforce_state()["faults"];
    let requests = "salesforce_request_duration_seconds_count";
    for (outcome, fault) in
        [("throttled", "throttled"), ("server_error", "unavailable"), ("no_answer", "reset")]
    {
        let met = sum.0.iter().filter(|(series, _)| {
            series.contains(requests) && series.contains(&format!("outcome=\"{outcome}\""))
        });
        let met: f64 = met.map(|(_, figure)| figure).sum();
        assert_eq!(met, faults[fault].as_f64().unwrap_or_default(), "{outcome} beside {faults}");
    }
    assert_eq!(sum.sum("rows_sent_again_total"), report.number("retried"));
    assert!(sum.sum("rows_sent_again_total{reason=\"lock\"}") > 0, "rows were locked");
    // The server has read and delivered nothing, and says so; what Redis knows it knows as well.
    let of_server = server.figures();
    assert_eq!(of_server.sum("rows_read_total"), 0);
    assert!(!of_server.0.keys().any(|series| series.contains("rows_delivered")), "{of_server:?}");
    for series in [
        "consumers",
        "last_settled_timestamp_seconds",
        "queue_batches{state=\"waiting\"}",
        "runs_ended_total{state=\"completed\"}",
    ] {
        let of = |figures: &Figures| figures.0.get(&format!("batch_sync_{series}")).copied();
        assert_eq!(of(&of_server), of(&counted[0]), "{series}");
    }
    // The command that followed the run is gone, unseen.
    assert_eq!(of_server.sum("runs_ended_total{state=\"completed\"}"), 1);
    assert_eq!(of_server.sum("run_duration_seconds_count"), 0, "the server did not follow it");
}

/// What a consumer has counted since it was last scraped is lost with it, and nothing else.
#[test]
fn a_consumer_that_is_killed_takes_only_what_it_counted_since_its_last_scrape() {
    let pipeline = with_trouble();
    let killed = Watched::consumer(&pipeline);
    let sync = pipeline.sync(&["--run-id", "killed", "--json"]);
    pipeline.wait_until_rows_arrive(1_000);

    let last = killed.figures();
    killed.program.kill();
    let other = Watched::consumer(&pipeline);
    let report = Report::of(&sync.end());

    report.assert_it_adds_up(ROWS);
    let others = other.figures();
    let sum = last.clone().add(&others);
    for (series, field) in
        [("rows_delivered_total", "delivered"), ("batches_settled_total", "batchesSettled")]
    {
        let (counted, known) = (sum.sum(series), report.number(field));
        assert!(counted <= known, "{series}: {counted} of {known} are counted twice");
        assert!(others.sum(series) < known && last.sum(series) > 0, "{series}");
    }
    assert!(others.sum("batches_redelivered_total") > 0, "it died with batches");
    assert_eq!(others.sum("batches_poisoned_total"), 0);
}

#[test]
fn the_reading_of_a_run_is_counted_by_who_reads_it() {
    let mut pipeline = Pipeline::start();
    pipeline.set("QUEUE_DEPTH_HIGH", "10");
    pipeline.generate(ROWS, &[]);
    let arguments = ["sync", "--file", crate::pipeline::FILE, "--run-id", "read", "--json"];
    let sync = Watched::start(&pipeline, "producer", &arguments);
    wait_until("reading waits", || sync.figures().sum("backpressure_active") == 1);
    // Redis is asked once a second.
    wait_until("ten batches wait", || sync.figures().sum("queue_batches{state=\"waiting\"}") == 10);

    let waiting = sync.figures();
    assert_eq!(waiting.sum("rows_read_total"), 2_000);
    assert_eq!(waiting.sum("runs_started_total{source=\"cli\"}"), 1);
    wait_until("time passes", || {
        let figures = sync.figures();
        let age = figures.0["batch_sync_queue_oldest_batch_age_seconds"];
        age > 1.0 && figures.0["batch_sync_backpressure_seconds_total"] > 0.5
    });
    let bytes = waiting.sum("blob_read_bytes_total");
    assert!(bytes > 0 && waiting.sum("blob_requests_total{outcome=\"ok\"}") > 0, "{waiting:?}");
}

/// Values of labels that are too many to list, or are another one in each build.
const OPEN_LABELS: [(&str, &str); 5] = [
    ("version", "such as 0.1.0"),
    ("revision", "the commit it was built from, or unknown"),
    ("method", "GET, HEAD, POST, PUT, DELETE, other"),
    ("route", "the path of the route, such as /api/sync/{run}, or none"),
    ("status", "2xx, 3xx, 4xx, 5xx"),
];

#[derive(Default)]
struct Described {
    kind: String,
    help: String,
    labels: BTreeMap<String, BTreeSet<String>>,
    programs: BTreeSet<&'static str>,
}

/// Adds what a program serves to what is known of each metric.
fn describe(known: &mut BTreeMap<String, Described>, program: &'static str, text: &str) {
    let mut name = String::new();
    for line in text.lines() {
        if let Some((named, help)) =
            line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '))
        {
            named.clone_into(&mut name);
            let described = known.entry(name.clone()).or_default();
            help.clone_into(&mut described.help);
            described.programs.insert(program);
        } else if let Some((_, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut known.get_mut(&name).unwrap().kind);
        } else if let Some((_, labels)) = line.split_once('{') {
            let described = known.get_mut(&name).unwrap();
            let (labels, _) = labels.rsplit_once('}').unwrap();
            for label in labels.split("\",") {
                let (label, value) = label.split_once("=\"").unwrap();
                let value = value.trim_end_matches('"').to_owned();
                if label != "le" {
                    described.labels.entry(label.to_owned()).or_default().insert(value);
                }
            }
        }
    }
}

fn table(known: &BTreeMap<String, Described>) -> String {
    let mut table = "| metric | type | labels | from | over processes | what it says |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for (name, Described { kind, help, labels, programs }) in known {
        let label = |(label, values): (&String, &BTreeSet<String>)| {
            let open = OPEN_LABELS.iter().find(|(open, _)| open == label);
            let listed = values.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("`{label}`: {}", open.map_or(listed.as_str(), |(_, values)| values))
        };
        let labels = labels.iter().map(label).collect::<Vec<_>>().join("; ");
        let programs = programs.iter().copied().collect::<Vec<_>>().join(", ");
        let (help, over) = match help.split_once("; the same from every") {
            Some((help, _)) => (help, "max"),
            None => (help.trim_end_matches('.'), "sum"),
        };
        writeln!(table, "| `{name}` | {kind} | {labels} | {programs} | {over} | {help} |").unwrap();
    }
    table
}

/// Renew the table with `RENEW_DOCS=1 cargo test -p end-to-end --test pipeline -- metrics::the_table`.
#[test]
fn the_table_in_the_documents_has_each_metric_that_the_programs_serve_and_no_other() {
    let pipeline = Pipeline::start();
    pipeline.generate(400, &[]);
    let public = format!("127.0.0.1:{}", free_port());
    let server = Watched::start(&pipeline, "producer", &["serve", "--http-listen", &public]);
    // Requests are measured on the public port only.
    reqwest::blocking::get(format!("http://{public}/livez")).unwrap();
    let arguments = ["sync", "--file", crate::pipeline::FILE, "--run-id", "shown", "--json"];
    let sync = Watched::start(&pipeline, "producer", &arguments);
    wait_until("it is queued", || sync.figures().sum("queue_batches{state=\"waiting\"}") > 0);
    let of_sync_alone = sync.answer("text/plain").unwrap();
    // It says what Redis knows, once a consumer has said it there.
    let consumer = Watched::consumer(&pipeline);
    wait_until("the run is delivered", || consumer.figures().sum("rows_delivered_total") == 400);
    // Each asks Redis once a second.
    for watched in [&server, &consumer] {
        wait_until("what salesforce said and that a batch is settled are known", || {
            let known = watched.figures().0;
            ["salesforce_bulk_batches_used", "last_settled_timestamp_seconds"]
                .iter()
                .all(|name| known.contains_key(&format!("batch_sync_{name}")))
        });
    }
    let mut known = BTreeMap::new();
    describe(&mut known, "sync", &of_sync_alone);
    describe(&mut known, "server", &server.answer("text/plain").unwrap());
    describe(&mut known, "consumer", &consumer.answer("text/plain").unwrap());
    // A run without a consumer knows less: what one program says of Redis, each does.
    let of_redis = known.values_mut().filter(|described| {
        described.help.contains("the same from every program") && described.programs.len() == 2
    });
    of_redis.for_each(|described| _ = described.programs.insert("sync"));

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let text = fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let found = table(&known);
    #[expect(clippy::disallowed_methods, reason = "it is a setting of this test")]
    if std::env::var("RENEW_DOCS").is_ok() {
        return fs::write(path, format!("{before}{BEGIN}{found}{END}{after}")).unwrap();
    }
    assert!(
        written == found,
        "docs/metrics.md is not what the programs serve; renew it: RENEW_DOCS=1 cargo test -p end-to-end \
         --test pipeline -- metrics::the_table"
    );
    let series = known
        .values()
        .map(|described| described.labels.values().map(BTreeSet::len).product::<usize>().max(1));
    assert!(series.sum::<usize>() < 400, "labels have few values");
}

const BEGIN: &str =
    "<!-- The table is made by a test: see crates/end-to-end/tests/pipeline/metrics.rs. -->\n";
const END: &str = "<!-- End of the table. -->\n";

/// Each series by its name and labels, whatever their order. `OpenMetrics` writes bounds of buckets as
/// `1.0`, the text format as `1`.
fn series(text: &str) -> BTreeSet<(String, BTreeSet<String>)> {
    let plain = |label: &str| match label.strip_prefix("le=\"").map(|le| le.trim_end_matches('"')) {
        Some(bound) => format!("le={}", bound.parse::<f64>().unwrap()),
        None => label.to_owned(),
    };
    let read = |series: String| {
        let (name, labels) = series.split_once('{').unwrap_or((&series, ""));
        let labels = labels.trim_end_matches('}').split(',').map(plain).collect();
        (name.to_owned(), labels)
    };
    Figures::read(text).0.into_keys().map(read).collect()
}

#[test]
fn no_label_has_the_name_of_a_run_a_file_or_a_code_and_both_formats_say_the_same() {
    let pipeline = with_trouble();
    let server = Watched::start(&pipeline, "producer", &["serve", "--http-listen=127.0.0.1:0"]);
    let consumer = Watched::consumer(&pipeline);
    let before = consumer.figures().0.len();
    let ended = pipeline.sync(&["--run-id", "a-secret-name", "--json"]).end();
    Report::of(&ended).assert_it_adds_up(ROWS);

    for watched in [&server, &consumer] {
        let text = watched.answer("text/plain").unwrap();
        for name in ["a-secret-name", crate::pipeline::FILE, "REQUIRED_FIELD_MISSING", "127.0.0.1"]
        {
            assert!(!text.contains(name), "{name} is in {text}");
        }
        let openmetrics = watched.answer("application/openmetrics-text;version=1.0.0").unwrap();
        assert!(openmetrics.ends_with("# EOF\n") && !text.contains("# EOF"));
        assert_eq!(series(&text), series(&openmetrics));
    }
    // Faults and rejects made none of these but Salesforce's limits, which were not known before.
    let after = consumer.figures().0.len();
    assert!(after <= before + 6, "{before} series became {after}");
}
