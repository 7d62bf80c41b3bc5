//! Whether a load and a file fit the org, before a run of them is entered.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ingest_core::Header;
use job_queue::RunLoad;
use load::Load;
use salesforce::{ConnectionArgs, InvalidConnection};
use tokio::{sync::Mutex, time::timeout};
use tracing::warn;

use super::{
    describer::Describer,
    fit::{Unfit, fit},
};

/// So long the org is asked, whatever it answers: a start never depends on it.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long it counts that a load and a header fit: each question is a call of the day's.
const FRESH: Duration = Duration::from_secs(60);

/// Loads and headers that are remembered. Both are bounded; most have some kilobytes.
const KEPT_MAX: usize = 8;

/// Asks the org before a run is entered, if this program can.
#[derive(Clone, Debug, Default)]
pub(crate) struct Precheck(Option<Arc<Access>>);

#[derive(Debug)]
struct Access {
    describer: Describer,
    fitted: Mutex<VecDeque<Fits>>,
}

/// What was found to fit.
#[derive(Debug)]
struct Fits {
    at: Instant,
    load: String,
    header: Bytes,
}

impl Precheck {
    /// Without settings of Salesforce there is none, and with half of them there is none either: then
    /// the first consumer finds out.
    pub(crate) fn new(args: &ConnectionArgs) -> Self {
        let describer = match args.connection() {
            Err(InvalidConnection::NoCredentials) => return Self::default(),
            Err(invalid) => Err(invalid.into()),
            Ok(_) => Describer::org(args),
        };
        match describer {
            Ok(describer) => Self(Some(Arc::new(Access { describer, fitted: Mutex::default() }))),
            Err(error) => {
                warn!("runs are not checked before they start: {error:#}");
                Self::default()
            }
        }
    }

    /// Whether a run with this load and header would fail at its first batch.
    ///
    /// # Errors
    ///
    /// The reason of a misfit. An org that does not answer in time, or not so that it can be said, is
    /// none: that is logged, and the first consumer finds out.
    pub(crate) async fn check(&self, load: &RunLoad, header: &Header) -> Result<(), String> {
        let Some(access) = &self.0 else { return Ok(()) };
        // Of a consumer that knows more.
        let Ok(parsed) = Load::from_json(&load.text) else { return Ok(()) };
        if access.is_known(load, header).await {
            return Ok(());
        }
        let why = match timeout(WAIT_MAX, fit(&access.describer, &parsed, header.clone())).await {
            Ok(Ok(_fitted)) => {
                access.remember(load, header).await;
                return Ok(());
            }
            Ok(Err(Unfit::Misfit(reason))) => return Err(reason),
            Ok(Err(Unfit::Unknown(error))) => error.to_string(),
            Err(_elapsed) => format!("salesforce does not answer within {} s", WAIT_MAX.as_secs()),
        };
        warn!("the run starts without a check of its load ({why}); the first consumer makes it");
        Ok(())
    }
}

impl Access {
    async fn is_known(&self, load: &RunLoad, header: &Header) -> bool {
        let mut fitted = self.fitted.lock().await;
        fitted.retain(|fits| fits.at.elapsed() < FRESH);
        fitted.iter().any(|fits| fits.load == load.text && fits.header == *header.raw())
    }

    async fn remember(&self, load: &RunLoad, header: &Header) {
        let mut fitted = self.fitted.lock().await;
        let (load, header) = (load.text.clone(), header.raw().clone());
        fitted.push_front(Fits { at: Instant::now(), load, header });
        fitted.truncate(KEPT_MAX);
    }
}
