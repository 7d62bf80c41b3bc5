//! Traces, as a collector receives them: OTLP over HTTP, read here by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use test_support::free_port;

use crate::{
    pipeline::{FILE, Pipeline},
    processes::wait_until,
};

/// Begins every cell that nobody may find in a trace.
const CELL: &str = "Zq7-cell-";

/// The kinds of spans.
const INTERNAL: u64 = 1;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;

/// A collector on a free port. It takes whatever comes.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let received = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let received = Arc::clone(&received);
                std::thread::spawn(move || receive(stream.unwrap(), &received));
            }
        });
        Self { url, bodies }
    }

    /// All spans so far, and all that was sent.
    fn spans(&self) -> (Vec<Span>, Vec<u8>) {
        let bodies = self.bodies.lock().unwrap().clone();
        (bodies.iter().flat_map(|body| spans_of(body)).collect(), bodies.concat())
    }
}

fn receive(stream: TcpStream, bodies: &Mutex<Vec<Vec<u8>>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        assert_eq!(head[0], "post /v1/traces http/1.1");
        assert!(head.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        bodies.lock().unwrap().push(body);
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

/// What a test looks at, of opentelemetry/proto/trace/v1/trace.proto.
#[derive(Clone, Debug)]
struct Span {
    service: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    kind: u64,
    attributes: BTreeMap<String, String>,
    links: Vec<(Vec<u8>, Vec<u8>)>,
    /// From start to end, in nanoseconds.
    took: u64,
    has_failed: bool,
}

impl Span {
    fn text(&self, key: &str) -> &str {
        self.attributes.get(key).unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }

    fn is_child_of(&self, parent: &Self) -> bool {
        self.trace == parent.trace && self.parent == parent.id
    }
}

/// A field of a protobuf message: its number, and its bytes or its figure.
struct Field<'a> {
    number: u64,
    bytes: &'a [u8],
    figure: u64,
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (number, mut field) = (key >> 3, Field { number: 0, bytes: &[], figure: 0 });
        field.number = number;
        let length = match key & 7 {
            0 => {
                field.figure = varint(&mut bytes);
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        (field.bytes, bytes) = bytes.split_at(length);
        if key & 7 == 1 {
            field.figure = u64::from_le_bytes(field.bytes.try_into().unwrap());
        }
        fields.push(field);
    }
    fields
}

/// The fields of this number, which are messages or texts.
fn all(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter(move |field| field.number == number).map(|field| field.bytes)
}

fn one(message: &[u8], number: u64) -> Vec<u8> {
    all(message, number).next().unwrap_or_default().to_vec()
}

fn figure(message: &[u8], number: u64) -> u64 {
    fields(message).iter().find(|field| field.number == number).map_or(0, |field| field.figure)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let attribute = |bytes: &[u8]| {
        let value = one(bytes, 2);
        let figure = figure(&value, 3).to_string();
        let value = all(&value, 1).next().map(text).unwrap_or(figure);
        (text(&one(bytes, 1)), value)
    };
    all(message, number).map(attribute).collect()
}

fn spans_of(body: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in all(body, 1) {
        let service =
            attributes(&one(of_resource, 1), 1).remove("service.name").unwrap_or_default();
        for span in all(of_resource, 2).flat_map(|of_scope| all(of_scope, 2)) {
            let link = |bytes: &[u8]| (one(bytes, 1), one(bytes, 2));
            spans.push(Span {
                service: service.clone(),
                trace: one(span, 1),
                id: one(span, 2),
                parent: one(span, 4),
                name: text(&one(span, 5)),
                kind: figure(span, 6),
                attributes: attributes(span, 9),
                links: all(span, 13).map(link).collect(),
                took: figure(span, 8).checked_sub(figure(span, 7)).unwrap(),
                has_failed: figure(&one(span, 15), 3) == 2,
            });
        }
    }
    spans
}

fn of_name<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn content(rows: u32) -> String {
    (0..rows).fold("ExternalId,Name,Email,Company\n".to_owned(), |mut text, row| {
        let email = if row % 50 == 7 { format!("{CELL}no-address") } else { String::new() };
        writeln!(text, "{CELL}{row},{CELL}name,{email},{CELL}company").unwrap();
        text
    })
}

fn traced(ratio: &str) -> (Pipeline, Collector) {
    let (mut pipeline, collector) = (Pipeline::start(), Collector::start());
    pipeline.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    pipeline.set("OTEL_TRACES_SAMPLER_ARG", ratio);
    (pipeline, collector)
}

#[test]
fn a_run_its_pushes_and_the_batches_of_a_push_are_linked_and_no_cell_is_told() {
    let (pipeline, collector) = traced("1");
    pipeline.put(FILE, content(1_000));
    let consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "traced", "--json"]).end();
    consumer.signal("TERM");
    let consumed = consumer.end();

    assert_eq!((ended.code, consumed.code), (Some(3), Some(0)), "{ended:?} {consumed:?}");
    let (spans, sent) = collector.spans();
    let [run] = of_name(&spans, "run")[..] else { panic!("{spans:#?}") };
    assert_eq!((run.kind, run.parent.len(), run.has_failed), (INTERNAL, 0, false), "{run:?}");
    assert_eq!(
        (run.service.as_str(), run.text("batch_sync.run")),
        ("batch-sync-producer", "traced")
    );
    let (reads, pushes) = (of_name(&spans, "read blob"), of_name(&spans, "push"));
    for span in reads.iter().chain(&pushes) {
        assert!(span.is_child_of(run) && span.took <= run.took, "{span:?} of {run:?}");
    }
    assert!(reads.iter().all(|read| read.kind == CLIENT) && !reads.is_empty(), "{reads:?}");
    let pushed = |push: &&Span| push.text("messaging.batch.message_count").parse::<u32>().unwrap();
    assert_eq!(pushes.iter().map(pushed).sum::<u32>(), 5, "{pushes:?}");
    assert!(pushes.iter().all(|push| push.kind == PRODUCER), "{pushes:?}");

    let batches = of_name(&spans, "process batch");
    let sequences: BTreeSet<_> = batches.iter().map(|it| it.text("batch_sync.sequence")).collect();
    assert_eq!(sequences, BTreeSet::from(["0", "1", "2", "3", "4"]));
    assert_eq!(batches.len(), 5, "{batches:?}");
    let traces: BTreeSet<_> = batches.iter().chain([&run]).map(|span| &span.trace).collect();
    assert_eq!(traces.len(), 6, "each batch has a trace of its own");
    for batch in batches {
        assert_eq!((batch.kind, batch.parent.len()), (CONSUMER, 0), "{batch:?}");
        assert_eq!(batch.service, "batch-sync-consumer");
        assert_eq!(batch.text("batch_sync.run"), "traced");
        assert_eq!(batch.text("messaging.batch.message_count"), "200");
        let is_linked =
            pushes.iter().any(|push| batch.links == [(push.trace.clone(), push.id.clone())]);
        assert!(is_linked, "{batch:?} {pushes:?}");
        // What the object is like is asked by a call as well.
        for (part, most) in [("call salesforce", 3), ("settle", 1)] {
            let parts = of_name(&spans, part);
            let own: Vec<_> = parts.iter().filter(|it| it.is_child_of(batch)).collect();
            assert!((1..=most).contains(&own.len()), "{own:?}");
            let fits = own.iter().all(|it| it.kind == CLIENT && it.took <= batch.took);
            assert!(fits, "{own:?}");
        }
    }
    for secret in [CELL, "local-only-secret", "AccountKey"] {
        let is_told = sent.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_told, "{secret} is in what was sent");
    }
}

#[test]
fn of_batches_that_are_not_chosen_only_those_whose_delivery_failed_are_traced() {
    let (pipeline, collector) = traced("0");
    pipeline.put(FILE, content(1_000));
    let dying = pipeline.consumer();
    wait_until("the consumer is ready", || dying.stderr().contains("worker started"));
    pipeline.set_faults(&serde_json::json!({"latencyMs": 60_000}));
    let sync = pipeline.sync(&["--run-id", "died"]);
    wait_until("a call is made", || {
        pipeline.salesforce_state()["callsInFlight"].as_u64() > Some(0)
    });
    dying.kill();
    pipeline.set_faults(&serde_json::json!({"latencyMs": 0}));

    let consumer = pipeline.consumer();
    let ended = sync.end();
    consumer.signal("TERM");
    assert_eq!((ended.code, consumer.end().code), (Some(3), Some(0)), "{ended:?}");

    let (spans, _) = collector.spans();
    let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["call salesforce", "process batch", "run", "settle"]));
    let batches = of_name(&spans, "process batch");
    assert!((1..=5).contains(&batches.len()), "{batches:?}");
    for batch in batches {
        assert_eq!((batch.text("batch_sync.delivery"), batch.links.len()), ("2", 0), "{batch:?}");
    }
}

#[test]
fn a_collector_that_is_lost_is_told_of_and_the_run_goes_on() {
    let mut pipeline = Pipeline::start();
    pipeline.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", free_port()));
    pipeline.put(FILE, content(100));
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "untold"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    let is_told = |line: &str| line.contains(" WARN ") && line.contains("data will be lost");
    assert!(ended.stderr.lines().any(is_told), "{}", ended.stderr);
}

#[test]
fn a_password_in_a_collectors_address_is_in_no_log() {
    let (mut pipeline, collector) = traced("1");
    let address = collector.url.replace("//", "//me:hunter2@");
    pipeline.set("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    pipeline.set("RUST_LOG", "trace");
    pipeline.put(FILE, content(100));
    let consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "untold"]).end();
    consumer.signal("TERM");
    let consumed = consumer.end();

    assert_eq!((ended.code, consumed.code), (Some(3), Some(0)), "{}", ended.stderr);
    for said in [&ended.stderr, &ended.stdout, &consumed.stderr, &consumed.stdout] {
        assert!(!said.contains("hunter2") && !said.contains("bWU6aHVudGVyMg"), "{said}");
    }
    assert!(ended.stderr.contains("nothing is traced: OTEL_EXPORTER_OTLP_ENDPOINT has a password"));
    assert!(collector.spans().1.is_empty());
}

#[test]
fn a_part_of_the_pushes_that_is_none_is_told_of() {
    let (pipeline, collector) = traced("all");
    pipeline.put(FILE, content(100));
    let _consumer = pipeline.consumer();

    let ended = pipeline.sync(&["--run-id", "some"]).end();

    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1"), "{ended:?}");
    assert_eq!(of_name(&collector.spans().0, "run").len(), 1);
}
