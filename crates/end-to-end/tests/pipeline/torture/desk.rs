//! What a person does to runs and sees of them: by the programs and the HTTP API, never by Redis.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{pipeline::Pipeline, processes::Program};

/// The reports of all runs, by id; nothing when they cannot be had at the moment.
pub(crate) fn reports(pipeline: &Pipeline) -> Option<BTreeMap<String, Value>> {
    let ended = pipeline.program("producer", &["runs", "--newest", "100", "--json"]).end();
    if ended.code != Some(0) {
        return None;
    }
    let reports: Vec<Value> = serde_json::from_str(&ended.stdout).ok()?;
    let by_id = reports.into_iter().map(|report| (report["run"].as_str().unwrap().into(), report));
    Some(by_id.collect())
}

/// `pause` or `cancel`; whether it was heard.
pub(crate) fn tell(pipeline: &Pipeline, command: &str, run: &str) -> bool {
    let mut arguments = vec![command, run, "--json"];
    if command == "cancel" {
        arguments.push("--yes");
    }
    pipeline.program("producer", &arguments).end().code == Some(0)
}

/// A `producer serve`.
pub(crate) struct Server {
    pub(crate) program: Program,
    url: Option<String>,
}

impl Server {
    pub(crate) fn start(pipeline: &Pipeline, settings: &[(&str, String)]) -> Self {
        let arguments = ["serve", "--http-listen", "127.0.0.1:0"];
        Self { program: pipeline.program_with("producer", settings, &arguments), url: None }
    }

    fn url(&mut self) -> Option<&str> {
        if self.url.is_none() {
            let said = self.program.stderr();
            let line = said.lines().find_map(|line| line.split_once("listening on "));
            self.url = line.and_then(|(_, url)| url.split(';').next()).map(str::to_owned);
        }
        self.url.as_deref()
    }

    /// Its answer; nothing when there is none.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.url()?);
        let request = reqwest::blocking::Client::new()
            .post(url)
            .timeout(std::time::Duration::from_secs(30))
            .header("Content-Type", "application/json")
            .body(if body.is_null() { String::new() } else { body.to_string() });
        let answer = request.send().ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().ok()?))
    }

    /// The id of the run that reads this file.
    pub(crate) fn start_run(&mut self, file: &str) -> Option<String> {
        let (_, answer) =
            self.post("/api/sync/start", &json!({"fileName": file, "confirm": true}))?;
        answer["runId"].as_str().map(str::to_owned)
    }
}

/// A number of a report.
pub(crate) fn number(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_default()
}

/// A text of a report.
pub(crate) fn text<'a>(report: &'a Value, field: &str) -> &'a str {
    report[field].as_str().unwrap_or_default()
}
