//! What the objects are like that rows become and refer to: as the org says, or a file that was saved.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use ingest_core::commands::producer;
use load::Describe;
use salesforce::{Client, ConnectionArgs, LoginError, Refusal};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::describes_file::DescribesFile;
use crate::cli::invalid_setting::InvalidSetting;

/// Who says what objects are like.
#[derive(Debug)]
pub(crate) enum Describer {
    Org(Box<Client>),
    File { path: PathBuf, file: DescribesFile },
}

/// Why an object cannot be described.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DescribeError {
    /// The name is mistyped (objects of your own end with `__c`), or a permission set is missing.
    #[error(
        "salesforce has no object {object}; check its name, or give the integration user access to it"
    )]
    NoSuchObject { object: String },
    /// The user is signed in and may not read what the object looks like; the answer says why.
    #[error("could not read the object {object}: salesforce answers {answer}")]
    Refused { object: String, answer: Refusal },
    /// Somebody waits for this command, so it does not wait long: the network, a proxy or the address is the
    /// reason, or Salesforce is down.
    #[error(
        "salesforce does not answer ({cause}); is it up, and is SALESFORCE_LOGIN_URL or \
         SALESFORCE_INSTANCE_URL right?"
    )]
    Away { cause: String },
    #[error(transparent)]
    Login(#[from] LoginError),
    /// `--offline` names a file that was saved for another object.
    #[error(
        "{file} describes no object {object}; it has {known}. Save one that does: {} describe \
         --object {object} --out FILE",
        producer()
    )]
    NotInFile { file: String, object: String, known: String },
}

impl DescribeError {
    /// Whether it passes only when a person acts: a sign-in that is refused, or an object that is not where
    /// it is looked for.
    pub(crate) fn is_for_a_person(&self) -> bool {
        match self {
            Self::Login(error) => !error.is_passing(),
            Self::NoSuchObject { .. } | Self::NotInFile { .. } => true,
            Self::Refused { .. } | Self::Away { .. } => false,
        }
    }
}

/// An object, as far as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "camelCase"))]
pub(crate) struct ObjectName {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) createable: bool,
    #[serde(default)]
    pub(crate) updateable: bool,
    #[serde(default)]
    pub(crate) deletable: bool,
}

#[derive(Deserialize)]
struct AllObjects {
    sobjects: Vec<ObjectName>,
}

impl ObjectName {
    fn of(describe: &Describe) -> Self {
        let Describe { name, createable, updateable, deletable, .. } = describe.clone();
        Self { label: name.clone(), name, createable, updateable, deletable }
    }

    /// Whether rows can be loaded into it at all.
    pub(crate) fn is_writable(&self) -> bool {
        self.createable || self.updateable || self.deletable
    }
}

/// A Salesforce that is starting is waited for: a person waits for the result.
const WAIT_MAX: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

impl Describer {
    /// The org to which these settings lead; nothing is asked yet.
    pub(crate) fn org(args: &ConnectionArgs) -> anyhow::Result<Self> {
        let connection =
            args.connection().map_err(|invalid| InvalidSetting(invalid.to_string()))?;
        for warning in connection.credentials.warnings() {
            warn!("{warning}");
        }
        let client = Client::new(connection)
            .map_err(|error| InvalidSetting(service::with_causes(&error)))?;
        Ok(Self::Org(Box::new(client)))
    }

    /// A file that `producer describe` saved.
    pub(crate) fn file(path: &Path) -> Result<Self, InvalidSetting> {
        Ok(Self::File { path: path.to_owned(), file: DescribesFile::read(path)? })
    }

    /// Where the descriptions are of, after a sign-in.
    pub(crate) async fn source(&self) -> Result<String, DescribeError> {
        match self {
            Self::File { path, file } => Ok(format!("{} ({})", path.display(), file.instance)),
            Self::Org(client) => match until_answered(|| client.instance()).await {
                Ok(instance) => Ok(instance),
                Err(Refusal::Login(error)) => Err(error.into()),
                Err(refusal) => Err(DescribeError::Away { cause: refusal.to_string() }),
            },
        }
    }

    /// All objects that the user may see.
    pub(crate) async fn objects(&self) -> Result<Vec<ObjectName>, DescribeError> {
        match self {
            Self::File { file, .. } => Ok(file.objects.iter().map(ObjectName::of).collect()),
            Self::Org(client) => {
                let all: AllObjects = until_answered(|| client.describe_all())
                    .await
                    .map_err(|refusal| refused(refusal, "list"))?;
                Ok(all.sobjects)
            }
        }
    }

    /// What an object is like that rows become.
    pub(crate) async fn describe(&self, object: &str) -> Result<Describe, DescribeError> {
        self.find(object, DescribesFile::find_whole).await
    }

    /// Of a file, what `in_file` finds there.
    async fn find(
        &self,
        object: &str,
        in_file: impl for<'a> Fn(&'a DescribesFile, &str) -> Option<&'a Describe>,
    ) -> Result<Describe, DescribeError> {
        match self {
            Self::File { path, file } => in_file(file, object).cloned().ok_or_else(|| {
                let (file, known) = (path.display().to_string(), file.names());
                DescribeError::NotInFile { file, object: object.to_owned(), known }
            }),
            Self::Org(client) => {
                let described = until_answered(|| client.describe(object)).await;
                described.map_err(|refusal| refused(refusal, object))
            }
        }
    }

    /// Objects that rows refer to. One that cannot be read is not compared, as in a run.
    pub(crate) async fn parents(
        &self,
        objects: BTreeSet<String>,
        warnings: &mut Vec<String>,
    ) -> BTreeMap<String, Describe> {
        let mut parents = BTreeMap::new();
        for object in objects {
            match self.find(&object, DescribesFile::find).await {
                Ok(parent) => drop(parents.insert(object, parent)),
                Err(error) => warnings.push(format!(
                    "the object {object}, to which rows refer, is not compared ({error})"
                )),
            }
        }
        parents
    }
}

impl DescribeError {
    /// Whether it may be gone a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { answer, .. } => may_pass(answer),
            Self::Login(error) => error.is_passing(),
            Self::Away { .. } => true,
            Self::NoSuchObject { .. } | Self::NotInFile { .. } => false,
        }
    }
}

fn refused(refusal: Refusal, object: &str) -> DescribeError {
    let object = object.to_owned();
    match refusal {
        Refusal::Login(error) => error.into(),
        Refusal::Answered(answer)
            if answer.status == 404 || answer.code.as_deref() == Some("NOT_FOUND") =>
        {
            DescribeError::NoSuchObject { object }
        }
        answer => DescribeError::Refused { object, answer },
    }
}

/// Asks again, for some seconds, while there is no answer or one that may pass.
async fn until_answered<T, F>(ask: impl Fn() -> F) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let deadline = Instant::now() + WAIT_MAX;
    let mut is_said = false;
    loop {
        let refusal = match ask().await {
            Err(refusal) if may_pass(&refusal) && Instant::now() < deadline => refusal,
            answer => return answer,
        };
        if !std::mem::replace(&mut is_said, true) {
            info!(error = %refusal, "waiting for salesforce");
        }
        sleep(BETWEEN_TRIES).await;
    }
}

fn may_pass(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::NotSent { .. } | Refusal::OutcomeUnknown { .. } => true,
        Refusal::Login(error) => error.is_passing(),
        Refusal::Answered(answer) => matches!(answer.status, 408 | 420 | 429 | 500..),
    }
}
