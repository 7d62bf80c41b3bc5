use std::{io, net::SocketAddr, path::PathBuf};

use ingest_core::RunId;
use service::few;

use crate::retry::Blocker;
use salesforce::{LoginError, Refusal};

/// Why the consumer could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// No answer within the time that a start may take.
    #[error(
        "salesforce does not answer ({cause}); is it up, and is SALESFORCE_LOGIN_URL or \
         SALESFORCE_INSTANCE_URL right?"
    )]
    SalesforceAway {
        /// What came instead.
        cause: String,
    },
    /// The token endpoint said no.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Salesforce refused to be asked.
    #[error("could not read the object {object}: salesforce answers {answer}")]
    Describe {
        /// The object.
        object: String,
        /// What Salesforce says.
        answer: Refusal,
    },
    /// The object is not there, or hidden.
    #[error(
        "salesforce has no object {object}; check SALESFORCE_OBJECT, or give the integration user \
         access to it"
    )]
    NoSuchObject {
        /// The object.
        object: String,
    },
    /// The user may not write to the object.
    #[error("the integration user may not {rights} records of {object}; give it the permission")]
    ObjectNotWritable {
        /// The object.
        object: String,
        /// What the operation needs.
        rights: &'static str,
    },
    /// The external id field is not there, or hidden.
    #[error(
        "{object} has no field {field}; check SALESFORCE_EXTERNAL_ID, or let the integration user \
         see it (field-level security hides fields)"
    )]
    NoSuchExternalId {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// An upsert writes the external id, and the user may not write to it.
    #[error(
        "field {field} of {object} is read-only, and an upsert by it writes it; let the integration \
         user edit it (field-level security), or set SALESFORCE_EXTERNAL_ID to another one"
    )]
    ExternalIdReadOnly {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// Rows cannot be found by the field.
    #[error(
        "field {field} of {object} is no external id; tick External ID in its definition, or set \
         SALESFORCE_EXTERNAL_ID to one that is"
    )]
    NotAnExternalId {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// Collections has no upsert by id.
    #[error(
        "an upsert by Id of {object} goes by Bulk API only; set SALESFORCE_API=bulk, or split the \
         file: rows with an Id as update, the others as insert; or name an external id field in \
         SALESFORCE_EXTERNAL_ID"
    )]
    UpsertById {
        /// The object.
        object: String,
    },
    /// The mapping file cannot be read.
    #[error("could not read the mapping file {}", path.display())]
    MappingFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The mapping file cannot be followed.
    #[error("mapping file {file}: {}", few(problems, "; "))]
    Mapping {
        /// The file.
        file: String,
        /// Each with its line.
        problems: Vec<String>,
    },
    /// There is no such run.
    #[error("there is no run {run}; `producer runs` lists those that are kept")]
    NoSuchRun {
        /// The run.
        run: RunId,
    },
    /// Figures that change cannot be compared.
    #[error(
        "run {run} has not ended: rows of it are still to be read or delivered; count when \
         `producer show {run}` says that it has"
    )]
    RunNotEnded {
        /// The run.
        run: RunId,
    },
    /// No consumer ever took the run.
    #[error("no consumer has delivered run {run}: there is nothing to count")]
    RunNotDelivered {
        /// The run.
        run: RunId,
    },
    /// The records are elsewhere.
    #[error(
        "run {run} was delivered to org {of_run}, and these settings sign in to org {signed_in}; \
         count with the sign-in settings of the consumers that delivered it"
    )]
    OtherOrg {
        /// The run.
        run: RunId,
        /// Its org.
        of_run: String,
        /// Where the settings lead.
        signed_in: String,
    },
    /// The sign-in does not say for whom it is.
    #[error(
        "salesforce does not say which user is signed in, so that user's records cannot be \
         counted; give the app the scope `id` or `openid`"
    )]
    NoUser,
    /// The count did not come.
    #[error("could not count records of {object}: salesforce answers {answer}; try again later")]
    Count {
        /// The object.
        object: String,
        /// What Salesforce says.
        answer: Refusal,
    },
    /// The address is taken, or may not be used.
    #[error("could not listen on {address} for health and metrics; choose another METRICS_LISTEN")]
    MetricsListen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot sign in until a person has acted.
    #[error(transparent)]
    Stopped(#[from] StoppedBy),
}

/// Why deliveries had to end. What was not delivered stays queued.
#[derive(Debug, thiserror::Error)]
#[error("{0}; what is not delivered stays queued, so start the consumer again then")]
pub struct StoppedBy(pub(crate) Blocker);
