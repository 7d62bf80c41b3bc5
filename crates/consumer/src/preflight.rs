//! What is looked at before the first row: the login, the object, its fields, the mapping.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::{
    config::SalesforceConfig,
    error::ConsumerError,
    mapping::{Key, Mapping, Sdl, TargetRules},
    salesforce::{Client, Describe, Refusal},
    verdict::{Operation, RequestVerdict, Trouble, judge_request},
};

/// What is known before the first row.
#[derive(Debug)]
pub(crate) struct Preflight {
    pub(crate) mapping: Mapping,
    /// Where the org's API is.
    pub(crate) instance: String,
    /// What may go wrong later, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// How long Salesforce may take to come up when a consumer starts.
const START_MAX: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

/// Logs in and compares the settings with the org.
pub(crate) async fn preflight(
    client: &Client,
    config: &SalesforceConfig,
) -> anyhow::Result<Preflight> {
    // What is on this machine comes first: it needs no patience.
    let sdl = config.mapping_file.as_deref().map(Sdl::load).transpose()?;
    let describe = describe(client, &config.object).await?;
    let rules = rules(describe, config)?;
    let mapping = match sdl {
        None => Mapping::by_name(rules),
        Some(sdl) => Mapping::from_file(&sdl, rules).map_err(|problems| {
            ConsumerError::Mapping { file: sdl.path().display().to_string(), problems }
        })?,
    };
    let instance = client
        .instance()
        .await
        .map_err(|refusal| ConsumerError::SalesforceAway { cause: refusal.to_string() })?;
    let warnings = warnings(&mapping, config, &instance);
    Ok(Preflight { mapping, instance, warnings })
}

/// Waits some seconds for a Salesforce that is not up yet; what only a person can change ends the
/// wait at once.
async fn describe(client: &Client, object: &str) -> Result<Describe, ConsumerError> {
    let deadline = Instant::now() + START_MAX;
    let mut cause = "nothing within the time for a connection".to_owned();
    while let Ok(answer) = timeout_at(deadline, client.describe(object)).await {
        let refusal = match answer {
            Ok(describe) => return Ok(describe),
            Err(refusal) => refusal,
        };
        match judge_request(&refusal, Operation::Upsert) {
            RequestVerdict::Wait(trouble) if trouble != Trouble::QuotaUsedUp => (),
            RequestVerdict::Repeat { .. } => (),
            _ => return Err(refused(refusal, object)),
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

fn rules(describe: Describe, config: &SalesforceConfig) -> Result<TargetRules, ConsumerError> {
    let object = describe.name.clone();
    let update = config.operation == Operation::Upsert;
    if !describe.createable || (update && !describe.updateable) {
        return Err(ConsumerError::ObjectNotWritable { object, update });
    }
    let key = match (&config.external_id, config.operation) {
        (Some(name), Operation::Upsert) => Some(key(&describe, name)?),
        _ => None,
    };
    Ok(TargetRules { describe, operation: config.operation, key })
}

fn key(describe: &Describe, name: &str) -> Result<Key, ConsumerError> {
    let object = describe.name.clone();
    let Some(field) = describe.field(name) else {
        return Err(ConsumerError::NoSuchExternalId { object, field: name.to_owned() });
    };
    if !field.external_id && !field.id_lookup {
        return Err(ConsumerError::NotAnExternalId { object, field: field.name.clone() });
    }
    Ok(Key { field: field.name.clone(), case_sensitive: field.case_sensitive })
}

fn warnings(mapping: &Mapping, config: &SalesforceConfig, instance: &str) -> Vec<String> {
    let targets = mapping.columns().iter().flat_map(|column| &column.targets);
    let mut warnings: Vec<String> = targets.filter_map(|target| target.warning.clone()).collect();
    let required = mapping.required_but_not_filled();
    if !required.is_empty() {
        warnings.push(format!(
            "no column fills {}; rows that would create a record are rejected without it",
            required.join(", ")
        ));
    }
    if config.operation == Operation::Insert {
        warnings.push(
            "insert can store a row twice when a consumer dies; an upsert by external id cannot"
                .to_owned(),
        );
    }
    let credentials = &config.connection.credentials;
    warnings.extend(credentials.warning().map(str::to_owned));
    let login = credentials.url();
    let on_this_machine = matches!(login.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if login.scheme() == "http" && !on_this_machine {
        warnings.push(format!(
            "salesforce is reached over plain http at {instance}: secrets and rows travel readable"
        ));
    }
    warnings
}

impl Preflight {
    /// Says what may go wrong later.
    pub(crate) fn log_warnings(&self) {
        for warning in &self.warnings {
            warn!("{warning}");
        }
    }
}
