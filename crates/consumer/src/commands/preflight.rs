//! What is compared before the first row: the login, the default load with its object and fields, and
//! what the org has left today.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use load::{Describe, Load, Mapping, Operation};
use salesforce::{Allowance, Client, Refusal};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::{
    error::ConsumerError,
    retry::{BackoffReason, CallVerdict, OnExhausted, classify_call},
    throttle::{Failure, Throttle},
};

/// Where a sign-in leads.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// The org's id; where Salesforce does not tell it, the host of its API.
    pub(crate) org: String,
    /// Where the org's API is.
    pub(crate) instance: String,
}

/// A load on the objects of the org.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) mapping: Mapping,
    /// What may go wrong later, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// What is left of the day's calls, where the integration user may ask.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) daily_requests: Option<Allowance>,
    pub(crate) warning: Option<String>,
}

/// How long to wait for a Salesforce that does not answer, or whose daily calls are used up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WaitLimit<'a> {
    /// Some seconds, for one that is starting: a person waits for the result.
    Seconds,
    /// As long as it takes, under this throttle. A consumer that ended would only be started
    /// again, and make more calls.
    None(&'a Throttle),
}

const SECONDS_MAX: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Logs in, and finds out to which org that leads.
pub(crate) async fn sign_in(
    client: &Client,
    wait: WaitLimit<'_>,
) -> Result<SignedIn, ConsumerError> {
    let instance = wait.ask(|| client.instance()).await?.map_err(away)?;
    let org = org(client, &instance, wait).await?;
    Ok(SignedIn { org, instance })
}

/// Why nobody is signed in.
pub(crate) fn away(refusal: Refusal) -> ConsumerError {
    match refusal {
        Refusal::Login(error) => ConsumerError::Login(error),
        other => ConsumerError::SalesforceAway { cause: other.to_string() },
    }
}

/// Compares a load with the org.
pub(crate) async fn fit(
    client: &Client,
    load: &Load,
    wait: WaitLimit<'_>,
) -> Result<Fitted, ConsumerError> {
    let describe = describe(client, &load.object, wait).await?;
    let mut warnings = Vec::new();
    let objects = load.parents(&describe, None);
    let parents = parents(client, objects, wait, &mut warnings).await;
    let mapping = load.mapping(describe, parents)?;
    warnings.extend(mapping.warnings());
    Ok(Fitted { mapping, warnings })
}

/// Asks the org what is left today.
pub(crate) async fn limits(client: &Client) -> Limits {
    let warning = match client.limits().await {
        Ok(Some(limits)) => {
            return Limits { daily_requests: Some(limits.daily_api_requests), warning: None };
        }
        Ok(None) => {
            "the org's limits cannot be read; give the integration user the permission View \
                     Setup and Configuration to see what is left of the day's calls"
                .to_owned()
        }
        // It says nothing of what the user may do.
        Err(refusal) => format!(
            "the org's limits could not be read now ({refusal}); what is left of the day's calls is \
             not known until salesforce answers"
        ),
    };
    Limits { daily_requests: None, warning: Some(warning) }
}

async fn describe(
    client: &Client,
    object: &str,
    wait: WaitLimit<'_>,
) -> Result<Describe, ConsumerError> {
    let described = wait.ask(|| client.describe(object)).await?;
    described.map_err(|refusal| refused(refusal, object))
}

/// The org's id; where Salesforce does not tell it, the host of its API. One that does not answer
/// is waited for: two consumers of one org must not call it by two names.
async fn org(
    client: &Client,
    instance: &str,
    wait: WaitLimit<'_>,
) -> Result<String, ConsumerError> {
    match wait.ask(|| client.org_id()).await? {
        Ok(Some(id)) => Ok(id),
        Err(Refusal::Login(error)) => Err(ConsumerError::Login(error)),
        Ok(None) | Err(_) => {
            let host = instance.split_once("//").map_or(instance, |(_, host)| host);
            Ok(host.to_owned())
        }
    }
}

impl WaitLimit<'_> {
    /// Asks until Salesforce answers; what only a person can change ends the wait at once, and is
    /// the answer.
    pub(crate) async fn ask<T, F>(
        self,
        ask: impl Fn() -> F,
    ) -> Result<Result<T, Refusal>, ConsumerError>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        match self {
            Self::Seconds => for_some_seconds(ask).await,
            Self::None(throttle) => Ok(without_limit(throttle, ask).await),
        }
    }
}

async fn for_some_seconds<T, F>(ask: impl Fn() -> F) -> Result<Result<T, Refusal>, ConsumerError>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let deadline = Instant::now() + SECONDS_MAX;
    let mut cause = "nothing within the time for a connection".to_owned();
    while let Ok(answer) = timeout_at(deadline, ask()).await {
        let refusal = match answer {
            Ok(answer) => return Ok(Ok(answer)),
            Err(refusal) => refusal,
        };
        match classify_call(&refusal, Operation::Upsert) {
            CallVerdict::Backoff(reason) if reason != BackoffReason::QuotaUsedUp => (),
            CallVerdict::Retry { .. } => (),
            _ => return Ok(Err(refusal)),
        }
        if cause != refusal.to_string() {
            cause = refusal.to_string();
            info!(error = %cause, "waiting for salesforce");
        }
        if timeout_at(deadline, sleep(BETWEEN_TRIES)).await.is_err() {
            break;
        }
    }
    Err(ConsumerError::SalesforceAway { cause })
}

async fn without_limit<T, F>(throttle: &Throttle, ask: impl Fn() -> F) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let mut failures = 0;
    loop {
        // As a delivery does: where the org takes no more calls at once, others have to make room.
        let permit = throttle.acquire_at_start().await;
        let refusal = match ask().await {
            Ok(answer) => {
                throttle.succeeded(permit.release());
                return Ok(answer);
            }
            Err(refusal) => refusal,
        };
        failures += 1;
        // Asking changes nothing in Salesforce, so it may be repeated like an upsert.
        let reason = match classify_call(&refusal, Operation::Upsert) {
            CallVerdict::Backoff(reason) => reason,
            CallVerdict::Retry { tries, on_exhausted: OnExhausted::Hold(_) }
                if failures >= tries =>
            {
                return Err(refusal);
            }
            CallVerdict::Retry { .. } => BackoffReason::NoAnswer,
            _ if is_from_an_intermediary(&refusal) => BackoffReason::Unreachable,
            _ => return Err(refusal),
        };
        if reason == BackoffReason::Throttled {
            throttle.one_too_many(&permit);
        }
        let retry_after = refusal.retry_after();
        let failure =
            Failure { reason, retry_after, times: failures, loses_rows: false, is_suspect: false };
        let delay = throttle.failed(permit.release(), failure, &refusal);
        sleep(delay).await;
    }
}

/// Whether an answer has no code of Salesforce, such as a proxy's page: it is no verdict on what was
/// asked, and passes as an outage does.
fn is_from_an_intermediary(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Answered(answer) if answer.code.is_none())
}

fn refused(refusal: Refusal, object: &str) -> ConsumerError {
    let object = object.to_owned();
    match refusal {
        Refusal::Login(error) => ConsumerError::Login(error),
        Refusal::Answered(answer)
            if answer.status == 404 || answer.code.as_deref() == Some("NOT_FOUND") =>
        {
            ConsumerError::NoSuchObject { object }
        }
        answer => ConsumerError::Describe { object, answer },
    }
}

/// The objects that rows refer to by an external id. One that cannot be read is not compared.
pub(crate) async fn parents(
    client: &Client,
    objects: BTreeSet<String>,
    wait: WaitLimit<'_>,
    warnings: &mut Vec<String>,
) -> BTreeMap<String, Describe> {
    let mut parents = BTreeMap::new();
    for object in objects {
        match describe(client, &object, wait).await {
            Ok(parent) => drop(parents.insert(object, parent)),
            Err(error) => warnings.push(format!(
                "the object {object}, to which rows refer, could not be read ({error})"
            )),
        }
    }
    parents
}
