//! Ingest jobs, as the tests give them in.

use std::{collections::BTreeSet, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Org, Reply, reply};

pub(crate) const JOBS: &str = "/jobs/ingest";
const PATIENCE: Duration = Duration::from_secs(20);

/// An upsert of leads.
pub(crate) fn upsert_of_leads() -> Value {
    json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "External_Id__c"})
}

/// The rows of one result file; the first is the header.
pub(crate) type Table = Vec<Vec<String>>;

impl Org {
    /// Creates a job, and gives its id.
    pub(crate) async fn job(&self, order: Value) -> String {
        let reply = self.post(JOBS, order).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        reply.json["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn upload(&self, id: &str, content: &str) -> Reply {
        let request = self
            .call(Method::PUT, &format!("{JOBS}/{id}/batches"))
            .header("content-type", "text/csv")
            .body(content.to_owned());
        reply(request).await
    }

    pub(crate) async fn close(&self, id: &str) -> Reply {
        self.patch(&format!("{JOBS}/{id}"), json!({"state": "UploadComplete"})).await
    }

    pub(crate) async fn poll(&self, id: &str) -> Value {
        self.get(&format!("{JOBS}/{id}")).await.json
    }

    /// Waits until no job is under way.
    pub(crate) async fn jobs_end(&self) {
        let quiet = |jobs: &std::collections::BTreeMap<String, u64>| {
            !jobs.contains_key("UploadComplete") && !jobs.contains_key("InProgress")
        };
        let ended = self.simulator.wait_for(|state| quiet(&state.jobs));
        timeout(PATIENCE, ended).await.unwrap();
    }

    /// Gives rows in, waits until they are worked off, and gives the job.
    pub(crate) async fn load(&self, order: Value, content: &str) -> Value {
        let id = self.job(order).await;
        assert_eq!(self.upload(&id, content).await.status, StatusCode::CREATED);
        assert_eq!(self.close(&id).await.status, StatusCode::OK);
        self.jobs_end().await;
        self.poll(&id).await
    }

    /// One of the three result files, with the rows below the header sorted.
    pub(crate) async fn results(&self, job: &Value, file: &str) -> Table {
        let mut table = self.unsorted_results(job, file).await;
        if let Some(rows) = table.get_mut(1..) {
            // Ids depend on the order of calls, and errors tell less than the rows.
            rows.sort_by(|one, other| one.iter().skip(2).cmp(other.iter().skip(2)));
        }
        table
    }

    pub(crate) async fn unsorted_results(&self, job: &Value, file: &str) -> Table {
        let path = format!("{JOBS}/{}/{file}/", job["id"].as_str().unwrap());
        let response = self.call(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/csv");
        let text = response.text().await.unwrap();
        let delimiter = match job["columnDelimiter"].as_str().unwrap() {
            "COMMA" => b',',
            "TAB" => b'\t',
            "PIPE" => b'|',
            "SEMICOLON" => b';',
            "CARET" => b'^',
            _ => b'`',
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    /// Keys in each of the three result files.
    pub(crate) async fn sorted_keys(&self, job: &Value) -> [BTreeSet<String>; 3] {
        let mut sets: [BTreeSet<String>; 3] = Default::default();
        let files = ["successfulResults", "failedResults", "unprocessedrecords"];
        for (set, file) in sets.iter_mut().zip(files) {
            let table = self.results(job, file).await;
            let key = table[0].iter().position(|name| name == "External_Id__c").unwrap();
            for row in &table[1..] {
                assert!(set.insert(row[key].clone()), "{} is there twice", row[key]);
            }
        }
        sets
    }
}

/// A file of leads that are taken, with keys `K-0`, `K-1` …
pub(crate) fn leads(rows: std::ops::Range<usize>) -> String {
    let lines = rows.map(|number| format!("K-{number},Ames,Acme\n"));
    format!("External_Id__c,LastName,Company\n{}", lines.collect::<String>())
}
