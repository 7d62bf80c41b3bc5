//! Event streams.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Deliverer, Server, Services, half_fed_run};

/// An open stream of server-sent events, read as a browser reads it.
pub(crate) struct Events {
    response: Response,
    text: String,
}

/// One event: its name, its id and its data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Events {
    pub(crate) async fn open(server: &Server, run: &str, last_event_id: Option<&str>) -> Self {
        let request = server.request(Method::GET, &format!("/api/sync/{run}/events"));
        let request = match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parsed(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = timeout(Duration::from_secs(30), self.response.chunk()).await.unwrap();
            self.text.push_str(str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next event for which `is_it`, and those before it.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let found = is_it(&event);
            events.push(event);
            if found {
                return events;
            }
        }
        panic!("it never came to that: {events:?}");
    }

    async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parsed(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let name = field("event");
    (!name.is_empty()).then(|| Event {
        name,
        id: field("id"),
        data: serde_json::from_str(&field("data")).unwrap(),
    })
}

fn lines(events: &[Event]) -> Vec<&str> {
    let logs = events.iter().filter(|event| event.name == "log");
    logs.flat_map(|event| event.data["lines"].as_array().unwrap())
        .map(|line| line.as_str().unwrap())
        .collect()
}

fn settled(event: &Event) -> u64 {
    event.data["report"]["batchesSettled"].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn a_stream_tells_a_run_to_its_end() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 130).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let mut events = Events::open(&server, &run, None).await;

    let first = events.until(|event| event.name == "run").await;
    Deliverer::new(&services).await.deliver(13).await;
    let rest = events.rest().await;

    let seen = [first, rest].concat();
    let shown = lines(&seen);
    assert_eq!(shown[0], "Worker started job: full-import");
    assert_eq!(shown[1], "Downloading stream from Azure: rows.csv...");
    let singly = (1..=10).map(|batch| format!("Batch #{batch} processed: 10 records."));
    assert_eq!(shown[2..12], singly.collect::<Vec<_>>());
    let total = shown.iter().find(|line| line.starts_with("Batch #13 processed: 10 records. "));
    assert!(total.is_some_and(|line| line.contains("130 of 130 rows delivered")), "{shown:?}");
    assert_eq!(shown.last(), Some(&"Job Completed! Total Rows Processed: 130"));
    let last = &seen[seen.len() - 2];
    assert_eq!((last.name.as_str(), &last.data["report"]["status"]), ("run", &json!("completed")));
    assert_eq!(last.data["report"], server.get(&format!("/api/sync/{run}")).await.json());
    assert_eq!(last.data["queue"]["jobsHigh"], json!(2_000));
    let end = Event { name: "end".to_owned(), id: String::new(), data: json!({}) };
    assert_eq!(seen.last(), Some(&end));
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen_also_elsewhere() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 50).await;
    let (server, another) = (services.serve().await, services.serve().await);
    let run = server.start("rows.csv").await.run();
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver(2).await;
    let mut events = Events::open(&server, &run, None).await;
    let seen = events.until(|event| settled(event) == 2).await;
    let last = seen.last().unwrap().id.clone();
    drop(events);

    deliverer.deliver(3).await;
    let rest = Events::open(&another, &run, Some(&last)).await.rest().await;

    let shown: Vec<_> = lines(&seen).into_iter().chain(lines(&rest)).collect();
    let is_batch = |line: &&str| line.starts_with("Batch #");
    let batches: Vec<&str> = shown.iter().copied().filter(is_batch).collect();
    assert_eq!(
        batches,
        [1, 2, 3, 4, 5].map(|batch| format!("Batch #{batch} processed: 10 records."))
    );
    let openings = shown.iter().filter(|line| **line == "Worker started job: full-import").count();
    assert_eq!(openings, 1, "{shown:?}");
}

#[tokio::test]
async fn a_stream_that_comes_back_to_a_run_without_news_gets_its_state() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    Deliverer::new(&services).await.deliver(1).await;
    let is_over = |report: &serde_json::Value| {
        report["status"] == "completed" && report["feederAlive"] == false
    };
    server.report(&run, is_over).await;
    let seen = Events::open(&server, &run, None).await.rest().await;
    let last = seen.iter().rev().find(|event| event.name == "run").unwrap();

    let again = Events::open(&server, &run, Some(&last.id)).await.rest().await;

    let names: Vec<_> = again.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["log", "run", "end"], "{again:?}");
    assert_eq!(lines(&again), ["Job Completed! Total Rows Processed: 10"]);
    let odd = Events::open(&server, &run, Some("no id at all")).await.rest().await;
    assert_eq!(odd, seen);
}

#[tokio::test]
async fn streams_end_when_the_server_stops_so_that_others_take_over() {
    let mut services = Services::start().await;
    services.set("QUEUE_DEPTH_HIGH", "3");
    services.put_rows("rows.csv", 100).await;
    let (server, another) = (services.serve().await, services.serve().await);
    let run = server.start("rows.csv").await.run();
    let mut events = Events::open(&server, &run, None).await;
    let seen = events.until(|event| event.name == "run").await;

    server.terminate().await;
    let rest = events.rest().await;
    let (code, said) = server.end().await;

    assert_eq!(code, Some(0), "{said}");
    assert!(rest.iter().all(|event| event.name != "end"), "{rest:?}");
    let last = &seen.last().unwrap().id;
    let mut events = Events::open(&another, &run, Some(last)).await;
    Deliverer::new(&services).await.deliver(10).await;
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap().name, "end");
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_told_to_who_watches_and_so_is_its_return() {
    let (services, server, run) = half_fed_run().await;
    let mut events = Events::open(&server, &run, None).await;
    events.until(|event| event.name == "run").await;

    services.redis.stand_still();
    let stale = events.until(|event| event.name == "stale").await;
    services.redis.go_on();

    assert_eq!(stale.last().unwrap().data, json!({"error": "no news from redis"}));
    let back = events.until(|event| event.name == "run").await;
    assert_eq!(back.last().unwrap().data["report"]["batchesFed"], 3);
}

#[tokio::test]
async fn a_quiet_run_is_told_once_and_then_kept_alive() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 10).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let is_quiet =
        |report: &Value| report["status"] == "draining" && report["feederAlive"] == false;
    let mut events = Events::open(&server, &run, None).await;
    events.until(|event| is_quiet(&event.data["report"])).await;

    let quiet = timeout(Duration::from_secs(20), events.response.chunk()).await;

    let chunk = quiet.expect("there is a sign of life").unwrap().unwrap();
    assert_eq!(chunk, ": still here\n\n");
}
