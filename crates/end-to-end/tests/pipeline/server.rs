//! `producer serve` on a free port, spoken to over HTTP.

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::{
    pipeline::Pipeline,
    processes::{Program, wait_until},
};

pub(crate) struct Server {
    program: Program,
    pub(crate) url: String,
}

/// What starts one.
pub(crate) const SERVE: [&str; 3] = ["serve", "--http-listen", "127.0.0.1:0"];

impl Server {
    pub(crate) fn start(pipeline: &Pipeline) -> Self {
        Self::of(pipeline.program("producer", &SERVE))
    }

    /// `program` was started with [`SERVE`].
    pub(crate) fn of(mut program: Program) -> Self {
        let mut url = None;
        wait_until("the server listens", || {
            let said = program.stderr();
            assert!(program.is_running(), "{said}");
            let line = said.lines().find_map(|line| line.strip_prefix("listening on "));
            url = line.and_then(|line| line.split(';').next()).map(str::to_owned);
            url.is_some()
        });
        Self { program, url: url.unwrap() }
    }

    pub(crate) fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    pub(crate) fn kill(self) {
        self.program.kill();
    }

    /// Starts a run; the answer is its id.
    pub(crate) fn start_run(&self, file: &str) -> String {
        // Nobody is there who could confirm what cannot be undone.
        let body = json!({"fileName": file, "confirm": true});
        run_of(self.post("/api/sync/start", &body.to_string()))
    }

    /// Tells a run to `pause`, `resume` or `cancel`.
    pub(crate) fn tell(&self, run: &str, wish: &str) {
        let answer = self.post(&format!("/api/sync/{run}/{wish}"), "");
        let status = answer.status();
        assert!(status.is_success(), "{wish} {run}: {status}: {}", answer.text().unwrap());
    }

    pub(crate) fn report(&self, run: &str) -> Value {
        reqwest::blocking::get(format!("{}/api/sync/{run}", self.url)).unwrap().json().unwrap()
    }

    pub(crate) fn status(&self, run: &str) -> String {
        let report = self.report(run);
        report["status"].as_str().unwrap_or_else(|| panic!("no status in {report}")).to_owned()
    }

    pub(crate) fn wait_for(&self, run: &str, status: &str) -> Value {
        wait_until(&format!("the run is {status}"), || self.status(run) == status);
        self.report(run)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Response {
        let request = Client::new().post(format!("{}{path}", self.url));
        request.header("Content-Type", "application/json").body(body.to_owned()).send().unwrap()
    }
}

/// The id of the run that an answer is about.
pub(crate) fn run_of(answer: Response) -> String {
    let status = answer.status();
    let body: Value = answer.json().unwrap();
    body["runId"].as_str().unwrap_or_else(|| panic!("{status}: {body}")).to_owned()
}
