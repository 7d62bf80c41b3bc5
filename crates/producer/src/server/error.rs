//! Errors as answers: a status and `{"error": "…"}`, with a `kind` where a program says it in words of its own.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use blob_store::BlobError;
use ingest_core::RunId;
use job_queue::QueueError;
use load::NoLoad;
use serde::Serialize;

use crate::{
    check::DescribeError,
    import::{
        error::{ReadError, SyncError},
        load_choice::LoadError,
    },
};

/// A refusal, with words that say what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) error: String,
    /// The run that conflicts with the request.
    pub(crate) run: Option<RunId>,
    /// What somebody has to confirm before the request is granted.
    pub(crate) confirm: Option<String>,
    /// The line of a text that came with the request, from 1.
    pub(crate) line: Option<usize>,
    pub(crate) kind: Option<Kind>,
}

/// What is wrong, for programs. The page has its own words for each: a person there has no request
/// and no `load` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// No pattern fits the file's name, and there is no default load.
    NoLoadFits,
    SeveralLoadsFit,
    /// The consumers that are alive have several.
    SeveralDefaultLoads,
    NoSuchLoad,
    NoSuchRun,
    NoSuchFile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), run: None, confirm: None, line: None, kind: None }
    }

    pub(crate) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(crate) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub(crate) fn conflict(error: impl Into<String>, run: Option<RunId>) -> Self {
        Self { run, ..Self::new(StatusCode::CONFLICT, error) }
    }

    pub(crate) fn no_such_run() -> Self {
        Self::not_found("there is no such run; GET /api/sync lists them").of(Kind::NoSuchRun)
    }

    fn of(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    pub(crate) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not take this method; the header Allow names those it takes",
        )
    }

    /// Retryable: the answer has a Retry-After.
    pub(crate) fn unavailable(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (run_id, confirm) = (self.run.as_ref(), self.confirm.as_deref());
        let body = Body { error: &self.error, run_id, confirm, line: self.line, kind: self.kind };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        logged(&error, Self::unavailable(error.to_string()))
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        let words = error.to_string();
        match error {
            BlobError::NoSuchBlob { .. } => Self::not_found(words).of(Kind::NoSuchFile),
            BlobError::NoSuchContainer { .. } => Self::not_found(words),
            BlobError::InvalidName { .. } => Self::bad_request(words),
            BlobError::BlobChanged { .. }
            | BlobError::AlreadyExists { .. }
            | BlobError::BlocksGone { .. }
            | BlobError::OtherType { .. } => Self::conflict(words, None),
            BlobError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, words),
            BlobError::Corrupt { .. }
            | BlobError::CutShort { .. }
            | BlobError::Inflated { .. }
            | BlobError::WindowTooLarge { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, words)
            }
            BlobError::Unreachable { .. } => logged(&error, Self::unavailable(words)),
            _ => logged(&error, Self::new(StatusCode::BAD_GATEWAY, words)),
        }
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Read(ReadError::Blob(error)) => error.into(),
            SyncError::Read(error @ ReadError::Csv { .. }) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let words = cause.unwrap_or_else(|| error.to_string());
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, words)
            }
            SyncError::UnderWay { file, run } => {
                Self::conflict(format!("{file} is being loaded already, by run {run}"), Some(run))
            }
            // Without a run id of the caller's, only its key can have led to another file.
            SyncError::OtherFile { run, of, .. } => Self::conflict(
                format!("this Idempotency-Key has started run {run} of {of}; use a new one"),
                Some(run),
            ),
            SyncError::OtherVersion { ref run, .. }
            | SyncError::LimitPassed { ref run, .. }
            | SyncError::Failed { ref run, .. } => {
                Self::conflict(error.to_string(), Some(run.clone()))
            }
            SyncError::OtherLoad { run, how } => Self::conflict(
                format!(
                    "this Idempotency-Key has started run {run} with another load ({how}); use a new one"
                ),
                Some(run),
            ),
            SyncError::Load(error) => error.into(),
            error @ SyncError::Misfit { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            SyncError::Unconfirmed(run) => {
                let what = run.what();
                let error = format!("{what}; confirm it with \"confirm\": true in the body");
                Self { confirm: Some(what), ..Self::conflict(error, None) }
            }
            SyncError::Queue(error) => error.into(),
            SyncError::UnknownRun { .. } => Self::no_such_run(),
            error @ SyncError::Output { .. } => Self::unavailable(error.to_string()),
            error => Self::conflict(error.to_string(), None),
        }
    }
}

impl From<DescribeError> for ApiError {
    fn from(error: DescribeError) -> Self {
        let words = error.to_string();
        match &error {
            DescribeError::NoSuchObject { .. } | DescribeError::NotInFile { .. } => {
                Self::not_found(words)
            }
            error if error.may_pass() => logged(error, Self::unavailable(words)),
            error => logged(error, Self::new(StatusCode::BAD_GATEWAY, words)),
        }
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        let kind = kind_of(&error);
        Self { kind, ..Self::of_load(error) }
    }
}

fn kind_of(error: &LoadError) -> Option<Kind> {
    match error {
        LoadError::None(NoLoad::Unknown { .. }) => Some(Kind::NoSuchLoad),
        LoadError::None(NoLoad::Several { .. }) => Some(Kind::SeveralLoadsFit),
        LoadError::Several { .. } => Some(Kind::SeveralDefaultLoads),
        LoadError::NoneFits { .. } => Some(Kind::NoLoadFits),
        _ => None,
    }
}

impl ApiError {
    fn of_load(error: LoadError) -> Self {
        match error {
            LoadError::None(NoLoad::Unknown { .. }) => {
                Self::not_found(format!("{error}; GET /api/loads lists them"))
            }
            LoadError::None(NoLoad::Several { file, loads }) => Self::conflict(
                format!(
                    "the patterns of several loads fit {}: {}; name one of them as `load`",
                    service::shown(&file, service::SENTENCE_MAX),
                    service::few(loads, ", ")
                ),
                None,
            ),
            LoadError::Several { known } => Self::conflict(
                format!(
                    "the consumers that are alive have several default loads, and nothing says which \
                     one is meant; say a load as `load`. They are {known}"
                ),
                None,
            ),
            LoadError::NoneFits { known } => Self::conflict(
                format!(
                    "no load fits the name of the file, and nothing else says what object its rows \
                     become; in the body of the request, name one of them as `load` ({known}: GET \
                     /api/loads), or write there what rows become, such as {{\"object\": \"Contact\", \
                     \"externalId\": \"ErpKey__c\"}}"
                ),
                None,
            ),
            LoadError::OtherMapping { what, how } => Self::conflict(
                format!(
                    "this server and the consumers that are alive map {what} in different ways \
                     ({how}); give all of them the same mapping settings, or name the load as `load`"
                ),
                None,
            ),
            LoadError::Invalid(why) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`load`: {why}"))
            }
            LoadError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            error => Self::conflict(error.to_string(), None),
        }
    }
}

/// Logs the error with its causes, which callers do not see.
fn logged(error: &(dyn std::error::Error + 'static), problem: ApiError) -> ApiError {
    let causes = service::with_causes(error);
    tracing::warn!(status = problem.status.as_u16(), "a request failed: {causes}");
    problem
}
