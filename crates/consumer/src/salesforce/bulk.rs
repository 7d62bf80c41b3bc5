//! Bulk API 2.0: ingest jobs and their result files.

use bytes::Bytes;
use job_queue::{Allowance, OrgLimits};
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};

use super::{
    Client, Refusal,
    client::{Call, Content},
    http,
};

/// What an ingest job is to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestOrder {
    pub(crate) object: String,
    pub(crate) operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_id_field_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assignment_rule_id: Option<String>,
    pub(crate) content_type: &'static str,
    pub(crate) line_ending: &'static str,
    pub(crate) column_delimiter: &'static str,
}

/// An ingest job as Salesforce shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestJob {
    pub(crate) id: String,
    pub(crate) state: IngestState,
    /// Those that failed are among them.
    #[serde(default)]
    pub(crate) number_records_processed: u64,
    #[serde(default)]
    pub(crate) number_records_failed: u64,
    #[serde(default)]
    pub(crate) error_message: Option<String>,
}

impl IngestJob {
    /// Whether no more of its rows will be loaded.
    pub(crate) fn has_ended(&self) -> bool {
        use IngestState::{Aborted, Failed, JobComplete};
        matches!(self.state, JobComplete | Failed | Aborted)
    }
}

/// How far an ingest job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum IngestState {
    /// Nothing of it is loaded, and nothing will be until it is closed.
    Open,
    /// It waits for its turn.
    UploadComplete,
    InProgress,
    JobComplete,
    /// Salesforce gave up; some rows may be loaded.
    Failed,
    /// A person or a program ended it; some rows may be loaded.
    Aborted,
    /// One that a later version has.
    #[serde(other)]
    Unknown,
}

/// The files that say what became of the rows of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultFile {
    Successful,
    Failed,
    Unprocessed,
}

#[derive(Serialize)]
struct Change {
    state: &'static str,
}

/// `/limits`, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Limits {
    daily_api_requests: Left,
    #[serde(default)]
    daily_bulk_api_batches: Option<Left>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Left {
    max: u64,
    remaining: u64,
}

const JOBS: &str = "jobs/ingest";

impl Client {
    /// What the org has left today; nothing, when the user may not ask.
    pub(crate) async fn org_limits(&self) -> Result<Option<OrgLimits>, Refusal> {
        let body = match self.call(Call::get("limits")).await {
            Err(Refusal::Answered(answer)) if answer.status == 403 => return Ok(None),
            answer => answer?,
        };
        let allowance = |left: Left| Allowance { max: left.max, left: left.remaining };
        let limits: Option<Limits> = serde_json::from_slice(&body).ok();
        Ok(limits.map(|limits| OrgLimits {
            calls: allowance(limits.daily_api_requests),
            bulk_batches: limits.daily_bulk_api_batches.map(allowance),
        }))
    }

    /// Makes a job; nothing is loaded before it is closed.
    pub(crate) async fn create_ingest_job(
        &self,
        order: &IngestOrder,
    ) -> Result<IngestJob, Refusal> {
        self.ingest_call(Method::POST, JOBS, Some(json(order))).await
    }

    /// Uploads all rows of a job, once.
    pub(crate) async fn upload_ingest_rows(&self, job: &str, csv: &Bytes) -> Result<(), Refusal> {
        let path = format!("{JOBS}/{job}/batches");
        let body = Some(Content::Csv(csv.clone()));
        self.answer(Call::new(Method::PUT, &path, body)).await.map(drop)
    }

    /// Closes a job: from now on Salesforce loads its rows.
    pub(crate) async fn close_ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
        self.change_ingest_job(job, "UploadComplete").await
    }

    /// Ends a job; what is loaded stays.
    pub(crate) async fn abort_ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
        self.change_ingest_job(job, "Aborted").await
    }

    async fn change_ingest_job(
        &self,
        job: &str,
        state: &'static str,
    ) -> Result<IngestJob, Refusal> {
        let path = format!("{JOBS}/{job}");
        self.ingest_call(Method::PATCH, &path, Some(json(&Change { state }))).await
    }

    /// How far a job is.
    pub(crate) async fn ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
        self.ingest_call(Method::GET, &format!("{JOBS}/{job}"), None).await
    }

    /// Removes a job that has ended, and its result files.
    pub(crate) async fn delete_ingest_job(&self, job: &str) -> Result<(), Refusal> {
        let path = format!("{JOBS}/{job}");
        self.answer(Call::new(Method::DELETE, &path, None)).await.map(drop)
    }

    /// What became of rows; the body is still to be read.
    pub(crate) async fn ingest_results(
        &self,
        job: &str,
        file: ResultFile,
    ) -> Result<ResultBody, Refusal> {
        let name = match file {
            ResultFile::Successful => "successfulResults",
            ResultFile::Failed => "failedResults",
            ResultFile::Unprocessed => "unprocessedrecords",
        };
        let path = format!("{JOBS}/{job}/{name}");
        self.answer(Call::get(&path)).await.map(ResultBody)
    }

    async fn ingest_call(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<IngestJob, Refusal> {
        let body = self.call(Call::new(method, path, content)).await?;
        let job: Option<IngestJob> = serde_json::from_slice(&body).ok();
        // The id becomes a part of paths.
        job.filter(|job| is_id(&job.id)).ok_or_else(|| Refusal::OutcomeUnknown {
            cause: "the answer is not an ingest job".to_owned(),
        })
    }
}

/// Whether it can be the id of a record.
pub(crate) fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A result file on its way.
pub(crate) struct ResultBody(Response);

impl ResultBody {
    /// The next piece; nothing at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        self.0.chunk().await.map_err(http::unknown)
    }
}

fn json(body: &impl Serialize) -> Content {
    Content::Json(serde_json::to_vec(body).expect("names become JSON").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_also_in_a_state_that_nobody_knows_yet() {
        for (state, expected) in [
            ("Open", IngestState::Open),
            ("UploadComplete", IngestState::UploadComplete),
            ("JobComplete", IngestState::JobComplete),
            ("Resting", IngestState::Unknown),
        ] {
            let json = format!(r#"{{"id":"750S10000000001IAA","state":"{state}","retries":0}}"#);

            let job: IngestJob = serde_json::from_str(&json).unwrap();

            assert_eq!((job.state, job.number_records_processed), (expected, 0));
        }
    }
}
