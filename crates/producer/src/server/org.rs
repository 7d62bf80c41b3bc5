//! The org that this server may ask what its objects are like.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use load::Describe;
use salesforce::{ConnectionArgs, InvalidConnection};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    check::{DescribeError, Describer, ObjectName},
    server::{cached::Cached, error::ApiError},
};

/// How long what the org has said counts: each question is a call of the day's.
const FRESH: Duration = Duration::from_secs(60);

/// Objects that are remembered. A large one has a megabyte.
const KEPT_MAX: usize = 8;

/// The org, or why there is none.
#[derive(Debug)]
pub(crate) struct Org {
    access: Result<Describer, String>,
    objects: Cached<Arc<Vec<ObjectName>>>,
    described: Mutex<VecDeque<(Instant, Arc<Describe>)>>,
}

impl Org {
    /// A server without settings of Salesforce, or with half of them, does all else.
    pub(crate) fn new(args: &ConnectionArgs) -> Self {
        let access = Describer::org(args).map_err(|error| {
            let words = format!("this server has no access to Salesforce: {error:#}");
            if !matches!(args.connection(), Err(InvalidConnection::NoCredentials)) {
                warn!("{words}");
            }
            words
        });
        Self { access, objects: Cached::new(FRESH), described: Mutex::default() }
    }

    /// Whom to ask.
    pub(crate) fn describer(&self) -> Result<&Describer, ApiError> {
        let none = |words: &String| ApiError::conflict(words.clone(), None);
        self.access.as_ref().map_err(none)
    }

    /// Objects into which rows can be loaded.
    pub(crate) async fn objects(&self) -> Result<Arc<Vec<ObjectName>>, ApiError> {
        let describer = self.describer()?;
        let load = async {
            let all = describer.objects().await?;
            let objects: Vec<_> = all.into_iter().filter(ObjectName::is_writable).collect();
            Ok::<_, DescribeError>(Arc::new(objects))
        };
        Ok(self.objects.try_get(load).await?)
    }

    /// What an object is like. The org is asked one question at a time.
    pub(crate) async fn describe(&self, object: &str) -> Result<Arc<Describe>, ApiError> {
        let describer = self.describer()?;
        let mut described = self.described.lock().await;
        described.retain(|(at, _)| at.elapsed() < FRESH);
        let known = described.iter().find(|(_, known)| known.name.eq_ignore_ascii_case(object));
        if let Some((_, known)) = known {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(describer.describe(object).await?);
        described.push_front((Instant::now(), Arc::clone(&found)));
        described.truncate(KEPT_MAX);
        Ok(found)
    }
}
