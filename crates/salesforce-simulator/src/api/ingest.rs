//! Ingest jobs of Bulk API 2.0 (salesforce-api.md 3.1).

use std::sync::Arc;

use axum::http::{StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{call::Call, multipart};
use crate::{
    bulk::{
        self, ColumnDelimiter, Job, JobOperation, JobState, LineEnding, Order, ResultFile,
        ResultForm, ResultPieces,
    },
    http::Answer,
    org::Org,
    problem::Refusal,
    record::json::parse,
    sessions::USER_ID,
};

const PAGE_JOBS: usize = 1000;
/// Of the rows that come along with the order.
const CONTENT_CHARACTERS_MAX: usize = 100_000;
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.3f+0000";

/// What a client asks for; what else it says is not looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    object: Option<String>,
    operation: Option<String>,
    external_id_field_name: Option<String>,
    content_type: Option<String>,
    line_ending: Option<LineEnding>,
    column_delimiter: Option<ColumnDelimiter>,
    assignment_rule_id: Option<String>,
}

/// `POST /jobs/ingest`: an order, or an order and its rows in one request.
pub(super) fn create(org: &Arc<Org>, call: &Call<'_>) -> Result<Answer, Refusal> {
    let content_type = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    let Some(boundary) = multipart::boundary(content_type) else {
        let job = open(org, call, call.text()?)?;
        return Ok(Answer::ok(&opened(org, &job)));
    };
    let parts = multipart::parts(call.body, boundary);
    let part = |name: &str| {
        let found = parts.iter().find(|part| part.name == name).map(|part| part.content.clone());
        found.ok_or_else(|| invalid_job(format!("the part {name} is missing")))
    };
    let (order, content) = (part("job")?, part("content")?);
    let text = std::str::from_utf8(&content).unwrap_or_default();
    if text.chars().count() > CONTENT_CHARACTERS_MAX {
        return Err(invalid_job(format!("more than {CONTENT_CHARACTERS_MAX} characters of data")));
    }
    let order = std::str::from_utf8(&order).map_err(|_| Refusal::parser("Invalid UTF-8"))?;
    let job = open(org, call, order)?;
    job.upload(content).map_err(wrong_state)?;
    close(org, &job)?;
    Ok(Answer::ok(&opened(org, &job)))
}

fn open(org: &Org, call: &Call<'_>, order: &str) -> Result<Arc<Job>, Refusal> {
    let order = order_of(org, call, parse(order)?)?;
    let unfinished_max = org.config.bulk_jobs_max.unwrap_or(usize::MAX);
    org.jobs.create(order, unfinished_max).ok_or_else(|| {
        let message = format!("more than {unfinished_max} jobs at once");
        Refusal::bad_request("LIMIT_EXCEEDED", message)
    })
}

fn order_of(org: &Org, call: &Call<'_>, wanted: Wanted) -> Result<Order, Refusal> {
    let name = wanted.object.unwrap_or_default();
    let (number, object) = org.schema().find(&name).ok_or_else(|| {
        Refusal::bad_request("INVALIDENTITY", format!("Unable to find object: {name}"))
    })?;
    if wanted.content_type.is_some_and(|name| name != "CSV") {
        return Err(invalid_job("contentType must be CSV"));
    }
    let key = wanted.external_id_field_name;
    let operation = match (wanted.operation.as_deref().unwrap_or_default(), &key) {
        ("upsert", Some(field)) => {
            let key = object.key(field).ok_or_else(|| {
                invalid_job(format!(
                    "Field name provided, {field} does not match an External ID, Salesforce Id, \
                     or indexed field for {}",
                    object.name
                ))
            })?;
            JobOperation::Upsert { key }
        }
        ("upsert", None) => {
            return Err(invalid_job("External ID was blank for an upsert job"));
        }
        (_, Some(_)) => {
            return Err(invalid_job("externalIdFieldName is for upsert only"));
        }
        ("insert", None) => JobOperation::Insert,
        ("update", None) => JobOperation::Update,
        ("delete", None) => JobOperation::Delete,
        ("hardDelete", None) if org.config.hard_delete => JobOperation::HardDelete,
        ("hardDelete", None) => {
            let message = "hardDelete operation requires special user profile permission";
            return Err(Refusal::bad_request("FEATURENOTENABLED", message));
        }
        (other, None) => return Err(invalid_job(format!("Invalid operation: {other}"))),
    };
    Ok(Order {
        object: number,
        operation,
        line_ending: wanted.line_ending.unwrap_or_default(),
        delimiter: wanted.column_delimiter.unwrap_or_default(),
        assignment_rule: wanted.assignment_rule_id,
        version: call.version,
    })
}

/// `PUT /jobs/ingest/{id}/batches`: the rows, once.
pub(super) fn upload(org: &Org, call: &Call<'_>, id: &str) -> Result<Answer, Refusal> {
    let job = find(org, id)?;
    let content_type = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("text/csv") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "Content-Type is text/csv",
        ));
    }
    job.upload(call.body.clone()).map_err(wrong_state)?;
    Ok(Answer::empty(StatusCode::CREATED))
}

/// `PATCH /jobs/ingest/{id}`: `UploadComplete` starts the work, `Aborted` ends it.
pub(super) fn change(org: &Arc<Org>, call: &Call<'_>, id: &str) -> Result<Answer, Refusal> {
    #[derive(Deserialize)]
    struct Change {
        state: Option<String>,
    }
    let job = find(org, id)?;
    let change: Change = parse(call.text()?)?;
    match change.state.as_deref() {
        Some("UploadComplete") => close(org, &job)?,
        Some("Aborted") => job.go(JobState::Aborted).map_err(wrong_state)?,
        _ => return Err(invalid_job("state is UploadComplete or Aborted")),
    }
    Ok(Answer::ok(&opened(org, &job)))
}

fn close(org: &Arc<Org>, job: &Arc<Job>) -> Result<(), Refusal> {
    job.go(JobState::UploadComplete).map_err(wrong_state)?;
    tokio::spawn(bulk::process(Arc::clone(org), Arc::clone(job)));
    Ok(())
}

/// `GET /jobs/ingest/{id}`.
pub(super) fn get(org: &Org, id: &str) -> Result<Answer, Refusal> {
    Ok(Answer::ok(&described(org, &*find(org, id)?)))
}

/// `GET /jobs/ingest`: all jobs, oldest first, a thousand a page.
pub(super) fn list(org: &Org, call: &Call<'_>) -> Answer {
    let from = call.parameter("queryLocator").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut jobs = org.jobs.page(from, PAGE_JOBS + 1);
    let next = jobs.get(PAGE_JOBS).map(|job| {
        let base = call.url_base();
        format!("{base}/jobs/ingest?queryLocator={}", job.id.number)
    });
    jobs.truncate(PAGE_JOBS);
    let records: Vec<Value> = jobs.iter().map(|job| described(org, job)).collect();
    Answer::ok(&json!({"done": next.is_none(), "records": records, "nextRecordsUrl": next}))
}

/// `DELETE /jobs/ingest/{id}`, not while it is under way.
pub(super) fn delete(org: &Org, id: &str) -> Result<Answer, Refusal> {
    let job = find(org, id)?;
    let state = job.state();
    if matches!(state, JobState::Open | JobState::InProgress) {
        return Err(wrong_state(state));
    }
    org.jobs.remove(&job);
    // One that waited to be worked off is not worked off any more.
    let _ended_before = job.go(JobState::Aborted);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /jobs/ingest/{id}/successfulResults` and its two sisters.
pub(super) fn results(org: &Org, id: &str, name: &str) -> Result<Answer, Refusal> {
    let file = ResultFile::named(name).ok_or_else(Refusal::not_found)?;
    let job = find(org, id)?;
    let state = job.state();
    if !state.is_end() {
        return Err(wrong_state(state));
    }
    let form = ResultForm {
        shuffled: org.config.bulk_result_order.is_shuffled(),
        fields_only: org.config.drop_unmapped_columns,
    };
    Ok(Answer::csv(ResultPieces::new(org.schema(), &job, file, form)))
}

fn find(org: &Org, id: &str) -> Result<Arc<Job>, Refusal> {
    org.jobs.find(id).ok_or_else(Refusal::not_found)
}

/// As the answers to orders and changes have it.
fn opened(org: &Org, job: &Job) -> Value {
    let Order { object, operation, line_ending, delimiter, assignment_rule, version } = &job.order;
    let object = org.schema().object(*object);
    let progress = job.progress();
    let mut described = json!({
        "id": job.id,
        "operation": operation.name(),
        "object": object.name,
        "createdById": USER_ID,
        "createdDate": moment(job.created),
        "systemModstamp": moment(progress.modified),
        "state": progress.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": f64::from(version.number()),
        "contentUrl": format!("services/data/{version}/jobs/ingest/{}/batches", job.id),
        "lineEnding": line_ending,
        "columnDelimiter": delimiter,
    });
    if let JobOperation::Upsert { key } = operation {
        described["externalIdFieldName"] = json!(object.field(*key).name);
    }
    if let Some(rule) = assignment_rule {
        described["assignmentRuleId"] = json!(rule);
    }
    described
}

/// As the answers to polls have it.
fn described(org: &Org, job: &Job) -> Value {
    let mut described = opened(org, job);
    let progress = job.progress();
    let busy = milliseconds(progress.busy);
    if let Some(members) = described.as_object_mut() {
        members.extend([
            ("jobType".to_owned(), json!("V2Ingest")),
            ("retries".to_owned(), json!(0)),
            ("totalProcessingTime".to_owned(), json!(milliseconds(progress.total()))),
            ("apiActiveProcessingTime".to_owned(), json!(busy)),
            ("apexProcessingTime".to_owned(), json!(0)),
            ("numberRecordsProcessed".to_owned(), json!(progress.outcomes.rows.len())),
            ("numberRecordsFailed".to_owned(), json!(progress.outcomes.failures.len())),
        ]);
        members.extend(progress.error.map(|error| ("errorMessage".to_owned(), json!(error))));
    }
    described
}

fn moment(at: Timestamp) -> String {
    at.strftime(MOMENT).to_string()
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn invalid_job(message: impl Into<String>) -> Refusal {
    Refusal::bad_request("INVALIDJOB", format!("InvalidJob : {}", message.into()))
}

fn wrong_state(state: JobState) -> Refusal {
    let message = format!("Invalid job state: {state:?}");
    Refusal::bad_request("INVALIDJOBSTATE", message)
}
