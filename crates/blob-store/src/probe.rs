//! Whether the service answers, asked by who tells people how it is.

use std::{num::NonZero, time::Duration};

use azure_core::{error::ErrorKind, http::StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::{
    BlobError, BlobStore,
    cause::{Cause, scrubbed},
    error::{Subject, error_code},
    metrics::Outcome,
    retry::RetryBudget,
    store::list_once,
};

/// Why the blob storage is of no use now, in a few words; the cause has the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobOutage {
    /// A key that was changed, a SAS that has ended, a role that was taken away, or a firewall; the word of Azure
    /// says which. The log of the server has it once when it begins, and a line when it is over.
    #[error("the blob storage refuses: {answer}")]
    Refuses {
        /// Status and the service's own name for it, such as `403 AuthorizationFailure`.
        answer: String,
        /// What that means, and what to do.
        source: BlobError,
    },
    /// Entra ID gives the server no token. The log has what each way of signing in said.
    #[error("the blob storage cannot be signed in to")]
    NotSignedIn {
        /// What each way of signing in said.
        source: BlobError,
    },
    /// Nothing came back within two seconds: the storage is away, or something on the way to it.
    #[error("the blob storage does not answer")]
    Silent {
        /// What the last try met.
        source: BlobError,
    },
}

impl BlobOutage {
    fn of(error: &azure_core::Error, subject: &Subject) -> Self {
        let source = subject.error(error);
        match error.kind() {
            ErrorKind::HttpResponse { status, .. } => {
                Self::Refuses { answer: answer(*status, error_code(error)), source }
            }
            ErrorKind::Credential => Self::NotSignedIn { source },
            _ => Self::Silent { source },
        }
    }
}

/// The name comes from the network.
fn answer(status: StatusCode, code: &str) -> String {
    let code: String = scrubbed(code).chars().take(80).collect();
    format!("{} {code}", u16::from(status)).trim_end().to_owned()
}

impl BlobStore {
    /// Asks for the first blob, again and again for this time at most, and says nothing of it in the log. A
    /// request that still has no answer then counts as one that got none.
    ///
    /// # Errors
    /// Why the service could not be used at the last try.
    pub async fn probe(&self, time: Duration) -> Result<(), BlobOutage> {
        let subject = self.subject(None);
        let client = self.container_client().map_err(|source| BlobOutage::Silent { source })?;
        let deadline = Instant::now() + time;
        let mut budget = RetryBudget::quiet(time);
        let mut last = None;
        loop {
            let asked = list_once(&client, "", None, Some(NonZero::<u16>::MIN));
            let Ok(answer) = timeout_at(deadline, asked).await else {
                self.metrics().requested(Outcome::NoAnswer);
                let source = Cause::words(&format!("no answer within {} s", time.as_secs_f64()));
                let subject = subject.to_string();
                return Err(last.unwrap_or(BlobOutage::Silent {
                    source: BlobError::Unreachable { subject, source },
                }));
            };
            let Err(error) = answer else { return Ok(()) };
            let outage = BlobOutage::of(&error, &subject);
            if timeout_at(deadline, budget.wait_after(&error)).await != Ok(true) {
                return Err(outage);
            }
            last = Some(outage);
        }
    }
}
