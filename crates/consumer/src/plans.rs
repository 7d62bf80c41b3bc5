//! Plans for the headers of the runs under way.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use ingest_core::{BatchJob, Dialect, Header, IngestError};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    mapping::{HeaderMisfit, Key, Mapping, Plan, Sameness},
    salesforce::{Client, Describe},
};

/// Makes a plan once for each header.
#[derive(Debug)]
pub(crate) struct Plans {
    mapping: Mapping,
    known: Mutex<Vec<(Bytes, Dialect, Arc<Plan>)>>,
}

/// Runs with so many different files at a time are remembered.
const KNOWN_MAX: usize = 16;

/// Why no row of a run can be delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unplannable {
    #[error("the header cannot be used: {0}")]
    Header(IngestError),
    #[error("the file does not fit the mapping: {0}")]
    Misfit(HeaderMisfit),
}

impl Plans {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping, known: Mutex::default() }
    }

    /// The object, and the field by whose values its records have to be looked up, if they have to.
    pub(crate) fn look_up(&self) -> Option<(&str, &Key)> {
        let rules = self.mapping.rules();
        rules.looked_up_by().map(|key| (rules.describe.name.as_str(), key))
    }

    /// The field that tells rows apart in what is sent.
    pub(crate) fn sent_key(&self) -> Option<(&str, Sameness)> {
        let rules = self.mapping.rules();
        match rules.looked_up_by() {
            Some(_) => Some(("Id", Sameness::OfIds)),
            None => rules.key.as_ref().map(|key| (key.field.as_str(), key.sameness)),
        }
    }

    /// The plan for the header of this batch.
    pub(crate) async fn of(
        &self,
        job: &BatchJob,
        client: &Client,
    ) -> Result<Arc<Plan>, Unplannable> {
        let mut known = self.known.lock().await;
        let found = known
            .iter()
            .find(|(header, dialect, _)| *header == job.header && *dialect == job.dialect);
        if let Some((_, _, plan)) = found {
            return Ok(Arc::clone(plan));
        }
        let header = Header::parse(job.header.clone(), job.dialect).map_err(Unplannable::Header)?;
        let parents = parents(&self.mapping, &header, client).await;
        let plan = self.mapping.plan(header, parents).map_err(Unplannable::Misfit)?;
        self.report(job, &plan);
        let plan = Arc::new(plan);
        if known.len() == KNOWN_MAX {
            known.remove(0);
        }
        known.push((job.header.clone(), job.dialect, Arc::clone(&plan)));
        Ok(plan)
    }

    fn report(&self, job: &BatchJob, plan: &Plan) {
        let left_out = plan.left_out();
        if !left_out.is_empty() {
            warn!(
                run.id = %job.run,
                "run {}: these columns are not sent: {}",
                job.run,
                left_out.join(", ")
            );
        }
        let rules = self.mapping.rules();
        let assumed_dates = rules.assumed_dates(plan.targets().map(|(_, target)| target));
        if let Some(assumed) = assumed_dates.filter(|_| self.mapping.is_by_name()) {
            warn!(run.id = %job.run, "run {}: {assumed}", job.run);
        }
        let required = self.mapping.required_without(plan);
        if self.mapping.is_by_name() && !required.is_empty() {
            warn!(
                run.id = %job.run,
                "run {}: no column fills {}; rows that would create a record are rejected without it",
                job.run,
                required.join(", ")
            );
        }
    }
}

/// What the columns' names refer to. What cannot be looked at now is left to Salesforce, which
/// says of each row what is wrong with it.
pub(crate) async fn parents(
    mapping: &Mapping,
    header: &Header,
    client: &Client,
) -> BTreeMap<String, Describe> {
    let mut parents = BTreeMap::new();
    for object in mapping.parents_of(header) {
        match client.describe(&object).await {
            Ok(parent) => drop(parents.insert(object, parent)),
            Err(refusal) => {
                warn!(error = %refusal, "the object {object}, to which rows refer, could not be looked at");
            }
        }
    }
    parents
}
