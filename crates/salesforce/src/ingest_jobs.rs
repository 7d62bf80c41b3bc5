//! Bulk API 2.0: ingest jobs and their result files.

use bytes::Bytes;
use ingest_core::is_record_id;
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};

use crate::{
    Client, Refusal,
    body::Body,
    http,
    request::{Call, Content},
};

/// What an ingest job is to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestOrder {
    /// The object whose records it loads.
    pub object: String,
    /// Such as `upsert`.
    pub operation: &'static str,
    /// The field by which an upsert finds records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id_field_name: Option<String>,
    /// The assignment rule that runs for its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_rule_id: Option<String>,
    /// `CSV`.
    pub content_type: &'static str,
    /// `LF` or `CRLF`.
    pub line_ending: &'static str,
    /// Such as `COMMA`.
    pub column_delimiter: &'static str,
}

/// An ingest job as Salesforce shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestJob {
    /// Names it in paths.
    pub id: String,
    /// How far it is.
    pub state: IngestState,
    /// Those that failed are among them.
    #[serde(default)]
    pub number_records_processed: u64,
    /// Rows that were refused.
    #[serde(default)]
    pub number_records_failed: u64,
    /// Why it failed: a code, and a text that may quote rows.
    #[serde(default)]
    pub error_message: Option<String>,
}

impl IngestJob {
    /// Whether no more of its rows will be loaded.
    pub fn has_ended(&self) -> bool {
        use IngestState::{Aborted, Failed, JobComplete};
        matches!(self.state, JobComplete | Failed | Aborted)
    }
}

/// How far an ingest job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum IngestState {
    /// Nothing of it is loaded, and nothing will be until it is closed.
    Open,
    /// It waits for its turn.
    UploadComplete,
    /// Salesforce is loading its rows.
    InProgress,
    /// Each of its rows is stored or refused.
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
pub enum ResultFile {
    /// Rows that are stored.
    Successful,
    /// Rows that were refused, each with its errors.
    Failed,
    /// Rows that Salesforce did not look at.
    Unprocessed,
}

/// The rows of a job as they are uploaded: compressed at once, so that they take less memory while they
/// wait for the job.
#[derive(Clone, Debug)]
pub struct IngestRows(Body);

#[derive(Serialize)]
struct Change {
    state: &'static str,
}

const JOBS: &str = "jobs/ingest";

impl Client {
    /// Makes a job; nothing is loaded before it is closed.
    ///
    /// # Errors
    ///
    /// When no job was made, or that is unknown.
    pub async fn create_ingest_job(&self, order: &IngestOrder) -> Result<IngestJob, Refusal> {
        self.ingest_call(Method::POST, JOBS, Some(json(order))).await
    }

    /// Makes an upload of rows, as CSV.
    #[must_use]
    pub fn pack_ingest_rows(&self, csv: Vec<u8>) -> IngestRows {
        IngestRows(self.packer.pack(csv.into()))
    }

    /// Uploads all rows of a job, once.
    ///
    /// # Errors
    ///
    /// When the upload was refused, or broke off.
    pub async fn upload_ingest_rows(&self, job: &str, rows: &IngestRows) -> Result<(), Refusal> {
        let path = format!("{JOBS}/{job}/batches");
        let body = Some(Content::Csv(rows.0.clone()));
        self.answer(Call::new(Method::PUT, &path, body)).await.map(drop)
    }

    /// Closes a job: from now on Salesforce loads its rows.
    ///
    /// # Errors
    ///
    /// When it was refused, or got no answer.
    pub async fn close_ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
        self.change_ingest_job(job, "UploadComplete").await
    }

    /// Ends a job; what is loaded stays.
    ///
    /// # Errors
    ///
    /// When it was refused, or got no answer.
    pub async fn abort_ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
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
    ///
    /// # Errors
    ///
    /// When it was refused, or got no answer.
    pub async fn ingest_job(&self, job: &str) -> Result<IngestJob, Refusal> {
        self.ingest_call(Method::GET, &format!("{JOBS}/{job}"), None).await
    }

    /// Removes a job that has ended, and its result files.
    ///
    /// # Errors
    ///
    /// When it was refused, or got no answer.
    pub async fn delete_ingest_job(&self, job: &str) -> Result<(), Refusal> {
        let path = format!("{JOBS}/{job}");
        self.answer(Call::new(Method::DELETE, &path, None)).await.map(drop)
    }

    /// What became of rows; the body is still to be read.
    ///
    /// # Errors
    ///
    /// When there is no such file, or no answer.
    pub async fn ingest_results(&self, job: &str, file: ResultFile) -> Result<ResultBody, Refusal> {
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
        job.filter(|job| is_record_id(&job.id)).ok_or_else(|| Refusal::OutcomeUnknown {
            cause: "the answer is not an ingest job".to_owned(),
        })
    }
}

/// A result file on its way.
#[derive(Debug)]
pub struct ResultBody(Response);

impl ResultBody {
    /// The next piece; nothing at the end.
    ///
    /// # Errors
    ///
    /// When the rest of it does not come.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
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
    fn a_job_is_read_also_in_a_state_that_is_not_known_yet() {
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
